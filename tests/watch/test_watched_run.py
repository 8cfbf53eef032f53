"""How a watched script ends: its status, and what the record says of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nanwatch.errors import NanwatchError, TrainingHalted
from nanwatch.record.facts import IncidentInfo, OnIncident, Status
from nanwatch.record.read import read_run
from nanwatch.watch.launch.script import Ending, print_exit_code
from nanwatch.watch.recording.run_recorder import RunRecorder, open_recorder
from nanwatch.watch.watched_run import end_record

NAN = RuntimeError("the loss became NaN")


@pytest.mark.parametrize(
    ("ending", "halted", "status", "word"),
    [
        (Ending(0), False, 0, "finished"),
        (Ending(3, error=NAN, halted=True), True, 3, "halted"),
        (Ending(0), True, 3, "halted"),  # the script caught the halt, and ended well
        (Ending(4, 4), True, 4, "halted"),  # or by a status of its own
        (Ending(1, "text"), False, 1, "finished"),
        (Ending(1, error=ValueError("its own")), False, 1, "crashed"),
        (Ending(130, error=KeyboardInterrupt(), interrupted=True), False, 130, "killed"),
    ],
)
def test_the_status(ending: Ending, halted: bool, status: int, word: Status, tmp_path: Path) -> None:
    recorder = RunRecorder(tmp_path, "train.py", ("train.py",))
    recorder.halted = halted
    ended = end_record(recorder, ending)
    assert (ended.ending, ended.exit_status, ended.is_recorded) == (ending, status, True)
    info = read_run(recorder.folder).info
    assert (info.status, info.exit_status) == (word, status)


def raised_from(origin: BaseException) -> BaseException:
    error = ValueError("the script's own")
    error.__cause__ = origin
    return error


@pytest.mark.parametrize(
    ("action", "ending", "caught"),
    [
        ("raise", Ending(0), True),
        ("raise", Ending(1, error=ValueError("of something else")), True),
        ("raise", Ending(3, error=TrainingHalted(), halted=True), False),
        ("raise", Ending(1, error=raised_from(TrainingHalted())), False),
        ("stop", Ending(0), False),
    ],
)
def test_whether_the_script_caught_the_halt(
    action: OnIncident, ending: Ending, caught: bool, tmp_path: Path
) -> None:
    recorder = RunRecorder(tmp_path, "train.py", ("train.py",))
    recorder.add_incident(IncidentInfo(fit=0, step=5, epoch=0, role="loss", path="", action=action))
    recorder.halted = True
    end_record(recorder, ending)
    assert read_run(recorder.folder).info.halt_caught == caught


def test_a_handler_that_raises_while_the_record_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: object) -> None:
        raise SystemExit(7)

    recorder = RunRecorder(tmp_path, "train.py", ("train.py",))
    monkeypatch.setattr(recorder, "end", interrupted)
    assert end_record(recorder, Ending(4)).exit_status == 4
    assert recorder.info.errors[0].type == "SystemExit"
    recorder.writer.close()


def test_a_forked_child_leaves_the_record_to_its_parent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = RunRecorder(tmp_path, "train.py", ("train.py",))
    recorder.halted = True
    monkeypatch.setattr(recorder, "pid", os.getpid() + 1)
    ended = end_record(recorder, Ending(0))
    assert (ended.exit_status, ended.is_recorded) == (0, False)
    assert read_run(recorder.folder).info.status == "running"
    recorder.writer.close()


@pytest.mark.parametrize(
    ("code", "said"), [(None, ""), (4, ""), ("no data", "no data\n"), (("a", 1), "('a', 1)\n")]
)
def test_what_the_script_exits_with_is_said_as_python_says_it(
    code: object, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    print_exit_code(Ending(1, code))
    assert capsys.readouterr() == ("", said)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file")
    with pytest.raises(NanwatchError, match=r"No run folder could be created in .*; choose another one"):
        open_recorder(tmp_path / "logs", ("train.py",))
