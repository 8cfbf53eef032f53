"""``nanwatch run``: what it refuses, what it makes, and how it ends."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from nanwatch.cli import watched_script as command
from nanwatch.cli.own_stderr import OwnStderr
from nanwatch.diagnose.accepted import Choice
from nanwatch.record.read import read_run
from nanwatch.record.run import Run
from nanwatch.watch import Program
from nanwatch.watch.recording.run_recorder import RunRecorder
from tests.side_by_side import MODULE, Ended, ended, ended_warm

WANTED = command.Wanted(Program("train.py"), Path("logs"), 0, "raise", 0.0, False, "never", Choice())


def nanwatch(folder: Path, *arguments: str, **environment: str) -> Ended:
    return ended(folder, *MODULE, "run", *arguments, stdin=b"", **environment)


def only_run(logs: Path) -> Run:
    (folder,) = (entry for entry in logs.iterdir() if entry.is_dir())
    return read_run(folder)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.py"], "There is no script missing.py"),
        (["folder"], "folder is a folder without a __main__.py"),
    ],
)
def test_what_cannot_be_run(arguments: list[str], said: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    result = nanwatch(tmp_path, *arguments)
    assert (result.status, result.stdout) == (2, b"")
    assert result.stderr.decode().startswith(f"nanwatch: {said}")
    assert result.stderr.count(b"\n") == 1
    assert not (tmp_path / "logs").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Give the training script, as in `nanwatch run train.py`."),
        (["--on-incident", "halt", "train.py"], "'halt' is not one of 'raise', 'stop', 'continue'"),
        (["--loud", "train.py"], "No such option"),
        (["-m"], "Option '-m' requires an argument"),
        (["--quiet", "-m"], "Option '-m' requires an argument"),
    ],
)
def test_how_it_is_not_used(arguments: list[str], said: str, tmp_path: Path) -> None:
    result = nanwatch(tmp_path, *arguments)
    assert (result.status, result.stdout) == (2, b"")
    assert said in result.stderr.decode()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("log_dir", "reason"),
    [("file", "Not a directory"), ("file/logs", "Not a directory"), ("/dev/full", "Not a directory")],
)
def test_a_script_that_cannot_be_watched_runs_all_the_same(log_dir: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file")
    (tmp_path / "train.py").write_text("import sys\nprint('x')\nsys.exit('ends')\n")
    result = nanwatch(tmp_path, "--log-dir", log_dir, "--fail-on", "note", "train.py")
    assert (result.status, result.stdout) == (1, b"x\n")
    assert result.stderr.decode() == (
        f"ends\nnanwatch: the script was not watched: no run folder could be created in {log_dir}: "
        f"{reason}; choose another one with --log-dir.\n"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("print('x')\n")
    (tmp_path / "logs").mkdir(mode=0o500)
    result = nanwatch(tmp_path, "train.py")
    assert (result.status, result.stdout) == (0, b"x\n")
    assert b"Permission denied" in result.stderr


def test_a_script_that_trains_nothing(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("import sys\nprint(sys.argv)\n")
    result = nanwatch(tmp_path, "train.py", "--quiet", "-x")
    assert (result.status, result.stdout) == (0, b"['train.py', '--quiet', '-x']\n")
    assert "trained no Keras model" in result.stderr.decode()
    info = only_run(tmp_path / "logs").info
    assert (info.script, info.argv, info.cwd) == (
        "train.py",
        ("train.py", "--quiet", "-x"),
        str(tmp_path),
    )
    assert (info.status, info.exit_status, info.errors, info.fits) == ("finished", 0, (), ())


@pytest.mark.parametrize(
    ("text", "ended_with", "word"),
    [
        ("raise SystemExit(5)", 5, "finished"),
        ("1 / 0", 1, "crashed"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGINT)", -signal.SIGINT, "killed"),
    ],
)
def test_the_record_of_how_it_ended(text: str, ended_with: int, word: str, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(text + "\n")
    assert nanwatch(tmp_path, "--quiet", "train.py").status == ended_with
    info = only_run(tmp_path / "logs").info
    assert (info.status, info.exit_status) == (word, ended_with if ended_with >= 0 else 128 - ended_with)


def test_the_log_folder_stays_where_the_command_was_given(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("import os\nos.makedirs('other')\nos.chdir('other')\n")
    assert nanwatch(tmp_path, "--quiet", "train.py").status == 0
    assert only_run(tmp_path / "logs").info.status == "finished"
    assert list((tmp_path / "other").iterdir()) == []


@pytest.mark.parametrize(("value", "watched"), [("1", False), ("yes", False), ("0", True), ("", True)])
def test_it_can_be_turned_off(value: str, watched: bool, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("import sys\nprint('x')\nsys.exit(4)\n")
    result = nanwatch(tmp_path, "train.py", NANWATCH_DISABLE=value)
    assert (result.status, result.stdout) == (4, b"x\n")
    assert (tmp_path / "logs").exists() is watched
    assert bool(result.stderr) is watched


def test_a_report_that_fails_changes_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*arguments: Any) -> Any:
        raise ArithmeticError("of our own")

    monkeypatch.setattr("nanwatch.explain.reporting.diagnose", fails)
    recorder = RunRecorder(tmp_path, "train.py", ("train.py",))
    recorder.end("finished", 0)
    assert command.report(recorder, WANTED, OwnStderr()) == 0
    assert capfd.readouterr().err == (
        "nanwatch: the report could not be written: ArithmeticError: of our own. "
        f"The record is in {recorder.folder}.\n"
    )


def test_a_report_that_is_interrupted(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("nanwatch.explain.reporting.diagnose", interrupted)
    recorder = RunRecorder(tmp_path, "train.py", ("train.py",))
    recorder.end("finished", 0)
    assert command.report(recorder, WANTED, OwnStderr()) == 0
    said = f"nanwatch: the report was interrupted; nanwatch explain {recorder.folder} shows it.\n"
    assert capfd.readouterr().err == said


def test_a_record_that_cannot_be_ended(tmp_path: Path) -> None:
    text = "import os, shutil\nshutil.rmtree('logs')\nprint('x')\nraise SystemExit(4)\n"
    (tmp_path / "train.py").write_text(text)
    result = nanwatch(tmp_path, "train.py")
    assert (result.status, result.stdout) == (4, b"x\n")
    assert result.stderr.startswith(b"nanwatch: the end of the record could not be written to ")
    assert result.stderr.count(b"\n") == 1


TRAINING = """
import sys
import keras
import numpy as np

