"""From an output back to where it comes from, by the ops and the layers' calls of a traced step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.keras_types import Layer, Op, Tensor
from nanwatch.watch.keras_seam.public_tensorflow import tf
from nanwatch.watch.model import layer_kinds, output_head
from nanwatch.watch.model.output_head import UNKNOWN, OutputHead, Sizes
from nanwatch.watch.train_step.traced_step import TracedStep

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
class TracedGraph:
    """Finds the `OutputHead` of tensors of one traced step; of an eager one by the layers' calls alone."""

    seen: TracedStep
    makers: dict[int, tuple[Layer, int, Sequence[Tensor]]] = field(default_factory=dict)
    known: dict[int, OutputHead] = field(default_factory=dict)
    depth: int = 0

    def __post_init__(self) -> None:
        for layer, inputs, outputs in self.seen.calls:
            for place, tensor in enumerate(outputs):
                # The first to give out a tensor made it: inner layers end before outer ones.
                self.makers.setdefault(id(tensor), (layer, place, inputs))

    def end(self, tensor: Tensor) -> OutputHead:
        if id(tensor) not in self.known:
            if self.depth > DEPTH:
                return UNKNOWN
            self.depth += 1
            self.known[id(tensor)] = self.find_head(tensor)
            self.depth -= 1
        return self.known[id(tensor)]

    def find_head(self, tensor: Tensor) -> OutputHead:
        if id(tensor) not in self.makers:
            return self.by_op(tensor)
        layer, place, inputs = self.makers[id(tensor)]
        end = layer_kinds.head_of_layer(
            layer, place, shape_of(tensor), inputs, [shape_of(one) for one in inputs], self.end
        )
        if end is None:
            return self.of_own(layer, tensor, inputs)
        if end.head is layer and end.activation == output_head.UNKNOWN_NAME:
            return self.by_own_activation(end, tensor)
        return end

    def of_own(self, layer: Layer, tensor: Tensor, inputs: Sequence[Tensor]) -> OutputHead:
        """Out of a layer whose class does not tell: by the ops inside it."""
        end = self.by_op(tensor)
        if op_of(tensor) is None and len(inputs) == 1:
            end = OutputHead(self.end(inputs[0]).head)
        applied = end.layer or (layer if end.activation != output_head.UNKNOWN_NAME else None)
        weighs = bool(seam().own_variables(layer)) or (bool(layer.weights) and end.head is None)
        return replace(end, head=end.head or (layer if weighs else None), layer=applied)

    def by_own_activation(self, end: OutputHead, tensor: Tensor) -> OutputHead:
        """A layer with an activation of the script's own, which may hand a library's on."""
        op = op_of(list(sources_behind(tensor))[-1])
        if op is None or op.type not in ACTIVATIONS:
            return end
        return output_head.start_head(end.head, end.layer, ACTIVATIONS[op.type], softmax_size(op))

    def of_layer_calls(self, layer: Layer, place: int) -> OutputHead | None:
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

    def by_op(self, tensor: Tensor) -> OutputHead:
        """By the op that made ``tensor``; unknown in eager execution."""
        op = op_of(tensor)
        if op is None or not op.inputs:
            return UNKNOWN
        data = [one for one in op.inputs if not is_given(one)]
        if op.type in PRODUCTS:
            return OutputHead(activation="linear") if len(data) == 1 and len(op.inputs) > 1 else UNKNOWN
        if not data:
            return UNKNOWN
        if op.type in PASSING:
            return self.end(data[0])
        if op.type in CUTTING:
            return output_head.take_part(self.end(data[0]), shape_of(data[0]), shape_of(tensor))
        if op.type in ACTIVATIONS:
            return output_head.apply_activation(
                self.end(data[0]), ACTIVATIONS[op.type], None, softmax_size(op)
            )
        return self.combine_inputs(op, tensor, data)

    def combine_inputs(self, op: Op, tensor: Tensor, data: Sequence[Tensor]) -> OutputHead:
        parts = [self.end(one) for one in data]
        if len(data) == 1 and op.type in SUMS | FACTORS:
            return output_head.shift_range(parts[0])
        if op.type in SUMS:
            return output_head.add_heads(parts)
        if op.type == "Mul":
            return output_head.multiply_heads(parts)
        if op.type in ("ConcatV2", "Pack"):
            same = all(
                output_head.row_width(shape_of(one)) == output_head.row_width(shape_of(tensor))
                for one in data
            )
            return output_head.join_heads(parts, rows_kept=same)
        if op.type in PEAKS:
            return output_head.take_extreme(parts[0])
        return output_head.drop_range(parts[0]) if len(parts) == 1 else UNKNOWN


def op_of(tensor: Tensor) -> Op | None:
    """The op that made a tensor of a graph; None for an eager one."""
    return None if hasattr(tensor, "numpy") else getattr(tensor, "op", None)


def shape_of(tensor: Tensor) -> Sizes:
    """The static shape; None where not even the rank is known."""
    return None if tensor.shape.rank is None else tuple(tensor.shape.as_list())


def softmax_size(op: Op) -> int | None:
    """The size of a softmax op's axis, which is always its last."""
    return output_head.axis_size(shape_of(op.outputs[0]), -1) if op.type == "Softmax" else None


def is_given(tensor: Tensor, depth: int = 16) -> bool:
    """Whether ``tensor`` comes from constants and variables alone, and from no data."""
    op = op_of(tensor)
    if op is None or depth == 0:
        return False
    if op.type in WEIGHTS or tensor.dtype == tf.resource:
        return True
    return bool(op.inputs) and all(is_given(one, depth - 1) for one in op.inputs)


def sources_behind(tensor: Tensor, types: frozenset[str] = PASSING) -> Iterator[Tensor]:
    """``tensor``, and what it is handed on from by ops of these types."""
    yield tensor
    for _ in range(DEPTH):
        op = op_of(tensor)
        if op is None or op.type not in types or not op.inputs:
            return
        tensor = op.inputs[0]
        yield tensor
