"""What a step on JAX or on PyTorch shows while it is traced, or runs: layers' calls, outputs, the loss."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from nanwatch.watch.data.batch import named_tensors
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.chosen import keras
from nanwatch.watch.keras_seam.keras_types import Layer, Model, P, R, Structure
from nanwatch.watch.keras_seam.patches import Patches
from nanwatch.watch.train_step.traced_step import CatchErrors, LayerCall, TracedStep, let_errors_through

CURRENT = threading.local()  # several models may be trained at once, each in a thread


class Shape(tuple[int, ...]):
    """A shape that is known in full, asked as one of TensorFlow's."""

    @property
    def rank(self) -> int:
        return len(self)

    def as_list(self) -> list[int]:
        return list(self)


@dataclass(eq=False)
class SeenTensor:
    """Stands for a tensor of a step that is over: what it was, and none of its numbers."""

    shape: Shape
    dtype: str


@dataclass
class SeenStep:
    """The tensors of one step, for as long as it is traced or runs."""

    catch_errors: CatchErrors = let_errors_through
    outputs: list[tuple[str, Any]] = field(default_factory=list)  # (key, predictions)
    activations: list[tuple[Layer, Any]] = field(default_factory=list)  # (layer, first output); inner first
    losses: list[Any] = field(default_factory=list)  # of each call of ``compute_loss``
    calls: list[LayerCall] = field(default_factory=list)
    stand_ins: dict[int, tuple[Any, SeenTensor]] = field(default_factory=dict)  # by the id of a tensor

    def stand_in(self, tensor: Any) -> Any:
        """The same one for the same tensor, which is held so that no other has its id."""
        if id(tensor) not in self.stand_ins:
            shape = Shape(int(size) for size in tensor.shape)
            self.stand_ins[id(tensor)] = tensor, SeenTensor(shape, dtype_of(tensor))
        return self.stand_ins[id(tensor)][1]

    def let_go(self) -> TracedStep:
        """What is known of the step, without its tensors."""
        outputs = [(key, self.stand_in(tensor)) for key, tensor in self.outputs]
        return TracedStep(None, calls=list(self.calls), outputs=outputs)


def dtype_of(tensor: Any) -> str:
    return str(keras.backend.standardize_dtype(tensor.dtype))


def is_float_tensor(item: Any) -> bool:
    return hasattr(item, "shape") and hasattr(item, "dtype") and keras.backend.is_float_dtype(dtype_of(item))


def current() -> SeenStep | None:
    return getattr(CURRENT, "seen", None)


@contextlib.contextmanager
def noting(seen: SeenStep | None) -> Iterator[None]:
    """What is called in this block is noted in ``seen``; None: nowhere."""
    before = current()
    CURRENT.seen = seen
    try:
        yield
    finally:
        CURRENT.seen = before


@contextlib.contextmanager
def observe(model: Model, catch_errors: CatchErrors) -> Iterator[SeenStep]:
    """While the block lasts, what ``model`` does in this thread is seen."""
    seen = SeenStep(catch_errors)
    with Patches() as patches:
        with catch_errors("wrapping the model"):
            wrap_model(patches, model)
        with noting(seen):
            yield seen


@contextlib.contextmanager
def layers_wrapped(model: Model, catch_errors: CatchErrors, wanted: bool) -> Iterator[None]:
    """While the block lasts, the calls of the layers are noted too, if that is ``wanted``."""
    with Patches() as patches:
        if wanted:
            with catch_errors("wrapping the layers"):
                wrap_layers(patches, model)
        yield


def wrap_model(patches: Patches, model: Model) -> None:
    """Have the calls of ``model``, of its layers and of its loss noted while `noting`."""
    wrap_layers(patches, model)
    wrap_ends(patches, model)


def wrap_layers(patches: Patches, model: Model) -> None:
    for _, layer in seam().layers_of(model):
        seam().wrap_call(patches, layer, functools.partial(see_call, layer))


def wrap_ends(patches: Patches, model: Model) -> None:
    """The call of the model as a whole, and that of its loss."""
    seam().wrap_call(patches, model, functools.partial(see_prediction, model))
    patches.wrap(model, "compute_loss", see_loss)


def see_call(layer: Layer, original: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    outputs = original(*args, **kwargs)
    seen = current()
    if seen is not None:
        with seen.catch_errors("seeing a layer's output"):
            note_call(seen, layer, (args, kwargs), outputs)
    return outputs


def note_call(seen: SeenStep, layer: Layer, given: Structure, outputs: Structure) -> None:
    flat = [item for item in seam().flat_tensors(outputs) if hasattr(item, "shape")]
    inputs = [item for item in seam().flat_tensors(given) if hasattr(item, "shape")]
    seen.calls.append(LayerCall(layer, list(map(seen.stand_in, inputs)), list(map(seen.stand_in, flat))))
    if flat and is_float_tensor(flat[0]):
        seen.activations.append((layer, flat[0]))


def see_prediction(model: Model, original: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    outputs = original(*args, **kwargs)
    seen = current()
    if seen is not None:
        with seen.catch_errors("seeing the predictions"):
            seen.outputs = [(key, item) for key, item in named_tensors(outputs) if is_float_tensor(item)]
    return outputs


def see_loss(original: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    loss = original(*args, **kwargs)
    seen = current()
    if seen is not None and is_float_tensor(loss):
        seen.losses.append(loss)
    return loss
