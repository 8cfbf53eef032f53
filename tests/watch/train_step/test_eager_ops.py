"""The ops of an eager step: which are kept, how many, and where they come from."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
import tensorflow as tf

from nanwatch.watch.train_step import eager_ops
from nanwatch.watch.train_step.eager_ops import EagerOps

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def ops() -> Iterator[EagerOps]:
    found = EagerOps()
    found.start(lambda doing: contextlib.nullcontext())
    yield found
    found.clear()


def add(times: int) -> None:
    x = tf.ones([2])
    for _ in range(times):
        tf.raw_ops.AddV2(x=x, y=x)


def kinds(ops: EagerOps) -> list[str]:
    return [op.type.decode() if isinstance(op.type, bytes) else str(op.type) for op in ops.kept]


@pytest.mark.parametrize(("made", "kept"), [(3, 3), (4, 4), (5, 4)])
def test_no_more_are_kept_than_there_is_room_for(
    made: int, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = tf.ones([2])
    monkeypatch.setattr(eager_ops, "MOST_OPS", 4)
    ops = EagerOps()
    ops.start(lambda doing: contextlib.nullcontext())
    for _ in range(made):
        tf.raw_ops.AddV2(x=x, y=x)
    ops.stop()
    assert kinds(ops) == ["AddV2"] * kept
    ops.clear()
    assert ops.kept == []


@pytest.mark.parametrize(("made", "kept"), [(2, 2), (3, 3), (4, 3)])
def test_behind_a_gradient_there_is_little_room(
    made: int, kept: int, ops: EagerOps, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no update follows it was no training, and all that a script does is not to be kept."""
    monkeypatch.setattr(eager_ops, "MOST_AFTER", 3)
    x = tf.ones([2])
    with ops.differentiate():
        pass
    before = len(ops.kept)
    for _ in range(made):
        tf.raw_ops.AddV2(x=x, y=x)
    assert len(ops.kept) - before == kept


def test_an_op_has_its_line_and_a_backward_one_its_forward_op(ops: EagerOps) -> None:
    x = tf.constant([4.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.sqrt(x)  # here
    with ops.differentiate():
        tape.gradient(y, x)
    ops.stop()
    forward, backward = (ops.kept[kinds(ops).index(kind)] for kind in ("Sqrt", "SqrtGrad"))
    assert forward.line is not None
    with open(forward.line[0]) as file:
        assert file.read().splitlines()[forward.line[1] - 1].endswith("# here")
    assert (forward.backward, backward.backward) == (False, True)
    assert backward.forward is not None
    assert backward.forward.type == "Sqrt"


def test_an_error_is_noted_once_and_ends_no_op(monkeypatch: pytest.MonkeyPatch) -> None:
    noted: list[str] = []

    @contextlib.contextmanager
    def note(doing: str) -> Iterator[None]:
        try:
            yield
        except RuntimeError:
            noted.append(doing)

    def broken(frame: Any) -> None:
        raise RuntimeError("of nanwatch's own")

    monkeypatch.setattr(eager_ops, "user_line", broken)
    ops = EagerOps()
    ops.start(note)
    add(3)
    ops.clear()
    assert noted == ["keeping the ops of a step"]