rng = np.random.default_rng(1)
x = rng.normal(size=(64, 8)).astype("float32")
y = (x[:, :1] > 0).astype("float32")
y[43] = np.nan
model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, "sigmoid")])
model.compile("adam", "binary_crossentropy")
"""
FIT = "model.fit(x, y, shuffle=False, batch_size=8, epochs=2, verbose=0)\n"
TELL = "print('after', bool(np.isfinite(model.get_weights()[0]).all()), flush=True)\n"
NAME = "    print(type(halt).__module__, type(halt).__name__)\n"
CAUGHT = f"try:\n    {FIT}except RuntimeError as halt:\n{NAME}{TELL}"
HALTS = {
    "raise": ([], TRAINING + FIT + TELL, 3, b""),
    "caught": ([], TRAINING + CAUGHT, 3, b"nanwatch.errors TrainingHalted\nafter True\n"),
    "stop": (["--on-incident", "stop"], TRAINING + FIT + TELL, 3, b"after True\n"),
    "continue": (["--on-incident", "continue"], TRAINING + FIT + TELL, 0, b"after False\n"),
}


@pytest.fixture(scope="module")
def halts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Ended, Path]]:
    """All of `HALTS`."""
    found: dict[str, tuple[Ended, Path]] = {}
    for name, (options, script, *_) in HALTS.items():
        folder = tmp_path_factory.mktemp(name)
        (folder / "train.py").write_text(script)
        found[name] = ended_warm(folder, *MODULE, "run", *options, "train.py"), folder
    return found


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", HALTS)
def test_a_training_that_breaks(name: str, halts: dict[str, tuple[Ended, Path]]) -> None:
    _, _, status, stdout = HALTS[name]
    result, folder = halts[name]
    assert (result.status, result.stdout) == (status, stdout)
    said = result.stderr.decode()
    assert "Traceback" not in said
    assert "NW103" in said  # a NaN in the target, at the end of the report
    run = only_run(folder / "logs")
    assert (run.info.errors, run.info.exit_status) == ((), status)
    assert run.info.status == ("finished" if name == "continue" else "halted")
    incident = run.info.incident
    assert incident is not None
    assert (incident.step, incident.role, incident.frozen) == (5, "label", name != "continue")
    assert run.fits[0].info.steps >= 6
    report = ended(folder, *MODULE, "explain", "--format", "json")
    found = json.loads(report.stdout)
    assert found["run"]["outcome"] == "non-finite"
    assert found["incident"]["step"] == 5
    first = found["diagnoses"][0]
    assert first["code"] == "NW103"
    assert first["location"]["file"] == "train.py"
    assert first["location"]["code"] == FIT.strip()
    assert run.info.halt_caught == (name == "caught")
    assert ("nanwatch run --on-incident stop train.py" in said) == (name == "caught")
