"""The records of a script's child processes and threads: none is lost, and none damages another's."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nanwatch.record.events import FitBegin, Warned
from nanwatch.record.facts import FitInfo, IncidentInfo, ModelInfo
from nanwatch.record.notes import OtherKeras
from nanwatch.record.read import read_run
from nanwatch.watch.keras_seam import patches
from nanwatch.watch.keras_seam.patches import Patches
from nanwatch.watch.launch.script import Ending
from nanwatch.watch.recording.child_process import follow_forks
from nanwatch.watch.recording.run_recorder import RunRecorder
from nanwatch.watch.recording.series_writer import open_series
from nanwatch.watch.watched_run import end_record

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")

MODEL = ModelInfo("m", "Sequential")


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[RunRecorder]:
    made = RunRecorder(tmp_path, "train.py", ("train.py",))
    follow_forks(made)
    yield made
    made.end("finished", 0)


def in_a_fork(work: Callable[[], object]) -> int:
    """The status, or the signal below 0, with which a forked process that does ``work`` has ended."""
    child = os.fork()
    if not child:
        status = 70
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def record_fit(recorder: RunRecorder, steps: int = 3, ends: bool = True) -> int:
    """One fit, recorded as an observer does."""
    info = FitInfo(0, steps=steps)
    number = recorder.add_fit(MODEL, info, lambda: info)
    series = open_series(recorder.writer, number, "steps", ["loss||value"])
    series.add_all(np.column_stack([np.arange(steps), np.ones(steps)]).astype(np.float64))
    recorder.add_event(FitBegin(number))
    recorder.save()
    if ends:
        series.close()
        recorder.end_fit(number, replace(info, status="finished"))
    return number


def test_a_fork_has_a_part_of_its_own(recorder: RunRecorder) -> None:
    record_fit(recorder)
    before = {path.name: path.read_bytes() for path in recorder.folder.iterdir()}
    assert in_a_fork(lambda: record_fit(recorder, 5)) == 0
    assert {path.name: path.read_bytes() for path in recorder.folder.iterdir() if path.is_file()} == before
    record_fit(recorder, 7)
    run = read_run(recorder.folder)
    assert [(fit.info.steps, fit.steps.total, len(fit.events)) for fit in run.fits] == [
        (3, 3, 2),
        (7, 7, 2),
        (5, 5, 2),
    ]
    (part,) = run.parts
    assert part.folder is not None
    assert part.folder.name == f"part-{part.info.pid}"
    assert run.damage == []


def test_a_fork_that_trains_nothing_leaves_nothing(recorder: RunRecorder) -> None:
    def work() -> None:
        recorder.add_event(Warned(0, "it may rain"))
        recorder.save()
        recorder.end_part()

    assert in_a_fork(work) == 0
    assert read_run(recorder.folder).parts == ()
    names = {path.name for path in recorder.folder.iterdir()}
    assert names - {"sources.json"} == {"events.jsonl", "run.json"}  # lines of other tests may be held


def test_what_a_fork_was_told_before_it_trained_is_kept(recorder: RunRecorder) -> None:
    def work() -> None:
        recorder.add_event(Warned(0, "it may rain"))
        record_fit(recorder)

    assert in_a_fork(work) == 0
    assert read_run(recorder.folder).fits[0].warnings() == ["it may rain"]


def test_what_is_not_watched_in_a_fork_is_told_without_a_training(recorder: RunRecorder) -> None:
    assert in_a_fork(lambda: recorder.note_not_watched(OtherKeras())) == 0
    assert read_run(recorder.folder).info.not_watched == (OtherKeras(),)


def test_a_fork_that_is_killed_leaves_a_part_that_can_be_read(recorder: RunRecorder) -> None:
    def work() -> None:
        record_fit(recorder)
        record_fit(recorder, 9, ends=False)
        os.kill(os.getpid(), signal.SIGKILL)

    assert in_a_fork(work) == -signal.SIGKILL
    run = read_run(recorder.folder)
    assert run.damage == []
    assert [(fit.info.status, fit.info.steps, fit.steps.total) for fit in run.fits] == [
        ("finished", 3, 3),
        ("running", 9, 9),
    ]


def test_a_fork_within_a_training_leaves_that_to_its_parent(recorder: RunRecorder) -> None:
    class Open:
        left = False

        def drain(self) -> None: ...

        def end(self, status: object) -> None:
            raise AssertionError

        def leave_to_parent(self) -> None:
            self.left = True

    held = Open()
    number = record_fit(recorder, ends=False)
    recorder.open_fits[number] = held

    def work() -> None:
        assert held.left
        assert recorder.running == {}
        assert record_fit(recorder, 5) == 0
        recorder.end_part()

    assert in_a_fork(work) == 0
    assert not held.left
    assert [fit.info.status for fit in read_run(recorder.folder).fits] == ["running", "finished"]
    del recorder.open_fits[number]


def test_a_lock_that_another_thread_holds_is_not_held_in_a_fork(recorder: RunRecorder) -> None:
    held, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        with recorder.lock, patches.LOCK:
            held.set()
            go_on.wait(60)

    def work() -> None:
        signal.alarm(10)
        record_fit(recorder)
        with Patches() as some:
            some.set(threading, "a_name_of_the_test", 1)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(60)
    assert in_a_fork(work) == 0
    go_on.set()
    holder.join()
    assert len(read_run(recorder.folder).parts) == 1


def test_a_fork_of_a_fork_is_a_part_of_the_same_run(recorder: RunRecorder) -> None:
    def work() -> None:
        record_fit(recorder, 5)
        assert in_a_fork(lambda: record_fit(recorder, 6)) == 0
        record_fit(recorder, 7)

    assert in_a_fork(work) == 0
    run = read_run(recorder.folder)
    assert sorted([fit.info.steps for fit in part.fits] for part in run.parts) == [[5, 7], [6]]


def test_a_fork_that_comes_to_the_end_of_the_script(recorder: RunRecorder) -> None:
    def work() -> None:
        record_fit(recorder)
        recorder.halted = True
        watched = end_record(recorder, Ending(4, 4))
        assert (watched.exit_status, watched.is_recorded) == (4, False)

    assert in_a_fork(work) == 0
    assert [part.info.status for part in read_run(recorder.folder).parts] == ["halted"]


@pytest.mark.parametrize(("action", "status"), [("raise", 3), ("stop", 3), ("continue", 0)])
def test_the_status_tells_of_a_training_that_was_halted_in_a_fork(
    recorder: RunRecorder, action: str, status: int
) -> None:
    def work() -> None:
        record_fit(recorder)
        recorder.add_incident(IncidentInfo(0, 2, 0, "loss", action=action))  # type: ignore[arg-type]

    assert in_a_fork(work) == 0
    watched = end_record(recorder, Ending(0))
    assert (watched.exit_status, watched.is_recorded) == (status, True)
    assert read_run(recorder.folder).info.status == ("halted" if status else "finished")


def test_without_a_folder_to_write_to_the_fork_goes_on(recorder: RunRecorder) -> None:
    def work() -> None:
        recorder.log_dir = recorder.log_dir / "gone"
        recorder.note_not_watched(OtherKeras())
        recorder.save()
        recorder.end_part()

    assert in_a_fork(work) == 0
    assert read_run(recorder.folder).parts == ()


def test_threads_that_train_at_once_lose_no_fit(recorder: RunRecorder) -> None:
    numbers: list[int] = []
    start = threading.Barrier(6)

    def work(thread: int) -> None:
        start.wait()
        numbers.extend(record_fit(recorder, 10 * thread + turn + 1) for turn in range(4))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(24))
    run = read_run(recorder.folder)
    assert sorted(fit.info.steps for fit in run.fits) == sorted(
        10 * thread + turn + 1 for thread in range(6) for turn in range(4)
    )
    assert [fit.steps.total for fit in run.fits] == [fit.info.steps for fit in run.fits]
    assert {fit.info.status for fit in run.fits} == {"finished"}
    assert run.info.errors == ()
