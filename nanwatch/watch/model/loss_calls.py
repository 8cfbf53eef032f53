"""What the losses were given that a step of the script's own calls: by which layer, in which shape."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nanwatch.record.facts import LossCall, Shape
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.keras_types import Model, Tensor
from nanwatch.watch.launch import user_lines
from nanwatch.watch.model.outputs import loss_info
from nanwatch.watch.model.traced_graph import TracedGraph
from nanwatch.watch.train_step.traced_step import TracedStep


def loss_calls_of(model: Model | None, seen: TracedStep) -> Iterator[LossCall]:
    trace = TracedGraph(seen)
    paths = {} if model is None else {id(layer): path for path, layer in seam().layers_of(model)}
    for use in seen.loss_uses:
        info = loss_info(use.loss)
        if info is None:
            continue
        end = trace.end(use.y_pred)
        layer = end.layer or end.head
        shape = shape_of(use.y_pred)
        yield LossCall(
            loss=info,
            label_shape=shape_of(use.y_true),
            output_shape=shape,
            layer=None if layer is None else paths.get(id(layer), getattr(layer, "path", layer.name)),
            layer_type="" if layer is None else type(layer).__name__,
            activation=end.activation,
            unwrapped=seam().carries_logits(use.y_pred),
            location=use.location,
            made_at=user_lines.line_of(use.loss),
            layer_made_at=None if layer is None else user_lines.line_of(layer),
        )


def shape_of(tensor: Tensor) -> Shape:
    """The static shape; () where not even the rank is known."""
    shape: Any = tensor.shape
    if getattr(shape, "rank", 0) is None:
        return ()
    return tuple(None if size is None else int(size) for size in shape)
