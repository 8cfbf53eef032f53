"""From an output back to where it comes from, by the ops and the layers' calls of a traced step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import tensorflow as tf

from nanwatch.watch import ends, keras_names, layer_kinds
from nanwatch.watch.ends import UNKNOWN, End, Sizes
from nanwatch.watch.step import Seen

DEPTH = 64  # ops and layers that are followed back: an end is a few of them

# Ops that hand their first input on, in another shape or dtype.
PASSING = frozenset(
    (
        *("Identity", "Reshape", "Cast", "Squeeze", "ExpandDims", "Transpose", "StopGradient", "Bitcast"),
        *("CheckNumerics", "PlaceholderWithDefault", "EnsureShape", "PreventGradient", "Snapshot"),
    )
)
CUTTING = frozenset(
    ("StridedSlice", "Slice", "GatherV2", "GatherNd", "Split", "SplitV", "Unpack", "Mean", "AvgPool")
)
PEAKS = frozenset(("Max", "Min", "MaxPool"))
ACTIVATIONS = {
    "Softmax": "softmax",
    "LogSoftmax": "log_softmax",
    "Sigmoid": "sigmoid",
    "Relu": "relu",
    "Relu6": "relu6",
    "Elu": "elu",
    "LeakyRelu": "leaky_relu",
    "Selu": "selu",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Tanh": "tanh",
    "Exp": "exponential",
}
# A product with weights, or a look into a table of them.
PRODUCTS = frozenset(
    (
        *("MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Einsum", "ResourceGather"),
        *("Conv2D", "Conv3D", "Conv2DBackpropInput", "Conv3DBackpropInputV2", "DepthwiseConv2dNative"),
    )
)
SUMS = frozenset(("BiasAdd", "AddV2", "Add", "AddN", "Sub", "Neg"))
FACTORS = frozenset(("Mul", "RealDiv"))
WEIGHTS = frozenset(("Const", "ReadVariableOp"))


@dataclass
class TraceWalk:
    """Finds the `End` of tensors of one traced step; of an eager one it knows the layers' calls alone."""

    seen: Seen
    makers: dict[int, tuple[Any, int, list[Any]]] = field(default_factory=dict)
    known: dict[int, End] = field(default_factory=dict)
    depth: int = 0

    def __post_init__(self) -> None:
        for layer, inputs, outputs in self.seen.calls:
            for place, tensor in enumerate(outputs):
                # The first to give out a tensor made it: inner layers end before outer ones.
                self.makers.setdefault(id(tensor), (layer, place, inputs))

    def end(self, tensor: Any) -> End:
        if id(tensor) not in self.known:
            if self.depth > DEPTH:
                return UNKNOWN
            self.depth += 1
            self.known[id(tensor)] = self.found(tensor)
            self.depth -= 1
        return self.known[id(tensor)]

    def found(self, tensor: Any) -> End:
        if id(tensor) not in self.makers:
            return self.by_op(tensor)
        layer, place, inputs = self.makers[id(tensor)]
        end = layer_kinds.of_layer(
            layer, place, shape_of(tensor), inputs, [shape_of(one) for one in inputs], self.end
        )
        if end is None:
            return self.of_own(layer, tensor, inputs)
        if end.head is layer and end.activation == ends.UNKNOWN_NAME:
            return self.by_own_activation(end, tensor)
        return end

    def of_own(self, layer: Any, tensor: Any, inputs: Sequence[Any]) -> End:
        """Out of a layer whose class does not tell: by the ops inside it."""
        end = self.by_op(tensor)
        if op_of(tensor) is None and len(inputs) == 1:
            end = End(self.end(inputs[0]).head)
        applied = end.layer or (layer if end.activation != ends.UNKNOWN_NAME else None)
        weighs = bool(keras_names.own_variables(layer)) or (bool(layer.weights) and end.head is None)
        return replace(end, head=end.head or (layer if weighs else None), layer=applied)

    def by_own_activation(self, end: End, tensor: Any) -> End:
        """A layer with an activation of the script's own, which may hand a library's on."""
        op = op_of(list(behind(tensor))[-1])
        if op is None or op.type not in ACTIVATIONS:
            return end
        return ends.headed(end.head, end.layer, ACTIVATIONS[op.type], softmax_size(op))

    def of_layer_calls(self, layer: Any, place: int) -> End | None:
        """What a layer gave out in all its calls, where that is one and the same; None without a call."""
        given = [
            outputs[place]
            for one, _, outputs in self.seen.calls
            if one is layer and place < len(outputs) and op_of(outputs[place]) is not None
        ]
        found = {self.end(tensor) for tensor in given}
        if not found:
            return None
        return found.pop() if len(found) == 1 else UNKNOWN

    def by_op(self, tensor: Any) -> End:
        """By the op that made ``tensor``; unknown in eager execution."""
        op = op_of(tensor)
        if op is None or not op.inputs:
            return UNKNOWN
        data = [one for one in op.inputs if not is_given(one)]
        if op.type in PRODUCTS:
            return End(activation="linear") if len(data) == 1 and len(op.inputs) > 1 else UNKNOWN
        if not data:
            return UNKNOWN
        if op.type in PASSING:
            return self.end(data[0])
        if op.type in CUTTING:
            return ends.cut(self.end(data[0]), shape_of(data[0]), shape_of(tensor))
        if op.type in ACTIVATIONS:
            return ends.activated(self.end(data[0]), ACTIVATIONS[op.type], None, softmax_size(op))
        return self.combined(op, tensor, data)

    def combined(self, op: Any, tensor: Any, data: Sequence[Any]) -> End:
        parts = [self.end(one) for one in data]
        if len(data) == 1 and op.type in SUMS | FACTORS:
            return ends.shifted(parts[0])
        if op.type in SUMS:
            return ends.added(parts)
        if op.type == "Mul":
            return ends.multiplied(parts)
        if op.type in ("ConcatV2", "Pack"):
            same = all(ends.width(shape_of(one)) == ends.width(shape_of(tensor)) for one in data)
            return ends.joined(parts, rows_kept=same)
        if op.type in PEAKS:
            return ends.peaked(parts[0])
        return ends.lost(parts[0]) if len(parts) == 1 else UNKNOWN


def op_of(tensor: Any) -> Any:
    """The op that made a tensor of a graph; None for an eager one."""
    return None if hasattr(tensor, "numpy") else getattr(tensor, "op", None)


def shape_of(tensor: Any) -> Sizes:
    return None if tensor.shape.rank is None else tuple(tensor.shape.as_list())


def softmax_size(op: Any) -> int | None:
    """The size of a softmax op's axis, which is always its last."""
    return ends.axis_size(shape_of(op.outputs[0]), -1) if op.type == "Softmax" else None


def is_given(tensor: Any, depth: int = 16) -> bool:
    """Whether ``tensor`` comes from constants and variables alone, and from no data."""
    op = op_of(tensor)
    if op is None or depth == 0:
        return False
    if op.type in WEIGHTS or tensor.dtype == tf.resource:
        return True
    return bool(op.inputs) and all(is_given(one, depth - 1) for one in op.inputs)


def behind(tensor: Any, types: frozenset[str] = PASSING) -> Iterator[Any]:
    """``tensor``, and what it is handed on from by ops of these types."""
    yield tensor
    for _ in range(DEPTH):
        op = op_of(tensor)
        if op is None or op.type not in types or not op.inputs:
            return
        tensor = op.inputs[0]
        yield tensor
