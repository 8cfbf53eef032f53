"""What to type next: only commands that exist."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Collection
from pathlib import Path

from nanwatch.explain.report import Report
from nanwatch.explain.untrusted import clean
from nanwatch.record.backends import other_backend
from nanwatch.record.notes import (
    IncidentNote,
    LayersOnly,
    LeftOutOfSnapshot,
    NotRepeatable,
    OtherBackend,
    ReplayRaised,
)

UNEXPLAINED = "NW900"  # a place where something showed, and nothing to mend there
COMMANDS = frozenset({"run", "explain", "rule"})


def next_commands(report: Report, commands: Collection[str] = COMMANDS) -> list[tuple[str, str]]:
    """(command line, what it is good for), the most useful first."""
    found: list[tuple[str, str]] = []
    causes = [cause for cause in report.of_part("cause") if cause.level != "note"]
    if report.state == "running":
        found.append((f"nanwatch live {shlex.quote(folder_here(report))}", "follows it until it ends"))
        return [(line, why) for line, why in found if command_of(line) in commands]
    folder = "" if report.run.folder is None else " " + shlex.quote(folder_here(report))
    if causes and can_be_brought_back(report):
        found.append((f"nanwatch replay{folder}", "repeats the step from its snapshot"))
    if can_be_proven(report):
        found.append((f"nanwatch prove{folder}", "tries possible fixes, and takes its time"))
    found += [
        (f"nanwatch rule {cause.code}", f"what {cause.name} is, with an example") for cause in causes[:2]
    ]
    again = run_again(report)
    if report.run.info.halt_caught and (going_on := run_again(report, "--on-incident stop")):
        why = "lets fit end by itself: the script caught nanwatch.TrainingHalted and went on"
        found.append((going_on, why))
    at = causes[0].location if causes else None
    if again and at is not None and causes[0].code != UNEXPLAINED:
        place = clean(report.place(at))
        found.append((again, f"again, once {place} is fixed ({causes[0].code})"))
    elif again and report.diagnoses.outcome == "incomplete" and report.is_watched_throughout():
        found.append((again, "runs the script again under watch"))
    elif again and has_other_backend(report):
        found.append((f"KERAS_BACKEND=tensorflow {again}", "runs it on the backend that is watched"))
    if not found:
        found.append(("nanwatch rule", "lists the faults that were looked for"))
    return [(line, why) for line, why in found if command_of(line) in commands]


def folder_here(report: Report) -> str:
    """The run's folder as it is typed where the reader stands."""
    folder = report.run.folder
    if folder is None:
        return ""
    with contextlib.suppress(OSError):  # the working directory may be gone
        if folder.is_absolute() and folder.is_relative_to(Path.cwd()):
            return clean(str(folder.relative_to(Path.cwd())))
    return clean(str(folder))


def next_command(report: Report, commands: Collection[str] = COMMANDS) -> str | None:
    """The one to type next: what is not tried yet, then the script again, once its line is changed."""
    found = [line for line, _ in next_commands(report, commands)]
    wanted = ("live", "prove", "run", "replay", "rule")
    of_kind = {command_of(line): line for line in reversed(found)}
    return next((of_kind[name] for name in wanted if name in of_kind), None)


def can_be_brought_back(report: Report) -> bool:
    """Whether the step of the incident was frozen whole, in a script that can be run again up to it."""
    incident = report.run.info.incident
    if incident is None or not incident.frozen or incident.reproduced is False:
        return False
    fit = report.run.fit_of_incident()
    in_python = fit is not None and fit.info.kind != "tape"
    if not incident.step_held and (not in_python or any(map(is_in_the_way, incident.notes))):
        return False
    part = report.run.part_of_incident()
    info = report.run.info if part is None else part.info
    is_there = os.path.isfile(os.path.join(info.cwd, info.script))
    return is_there and (part is None or not report.run.is_same_program(part))


def can_be_proven(report: Report) -> bool:
    """Whether something was not tried that could be, in a training that can be made again."""
    info = report.run.info
    if other_backend(info) is not None:
        return False
    tried = {trial.intervention for trial in report.run.trials}
    left = [each for each in report.diagnoses.proposals if tried.isdisjoint(each.interventions)]
    cured = any(trial.verdict == "cured" for trial in report.run.trials)
    cut_off = report.diagnoses.outcome == "incomplete"  # that it came to little says little
    if not left or cured or cut_off or report.run.part_of(left[0].fit) is not None:
        return False
    fit = next((fit for fit in report.run.fits if fit.info.index == left[0].fit), None)
    alone = fit is not None and fit.info.kind != "tape" and not fit.model.custom_train_step
    return alone and os.path.isfile(os.path.join(info.cwd, info.script))


def is_in_the_way(note: IncidentNote) -> bool:
    """Whether what it tells of keeps a step from being repeated."""
    return isinstance(note, NotRepeatable | LayersOnly | ReplayRaised | LeftOutOfSnapshot)


def command_of(line: str) -> str:
    """``"run"`` of ``"NAME=value nanwatch run train.py"``."""
    return line.partition("nanwatch ")[2].split()[0]


def has_other_backend(report: Report) -> bool:
    """Whether nothing was watched because Keras did not run on TensorFlow."""
    if report.diagnoses.outcome != "no-training":
        return False
    return any(isinstance(note, OtherBackend) for note in report.run.info.not_watched)


def run_again(report: Report, *options: str) -> str | None:
    """The command that made this run; None where there is no script to be run (a notebook, a module)."""
    info = report.run.info
    if not os.path.isfile(os.path.join(info.cwd, info.script)):
        return None
    options = ("--keras 2", *options) if info.keras_2 else options
    script = shlex.join(clean(part) for part in (report.path(info.script), *info.argv[1:]))
    return " ".join(["nanwatch run", *options, script])
