"""Ops of the traced step in which labels meet predictions of another rank."""

from __future__ import annotations

from nanwatch.record.facts import BroadcastInfo, Location, Shape
from nanwatch.watch.data.batch import Leaves, Named
from nanwatch.watch.keras_seam import tensorflow_names
from nanwatch.watch.keras_seam.keras_types import Op, Tensor
from nanwatch.watch.launch import user_lines

PASSING = {"Cast", "Identity"}


def find_broadcasts(labels: Leaves, outputs: Named) -> tuple[BroadcastInfo, ...] | None:
    """Where a label tensor and an output tensor of different ranks go into one op.

    None in eager execution, where there is no graph to look at.
    """
    graph = tensorflow_names.traced_graph()
    if graph is None or not labels or not outputs:
        return None
    of_label = {id(tensor): key for key, tensor in labels}
    of_output = {id(tensor): key for key, tensor in outputs}
    found = []
    for op in graph.get_operations():
        if len(op.inputs) != 2:
            continue
        ends = [before_casts(tensor) for tensor in op.inputs]
        label = next((end for end in ends if id(end) in of_label), None)
        output = next((end for end in ends if id(end) in of_output), None)
        if label is None or output is None or label.shape.rank == output.shape.rank:
            continue
        if not op.outputs:
            continue
        found.append(
            BroadcastInfo(
                op.type,
                of_label[id(label)],
                shape_of(label),
                of_output[id(output)],
                shape_of(output),
                shape_of(op.outputs[0]),
                line_of(op),
            )
        )
    return tuple(found)


def before_casts(tensor: Tensor) -> Tensor:
    """``tensor``, or what it was before casts."""
    while tensor.op.type in PASSING and tensor.op.inputs:
        tensor = tensor.op.inputs[0]
    return tensor


def shape_of(tensor: Tensor) -> Shape:
    """The static shape; () where not even the rank is known."""
    if tensor.shape.rank is None:
        return ()
    return tuple(None if size is None else int(size) for size in tensor.shape.as_list())


def line_of(op: Op) -> Location | None:
    """The user's innermost line that made ``op``."""
    users = [frame for frame in op.traceback or () if user_lines.is_users(frame.filename)]

    return user_lines.line_at(users[-1].filename, users[-1].lineno) if users else None
