"""Several threads that train at once: each training is recorded whole, and by its own thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from nanwatch.record.read import read_run
from nanwatch.watch.fit.fit_observer import FitObserver
from tests.watch.keras_seam.test_seams import run_compiled_loop, run_in, small
from tests.watch.model_kinds import table

pytestmark = pytest.mark.tensorflow


def fit(epochs: int) -> None:
    small().fit(table()[:32], table()[:32, :1], batch_size=8, epochs=epochs, verbose=0)


def test_threads_that_train_at_once(tmp_path: Path) -> None:
    """Each sees to its own loop: rows that are fetched by two threads come twice, or not at all."""
    failed: list[BaseException] = []

    def keep(work: Callable[[int], None], times: int) -> None:
        try:
            work(times)
        except BaseException as error:
            failed.append(error)

    with run_in(tmp_path) as recorder:
        works = [
            (run_compiled_loop, 40),
            (run_compiled_loop, 70),
            (run_compiled_loop, 100),
            (fit, 2),
            (fit, 5),
        ]
        threads = [threading.Thread(target=keep, args=work) for work in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failed == []
    run = read_run(recorder.folder)
    assert sorted(fit.info.steps for fit in run.fits) == [8, 20, 40, 70, 100]
    for one in run.fits:
        assert one.steps.total == one.info.steps
        assert [step for step, _ in one.losses()] == list(range(one.info.steps))
        assert one.info.watched > 0
        assert one.info.status == "finished"
    assert run.info.errors == ()


def test_a_loop_is_seen_to_by_its_own_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two that fetch its rows would each count on what the other has taken."""
    first, go_on = threading.Event(), threading.Event()
    seen: list[bool] = []
    see = FitObserver.after_steps

    def after_steps(observer: FitObserver, steps: int) -> None:
        seen.append(observer.thread is threading.current_thread())
        see(observer, steps)
        if threading.current_thread() is not threading.main_thread():
            first.set()
            go_on.wait(60)

    monkeypatch.setattr(FitObserver, "after_steps", after_steps)
    with run_in(tmp_path) as recorder:
        other = threading.Thread(target=run_compiled_loop, args=(5,))
        other.start()
        first.wait(60)
        run_compiled_loop(3)
        go_on.set()
        other.join()
        assert len(seen) >= 7
        assert all(seen)
    assert sorted(one.info.steps for one in read_run(recorder.folder).fits) == [3, 5]
