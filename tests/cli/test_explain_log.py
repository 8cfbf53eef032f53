"""``nanwatch explain FILE``: a log of another program's, from the file to what is shown and the status."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from nanwatch.cli.main import main

LOG = "Epoch 1/3\n9/9 - 1s - loss: 1.5 - acc: 0.7\nEpoch 2/3\n9/9 - 1s - loss: nan - acc: 0.5\n"
HEALTHY = "Epoch 1/2\n9/9 - 1s - loss: 1.5\nEpoch 2/2\n9/9 - 1s - loss: 0.5\n"
SCRIPT = "m = Sequential([Dense(2, activation='relu')])\nm.compile('adam', 'categorical_crossentropy')\n"
RECORDED = Path(__file__).parents[1] / "foreign" / "recorded" / "tensorboard"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.log").write_text(LOG)
    (tmp_path / "train.py").write_text(SCRIPT)
    return tmp_path


def explain(*arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(main, ["explain", *arguments], input=given, env={"COLUMNS": None})


def test_the_numbers_alone() -> None:
    result = explain("train.log")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "1. NW201 relu-output  the numbers fit\n" in result.stdout
    assert "  nanwatch explain train.log --script train.py\n" in result.stdout


def test_with_the_script() -> None:
    result = explain("train.log", "--script", "train.py")
    assert "1. NW201 relu-output  a line of the script fits\n" in result.stdout
    assert "   train.py:1\n" in result.stdout


def test_a_post_brings_its_script_with_it(project: Path) -> None:
    (project / "post.txt").write_text(f"My model gives nan!\n\n{SCRIPT}\nOutput:\n\n{LOG}\nWhy?\n")
    result = explain("post.txt")
    assert "   post.txt:3\n" in result.stdout
    assert "a line of the script fits" in result.stdout


def test_stdin() -> None:
    assert "The loss became NaN in epoch 2 of 3" in explain("-", given=LOG).stdout


def test_a_folder_of_event_files() -> None:
    assert "1. NW202 single-unit-softmax" in explain(str(RECORDED)).stdout


def test_a_folder_with_a_run_is_a_run(project: Path) -> None:
    (project / "logs" / "a").mkdir(parents=True)
    (project / "logs" / "a" / "run.json").write_text("{}")
    (project / "logs" / "events.out.tfevents.1").write_bytes(b"")
    assert "is not a run of nanwatch's" in explain("logs").stderr


def test_formats() -> None:
    result = explain("train.log", "--format", "json:a.json", "--format", "markdown:a.md")
    assert (result.exit_code, result.stdout) == (0, "")
    assert json.loads(Path("a.json").read_text())["log_format"] == 1
    assert Path("a.md").read_text().startswith("## ❌ The loss became NaN")


def test_a_healthy_log(project: Path) -> None:
    (project / "well.log").write_text(HEALTHY)
    result = explain("well.log", "--fail-on", "note")
    assert result.exit_code == 0
    assert "Nothing is wrong by these numbers" in result.stdout
    assert "NW" not in result.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["train.py"],
            "nanwatch: train.py has no epoch of a training in it; what is read is a console log of Keras, ",
        ),
        (
            ["train.log", "--script", "none.py"],
            "nanwatch: The script none.py cannot be read: No such file or directory.",
        ),
        (
            ["train.log", "--script", "."],
            "nanwatch: . is no file; give the training script, or its notebook.",
        ),
        (
            ["train.log", "--format", "sarif"],
            "nanwatch: What is suspected of a log is shown as terminal, json or markdown, not as sarif.",
        ),
        (["/dev/null"], "nanwatch: /dev/null is no file; write the log to a file first."),
        (
            ["train.log", "--against", "logs"],
            "--against and --open are for runs of nanwatch's own, and not for a log.",
        ),
        (["none.log"], "nanwatch: There is no file or folder none.log."),
        (
            ["--script", "train.py"],
            "--script goes with a log that nanwatch did not write; a run of its own knows",
        ),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_status_2(arguments: list[str], said: str) -> None:
    result = explain(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert "Traceback" not in result.stderr
