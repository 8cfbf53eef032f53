"""The child processes of a script that trained, in words."""

from __future__ import annotations

import shlex

from nanwatch.diagnose.outcome import is_cut_off
from nanwatch.explain.figures import count
from nanwatch.explain.loss_words import end_of_loss
from nanwatch.explain.report import Report
from nanwatch.explain.untrusted import clean
from nanwatch.record.run import Run

MOST_PROCESSES = 8  # that are told of one by one
LONGEST_COMMAND = 60


def process_words(report: Report, part: Run) -> str:
    """``"process 4711"``, with its command where that is not the run's own: a fork's is, and a pool's; of a
    job ``"worker 1"``."""
    if part.info.worker:
        return clean(part.info.worker)
    said = f"process {part.info.pid}"
    if not report.run.is_same_program(part):
        command = shlex.join([report.path(part.info.script), *part.info.argv[1:]])
        said += f" ({clean(command)[:LONGEST_COMMAND]})"
    return said


def in_process(report: Report, fit: int) -> str:
    """``", in process 4711"`` of a training that was not in the script's own process."""
    part = report.run.part_of(fit)
    return "" if part is None else f", in {process_words(report, part)}"


def process_lines(report: Report) -> list[str]:
    """What each child process trained, a sentence each."""
    parts = [part for part in report.run.parts if part.fits]
    lines = [process_line(report, part) for part in parts[:MOST_PROCESSES]]
    rest = parts[MOST_PROCESSES:]
    if rest:
        fits = count(sum(len(part.fits) for part in rest), "training")
        lines.append(f"And {len(rest)} more, with {fits}; --format json lists them.")
    return lines


def process_line(report: Report, part: Run) -> str:
    said = [count(len(part.fits), "training"), count(sum(fit.info.steps for fit in part.fits), "step")]
    if ended := end_of_loss(part.fits[-1]):
        said.append(f"loss {ended.words}")
    if part.info.incident is not None:
        said.append(f"a non-finite number in step {part.info.incident.step}")
    if is_cut_off(part):
        said.append("and no end in its record")
    name = process_words(report, part)
    return f"{name[:1].upper()}{name[1:]}: {', '.join(said)}."
