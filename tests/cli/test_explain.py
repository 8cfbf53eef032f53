"""``nanwatch explain``, end to end, in a process of its own: words and exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli import saved_runs


def explain(project: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    clear = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "PYTHONIOENCODING", "PYTHONUTF8", "GITHUB_ACTIONS")
    env = {key: value for key, value in os.environ.items() if key not in clear}
    return subprocess.run(
        [sys.executable, "-m", "nanwatch", "explain", *arguments],
        cwd=project,
        env={**env, "PYTHONIOENCODING": "utf-8", **environment},
        capture_output=True,
        timeout=60,
    )


def said(result: subprocess.CompletedProcess[bytes]) -> str:
    """The one line on stderr of a command that failed in order."""
    assert result.returncode == 2
    assert result.stdout == b""
    text = result.stderr.decode()
    assert text.endswith("\n")
    assert text.count("\n") == 1
    return text.strip()


def test_the_newest_run_below_logs(tmp_path: Path) -> None:
    saved_runs.broken(tmp_path)
    result = explain(tmp_path)
    assert (result.returncode, result.stderr) == (0, b"")
    lines = result.stdout.decode().splitlines()
    assert lines[0].startswith("── nanwatch · train.py · halted · 41 steps ──")
    assert lines[1] == "✖ The loss became NaN at step 40, in epoch 3 of 20."
    assert lines[-1] == "✖ nanwatch: NaN at step 40: NW201 relu-output at /project/train.py:7"
    whole = explain(tmp_path, "-v").stdout.decode()
    assert whole.splitlines()[0].endswith(" · logs/20250102T030405Z-train-7")
    assert "× NaN at step 40" in whole
    assert explain(tmp_path, "logs/20250102T030405Z-train-7").stdout == result.stdout


def test_json_to_stdout_and_to_a_file(tmp_path: Path) -> None:
    saved_runs.broken(tmp_path)
    found = json.loads(explain(tmp_path, "--format", "json").stdout)
    assert found["diagnoses"][0]["code"] == "NW201"
    assert found["diagnoses"][0]["location"]["line"] == 7
    result = explain(tmp_path, "--format", "json", "-o", "report.json")
    assert (result.returncode, result.stdout) == (0, b"")
    assert json.loads((tmp_path / "report.json").read_text()) == found


def test_a_healthy_run(tmp_path: Path) -> None:
    saved_runs.healthy(tmp_path)
    result = explain(tmp_path, "--fail-on", "warning")
    assert result.returncode == 0
    assert "\n✔ Nothing found." in result.stdout.decode()


@pytest.mark.parametrize(("level", "status"), [("error", 3), ("note", 3), ("never", 0)])
def test_fail_on(tmp_path: Path, level: str, status: int) -> None:
    saved_runs.broken(tmp_path)
    result = explain(tmp_path, "--fail-on", level)
    assert result.returncode == status
    assert b"NW201" in result.stdout


@pytest.mark.parametrize(
    ("environment", "colored"),
    [({}, False), ({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False)],
)
def test_colour_when_piped(tmp_path: Path, environment: dict[str, str], colored: bool) -> None:
    saved_runs.broken(tmp_path)
    assert (b"\x1b[" in explain(tmp_path, **environment).stdout) is colored


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_stream_that_cannot_draw_gets_ascii(tmp_path: Path, encoding: str) -> None:
    saved_runs.broken(tmp_path)
    result = explain(tmp_path, PYTHONIOENCODING=encoding)
    assert result.returncode == 0
    assert result.stdout.isascii()
    assert b"!! The loss became NaN" in result.stdout


def test_json_on_a_stream_of_ascii(tmp_path: Path) -> None:
    folder = saved_runs.broken(tmp_path, argv=("train.py", "Größe"))
    assert "Größe" in (folder / "run.json").read_text()
    result = explain(tmp_path, "--format", "json", PYTHONIOENCODING="ascii")
    assert json.loads(result.stdout)["run"]["argv"] == ["train.py", "Größe"]


def test_columns_of_the_environment(tmp_path: Path) -> None:
    saved_runs.broken(tmp_path)
    wide = [max(map(len, explain(tmp_path, COLUMNS=n).stdout.decode().splitlines())) for n in ("60", "100")]
    assert wide == [60, 100]


def test_a_reader_that_leaves_early(tmp_path: Path) -> None:
    saved_runs.broken(tmp_path)
    command = f"{sys.executable} -m nanwatch explain 2> err | head -n 1"
    result = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, timeout=60)
    assert result.stdout.count(b"\n") == 1
    assert (tmp_path / "err").read_bytes() == b""


NEXT = "(logs/ unless --log-dir says otherwise)"


def test_bad_input_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    cases = {
        "logs": f"nanwatch: There is no folder logs; `nanwatch run SCRIPT` writes one {NEXT}.",
        "empty": "nanwatch: No run in empty: no folder below it has a run.json; "
        "`nanwatch run SCRIPT` writes one.",
        "file": "nanwatch: file is empty.",
    }
    for place, sentence in cases.items():
        assert said(explain(tmp_path, place)) == sentence


RUN_JSON: dict[str, tuple[Any, str]] = {
    "truncated": (
        '{"nanwatch_format": 2, "script": "tra',
        "is not valid JSON: it is cut off, or not written by nanwatch. Run the script again.",
    ),
    "empty": ("", "is not valid JSON: it is cut off, or not written by nanwatch. Run the script again."),
    "foreign": ('{"epochs": 3}', "is not a run of nanwatch: it has no nanwatch_format."),
    "newer": (
        '{"nanwatch_format": 99}',
        "has format 99, newer than the 3 this nanwatch reads; upgrade nanwatch.",
    ),
    "older": (
        '{"nanwatch_format": 1, "script": "train.py"}',
        "has format 1, older than the 2 this nanwatch reads; run the script again.",
    ),
    "of other types": (
        '{"nanwatch_format": 2, "script": "train.py", "fits": [{"index": 0, "steps": "20"}]}',
        "cannot be read as a run: fits[0].steps: a whole number was expected, not str.",
    ),
}


@pytest.mark.parametrize("case", RUN_JSON)
def test_a_damaged_run_is_one_sentence(tmp_path: Path, case: str) -> None:
    text, sentence = RUN_JSON[case]
    path = tmp_path / "logs" / "run" / "run.json"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert said(explain(tmp_path)) == f"nanwatch: logs/run/run.json {sentence}"


def test_a_damaged_series_does_not_stop_the_report(tmp_path: Path) -> None:
    folder = saved_runs.broken(tmp_path)
    os.truncate(folder / "fit-0.steps", 500)
    (folder / "events.jsonl").write_bytes(b'{"kind": "epoch_e')
    result = explain(tmp_path)
    assert result.returncode == 0
    assert "  Note   fit-0.steps could not be read: cut short" in result.stdout.decode()
    assert "NW201" in result.stdout.decode()


def test_an_output_that_cannot_be_written(tmp_path: Path) -> None:
    saved_runs.healthy(tmp_path)
    sentence = said(explain(tmp_path, "-o", "no/such/report.txt"))
    assert sentence == (
        "nanwatch: The report could not be written to no/such/report.txt: No such file or directory."
    )


@pytest.mark.parametrize("arguments", [["--format", "xml"], ["--fail-on", "fatal"], ["--nope"], ["a", "b"]])
def test_usage_errors(tmp_path: Path, arguments: list[str]) -> None:
    result = explain(tmp_path, *arguments)
    assert result.returncode == 2
    assert result.stderr.startswith(b"Usage: nanwatch explain")
    assert b"Traceback" not in result.stderr
