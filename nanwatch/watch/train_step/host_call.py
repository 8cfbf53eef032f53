"""Calls of the host from inside the step. What fails there is noted, and answered all the same."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from nanwatch.watch.keras_seam.keras_types import Array, Tensor
from nanwatch.watch.train_step.traced_step import CatchErrors


def call_host(
    function: Callable[..., int], given: Sequence[Tensor], default: int, catch_errors: CatchErrors, doing: str
) -> Tensor:
    """An op that calls ``function`` with the arrays of ``given`` and gives what it answers: an int64 scalar.

    It runs in one of TensorFlow's threads, and nothing that it raises reaches the step: that is noted as
    an error while ``doing`` what it does, and ``default`` answered.
    """
    guarded = functools.partial(answer_or_default, function, default, catch_errors, doing)
    answer: Tensor = tf.numpy_function(guarded, list(given), tf.int64, stateful=True)
    answer.set_shape([])
    return answer


def answer_or_default(
    function: Callable[..., int], default: int, catch_errors: CatchErrors, doing: str, *arrays: Array
) -> np.int64:
    answer = default
    with catch_errors(doing):
        answer = function(*arrays)
    return np.int64(answer)
