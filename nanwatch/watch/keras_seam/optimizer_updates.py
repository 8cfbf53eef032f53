"""Every update that optimizers make, seen in the place of their ``apply``."""

from __future__ import annotations

import functools
from collections.abc import Callable

from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.keras_types import Model, Optimizer
from nanwatch.watch.keras_seam.patches import Patches, Wrapper

See = Callable[..., object]  # of (optimizer, original, grads, variables)


def wrap_held(patches: Patches, model: Model, see: See) -> None:
    """On each optimizer that the model holds, so that an ``apply`` of its own is seen whole."""
    for optimizer in seam().optimizers_of(model):
        seam().wrap_updates(patches, optimizer, see)


def wrappers_of_classes(see: See) -> dict[str, Wrapper]:
    """By seam, on Keras's classes: for those that a ``train_step`` has from elsewhere."""

    def apply(
        original: Callable[..., object], optimizer: Optimizer, /, *args: object, **kwargs: object
    ) -> object:
        return see(optimizer, functools.partial(original, optimizer), *args, **kwargs)

    return {
        "keras.optimizers.Optimizer.apply": apply,
        "keras.optimizers.LossScaleOptimizer.apply": apply,
    }
