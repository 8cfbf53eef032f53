"""Puts a function of ours in the place of a method, and the method back."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras

from nanwatch.watch.keras_seam import keras_names


def wrap(thing: Any, name: str, wrapper: Callable[..., Any]) -> Callable[[], None]:
    """Put ``wrapper(original, *args, **kwargs)`` in the place of a method of one object."""
    original = getattr(thing, name)

    @functools.wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return wrapper(original, *args, **kwargs)

    return keras_names.replace_attribute(thing, name, wrapped)


def wrap_method(cls: type, name: str, wrapper: Callable[..., Any]) -> Callable[[], None]:
    """Put ``wrapper(self, original, *args, **kwargs)`` in the place of a method of a class."""
    original, own = getattr(cls, name), vars(cls).get(name)

    @functools.wraps(original)
    def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
        return wrapper(self, functools.partial(original, self), *args, **kwargs)

    setattr(cls, name, wrapped)

    def undo() -> None:
        delattr(cls, name) if own is None else setattr(cls, name, own)

    return undo


def see_optimizers(model: Any, see: Callable[..., None]) -> list[Callable[[], None]]:
    """Have ``see(optimizer, original, grads, variables)`` called in the place of every ``apply``.

    On each optimizer that the model holds, so that an ``apply`` of its own is seen whole; on Keras's
    classes for those that a ``train_step`` has from elsewhere.
    """
    undo = [
        wrap(optimizer, "apply", functools.partial(see, optimizer))
        for optimizer in keras_names.optimizers_of(model)
    ]
    classes = (keras.optimizers.Optimizer, keras.optimizers.LossScaleOptimizer)
    return undo + [wrap_method(cls, "apply", see) for cls in classes]
