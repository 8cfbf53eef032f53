"""How much of a file is read: what is beyond it has its sentence, not a hang."""

from __future__ import annotations

MOST_BYTES = 256 * 2**20  # a progress bar that is drawn 20 times a second for nine hours
MOST_LINE = 4_000  # characters of a line; what is longer is no line of Keras's
MOST_EPOCHS = 100_000  # in all trainings of a file
MOST_NAMES = 64  # metrics in a line
MOST_REMARKS = 32
