"""A loop's compiled step in which an op of nanwatch's has failed, made again without any."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from nanwatch.watch.keras_seam import tensorflow_names
from nanwatch.watch.keras_seam.public_tensorflow import tf
from nanwatch.watch.train_step.own_fault import nodes_of
from nanwatch.watch.train_step.tape_step import TapeStepRecorder
from nanwatch.watch.train_step.traced_step import suspend_watching

R = TypeVar("R")


def call_again(
    function: Callable[..., R], steps: Sequence[TapeStepRecorder], error: Exception, args: Any, kwargs: Any
) -> tuple[Callable[..., R], R]:
    """A copy of ``function`` that nanwatch has nothing in, and what the call would have given.

    The call failed with ``error``. What does not wait for the op that failed has run: where that was the
    update too, all is as it should be but for the answer, which the copy gives from the weights of after.
    Else the step is made from the values of before. What neither a model nor an optimizer holds has been
    written once in either case, and is not a second time.
    """
    copy: Any = tensorflow_names.copy_of_function(function)
    with suspend_watching():
        touched = copy.get_concrete_function(*args, **kwargs).variables
        kept = list(touched)
        if not all(step.kept.is_whole([step.optimizer]) for step in steps):
            known = {id(held) for step in steps for held in step.held_variables()}
            kept = [variable for variable in touched if id(variable) not in known]
            for step in steps:
                step.kept.put_back(nodes_of(error))
        values = [tf.identity(variable) for variable in kept]
        result = copy(*args, **kwargs)
        for variable, value in zip(kept, values, strict=True):
            variable.assign(value)
    return copy, result
