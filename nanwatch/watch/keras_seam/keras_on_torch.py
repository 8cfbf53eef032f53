"""What is private in Keras's trainer on PyTorch, and in PyTorch itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from nanwatch.record.notes import Feature
from nanwatch.watch.keras_seam.keras_types import Model, Structure

# All norms in one call; None in a version that has no such function.
NORMS: Any = getattr(torch, "_foreach_norm", None)


def not_watched_for(model: Model) -> Feature | None:
    """Why the steps of ``model`` are left alone; None where they are not."""
    return "torch_compile" if model.jit_compile else None


def make_function(model: Any, make: Callable[..., object]) -> Callable[[Structure], Structure]:
    """The train function of ``model``, made by ``make``: of a list of one batch. It calls ``train_step``."""
    make(model, force=True)
    made: Callable[[Structure], Structure] = model.train_function
    return made


def call(model: Any, x: Structure) -> None:
    """Call ``model`` as its training step does."""
    given = {"training": True} if model._call_has_training_arg else {}
    model(x, **given)


def norms_of(tensors: Sequence[Any]) -> Any:
    """The norm of each tensor: float32, a vector, on their device; they are on one."""
    wide = [each.float() if each.dtype in (torch.float16, torch.bfloat16) else each for each in tensors]
    if not wide:
        return torch.zeros(0)
    found = [torch.linalg.vector_norm(each) for each in wide] if NORMS is None else NORMS(wide)
    return torch.stack([norm.float() for norm in found])
