"""A folder read and told of in every way, in a process of its own that may take so much time and memory."""

from __future__ import annotations

import io
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nanwatch.errors import NanwatchError

CPU_SECONDS = 5
WALL_SECONDS = 60.0  # for a machine that has other work; what waits for ever is a hang
MEMORY = 300 * 2**20  # bytes
KEPT = 4000  # characters of a traceback


@dataclass(frozen=True)
class Outcome:
    """``wrong``: a traceback, or what was taken too much of; None where all is well."""

    wrong: str | None
    said: str = ""  # the sentence, where there was one
    seconds: float = 0.0
    memory: int = 0


def tell(folder: Path) -> str:
    """Every format of the report, the two of `live`, and event files where TensorBoard is there."""
    from nanwatch.explain.as_live import plain_line, render_frame
    from nanwatch.explain.as_live_end import render_end
    from nanwatch.explain.formats import FORMATS, renderer
    from nanwatch.explain.reporting import report_on
    from nanwatch.record.follow import Follower
    from nanwatch.record.read import find_run

    try:
        report = report_on(find_run(folder))
    except NanwatchError as error:
        return str(error)
    failed = [entry for entry in report.diagnoses.rules_not_run if entry.failed]
    for name in FORMATS:
        renderer(name)(report)
    followed = Follower(find_run(folder)).read()
    render_frame(followed)
    plain_line(followed)
    render_end(report, 80, False, True, is_gone=True)
    return f"rules failed: {[*map(str, failed)]}" if failed else ""


def in_a_process(work: Callable[[], str], cpu: int = CPU_SECONDS) -> Outcome:
    """What ``work`` came to in a child that was forked off, and may take so many seconds of ``cpu``."""
    number, writing = os.pipe()
    before = resident()
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        os.close(number)
        os._exit(do(work, writing, cpu))
    os.close(writing)
    said = read_until(number, began + WALL_SECONDS)
    if said is None:
        os.kill(child, signal.SIGKILL)
    _, status, used = os.wait4(child, 0)
    seconds, memory = used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 - before
    code = os.waitstatus_to_exitcode(status)
    text = "" if said is None else said.decode(errors="replace")
    wrong = wrong_of(said, code, text, seconds, memory, cpu)
    return Outcome(wrong, text if code == 0 else "", seconds, memory)


def resident() -> int:
    """Bytes that this process holds, which a child that is forked off begins with."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def wrong_of(said: bytes | None, code: int, text: str, seconds: float, memory: int, cpu: int) -> str | None:
    if said is None:
        return "it hangs"
    if code == -signal.SIGXCPU or seconds > cpu:
        return f"it takes more than {cpu} s of CPU"
    if code:
        return text or f"it ends with {code}"
    return f"it takes {memory / 2**20:.0f} MB" if memory > MEMORY else None


def read_until(number: int, deadline: float) -> bytes | None:
    """All that comes, until the other end is closed; None where that takes too long."""
    import select

    pieces: list[bytes] = []
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([number], [], [], left)[0]:
            break
        piece = os.read(number, 2**16)
        if not piece:
            os.close(number)
            return b"".join(pieces)
        pieces.append(piece)
    os.close(number)
    return None


def do(work: Callable[[], str], writing: int, cpu: int) -> int:
    """In the child: its exit status."""
    resource.setrlimit(resource.RLIMIT_CPU, (cpu + 1, cpu + 2))
    sys.stderr = sys.stdout = io.StringIO()
    try:
        text, status = work(), 0
    except BaseException:  # in a fork, above which the tests go on
        text, status = traceback.format_exc()[-KEPT:], 1
    os.write(writing, text.encode(errors="backslashreplace")[:KEPT])
    os.close(writing)
    return status
