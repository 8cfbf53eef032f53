"""Defaults from pyproject.toml: found here or above, under the environment and under options."""

from __future__ import annotations

from pathlib import Path

import pytest

from nanwatch.cli.settings import settings
from nanwatch.errors import BadConfig
from tests.side_by_side import MODULE, ended

TABLE = "[tool.nanwatch]\n"


def project(folder: Path, text: str) -> Path:
    (folder / "pyproject.toml").write_text(text)
    (folder / "train.py").write_text("print('trained')\n")
    return folder


def test_the_table_is_read(tmp_path: Path) -> None:
    text = (
        f'{TABLE}log-dir = "runs"\non_incident = "stop"\nquiet = true\ndeadline = 1.5\nselect = ["NW201"]\n'
    )
    assert settings(project(tmp_path, text)) == {
        "log_dir": "runs",
        "on_incident": "stop",
        "quiet": True,
        "deadline": 1.5,
        "select": ["NW201"],
    }


def test_the_nearest_file_counts(tmp_path: Path) -> None:
    project(tmp_path, f'{TABLE}log-dir = "above"\n')
    (tmp_path / "deep" / "down").mkdir(parents=True)
    assert settings(tmp_path / "deep" / "down") == {"log_dir": "above"}
    project(tmp_path / "deep", "[project]\nname = 'x'\n")
    assert settings(tmp_path / "deep" / "down") == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            f"{TABLE}logdir = 'runs'\n",
            "has logdir, which is not a setting; the settings are baseline, deadline",
        ),
        (f"{TABLE}log-dir = 3\n", "log-dir in .* is 3, which has the wrong type"),
        (f"{TABLE}quiet = 1\n", "quiet in .* is 1, which has the wrong type"),
        (f"{TABLE}max-steps = true\n", "max-steps in .* is True, which has the wrong type"),
        ("[tool]\nnanwatch = 3\n", "tool.nanwatch in .* is not a table"),
        ("[tool.nanwatch\n", "pyproject.toml cannot be read: "),
    ],
)
def test_a_bad_setting_is_named(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match=said):
        settings(project(tmp_path, text))


def test_a_bad_setting_ends_run_before_the_script(tmp_path: Path) -> None:
    for setting in ("on-incident = 'halt'", "log_dirs = 'x'"):
        result = ended(project(tmp_path, f"{TABLE}{setting}\n"), *MODULE, "run", "train.py")
        assert (result.status, result.stdout) == (2, b"")
        assert result.stderr.startswith(b"nanwatch: [tool.nanwatch] ")
        assert result.stderr.count(b"\n") == 1
    assert not (tmp_path / "logs").exists()


@pytest.mark.parametrize(
    ("table", "environment", "option", "made"),
    [
        (False, False, False, "logs"),
        (True, False, False, "of-the-table"),
        (True, True, False, "of-the-environment"),
        (False, True, False, "of-the-environment"),
        (True, True, True, "of-the-option"),
    ],
)
def test_the_table_under_the_environment_under_the_option(
    table: bool, environment: bool, option: bool, made: str, tmp_path: Path
) -> None:
    project(tmp_path, f"{TABLE}log-dir = 'of-the-table'\n" if table else "")
    variables = {"NANWATCH_LOG_DIR": "of-the-environment"} if environment else {}
    options = ("--log-dir", "of-the-option") if option else ()
    result = ended(tmp_path, *MODULE, "run", *options, "train.py", stdin=b"", **variables)
    assert (result.status, result.stdout) == (0, b"trained\n")
    folders = [path.name for path in tmp_path.iterdir() if path.is_dir()]
    assert folders == [made]
    assert len(list((tmp_path / made).glob("*-train-*/run.json"))) == 1


def test_quiet_may_be_a_setting(tmp_path: Path) -> None:
    assert ended(project(tmp_path, ""), *MODULE, "run", "train.py").stderr != b""
    assert ended(project(tmp_path, f"{TABLE}quiet = true\n"), *MODULE, "run", "train.py").stderr == b""
