"""The ops of an eager step that went bad, as they ran: they were kept until it was known."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from nanwatch.record.facts import Location
from nanwatch.record.notes import ReplayStopped
from nanwatch.watch.incident import argument_origins, surroundings
from nanwatch.watch.incident.autopsy import SECONDS, Autopsy, RepeatedStep, fill_in, is_bad, op_info
from nanwatch.watch.incident.births import Search, can_count, run_of
from nanwatch.watch.incident.eager_again import kind_of
from nanwatch.watch.incident.graph_autopsy import StepAutopsy, apart, mean_of_bad
from nanwatch.watch.incident.graph_run import MissingValue
from nanwatch.watch.incident.op_trace import OpTrace, OutOfTime
from nanwatch.watch.incident.surroundings import EagerPlace, OpValues
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.keras_types import Model
from nanwatch.watch.keras_seam.public_tensorflow import tf
from nanwatch.watch.launch import user_lines
from nanwatch.watch.train_step.eager_ops import EagerOp, EagerStep
from nanwatch.watch.train_step.graph_places import places_of


def perform(
    model: Model | None, ran: EagerStep, compile_location: Location | None, seconds: float = SECONDS
) -> Autopsy:
    """Look through the ops of ``ran`` for the first that made a non-finite number."""
    found = Autopsy()
    paths = paths_of(model)
    trace = TraceOfKept(seconds, stop_at=sys._getframe(), paths=paths)
    if not trace.look_through(ran.ops):
        found.notes.append(ReplayStopped(seconds))
    found.ops = trace.ops
    birth = fill_in(found, trace, seen_by_tape(ran, paths), compile_location)
    if birth is not None and trace.calls.get(birth.number) is not None:
        enter(found, model, ran, trace.calls[birth.number], compile_location)
    elif found.op is not None and found.born_at is not None:
        origin = argument_origins.UNKNOWN
        with ran.seen.catch_errors("asking what an argument is made of"):
            origin = argument_origins.of_eager_op(ran.ops[found.born_at], ran.seen, ran.ops)
        found.op = replace(found.op, made_of=origin.made_of, made_by=origin.made_by, met=origin.constants)
    trace.kept.clear()
    return found


def enter(
    found: Autopsy, model: Model | None, ran: EagerStep, op: EagerOp, compile_location: Location | None
) -> None:
    """The op is a call of a function that was traced: find the one inside. What that draws it draws anew."""
    run = run_of(op.graph, op.inputs, False)
    if op.graph is None or run is None:
        return
    search = Search(time.perf_counter() + SECONDS)
    step = StepAutopsy(model, ran.seen, run, search, compile_location)
    with contextlib.suppress(tf.errors.OpError, OutOfTime, MissingValue), apart(op.graph):
        pairs = zip(op.graph.outputs, op.outputs, strict=True)
        losses = list(filter(can_count, places_of(op.graph).targets))
        bad = [inside for inside, outside in pairs if is_bad(outside)]
        birth = search.find_birth(run, [*losses, *bad], before=losses)
        found.loss = mean_of_bad(run, losses) if found.loss is None else found.loss
        if birth is not None:
            found.op = op_info(step.bad_op(birth), compile_location)


def around(model: Model | None, ran: EagerStep, born_at: int) -> list[OpValues]:
    """The ops around that of this number, at which something non-finite was born."""
    trace = TraceOfKept(SECONDS, paths=paths_of(model))
    trace.look_through(ran.ops)
    return surroundings.around_eager(ran.ops, born_at, trace.place_in_step)


def paths_of(model: Model | None) -> dict[int, str]:
    """Of the layers, by their ids."""
    return {} if model is None else {id(layer): path for path, layer in seam().layers_of(model)}


def seen_by_tape(ran: EagerStep, paths: dict[int, str]) -> RepeatedStep:
    outputs = {paths.get(id(layer), layer.name): tensor for layer, tensor in ran.seen.activations}
    return RepeatedStep(loss=list(ran.seen.targets), gradients=list(ran.seen.gradients), outputs=outputs)


@dataclass
class TraceOfKept(OpTrace):
    """An `OpTrace` of ops that ran earlier."""

    paths: dict[int, str] | None = None  # of the layers, by their ids
    op: EagerOp | None = None  # that is being looked at
    calls: dict[int, EagerOp] = field(default_factory=dict)  # of functions, by the events that they were

    def look_through(self, ops: Sequence[EagerOp]) -> bool:
        """Whether there was time for all of them."""
        try:
            for op in ops:
                self.look_at(op)
        except OutOfTime:
            return False
        return True

    def look_at(self, op: EagerOp) -> None:
        self.op, self.backward, self.in_loss = op, op.backward, op.in_loss
        before = len(self.events)
        self(op.type, op.inputs, None, op.outputs)
        if op.graph is not None and len(self.events) > before:
            self.calls[before] = op

    def user_line(self) -> tuple[Location | None, str | None]:
        if self.op is None:
            return None, None
        layer, line = self.op.layer, self.op.line
        path = None if layer is None else (self.paths or {}).get(id(layer), layer.name)
        if line is not None:
            return user_lines.line_at(*line), path
        return (None if layer is None else user_lines.line_of(layer)), path

    def place(self, kind: str) -> tuple[Location | None, str | None, str | None]:
        if self.op is None or not self.op.backward:
            return (*self.user_line(), None)
        if self.op.forward is None:
            return None, None, None
        return (*self.place_of_forward(self.op.forward), self.op.forward.type)

    def place_in_step(self, op: EagerOp) -> EagerPlace:
        """Where one of those that were looked at comes from."""
        self.op = op
        return EagerPlace(*self.place(kind_of(op)))
