"""Who is told of a training: a cell when it ends, a plain console at once, and `nanwatch.explain()` again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import nanwatch
from nanwatch.errors import RunNotFound
from nanwatch.notebook import halt, shown, telling
from nanwatch.notebook.extension import HELP, Extension
from nanwatch.notebook.telling import Telling
from nanwatch.record.read import read_info
from nanwatch.watch import RunRecorder
from tests.cli import saved_runs


class Shell:
    """What is used of IPython's."""

    def __init__(self) -> None:
        self.events = self
        self.callbacks: dict[str, list[Callable[..., None]]] = {"pre_run_cell": [], "post_run_cell": []}
        self.magics: dict[str, Callable[[str], object]] = {}
        self.magics_manager = SimpleNamespace(magics={"line": self.magics})

    def register(self, event: str, callback: Callable[..., None]) -> None:
        self.callbacks[event].append(callback)

    def unregister(self, event: str, callback: Callable[..., None]) -> None:
        self.callbacks[event].remove(callback)

    def register_magic_function(self, function: Callable[[str], object], kind: str, name: str) -> None:
        self.magics[name] = function

    def run(self, cell: Callable[[], None], error: BaseException | None = None) -> None:
        for callback in list(self.callbacks["pre_run_cell"]):
            callback(None)
        cell()
        for callback in list(self.callbacks["post_run_cell"]):
            callback(SimpleNamespace(error_in_exec=error))


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shell:
    found = Shell()
    monkeypatch.setattr(telling, "shell_here", lambda: found)
    monkeypatch.setattr(halt, "shell_here", lambda: found)
    monkeypatch.chdir(tmp_path)
    return found


