"""The version stands in one file, and whatever names it names that one."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

import nanwatch
from nanwatch.cli.main import main
from nanwatch.explain import as_html, as_sarif
from nanwatch.version import __version__
from tests.explain import made_up_reports

ROOT = Path(__file__).parent.parent


def test_the_build_takes_it_from_the_one_file() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" not in settings["project"]
    assert settings["project"]["dynamic"] == ["version"]
    source = (ROOT / settings["tool"]["hatch"]["version"]["path"]).read_text(encoding="utf-8")
    assert re.findall(r'^__version__ = "(.+)"$', source, re.MULTILINE) == [__version__]


def test_no_other_file_of_the_package_holds_it() -> None:
    held = [
        path.name
        for path in (ROOT / "nanwatch").rglob("*.py")
        if re.search(rf'["\']{re.escape(__version__)}["\']', path.read_text(encoding="utf-8"))
    ]
    assert held == ["version.py"]


def test_the_package_and_the_command_say_it() -> None:
    assert nanwatch.__version__ == __version__
    assert CliRunner().invoke(main, ["--version"]).stdout == f"nanwatch {__version__}\n"


def test_the_reports_say_it() -> None:
    report = made_up_reports.healthy()
    (run,) = json.loads(as_sarif.render(report))["runs"]
    assert run["tool"]["driver"]["semanticVersion"] == __version__
    assert __version__ in as_html.render(report)


@pytest.mark.tensorflow
def test_the_record_says_it(tmp_path: Path) -> None:
    from nanwatch.watch.recording.run_recorder import RunRecorder

    recorder = RunRecorder(tmp_path, "train.py", ())
    recorder.learn_versions()
    assert recorder.info.versions["nanwatch"] == __version__
    recorder.end("finished", 0)
