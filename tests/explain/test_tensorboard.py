"""``--format tensorboard:FOLDER``: read back as TensorBoard reads event files."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from nanwatch.cli import tensorboard_files
from nanwatch.cli.main import main
from nanwatch.diagnose import made_up
from nanwatch.diagnose.diagnosis import Diagnoses
from nanwatch.explain.report import Report
from nanwatch.record.run import Fit, Run
from nanwatch.record.series import STEP, Series
from tests.cli import saved_runs
from tests.explain import hostile_reports

accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
EVERYTHING = {"scalars": 0, "tensors": 0}
RUN = "20250102T030405Z-train-7"


def read(folder: Path):  # type: ignore[no-untyped-def]
    found = accumulator.EventAccumulator(str(folder), size_guidance=EVERYTHING)
    return found.Reload()


def explain(*arguments: str):  # type: ignore[no-untyped-def]
    return CliRunner().invoke(main, ["explain", *arguments], env={"GITHUB_ACTIONS": None})


def points(found, tag: str) -> list[tuple[int, float]]:  # type: ignore[no-untyped-def]
    return [(scalar.step, scalar.value) for scalar in found.Scalars(tag)]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    saved_runs.broken(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_step_and_every_epoch_is_there(project: Path) -> None:
    result = explain("--format", "tensorboard:board")
    assert (result.exit_code, result.output) == (0, "")
    found = read(project / "board" / RUN / "fit-0")
    assert found.Tags()["scalars"] == [
        "step/loss",
        "gradient_norm/dense/kernel",
        "gradient_norm/dense_1/kernel",
        "step/gradient_norm",
        "epoch/loss",
        "epoch/accuracy",
        "epoch/val_loss",
        "epoch/val_accuracy",
    ]
    losses = points(found, "step/loss")
    assert [step for step, _ in losses] == list(range(41))
    assert losses[7][1] == pytest.approx(4.6 * 0.97**7)
    assert math.isnan(losses[40][1])
    one = points(found, "gradient_norm/dense/kernel")[3][1]
    assert points(found, "step/gradient_norm")[3][1] == pytest.approx(math.hypot(one, one))
    accuracies = points(found, "epoch/val_accuracy")
    assert [epoch for epoch, _ in accuracies] == [0, 1, 2]
    assert [value for _, value in accuracies] == pytest.approx([0.33, 0.41, 0.2])


def test_the_verdict_is_text(project: Path) -> None:
    assert explain("--format", "tensorboard:board").exit_code == 0
    (tensor,) = read(project / "board" / RUN).Tensors("verdict")
    text = tensor.tensor_proto.string_val[0].decode()
    assert text.startswith("**The loss became NaN at step 40, in epoch 3 of 20.**")
    found = json.loads(explain("--format", "json").stdout)["diagnoses"]
    assert found
    for each in found:
        assert f"{each['part']}: **{each['code']} {each['name']}**" in text
    assert found[0]["location"]["line"] == 7
    assert f"{found[0]['name']}** (/project/train.py:7) Dense 'dense\\_1' has" in text


def test_written_twice_it_is_there_once_and_beside_other_formats(project: Path) -> None:
    for _ in range(2):
        result = explain("--format", "tensorboard:board", "--format", "json")
        assert result.exit_code == 0
        assert result.stdout.startswith("{")
    assert len(points(read(project / "board" / RUN / "fit-0"), "step/loss")) == 41


def test_old_steps_stand_as_their_means(tmp_path: Path) -> None:
    """Rows 0 and 1 are kept in full, 2 to 3 summed up, 4 and 5 are kept again."""
    columns = [STEP, "time||value", "loss||value"]
    bucket = [2.5, 25.0, 7.0, 2.0, 20.0, 6.0, 3.0, 30.0, 8.0]
    series = Series(
        columns,
        [[0.0, 0.0, 9.0], [1.0, 10.0, 8.0]],
        [[4.0, 40.0, 5.0], [5.0, 50.0, 4.0]],
        6,
        [[(1, bucket)]],
        fan=2,
    )
    base = made_up.run()
    run = replace(base, fits=(replace(base.fits[0], steps=series),), folder=tmp_path / "one")
    run = replace(run, info=replace(run.info, started="2026-01-02T03:04:05+00:00"))
    tensorboard_files.write_event_files(Report(run, Diagnoses("healthy")), tmp_path / "board")
    found = read(tmp_path / "board" / "one" / "fit-0")
    assert points(found, "step/loss") == [(0, 9.0), (1, 8.0), (2, 7.0), (4, 5.0), (5, 4.0)]
    times = [scalar.wall_time for scalar in found.Scalars("step/loss")]
    assert [time - times[0] for time in times] == [0, 10, 20, 40, 50]
    assert times[0] == 1767323045


def test_a_training_without_a_step_and_names_that_cannot_be_trusted(tmp_path: Path) -> None:
    hostile = hostile_reports.hostile(tmp_path)
    empty = Fit(replace(hostile.run.fits[0].info, index=1), hostile.run.fits[0].model)
    run = Run(hostile.run.info, (*hostile.run.fits, empty), tmp_path / "one")
    tensorboard_files.write_event_files(replace(hostile, run=run), tmp_path / "board")
    assert read(tmp_path / "board" / "one" / "fit-1").Tags()["scalars"] == []
    assert len(points(read(tmp_path / "board" / "one" / "fit-0"), "step/loss")) == 41
    (tensor,) = read(tmp_path / "board" / "one").Tensors("verdict")
    text = tensor.tensor_proto.string_val[0].decode()
    assert "\x1b" not in text
    assert "<script>" not in text.replace("\\<", "")


@pytest.mark.parametrize("value", ["tensorboard", "tensorboard:", "tensorboard:-"])
def test_it_wants_a_folder(project: Path, value: str) -> None:
    result = explain("--format", value)
    assert result.exit_code == 2
    assert f"'{value}' names no folder; write tensorboard:FOLDER." in result.stderr


def test_a_folder_that_cannot_be_made(project: Path) -> None:
    (project / "taken").write_text("")
    result = explain("--format", "tensorboard:taken")
    assert result.exit_code == 2
    assert result.stderr.startswith("nanwatch: Event files could not be written to taken")


def test_without_the_package_it_says_what_to_install(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard.summary.writer.record_writer", None)
    result = explain("--format", "tensorboard:board")
    assert (result.exit_code, result.stderr) == (
        2,
        "nanwatch: The format tensorboard needs the package tensorboard; "
        "install it with `pip install tensorboard`.\n",
    )
    assert not (project / "board").exists()


def test_tensorflow_is_not_imported(project: Path) -> None:
    program = (
        "import sys\nfrom nanwatch.cli.main import main\n"
        "try:\n    main(['explain', '--format', 'tensorboard:board'])\n"
        "except SystemExit as end:\n    assert not end.code\n"
        "assert 'tensorboard' in sys.modules\nassert 'tensorflow' not in sys.modules\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("place", ["logs", f"logs/{RUN}/..", f"logs/{RUN}/.", f"logs/../logs/{RUN}"])
def test_nothing_is_written_outside_of_the_folder(
    project: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Whatever the run's folder is called by."""
    before = {path for path in project.rglob("*") if path.is_file()}
    assert explain("--format", f"tensorboard:{project}/board/deep", place).exit_code == 0
    new = {path for path in project.rglob("*") if path.is_file()} - before
    assert len(new) == 2
    assert all(path.is_relative_to(project / "board" / "deep" / RUN) for path in new)
    monkeypatch.chdir(project / "logs" / RUN / ".")
    assert explain("--format", f"tensorboard:{project}/other", ".").exit_code == 0
    assert [path.name for path in (project / "other").iterdir()] == [RUN]