@pytest.fixture
def displayed(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    found: list[Any] = []
    monkeypatch.setattr(telling, "display", found.append)
    return found


def begun(told: Telling, folder: Path) -> RunRecorder:
    recorder = RunRecorder(folder, "notebook", ())
    recorder.told = told
    told.of_begin(recorder)
    return recorder


def nothing() -> None:
    pass


def test_a_cell_shows_its_trainings_when_it_ends(shell: Shell, displayed: list[Any], tmp_path: Path) -> None:
    told = Telling()
    recorder = begun(told, tmp_path)
    assert recorder.keeps_trainings
    recorder.end("finished", None)
    assert displayed == []
    shell.run(nothing)
    (report,) = displayed
    assert report.report.run.folder == recorder.folder
    shell.run(nothing)
    assert len(displayed) == 1


@pytest.mark.parametrize(
    ("error", "status"), [(KeyboardInterrupt(), "killed"), (ValueError(), "crashed"), (None, "running")]
)
def test_what_an_exception_has_left_open_is_ended(
    error: BaseException | None, status: str, shell: Shell, displayed: list[Any], tmp_path: Path
) -> None:
    recorder = begun(Telling(), tmp_path)
    shell.run(nothing, error)
    assert read_info(recorder.folder).status == status
    assert len(displayed) == (error is not None)
    recorder.end("finished", None)


def test_of_the_trainings_of_a_cell_one_is_held(shell: Shell, displayed: list[Any], tmp_path: Path) -> None:
    told = Telling()
    first, second, third = (begun(told, tmp_path / name) for name in "abc")
    for recorder in (first, second, third):
        recorder.kept = SimpleNamespace(fit=0)  # type: ignore[assignment]
    second.halted = True
    for recorder in (first, second, third):
        recorder.end("finished", None)
    assert [recorder.kept is not None for recorder in (first, second, third)] == [False, True, False]


def test_a_report_that_fails_is_a_line(
    shell: Shell, displayed: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ArithmeticError("no.")

    monkeypatch.delenv("NANWATCH_DEBUG", raising=False)
    monkeypatch.setattr(telling, "report_with_trials", fails)
    recorder = begun(Telling(), tmp_path)
    recorder.end("finished", None)
    shell.run(nothing)
    said = capsys.readouterr().err
    assert said == (
        f"nanwatch: the report could not be made: ArithmeticError: no. The record is in {recorder.folder}.\n"
    )


def test_a_plain_console_is_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(telling, "shell_here", lambda: None)
    recorder = begun(Telling(), tmp_path)
    assert not recorder.keeps_trainings
    recorder.end("finished", None)
    said = capsys.readouterr().err
    assert said == "nanwatch: notebook trained no Keras model that nanwatch could see.\n"


def test_the_last_one_again(shell: Shell, displayed: list[Any], tmp_path: Path) -> None:
    told = Telling()
    with pytest.raises(
        RunNotFound, match=r"^No training has been watched in this process yet: `%load_ext nan"
    ):
        told.last_report()
    told.last = saved_runs.broken(tmp_path)
    again = told.last_report()
    assert "relu-output" in again._repr_html_()
    assert "relu-output" in repr(again)
    assert not repr(again).endswith("\n")


def test_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert dir(nanwatch) == ["TrainingHalted", "Watch", "__version__", "explain"]
    monkeypatch.setattr("nanwatch.notebook.TELLING.last", None)
    with pytest.raises(RunNotFound):
        getattr(nanwatch, "explain")()  # noqa: B009 - which is a module too


# -- %load_ext -------------------------------------------------------------------------------------


def test_a_cell_that_trains_nothing_leaves_nothing(
    shell: Shell, displayed: list[Any], tmp_path: Path
) -> None:
    extension = Extension(Telling())
    shell.run(lambda: extension.load(shell))
    shell.run(nothing)
    shell.run(lambda: extension.unload(shell))
    assert (shell.magics, displayed, list(tmp_path.iterdir())) == ({}, [], [])
    assert extension.end_cell not in shell.callbacks["post_run_cell"]
    assert shell.callbacks["pre_run_cell"] == []


def test_each_cell_has_a_run_of_its_own(shell: Shell, displayed: list[Any], tmp_path: Path) -> None:
    extension = Extension(Telling())
    extension.load(shell)
    recorders = []

    def train() -> None:
        assert extension.recorder is not None
        assert extension.recorder.keeps_trainings
        recorders.append(extension.recorder)
        assert extension.recorder.folder.parent == tmp_path / "logs"

    shell.run(train)
    shell.run(train, KeyboardInterrupt())
    shell.run(train, ValueError())
    assert len(recorders) == 3
    assert len({each.folder for each in recorders}) == 3
    assert [read_info(each.folder).status for each in recorders] == ["finished", "killed", "crashed"]
    assert [each.report.run.folder for each in displayed] == [each.folder for each in recorders]
    extension.unload(shell)


def test_the_magic(shell: Shell, displayed: list[Any], tmp_path: Path, capsys: Any) -> None:
    extension = Extension(Telling())
    extension.load(shell)
    magic = shell.magics["nanwatch"]
    magic("off")
    assert not extension.is_on
    shell.run(nothing)
    magic(" on ")
    shell.run(nothing)
    assert extension.begin_cell in shell.callbacks["pre_run_cell"]
    magic("of")
    assert capsys.readouterr().err == f"nanwatch: {HELP}\n"
    extension.telling.last = saved_runs.broken(tmp_path)
    assert isinstance(magic(""), shown.ShownReport)
    extension.unload(shell)


def test_it_can_be_turned_off(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NANWATCH_DISABLE", "1")
    extension = Extension(Telling())
    extension.load(shell)
    assert (extension.is_on, extension.recorder) == (False, None)


# -- the exception ---------------------------------------------------------------------------------


def test_the_exception_says_what_is_wrong_and_shows_no_frame_of_a_package(
    shell: Shell, tmp_path: Path
) -> None:
    recorder = RunRecorder(tmp_path, "notebook", ())
    found = halt.halt_of(recorder, "the loss became NaN")
    assert str(found).startswith("the loss became NaN; the training was halted there.")
    shown_by = SimpleNamespace(
        structured_traceback=lambda kind, error, trace, tb_offset: [kind, error, trace]
    )
    shell.InteractiveTB = shown_by  # type: ignore[attr-defined]
    try:
        replace(found)  # type: ignore[type-var]  # raises within a package
    except TypeError as error:
        frames = halt.users_frames(error.__traceback__)
    assert frames is not None
    assert (frames.tb_frame.f_code.co_filename, frames.tb_next) == (__file__, None)
    assert "the loss became NaN" in found._render_traceback_()[1]  # type: ignore[attr-defined]
    recorder.end("finished", None)
