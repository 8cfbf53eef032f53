"""The labels of a loop of the script's own: what predictions meet on their way to a loss made by hand."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack

from nanwatch.record.facts import BroadcastInfo
from nanwatch.watch.data.batch import Leaves, Named
from nanwatch.watch.data.broadcasts import PASSING, shape_of
from nanwatch.watch.keras_seam import tensorflow_names
from nanwatch.watch.keras_seam.keras_types import Graph, Tensor
from nanwatch.watch.keras_seam.public_tensorflow import tf
from nanwatch.watch.launch import user_lines

# Ops by which a loss is made of labels and predictions, element by element or row by row.
COMPARING = frozenset(
    (
        *("Sub", "SquaredDifference", "Mul", "AddV2", "RealDiv", "Maximum", "Minimum", "Equal", "Xlogy"),
        *("SoftmaxCrossEntropyWithLogits", "SparseSoftmaxCrossEntropyWithLogits"),
    )
)
# What changes the shape or type of a label, and no number; a slice is most often y[:, None].
SHAPING = frozenset((*PASSING, "Reshape", "ExpandDims", "Squeeze", "StridedSlice"))


def labels_in_graph(graph: Graph, inputs: Leaves, outputs: Named) -> Tensor | None:
    """The argument of the function being traced that first meets an output of the model, or None.

    ``inputs`` are what the model was called with: they are arguments as well.
    """
    given = tensorflow_names.arguments_of(graph)
    arguments = {id(tensor) for tensor in given} - {id(tensor) for _, tensor in inputs}
    predictions = {id(tensor) for _, tensor in outputs}
    for op in graph.get_operations():
        if op.type not in COMPARING or len(op.inputs) != 2:
            continue
        ends = [before_shaping(tensor) for tensor in op.inputs]
        if not any(id(end) in predictions for end in ends):
            continue
        for end in ends:
            if id(end) in arguments and end.shape.rank != 0 and end.dtype != tf.resource:
                return end
    return None


def before_shaping(tensor: Tensor) -> Tensor:
    """``tensor`` as it was before its shape or type was changed."""
    while tensor.op.type in SHAPING and tensor.op.inputs:
        tensor = tensor.op.inputs[0]
    return tensor


class EagerLossOps:
    """Sees the eager ops between the model's call and the gradient: those of the loss, a handful."""

    def __init__(self, outputs: Named) -> None:
        self.outputs = {id(tensor): (key, tensor) for key, tensor in outputs}
        self.origins: dict[int, tuple[Tensor, Tensor]] = {}  # of a tensor: itself, what it was before
        self.labels: Tensor | None = None
        self.met: tuple[BroadcastInfo, ...] = ()
        self.stack = ExitStack()
        self.stack.enter_context(tensorflow_names.op_callback(self.see))

    def stop(self) -> None:
        self.stack.close()

    def see(
        self,
        op_type: str | bytes,
        inputs: Sequence[Tensor],
        attrs: object,
        results: Sequence[Tensor],
        op_name: object = None,
        graph: Graph | None = None,
    ) -> None:
        if graph is not None or not inputs:
            return
        name = op_type.decode() if isinstance(op_type, bytes) else str(op_type)
        if name in SHAPING:
            self.origins[id(results[0])] = (results[0], self.origin_of(inputs[0]))
        elif name in COMPARING and len(inputs) == 2:
            self.compare(name, inputs, results)

    def origin_of(self, tensor: Tensor) -> Tensor:
        return self.origins.get(id(tensor), (tensor, tensor))[1]

    def compare(self, name: str, inputs: Sequence[Tensor], results: Sequence[Tensor]) -> None:
        for one, other in (inputs, inputs[::-1]):
            key, prediction = self.outputs.get(id(self.origin_of(one)), ("", None))
            label = self.origin_of(other)
            if prediction is None or id(label) in self.outputs or not rows_alike(label, prediction):
                continue
            if self.labels is None:
                self.labels = label
            if one.shape.rank != other.shape.rank:
                shapes = shape_of(other), key, shape_of(one), shape_of(results[0])
                self.met += (BroadcastInfo(name, "0", *shapes, user_lines.line_here(sys._getframe(2))),)
            return


def rows_alike(label: Tensor, prediction: Tensor) -> bool:
    """Both have a first axis, of one size: a scalar or the weights of classes are no labels."""
    if not label.shape.rank or not prediction.shape.rank:
        return False
    return label.shape[0] == prediction.shape[0]
