"""A fault in one of the ops that nanwatch adds to a step: it fails when it is run the fourth time."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import FrameType
from typing import Any
from unittest import mock

import tensorflow as tf
from tensorflow.python.framework.func_graph import FuncGraph

import nanwatch
from nanwatch.watch.keras_seam.tensorflow_names import op_callback
from nanwatch.watch.train_step.own_ops import is_own

HERE = os.path.dirname(nanwatch.__file__) + os.sep
TENSORFLOW = os.path.dirname(tf.__file__) + os.sep
NEVER = ("Const", "Placeholder", "NoOp")  # ops that cannot fail, or stand for others
AT = 4  # the run of the op that is the first to fail


class Fault:
    """``op``: the name of the one that is to fail; or the first of a type (``"L2Loss"``), or the third
    (``"L2Loss 2"``). None with "". What there is to choose from is in ``names``.
    """

    def __init__(self, op: str = "") -> None:
        self.name = op if "/" in op else ""
        self.type, _, place = ("" if self.name else op).partition(" ")
        self.place = int(place or 0)
        self.names: dict[str, str] = {}  # of the ops that nanwatch added -> their types
        self.runs = 0
        self.making = False

    @property
    def has_failed(self) -> bool:
        return self.runs >= AT

    def fail(self) -> bool:
        self.runs += 1
        if self.has_failed:
            raise ArithmeticError("a fault of nanwatch's own")
        return True

    def note(self, op: Any) -> Any:
        """An op has been made in a graph."""
        if is_own(op.name) and op.type not in NEVER and not self.making:
            self.names[op.name] = op.type
            alike = [name for name, of in self.names.items() if of == self.type]
            if len(alike) > self.place:
                self.name = alike[self.place]
            if op.name == self.name:
                self.break_op(op)
        return op

    def break_op(self, op: Any) -> None:
        """It fails once it has what it needs to run."""
        self.making = True
        try:
            needed = [*(given.op for given in op.inputs), *op.control_inputs]
            with op.graph.as_default(), tf.control_dependencies(needed), tf.name_scope(f"{op.name}/"):
                failing = tf.numpy_function(self.fail, [], tf.bool, stateful=True)
            op._add_control_input(failing.op)
        finally:
            self.making = False

    def note_eager(self, op_type: str, *_: Any, **__: Any) -> None:
        """An op has been run by itself."""
        line = line_of_ours(sys._getframe(1))
        if line is not None and op_type not in NEVER:
            name = f"{op_type} {line}"
            self.names[name] = op_type
            if name == self.name:
                self.fail()


def line_of_ours(frame: FrameType | None) -> str | None:
    """The line of nanwatch's that runs an op; None where that is not the one who does."""
    while frame is not None and frame.f_code.co_filename.startswith(TENSORFLOW):
        frame = frame.f_back
    if frame is None or not frame.f_code.co_filename.startswith(HERE):
        return None
    return f"{frame.f_code.co_filename.removeprefix(HERE)}:{frame.f_lineno}"


@contextmanager
def fault(name: str = "", eager: bool = False) -> Iterator[Fault]:
    """In this block, the op of that name fails."""
    found, create = Fault(name), FuncGraph._create_op_internal

    def create_op(graph: Any, *args: Any, **kwargs: Any) -> Any:
        return found.note(create(graph, *args, **kwargs))

    with (
        mock.patch.object(FuncGraph, "_create_op_internal", create_op),
        op_callback(found.note_eager) if eager else nullcontext(),
    ):
        yield found
