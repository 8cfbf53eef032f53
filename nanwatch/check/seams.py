"""All that a check puts in the place of Keras's and TensorFlow's own, in one go."""

from __future__ import annotations

from nanwatch.check.budget import CheckBudget, only_in_own_process
from nanwatch.check.redirected_saves import redirect_saves
from nanwatch.check.short_fit import shorten_fits
from nanwatch.check.short_loops import ShortLoops
from nanwatch.watch.keras_seam.seams import Taker, take


def shorten(short: CheckBudget) -> None:
    """Cut every training of this process short. To be called when Keras has been imported."""
    wrappers = {**shorten_fits(short), **ShortLoops(short).wrappers(), **redirect_saves(short)}
    ours = {path: only_in_own_process(short, wrapper) for path, wrapper in wrappers.items()}
    take(short.recorder.of_keras, Taker.CHECK, ours)
