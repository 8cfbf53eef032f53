"""One training twice: as it is, and as ``nanwatch run`` has it."""

from __future__ import annotations

from pathlib import Path

import keras

from nanwatch.explain.notes import own_error_words
from nanwatch.watch.recording.run_recorder import RunRecorder
from tests.programs.running import seams
from tests.same_bits.trainings import Training, largest_difference


def compare(training: Training, folder: Path) -> tuple[float | None, list[str]]:
    """How far apart the two ended (None: not at all), and errors of nanwatch's own, in words."""
    bare = training.run()
    recorder = RunRecorder(folder, "train.py", ("train.py",))
    with seams(keras, recorder, "raise"):
        watched = training.run()
    recorder.end("finished", 0)
    return largest_difference(bare, watched), [own_error_words(error) for error in recorder.info.errors]
