"""From an output back to where it comes from, by the graph that a Sequential or functional model is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.chosen import keras
from nanwatch.watch.keras_seam.keras_types import KerasTensor, Layer, Model
from nanwatch.watch.model import layer_kinds, output_head
from nanwatch.watch.model.activations import FUNCTIONS, OTHER_NAMES, is_library, library_class, rectifier
from nanwatch.watch.model.output_head import UNKNOWN, OutputHead, Sizes
from nanwatch.watch.model.traced_graph import DEPTH, TracedGraph

SHAPING = frozenset(
    (
        *("Reshape", "Squeeze", "ExpandDims", "Transpose", "Moveaxis", "Swapaxes", "Ravel", "Cast", "Copy"),
        *("StopGradient", "Flip", "Fliplr", "Flipud", "Roll", "Tile", "BroadcastTo", "ConvertToTensor"),
        *("View", "SaturateCast", "Rot90"),
    )
)
CUTTING = frozenset(("GetItem", "Slice", "Split", "Unstack", "Take", "Mean", "AveragePool"))
PICKING = frozenset(("Max", "Amax", "Min", "Amin", "MaxPool"))
JOINING = frozenset(("Concatenate", "Stack", "Hstack", "Vstack"))
SCALING = frozenset(("Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Negative"))
PRODUCTS = frozenset(("Matmul", "Einsum", "Dot", "Tensordot"))


class InnerCall(NamedTuple):
    """A call of a model inside a model: what its inputs stand for outside."""

    inputs: Sequence[KerasTensor]  # its input tensors, in its own graph
    given: Sequence[GraphTensor]


class GraphTensor(NamedTuple):
    """A tensor of a model's graph, and the call of the inner model whose graph it is in."""

    tensor: KerasTensor
    within: InnerCall | None = None


@dataclass
class KerasGraph:
    """Finds the `OutputHead` of outputs of one model; ``trace`` sees into layers of the script's own."""

    trace: TracedGraph | None = None
    known: dict[tuple[int, int], tuple[GraphTensor, OutputHead]] = field(default_factory=dict)
    depth: int = 0

    def end(self, place: GraphTensor) -> OutputHead:
        key = (id(place.tensor), id(place.within))  # kept with the place itself, so that no id comes twice
        if key not in self.known:
            if self.depth > DEPTH:
                return UNKNOWN
            self.depth += 1
            self.known[key] = place, self.find_head(place)
            self.depth -= 1
        return self.known[key][1]

    def find_head(self, place: GraphTensor) -> OutputHead:
        made = seam().making_of(place.tensor)
        if made is None:
            return UNKNOWN
        thing, number, given = made
        inputs = [GraphTensor(tensor, place.within) for tensor in given]
        if not inputs:
            return self.head_of_input(place)
        inner = inner_model(thing)
        if inner is not None:
            return self.end(GraphTensor(inner.outputs[number], InnerCall(inner.inputs, inputs)))
        if not isinstance(thing, keras.layers.Layer):
            return self.of_operation(thing, place, inputs)
        shapes = [shape_of(one) for one in inputs]
        end = layer_kinds.head_of_layer(thing, number, shape_of(place), inputs, shapes, self.end)
        if end is None or (end.head is thing and end.activation == output_head.UNKNOWN_NAME):
            return self.by_trace(thing, number, end, inputs)
        return end

    def head_of_input(self, place: GraphTensor) -> OutputHead:
        """An input: of the whole model, or of one inside it, where it stands for another tensor."""
        if place.within is not None:
            for own, given in zip(place.within.inputs, place.within.given, strict=False):
                if own is place.tensor:
                    return self.end(given)
        return UNKNOWN

    def by_trace(
        self, layer: Layer, number: int, end: OutputHead | None, inputs: Sequence[GraphTensor]
    ) -> OutputHead:
        """Out of a layer whose class does not tell: as it was traced, else its head at least."""
        traced = self.trace.of_layer_calls(layer, number) if self.trace is not None else None
        if traced is not None or end is not None:
            return traced or end or UNKNOWN
        if layer.weights:
            return OutputHead(layer)
        return output_head.drop_range(self.end(inputs[0])) if len(inputs) == 1 else UNKNOWN

    def of_operation(self, operation: Any, place: GraphTensor, inputs: Sequence[GraphTensor]) -> OutputHead:
        """Through an operation that is no layer: ``keras.ops.softmax(x)``, ``x[:, 0]``."""
        kind = type(operation).__name__ if is_library(type(operation)) else ""
        parts = [self.end(one) for one in inputs]
        shape, first = shape_of(place), shape_of(inputs[0])
        name = activation_name(operation, kind)
        if name is not None:
            size = output_head.axis_size(shape, operation.axis) if name == "softmax" else None
            return output_head.apply_activation(parts[0], name, None, size)
        if kind in SHAPING:
            return parts[0]
        if kind in CUTTING:
            return output_head.take_part(parts[0], first, shape)
        if kind in PICKING:
            return output_head.take_extreme(parts[0])
        if kind in JOINING:
            return output_head.join_heads(
                parts,
                all(output_head.row_width(shape_of(one)) == output_head.row_width(shape) for one in inputs),
            )
        if len(parts) == 1:
            return through_one(kind, parts[0])
        merged = None if kind == "Average" else layer_kinds.merge_heads(kind, parts)  # that is over an axis
        return merged or OutputHead(output_head.common_head(parts))


def through_one(kind: str, end: OutputHead) -> OutputHead:
    """Through an operation on one tensor and constants."""
    if kind in SCALING:
        return output_head.shift_range(end)
    return OutputHead(end.head, None, "linear") if kind in PRODUCTS else output_head.drop_range(end)


def activation_name(operation: Any, kind: str) -> str | None:
    """The activation that an operation is, by the class's name in Keras's spelling of functions."""
    if kind == "ReLU":
        return rectifier(operation.negative_slope, operation.max_value)
    words = "".join(f"_{sign.lower()}" if sign.isupper() else sign for sign in kind).strip("_")
    name = OTHER_NAMES.get(words, words)
    return name if name in FUNCTIONS else None


def inner_model(thing: Any) -> Model | None:
    """The model with a graph of its own that ``thing`` is, or repeats in time; None for any other."""
    if library_class(thing) == "TimeDistributed":
        thing = thing.layer
    return thing if is_graph(thing) else None


def is_graph(model: Model) -> bool:
    """Whether calling ``model`` is running its graph: Sequential or functional, and built."""
    return library_class(model) in ("Sequential", "Functional") and seam().graph_outputs(model) is not None


def shape_of(place: GraphTensor) -> Sizes:
    return tuple(place.tensor.shape)
