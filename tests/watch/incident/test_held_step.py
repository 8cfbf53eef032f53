"""What a compiled step held, through a snapshot and back into the trace of another process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from nanwatch.watch.incident import held_step, snapshot, snapshot_file
from nanwatch.watch.train_step.inspection import RanStep, Trace
from nanwatch.watch.train_step.traced_step import TracedStep

pytestmark = pytest.mark.tensorflow
CAPTURED = np.arange(3.0, dtype=np.float32)


class Step:
    """A function with a variable, a constant that it captures, and an argument."""

    def __init__(self, value: float, factor: float = 2.0) -> None:
        self.weights = tf.Variable([value] * 3, name="weights")
        self.own = tf.Variable(0.0, name="nanwatch_ring")
        self.table = tf.constant(CAPTURED * value)

        def step(rows: Any) -> Any:
            return tf.reduce_sum(rows * self.weights * self.table) * factor + self.own

        self.graph = tf.function(step).get_concrete_function(tf.TensorSpec([None, 3])).graph
        self.trace = Trace(TracedStep(self.graph), self.graph)


def saved(step: Step, rows: Any, folder: Path, **more: Any) -> dict[str, Any]:
    """What a snapshot of ``step`` holds."""
    ran = RanStep(step.trace, {"rows:0": rows})
    held = snapshot.held_parts(ran, {7: step.trace}, [])
    assert snapshot.save(folder, None, more.get("batch", {}), 1, more.get("limit", 2**20), None, held) == []
    return snapshot_file.load(folder / snapshot_file.SNAPSHOT_FILE)


def test_a_step_comes_back_into_another_trace(tmp_path: Path) -> None:
    rows = np.ones([2, 3], np.float32)
    arrays = saved(Step(5.0), rows, tmp_path)
    assert snapshot_file.holds_step(arrays)
    assert int(arrays[snapshot_file.TRACE]) == 7
    other = Step(1.0)
    ran = held_step.made_again(other.trace, arrays)
    held_step.restore_captured(other.graph, arrays)
    assert other.weights.numpy().tolist() == [5.0] * 3
    assert np.array_equal(ran.held["rows:0"], rows)
    (table,) = (value for name, value in ran.held.items() if name != "rows:0")
    assert table.tolist() == (CAPTURED * 5.0).tolist()  # not what this process has captured
    assert not any("ring" in name for name in arrays)


def test_what_is_in_the_batch_is_not_saved_twice(tmp_path: Path) -> None:
    rows = np.ones([200, 3], np.float32)
    arrays = saved(Step(5.0), rows, tmp_path, batch={("input", "0"): rows})
    with np.load(tmp_path / snapshot_file.SNAPSHOT_FILE) as file:
        assert "held/rows:0" not in file.files
    assert np.array_equal(arrays["held/rows:0"], rows)


def test_a_graph_of_other_ops_is_another_step(tmp_path: Path) -> None:
    arrays = saved(Step(5.0), np.ones([2, 3], np.float32), tmp_path)
    other = Step(1.0)
    with other.graph.as_default():
        tf.constant(1.0)
    with pytest.raises(ValueError, match="its step has other ops"):
        held_step.made_again(other.trace, arrays)


def test_nanwatchs_own_ops_are_no_part_of_a_step() -> None:
    first, other = Step(1.0), Step(1.0)
    with other.graph.as_default(), tf.name_scope("nanwatch"):
        tf.constant(1.0)
    assert held_step.fingerprint(first.graph) == held_step.fingerprint(other.graph)


@pytest.mark.parametrize(
    ("name", "array", "said"),
    [
        (
            "rows:0",
            np.ones([2, 4], np.float32),
            r"rows:0 has shape \(None, 3\), but \(2, 4\) in the snapshot",
        ),
        ("gone:0", np.ones([2, 3], np.float32), "the step has no gone:0"),
    ],
)
def test_what_does_not_fit(name: str, array: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        held_step.checked(Step(1.0).graph, name, array)


def test_a_variable_of_another_shape(tmp_path: Path) -> None:
    step = Step(5.0)
    arrays = saved(step, np.ones([2, 3], np.float32), tmp_path)
    (name,) = (name for name in arrays if name.startswith("captured/"))
    arrays[name] = np.ones([4], np.float32)
    with pytest.raises(ValueError, match=r"weights:0 has shape \(3,\), but \(4,\) in the snapshot"):
        held_step.restore_captured(step.graph, arrays)


@pytest.mark.parametrize("dtype", [tf.bfloat16, tf.float16, tf.float64, tf.int64, tf.bool, tf.string])
def test_every_dtype_comes_back(dtype: Any, tmp_path: Path) -> None:
    value = tf.constant(["a", "bc"]) if dtype == tf.string else tf.cast([0, 3], dtype)

    def step(rows: Any) -> Any:
        return tf.identity(rows)

    graph = tf.function(step).get_concrete_function(tf.TensorSpec([2], dtype)).graph
    trace = Trace(TracedStep(graph), graph)
    held = snapshot.held_parts(RanStep(trace, {"rows:0": value.numpy()}), {0: trace}, [])
    snapshot.save(tmp_path, None, {}, 1, 2**20, None, held)
    ran = held_step.made_again(trace, snapshot_file.load(tmp_path / snapshot_file.SNAPSHOT_FILE))
    back = tf.convert_to_tensor(ran.held["rows:0"], dtype)
    assert back.numpy().tolist() == value.numpy().tolist()
