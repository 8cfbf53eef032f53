"""A loop of the script's own, in a check: ended when it wants more steps than it may have."""

from __future__ import annotations

from collections.abc import Callable

from nanwatch.check.budget import CheckBudget
from nanwatch.record.notes import EndedByLoop
from nanwatch.watch.keras_seam.keras_types import Optimizer, R
from nanwatch.watch.keras_seam.patches import Wrapper
from nanwatch.watch.keras_seam.public_tensorflow import tf
from nanwatch.watch.train_step import traced_step

STEPS = "_nanwatch_steps"  # of an optimizer: those it was applied in a loop
LOOPS = "_nanwatch_loops"  # of a compiled function: the optimizers that it applies
FIRST = "_nanwatch_first"  # of an optimizer: its iterations when it was first seen


class ShortLoops:
    """Counts the steps of each optimizer that a script applies by itself, eagerly or compiled."""

    def __init__(self, short: CheckBudget) -> None:
        self.short = short
        self.function: Callable[..., object] | None = None  # the compiled function that is being called
        self.applying = False

    def wrappers(self) -> dict[str, Wrapper]:
        """By seam."""
        return {
            "keras.optimizers.Optimizer.apply": self.apply,
            "keras.optimizers.LossScaleOptimizer.apply": self.apply,
            "tf.function.__call__": self.call,
        }

    def is_loop(self) -> bool:
        return not self.short.training and not self.applying and traced_step.current_step() is None

    def apply(
        self, original: Callable[..., R], optimizer: Optimizer, /, *args: object, **kwargs: object
    ) -> R:
        if not self.is_loop():
            return original(optimizer, *args, **kwargs)
        if tf.executing_eagerly():
            self.take(optimizer)
        else:
            self.note(optimizer)
        self.applying = True
        try:
            return original(optimizer, *args, **kwargs)
        finally:
            self.applying = False

    def call(
        self, original: Callable[..., R], function: Callable[..., R], /, *args: object, **kwargs: object
    ) -> R:
        if self.function is not None or not self.is_loop() or not tf.executing_eagerly():
            return original(function, *args, **kwargs)
        for optimizer in vars(function).get(LOOPS, ()):
            self.take(optimizer)
        self.function = function
        try:
            return original(function, *args, **kwargs)
        finally:
            self.function = None

    def note(self, optimizer: Optimizer) -> None:
        """``optimizer`` is applied in the function being traced: its calls are steps from now on."""
        if self.function is None:
            return
        known = vars(self.function).setdefault(LOOPS, [])
        if not any(optimizer is each for each in known):
            known.append(optimizer)
            with tf.init_scope():
                self.take(optimizer)

    def take(self, optimizer: Optimizer) -> None:
        """One step more of ``optimizer``; ends the script where it has had all it may."""
        self.short.go_on()
        held = vars(optimizer)
        done = held.setdefault(STEPS, 0)
        count = int(optimizer.iterations.numpy())  # a function may make many steps in a call
        done = max(done, count - held.setdefault(FIRST, count))
        if done >= self.short.max_steps:
            self.short.end(EndedByLoop(done))
        held[STEPS] = done + 1
