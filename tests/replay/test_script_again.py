"""Which script is run again, and from where; never one that came with the record."""

from __future__ import annotations

from pathlib import Path

import pytest

from nanwatch.record.facts import RunInfo
from nanwatch.replay.script_again import CannotReplay, script_again


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With a script, and the folder of a run below it."""
    place = tmp_path / "project"
    (place / "logs" / "run" / "part-7").mkdir(parents=True)
    (place / "train.py").write_text("")
    (place / "logs" / "run" / "run.json").write_text("")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return place


def info(script: str, cwd: Path | str) -> RunInfo:
    return RunInfo(script, (script, "--fast"), str(cwd))


def test_it_is_run_from_where_it_ran(project: Path) -> None:
    (project.parent / "elsewhere" / "train.py").write_text("")
    found = script_again(info("train.py", project), project / "logs" / "run")
    assert (found.path, found.args, found.folder) == (project / "train.py", ("--fast",), project)
    assert found.moved is None


def test_where_that_is_gone_it_is_run_from_here(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    found = script_again(info("train.py", "/gone"), project / "logs" / "run")
    assert (found.folder, found.moved) == (project, "/gone is not there any more")
    found = script_again(info("train.py", project.parent), project / "logs" / "run")
    assert (found.folder, found.moved) == (project, f"{project.parent} does not hold train.py any more")


@pytest.mark.parametrize("script", ["none.py", "", ".", "a\0b", "logs"])
def test_a_script_that_is_not_there(project: Path, script: str) -> None:
    with pytest.raises(CannotReplay) as caught:
        script_again(info(script, project), project / "logs" / "run")
    assert str(caught.value) == f"The script {script} is not there any more; it would have to be run again."


@pytest.mark.parametrize("script", ["logs/run/evil.py", "logs/run/part-7/evil.py", "link.py"])
@pytest.mark.parametrize("folder", ["logs/run", "logs/run/part-7"])
def test_a_script_in_the_runs_own_folder(project: Path, script: str, folder: str) -> None:
    (project / folder / "run.json").write_text("")
    for place in ("logs/run", "logs/run/part-7"):
        (project / place / "evil.py").write_text("")
    (project / "link.py").symlink_to(project / "logs" / "run" / "evil.py")
    with pytest.raises(CannotReplay) as caught:
        script_again(info(script, project), project / folder)
    assert str(caught.value) == (
        f"The record names a script in its own folder, {project / script}, where no script of yours can be: "
        "it is not run."
    )


def test_a_working_directory_in_the_runs_own_folder(project: Path) -> None:
    run = project / "logs" / "run"
    with pytest.raises(CannotReplay, match="in its own folder"):
        script_again(info(str(project / "train.py"), run), run)


def test_a_folder_that_can_be_run(project: Path) -> None:
    (project / "app").mkdir()
    (project / "app" / "__main__.py").write_text("")
    assert script_again(info("app", project), project / "logs" / "run").path == project / "app"
