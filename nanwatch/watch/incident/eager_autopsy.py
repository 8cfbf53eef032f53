"""The ops of an eager step that went bad, as they ran: they were kept until it was known."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from nanwatch.record.facts import Location
from nanwatch.record.notes import ReplayStopped
from nanwatch.watch.incident import surroundings
from nanwatch.watch.incident.autopsy import SECONDS, Autopsy, RepeatedStep, fill_in
from nanwatch.watch.incident.eager_again import kind_of
from nanwatch.watch.incident.op_trace import OpTrace, OutOfTime
from nanwatch.watch.incident.surroundings import EagerPlace, OpValues
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.keras_types import Model
from nanwatch.watch.launch import user_lines
from nanwatch.watch.train_step.eager_ops import EagerOp, EagerStep


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
    fill_in(found, trace, seen_by_tape(ran, paths), compile_location)
    trace.kept.clear()
    return found


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
        self(op.type, op.inputs, None, op.outputs)

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
