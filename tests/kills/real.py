"""A training under `nanwatch run` is killed in one of its stages, and its record held to its promise."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from nanwatch.explain import as_json
from nanwatch.explain.reporting import report_of
from nanwatch.record.read import find_run, read_run
from nanwatch.record.run import Run
from tests.kills.script import SCRIPT
from tests.side_by_side import environment
from tests.warm_python import run_warm

MOST_LOST = 1.0  # seconds of steps that a kill may cost
LONGEST = 120.0  # seconds for a stage to begin
SEEN = ("snapshot", "autopsy", "rows", "trials")  # marks that come after an incident was seen


class Stage(NamedTuple):
    """Killed ``within`` so many seconds, at random, from one of the first marks ``after`` on."""

    after: str
    within: float
    marks: int = 1
    epochs: int = 1
    sleep: float = 0.0


STAGES = {
    "start": Stage("pid", 3.0),
    "first trace": Stage("fit", 2.0),
    "steps": Stage("step", 0.05, 300, 100, 0.01),
    "epoch end": Stage("epoch", 0.02, 8, 10),
    "validation": Stage("validation", 0.2, 4, 5),
    "incident": Stage("bad", 0.6),
    "snapshot": Stage("snapshot", 0.05),
    "autopsy": Stage("autopsy", 1.0),
    "guilty rows": Stage("rows", 0.3),
    "trials": Stage("trials", 2.0),
}


@dataclass(frozen=True)
class Outcome:
    """What one kill has left."""

    stage: str
    killed: bool  # not over before
    wrong: str | None = None  # what of the promise was not kept
    lost: float = 0.0  # seconds before the kill of the oldest step that is not in the record


def kill_once(stage: str, folder: Path, chance: random.Random) -> Outcome:
    """Run the script in ``folder``, which is empty, kill it in ``stage``, and read what is there."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "train.py").write_text(SCRIPT)
    wanted = STAGES[stage]
    ended: list[int] = []

    def run() -> None:
        arguments = ["-m", "nanwatch", "run", "train.py", str(wanted.epochs), str(wanted.sleep)]
        ended.append(run_warm(arguments, folder, environment(TF_CPP_MIN_LOG_LEVEL="3")).status)

    process = threading.Thread(target=run)
    process.start()
    mark = chance.randint(1, wanted.marks)
    delay = chance.uniform(0, wanted.within)
    killed_at = kill_after(folder / "progress", wanted.after, mark, delay, process)
    process.join(LONGEST)
    if killed_at is None or ended != [-signal.SIGKILL]:
        return Outcome(stage, False)  # it was over before, or the machine too busy to come that far
    return judged(stage, folder, killed_at)


def kill_after(
    progress: Path, wanted: str, number: int, delay: float, process: threading.Thread
) -> float | None:
    """Kill the process that writes ``progress``, and say when; None where it has ended before."""
    until = time.monotonic() + LONGEST
    while time.monotonic() < until and process.is_alive():
        found = marks_in(progress)
        if sum(name.startswith(wanted) for name, _ in found) >= number:
            time.sleep(delay)
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(found[0][0].removeprefix("pid-")), signal.SIGKILL)
                return time.time()
            return None
        time.sleep(0.001)
    return None


def marks_in(progress: Path) -> list[tuple[str, float]]:
    try:
        lines = progress.read_text().splitlines()
    except FileNotFoundError:
        return []
    return [(line.split()[0], float(line.split()[1])) for line in lines if len(line.split()) == 2]


def judged(stage: str, folder: Path, killed_at: float) -> Outcome:
    marks = marks_in(folder / "progress")
    try:
        run = read_run(find_run(folder / "logs"))
        as_json.render(report_of(run))
    except Exception as error:
        return Outcome(stage, True, f"unreadable: {type(error).__name__}: {error}")
    steps = [moment for name, moment in marks if name == "step"]
    lost = killed_at - steps[recorded] if (recorded := steps_of(run)) < len(steps) else 0.0
    return Outcome(stage, True, wrong_with(run, lost, marks), lost)


def wrong_with(run: Run, lost: float, marks: list[tuple[str, float]]) -> str | None:
    if run.damage:
        return f"damaged: {'; '.join(run.damage)}"
    if lost > MOST_LOST:
        return f"steps of {lost:.2f} s are lost"
    if run.info.incident is None and any(name in SEEN for name, _ in marks):
        return "the incident is lost"
    return None


def steps_of(run: Run) -> int:
    """The steps that the record has, but for the one that was held back, which the script has not counted."""
    return sum(fit.info.steps for fit in run.fits) - (run.info.incident is not None)
