"""Each singularity is named: the op, its direction, the line; and masked ones raise nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import pytest
import tensorflow as tf

import nanwatch
from nanwatch.record.notes import DrawnAgain, OnlyCompiled
from tests.programs.running import report_on
from tests.watch.fit.test_loops import watching
from tests.watch.training import only_run

FOLDER = Path(__file__).parent / "singularities"
SCRIPTS = sorted(FOLDER.glob("*.py"))
pytestmark = pytest.mark.tensorflow


def marked(script: Path) -> tuple[int, str, str] | None:
    """(line, op type, direction) as the script's own comment says."""
    for number, line in enumerate(script.read_text().splitlines(), 1):
        if "# op: " in line:
            kind, direction = line.split("# op: ")[1].split()
            return number, kind, direction
    return None


def found(report: dict[str, Any]) -> tuple[int, str, str] | None:
    incident = report["incident"]
    op = incident and incident["op"]
    return op and (op["line"], op["type"], op["direction"])


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("default")
def test_the_first_op_and_its_line(script: Path, tmp_path: Path) -> None:
    report = report_on(script, tmp_path)
    assert report["own_errors"] == []
    assert found(report) == marked(script)
    assert (report["run"]["outcome"] == "healthy") is (marked(script) is None)


def test_there_are_loud_and_quiet_ones() -> None:
    assert {path.stem for path in SCRIPTS if marked(path) is None} == {
        "quiet_loss_scaling",
        "quiet_masked_log",
    }
    assert len(SCRIPTS) >= 12


def test_a_step_that_goes_bad_only_as_tensorflow_rewrites_it(tmp_path: Path) -> None:
    """Of two constants it makes their product, which overflows; op by op nothing does."""
    model = keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")]
    )
    optimizer = keras.optimizers.SGD(1e-30)

    @tf.function
    def step(x: Any) -> None:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(x) * (x * 1e30 * 1e30))
        weights = model.trainable_variables
        optimizer.apply(tape.gradient(loss, weights), weights)

    with watching(tmp_path), pytest.raises(nanwatch.TrainingHalted):
        step(tf.fill((4, 1), 1e-30))
    incident = only_run(tmp_path).info.incident
    assert incident is not None
    assert incident.reproduced
    assert OnlyCompiled(False, placed=True, together=True) in incident.notes
    assert incident.op is not None
    assert incident.op.type == "Mul"


def test_a_step_that_xla_compiles_and_that_draws_nothing_was_not_repeated_with_other_numbers(
    tmp_path: Path,
) -> None:
    report_on(FOLDER / "xla_alone.py", tmp_path)
    incident = only_run(tmp_path).info.incident
    assert incident is not None
    assert OnlyCompiled(True, placed=True) in incident.notes
    assert not any(isinstance(note, DrawnAgain) for note in incident.notes)
