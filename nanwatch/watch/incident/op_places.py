"""Where an op of a traced graph comes from: its line, its layer, and the forward op of a backward one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nanwatch.record.facts import Location
from nanwatch.watch.keras_seam import tensorflow_names
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.keras_types import Graph, LineOfCode, Op, Operation
from nanwatch.watch.launch import user_lines
from nanwatch.watch.train_step.graph_places import CalledPlace, GradientPlace, places_of


@dataclass(frozen=True)
class OpPlace:
    """What is known of one op, and of the ops that called its graph."""

    location: Location | None = None
    called: Operation | None = None  # the layer or the operation whose call made it
    backward: bool = False
    forward_type: str | None = None
    in_loss: bool = False


def place_of(op: Op, callers: Sequence[Op]) -> OpPlace:
    """``callers`` are the ops that call the function that ``op`` is in, outermost first."""
    chain = [op, *reversed(callers)]
    forward = forward_op(op)
    own = [forward_op(each) or each for each in chain]
    places = [(places_of(each.graph), index_of(each)) for each in own]
    made = next(filter(None, (there.called_at(index) for there, index in places)), None)
    return OpPlace(
        line_of(own[0], made),
        None if made is None else made.called(),
        any(map(is_backward, chain)),
        None if forward is None else forward.type,
        any(there.is_in_loss(index) for there, index in places),
    )


def line_of(op: Op, made: CalledPlace | None) -> Location | None:
    """The user's line that makes ``op``; in a layer whose code is not the user's, that which made the layer.

    None in what Keras does by itself: its losses, and its handling of a batch.
    """
    frames = list(op.traceback or ())
    call = last_of(frames, is_call_of_layer)
    start = max(call, last_of(frames, is_step_of_trainer))
    own = [frame for frame in frames[start + 1 :] if user_lines.is_users(frame.filename)]
    if not own and call == start and call >= 0:
        if made is not None:
            return made.made_at
        step = last_of(frames, is_step_of_trainer)
        own = [frame for frame in frames[step + 1 : call] if user_lines.is_users(frame.filename)]
    return user_lines.line_at(own[-1].filename, own[-1].lineno) if own else None


def last_of(frames: Sequence[LineOfCode], is_it: Callable[[LineOfCode], bool]) -> int:
    """The place of the innermost frame that is one; -1 without any."""
    return max((place for place, frame in enumerate(frames) if is_it(frame)), default=-1)


def is_call_of_layer(frame: LineOfCode) -> bool:
    return frame.name == "__call__" and frame.filename in seam().files_of_calls()


def is_step_of_trainer(frame: LineOfCode) -> bool:
    return frame.filename == seam().file_of_trainer()


def forward_op(op: Op) -> Op | None:
    """The op whose gradient ``op`` is a part of; None of a forward op, and where it is not known."""
    noted = places_of(op.graph).gradient_at(index_of(op))
    return tensorflow_names.forward_in_function(op) if noted is None else forward_on_tape(op.graph, noted)


def forward_on_tape(graph: Graph, noted: GradientPlace) -> Op | None:
    """By what the tape had of it, which is not all: what a gradient has no use for is left out."""
    for tensor in noted.outputs:
        if tensor is not None and not tensorflow_names.is_eager(tensor) and tensor.op.type == noted.type:
            return tensor.op
    for tensor in noted.inputs:
        if tensor is None or tensorflow_names.is_eager(tensor):
            continue
        users = [op for op in tensor.consumers() if op.type == noted.type]
        in_scope = [op for op in users if op.name.startswith(noted.scope)]
        if users:
            return (in_scope or users)[0]
    return None


def is_backward(op: Op) -> bool:
    if op.name.startswith("gradient_tape/") or places_of(op.graph).gradient_at(index_of(op)) is not None:
        return True
    return tensorflow_names.graph_differentiated(op.graph) is not None and "gradients" in op.name


def index_of(op: Op) -> int:
    """Its place in the order of its graph's ops."""
    return next(place for place, each in enumerate(op.graph.get_operations()) if each.name == op.name)
