"""The function that Keras makes of a step, with XLA kept out of its outer part; on any Keras."""

from __future__ import annotations

from collections.abc import Callable

from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.keras_types import Model, StepFunction
from nanwatch.watch.train_step.traced_step import CatchErrors


def make_function(
    model: Model, make: Callable[..., object], which: str, catch_errors: CatchErrors
) -> StepFunction:
    """What ``make`` leaves in the attribute ``which`` of ``model``; as Keras has it where the seam fails."""
    made: list[StepFunction] = []
    with catch_errors("keeping XLA out of what Keras compiles"):
        made.append(seam().make_without_xla(model, make, which))
    if not made:
        make(model, force=True)
        made.append(getattr(model, which))
    return made[0]


def steps_in_a_call(model: Model, catch_errors: CatchErrors) -> int:
    """Steps in one call of what Keras compiles; 1 where it cannot be had."""
    found = [1]
    with catch_errors("asking how many steps are in an execution"):
        found.append(seam().steps_per_execution(model))
    return found[-1]
