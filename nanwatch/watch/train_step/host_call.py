"""Calls of the host from inside the step. What fails there is noted, and answered all the same."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import numpy as np

from nanwatch.watch.keras_seam.keras_types import Array, Tensor
from nanwatch.watch.keras_seam.public_tensorflow import tf
from nanwatch.watch.train_step.traced_step import CatchErrors


class Host(Protocol):
    """Whom a step calls on the host."""

    @property
    def catch_errors(self) -> CatchErrors:
        """What notes an error of nanwatch's own."""


H = TypeVar("H", bound=Host)


def call_host(
    host: H, function: Callable[..., int], given: Sequence[Tensor], default: int, doing: str
) -> Tensor:
    """An op that calls ``function(host, *arrays)`` with the arrays of ``given`` and gives what it answers:
    an int64 scalar.

    It runs in one of TensorFlow's threads, and nothing that it raises reaches the step: that is noted as
    an error while ``doing`` what it does, and ``default`` answered; as it is once ``host`` is gone.

    TensorFlow holds what is called for as long as any graph lives, be it another one: it is given nothing
    that holds ``host``.
    """
    found = weakref.ref(host)

    def answer_or_default(*arrays: Array) -> np.int64:
        held, answer = found(), default
        if held is not None:
            with held.catch_errors(doing):
                answer = function(held, *arrays)
        return np.int64(answer)

    answer: Tensor = tf.numpy_function(answer_or_default, list(given), tf.int64, stateful=True)
    answer.set_shape([])
    return answer
