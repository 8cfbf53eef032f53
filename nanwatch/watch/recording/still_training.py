"""What still trains behind the script's last line: Python waits for it, and so does the record."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from nanwatch.errors import NanwatchError
from nanwatch.record.parts import PREFIX, parts_of
from nanwatch.record.read import read_all_info
from nanwatch.watch.recording.run_recorder import RunRecorder

# Of a child process that has not begun to train: it may be importing TensorFlow, or never mean to.
SECONDS_TO_BEGIN = 20.0
LOOK_EVERY = 0.1  # seconds


def is_anything_left() -> bool:
    """Whether there are threads or processes that Python would wait for next."""
    return not sys.flags.inspect and bool(threads_left() or processes_left())


def wait_as_python_does(recorder: RunRecorder) -> None:
    """Wait for the script's threads, and for processes that train; a Ctrl-C ends the waiting."""
    with contextlib.suppress(KeyboardInterrupt):
        if threads_left():
            join_threads()
        wait_for_processes(recorder)


def threads_left() -> list[threading.Thread]:
    """Threads that are no daemons, besides this one, which must be the main one."""
    here = threading.current_thread()
    if here is not threading.main_thread():
        return []
    return [thread for thread in threading.enumerate() if thread is not here and not thread.daemon]


def join_threads() -> None:
    """What Python does first of all when a script has ended, and does not do twice.

    Threads may wait for the main one to be over, and those of a pool have to be told, before they are joined.
    """
    join: Callable[[], None] = vars(threading)["_shutdown"]
    join()


def processes_left() -> list[Any]:
    """Processes of `multiprocessing` that are no daemons."""
    module = sys.modules.get("multiprocessing.process")
    if module is None:
        return []
    return [process for process in module.active_children() if not process.daemon]


def wait_for_processes(recorder: RunRecorder) -> None:
    """Wait for those that train. Others may be told to end by a hook of the script's that has yet to run."""
    until = time.monotonic() + SECONDS_TO_BEGIN
    while processes := processes_left():
        states = [is_training(recorder, process.pid) for process in processes]
        if True not in states and (None not in states or time.monotonic() > until):
            return
        time.sleep(LOOK_EVERY)


def is_training(recorder: RunRecorder, pid: int) -> bool | None:
    """Whether a child process is within a training; None where it has not begun to train."""
    names = f"{PREFIX}{pid}", f"{PREFIX}{pid}-"
    mine = [
        part
        for part in parts_of(recorder.run_folder)
        if part.name == names[0] or part.name.startswith(names[1])
    ]
    for part in mine[-1:]:
        with contextlib.suppress(NanwatchError):
            return any(fit.status == "running" for fit in read_all_info(part, []).fits)
    return None
