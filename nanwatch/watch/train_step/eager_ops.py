"""The ops of an eager step, kept until it has proved finite: what they were given, gave, and came from."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, NamedTuple

from nanwatch.watch.keras_seam import tensorflow_names
from nanwatch.watch.keras_seam.keras_types import Graph, Operation, Structure, Tensor
from nanwatch.watch.keras_seam.public_tensorflow import tf
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
    graph: Graph | None = None  # of a function that was traced, and called as an op


class EagerStep(NamedTuple):
    """An eager step that went bad: what it showed, and all its ops."""

    seen: TracedStep
    ops: Sequence[EagerOp]


@dataclass
class EagerOps:
    """Keeps the ops of a thread: of a loop from its tape's beginning to the update, else of a whole step."""

    kept: list[EagerOp] = field(default_factory=list)
    forward: ForwardOp | None = None
    backward: bool = False
    in_loss: int = 0
    room: int = MOST_OPS
    behind_gradients: int | None = None  # ops that are kept behind one; None: few
    watching: contextlib.ExitStack | None = None
    seen: TracedStep | None = None  # of the step of a model
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

    @contextlib.contextmanager
    def pause(self) -> Iterator[None]:
        """The ops that run in this block are not kept."""
        was_watching = self.watching is not None
        self.stop()
        try:
            yield
        finally:
            if was_watching:
                self.go_on(MOST_OPS)

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
            called = tensorflow_names.called_function(op_type, sys._getframe(1))
            made_in = (line, layer, self.backward, self.forward, self.in_loss > 0)
            self.kept.append(EagerOp(op_type, inputs, outputs, *made_in, attrs or (), called))
        except Exception as error:  # whatever it is, the script's op goes on; a context for every op is dear
            self.room = 0
            with self.catch_errors("keeping the ops of a step"):
                raise error

    def come_from(self, tensors: Sequence[Tensor], sources: Set[int]) -> bool:
        """Whether one of ``tensors`` was computed, by ops that are kept, from one of these (by their ids)."""
        wanted = set(map(id, tensors))
        for op in reversed(self.kept):
            if not wanted.isdisjoint(sources):
                break
            if any(id(output) in wanted for output in op.outputs):
                wanted.update(map(id, op.inputs))
        return not wanted.isdisjoint(sources)

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
            self.go_on(MOST_AFTER if self.behind_gradients is None else self.behind_gradients)

    @contextlib.contextmanager
    def in_gradient(
        self, kind: str, inputs: Sequence[Tensor], outputs: Sequence[Tensor], scope: str
    ) -> Iterator[None]:
        self.forward = ForwardOp(kind, tuple(inputs), tuple(outputs))
        try:
            yield
        finally:
            self.forward = None


STEP = threading.local()


def ops_of_step() -> EagerOps | None:
    """Of the eager step of a model that runs in this thread; None where none does."""
    return getattr(STEP, "ops", None)


def kept_step() -> EagerStep | None:
    """The eager step of a model that runs in this thread, and what it has shown so far."""
    ops = ops_of_step()
    if ops is None or ops.seen is None or not ops.kept:
        return None
    return EagerStep(ops.seen, list(ops.kept))


def note_seen(seen: TracedStep) -> None:
    """What the step has shown that runs in this thread."""
    ops = ops_of_step()
    if ops is not None:
        ops.seen = seen


def not_kept() -> contextlib.AbstractContextManager[None]:
    """What runs in this block is no part of the step."""
    ops = ops_of_step()
    return contextlib.nullcontext() if ops is None else ops.pause()


def in_loss() -> contextlib.AbstractContextManager[None]:
    """What runs in this block is the loss that Keras computes."""
    ops = ops_of_step()
    return contextlib.nullcontext() if ops is None else ops.inside_loss()


@contextlib.contextmanager
def hold_ops_of_step() -> Iterator[None]:
    """The ops of the eager step that `call_step` runs in this block are held until its end."""
    STEP.ops = EagerOps(behind_gradients=MOST_OPS)
    try:
        yield
    finally:
        ops, STEP.ops = STEP.ops, None
        ops.clear()


def call_step(
    step: Callable[[Structure], Structure], data: Structure, catch_errors: CatchErrors
) -> Structure:
    """``step(data)``; eagerly, with its ops kept."""
    ops = ops_of_step()
    if ops is None or not tf.executing_eagerly():
        return step(data)
    with catch_errors("keeping the ops of a step"):
        ops.start(catch_errors)
    try:
        return step(data)
    finally:
        ops.stop()


CALL_OF_STEP = call_step.__code__


def user_line(frame: FrameType | None) -> tuple[str, int] | None:
    """The innermost line of the user's; None where a layer, or a step, of another's code is called further
    in."""
    while frame is not None:
        code = frame.f_code
        if code is CALL_OF_LAYER or code is CALL_OF_STEP:
            return None
        if user_lines.is_users(code.co_filename):
            return code.co_filename, frame.f_lineno
        frame = frame.f_back
    return None
