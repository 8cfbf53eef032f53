"""All that a check puts in the place of Keras's and TensorFlow's own, in one go."""

from __future__ import annotations

from typing import Any

from nanwatch.check.budget import CheckBudget
from nanwatch.check.redirected_saves import redirect_saves
from nanwatch.check.short_fit import shorten_evaluate, shorten_fit, shorten_train_on_batch
from nanwatch.check.short_loops import ShortLoops


def shorten(keras: Any, short: CheckBudget) -> None:
    """Cut every training of this process short. To be called when Keras has been imported."""
    shorten_fit(keras.Model, short)
    shorten_evaluate(keras.Model, short)
    shorten_train_on_batch(keras.Model, short)
    ShortLoops(short).arm()
    redirect_saves(keras, short)
