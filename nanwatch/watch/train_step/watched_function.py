"""What stands on a model in the place of the function that Keras makes of its step, also between fits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from nanwatch.watch.keras_seam.keras_types import Model, StepFunction, Structure
from nanwatch.watch.train_step.traced_step import suspend_watching

Which = Literal["train_function", "test_function"]


@dataclass(eq=False)
class WatchedFunction:
    """The function of the watched step; while nobody watches, Keras's own of the step as it is.

    Both are kept, so that no fit traces anew what another has traced; Keras throws this away when it would
    throw away its own. The model alone holds it, and what was traced, which holds the model.
    """

    model: Model
    which: Which
    watched: StepFunction
    bare: StepFunction | None  # None: not made yet, or made for another compilation
    is_over: Callable[[], bool]  # nobody watches any more
    detach: Callable[[], None]  # take from the model what stands on it while it is watched

    def __call__(self, iterator: Iterator[Structure]) -> Structure:
        if not self.is_over():
            return self.watched(iterator)
        with suspend_watching():  # it is no loop of the script's either
            return (self.bare or self.make_bare())(iterator)

    def make_bare(self) -> StepFunction:
        """As Keras makes it."""
        self.detach()  # a fit that was left by an exception may not have done it
        try:
            getattr(type(self.model), f"make_{self.which}")(self.model, force=True)
            made: StepFunction = getattr(self.model, self.which)
        finally:
            setattr(self.model, self.which, self)
        self.bare = made
        return made


def bare_of(function: StepFunction | None) -> StepFunction | None:
    """What stood on a model, as far as nanwatch has nothing in it."""
    return function.bare if isinstance(function, WatchedFunction) else function


def never() -> bool:
    """Of a watch that nobody ends."""
    return False
