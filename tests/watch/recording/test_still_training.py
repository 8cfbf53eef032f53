"""What is waited for at the end of a script: what trains, as long as it does, and nothing that never will."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from nanwatch.record.facts import FitInfo, RunInfo
from nanwatch.record.write import RunWriter
from nanwatch.watch.recording import still_training
from nanwatch.watch.recording.run_recorder import RunRecorder
from nanwatch.watch.recording.still_training import is_training, threads_left, wait_as_python_does


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[RunRecorder]:
    made = RunRecorder(tmp_path, "train.py", ("train.py",))
    yield made
    made.end("finished", 0)


def write(recorder: RunRecorder, name: str, *status: str) -> None:
    """A part with fits of these statuses."""
    folder = recorder.folder / name
    folder.mkdir(exist_ok=True)
    writer = RunWriter(folder)
    writer.save(RunInfo("w.py", fits=tuple(FitInfo(at, status=each) for at, each in enumerate(status))))  # type: ignore[arg-type]
    writer.close()


@dataclass
class Processes:
    """The living children, one list a look."""

    looks: list[list[SimpleNamespace]] = field(default_factory=list)

    def active_children(self) -> list[SimpleNamespace]:
        return self.looks.pop(0) if self.looks else []


def child(pid: int, daemon: bool = False) -> SimpleNamespace:
    return SimpleNamespace(pid=pid, daemon=daemon)


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> Processes:
    found = Processes()
    monkeypatch.setitem(sys.modules, "multiprocessing.process", found)
    monkeypatch.setattr(still_training, "LOOK_EVERY", 0.0)
    return found


def test_whether_a_process_is_within_a_training(recorder: RunRecorder) -> None:
    assert is_training(recorder, 7) is None
    write(recorder, "part-7", "finished")
    write(recorder, "part-70", "running")
    assert is_training(recorder, 7) is False
    write(recorder, "part-7-1", "finished", "running")  # the number was given once more
    assert is_training(recorder, 7) is True
    (recorder.folder / "part-7-1" / "run.json").unlink()
    assert is_training(recorder, 7) is None


def test_one_that_trains_is_waited_for(recorder: RunRecorder, processes: Processes) -> None:
    write(recorder, "part-7", "running")
    processes.looks = [[child(7)], [child(7)], [child(7)], []]
    wait_as_python_does(recorder)
    assert processes.looks == []


def test_one_that_has_trained_is_not(recorder: RunRecorder, processes: Processes) -> None:
    write(recorder, "part-7", "finished")
    processes.looks = [[child(7)], [child(7)]]
    wait_as_python_does(recorder)
    assert len(processes.looks) == 1


def test_one_that_may_begin_is_waited_for_a_while(
    recorder: RunRecorder, processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(still_training, "SECONDS_TO_BEGIN", 0.2)
    processes.looks = [[child(7)]] * 10**6
    before = time.monotonic()
    wait_as_python_does(recorder)
    assert 0.2 <= time.monotonic() - before < 5


def test_daemons_are_not(recorder: RunRecorder, processes: Processes) -> None:
    processes.looks = [[child(7, daemon=True)], [child(7)]]
    wait_as_python_does(recorder)
    assert len(processes.looks) == 1


def test_an_interrupt_ends_the_waiting(recorder: RunRecorder, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(still_training, "wait_for_processes", interrupted)
    wait_as_python_does(recorder)
    assert threads_left() == []
