"""The ops of an eager step, kept until it has proved finite: what they were given, gave, and came from."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, NamedTuple

from nanwatch.watch.keras_seam import tensorflow_names
from nanwatch.watch.keras_seam.keras_types import Graph, Operation, Tensor
from nanwatch.watch.keras_seam.tensorflow_names import ForwardOp
from nanwatch.watch.launch import user_lines
from nanwatch.watch.train_step.traced_step import (
    CALL_OF_LAYER,
    CatchErrors,
    TracedStep,
    current_step,
    let_errors_through,
)

MOST_OPS = 20_000  # that are kept; of a longer step the last ones are not
MOST_AFTER = 500  # ops between a gradient and the update; where no update comes it was no training


class EagerOp(NamedTuple):
    """An op that ran. ``line`` is where the user's code called for it, unless a layer's own code did."""

    type: str | bytes
    inputs: Sequence[Tensor]
    outputs: Sequence[Tensor]
    line: tuple[str, int] | None  # file and number
    layer: Operation | None  # the innermost that was being called
    backward: bool
    forward: ForwardOp | None  # whose gradient it is a part of
    in_loss: bool
    attrs: Sequence[Any] = ()  # names and values, in turn


class EagerStep(NamedTuple):
    """An eager step that went bad: what it showed, and all its ops."""

    seen: TracedStep
    ops: Sequence[EagerOp]


@dataclass
class EagerOps:
    """Keeps the ops of a thread from its tape's beginning to the update."""

    kept: list[EagerOp] = field(default_factory=list)
    forward: ForwardOp | None = None
    backward: bool = False
    in_loss: int = 0
    room: int = MOST_OPS
    watching: contextlib.ExitStack | None = None
    catch_errors: CatchErrors = let_errors_through

    def start(self, catch_errors: CatchErrors) -> None:
        """A step begins: from here on ops are kept, and those of an earlier one are not."""
        self.clear()
        self.catch_errors = catch_errors
        self.go_on(MOST_OPS)

    def go_on(self, room: int) -> None:
        self.room = len(self.kept) + room
        if self.watching is None:
            self.watching = contextlib.ExitStack()
            self.watching.enter_context(tensorflow_names.op_callback(self.keep))

    def stop(self) -> None:
        watching, self.watching = self.watching, None
        if watching is not None:
            watching.close()

    def clear(self) -> None:
        self.stop()
        self.kept.clear()

    def keep(
        self,
        op_type: str | bytes,
        inputs: Sequence[Tensor],
        attrs: Sequence[Any] | None,
        outputs: Sequence[Tensor],
        op_name: object = None,
        graph: Graph | None = None,
    ) -> None:
        if graph is not None or len(self.kept) >= self.room:
            return
        try:
            line = None if self.backward else user_line(sys._getframe(1))
            seen = current_step()
            layer = seen.callers[-1] if seen is not None and seen.callers else None
            made_in = (line, layer, self.backward, self.forward, self.in_loss > 0)
            self.kept.append(EagerOp(op_type, inputs, outputs, *made_in, attrs or ()))
        except Exception as error:  # whatever it is, the script's op goes on; a context for every op is dear
            self.room = 0
            with self.catch_errors("keeping the ops of a step"):
                raise error

    @contextlib.contextmanager
    def inside_loss(self) -> Iterator[None]:
        """The ops that run in this block are those of a loss of Keras's."""
        self.in_loss += 1
        try:
            yield
        finally:
            self.in_loss -= 1

    @contextlib.contextmanager
    def differentiate(self) -> Iterator[None]:
        """The ops that run in this block are the backward pass's."""
        self.go_on(MOST_OPS)
        self.backward = True
        try:
            with tensorflow_names.watch_gradient_functions(self.in_gradient):
                yield
        finally:
            self.backward = False
            self.go_on(MOST_AFTER)

    @contextlib.contextmanager
    def in_gradient(
        self, kind: str, inputs: Sequence[Tensor], outputs: Sequence[Tensor], scope: str
    ) -> Iterator[None]:
        self.forward = ForwardOp(kind, tuple(inputs), tuple(outputs))
        try:
            yield
        finally:
            self.forward = None


def user_line(frame: FrameType | None) -> tuple[str, int] | None:
    """The innermost line of the user's; None where a layer of another's code is called further in."""
    while frame is not None:
        code = frame.f_code
        if code is CALL_OF_LAYER:
            return None
        if user_lines.is_users(code.co_filename):
            return code.co_filename, frame.f_lineno
        frame = frame.f_back
    return None
