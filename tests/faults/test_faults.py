"""A sample of the faults that ``python -m tests.faults`` puts into every op: none reaches the script."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import keras
import pytest
import tensorflow as tf

from tests.faults.fault import fault
from tests.faults.trainings import model, table, with_fault
from tests.side_by_side import MODULE, ended_warm
from tests.watch.fit.test_loops import watching

pytestmark = pytest.mark.tensorflow

SAMPLE = [
    ("graph", "L2Loss"),  # of a gradient: the update waits for it
    ("graph", "ResourceScatterUpdate"),  # the row of a step that is over
    ("graph", "AssignVariableOp 2"),  # what puts the batch by
    ("steps_per_execution", "L2Loss"),
    ("two optimizers", "L2Loss 6"),  # of the second update, behind the first
    ("XLA", "ResourceScatterUpdate"),
    ("loop", "L2Loss"),
    ("loop", "ResourceScatterUpdate"),
]


def test_a_fault_in_a_validation_does_not_either(tmp_path: Path) -> None:
    """The labels that come batch by batch are counted in its step."""
    found = with_fault("graph", "DenseBincount", tmp_path)
    assert found.fault.has_failed
    assert found.differs == []
    assert found.errors == ["making a step of the validation: OpFailed"]


@pytest.mark.parametrize(("kind", "op"), SAMPLE)
def test_a_fault_does_not_reach_the_script(kind: str, op: str, tmp_path: Path) -> None:
    found = with_fault(kind, op, tmp_path)
    assert found.fault.has_failed
    assert found.differs == []
    assert found.errors == ["making a step: UnknownError"]


def test_a_step_that_cannot_be_compiled_is_not(tmp_path: Path) -> None:
    """XLA has no way to call the host, from where the fault comes: that is seen before it is asked to."""
    found = with_fault("XLA", "L2Loss", tmp_path)
    assert not found.fault.has_failed
    assert found.differs == []
    assert found.errors == ["making a step: OpOutOfPlace"]


def test_many_steps_in_one_call_cannot_be_made_again(tmp_path: Path) -> None:
    """The error reaches the script, and is told as nanwatch's."""
    found, optimizer, x = model(), keras.optimizers.SGD(), tf.constant(table())

    @tf.function
    def epoch(data: Any) -> None:
        for rows in data:
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.square(rows[:, :1] - found(rows, training=True)))
            gradients = tape.gradient(loss, found.trainable_variables)
            optimizer.apply(gradients, found.trainable_variables)

    with watching(tmp_path) as recorder, fault("L2Loss"), pytest.raises(tf.errors.OpError):
        epoch(tf.data.Dataset.from_tensor_slices(x).batch(8))
    assert [error.doing for error in recorder.info.errors] == ["making a step"]
    assert recorder.fits[0].unwatched_from is not None


SCRIPT = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
import keras, numpy as np
from tests.faults.fault import fault

keras.utils.set_random_seed(1)
x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
model = keras.Sequential([keras.Input((4,)), keras.layers.Dropout(0.1), keras.layers.Dense(1)])
model.compile("adam", "mse")
with fault("L2Loss"):
    history = model.fit(x, x[:, :1], batch_size=8, epochs=2, verbose=2)
print(history.history, [weight.tolist() for weight in model.get_weights()])
"""


def test_the_script_ends_as_it_does_and_the_report_says_it_first(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(SCRIPT)
    bare = ended_warm(tmp_path, sys.executable, "train.py")
    done = ended_warm(tmp_path, *MODULE, "run", "train.py")
    assert (done.status, without_times(done.stdout)) == (bare.status, without_times(bare.stdout))
    assert bare.status == 0
    report = done.stderr.decode().partition("nanwatch \N{MIDDLE DOT} train.py")[2].splitlines()
    assert next(line for line in report[1:] if line).startswith("? nanwatch itself failed")


def without_times(stdout: bytes) -> str:
    return re.sub(r"\d+s - \d+ms/step", "", stdout.decode())
