"""The report as JSON, for other programs: a contract.

History of the format:

* 1: ``run``, ``incident``, ``diagnoses``, ``cost``; later ``held_back`` and ``accepted`` in ``cost``,
  ``replica`` and ``finite_after`` in ``incident``; then ``processes`` in ``run``, and ``process`` in
  ``incident`` and in each of ``diagnoses``; then ``models`` in ``run``; then ``skill`` in ``before`` and
  ``after`` of a ``trial``, and ``made_again`` and ``beside`` in it; then ``raised`` beside ``skill``, and
  ``at_op`` in a ``trial``; then ``output`` and ``since`` in it; then ``state`` in ``run``; and ``against``,
  where the run is compared with another.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from nanwatch.diagnose.diagnosis import Diagnosis, Remedy
from nanwatch.explain.comparison import compare
from nanwatch.explain.report import Report
from nanwatch.explain.untrusted import escape_hidden
from nanwatch.record import strict_json
from nanwatch.record.facts import Location, ModelInfo, OpInfo
from nanwatch.record.run import Run
from nanwatch.record.tables import to_table
from nanwatch.record.trials import Trial

FORMAT = 1


def render(report: Report) -> str:
    """The report as strict JSON: a NaN is null, with ``"<key>_nonfinite": "nan"`` beside it."""
    table: dict[str, Any] = {
        "format": FORMAT,
        "run": run_table(report),
        "incident": incident_table(report),
        "diagnoses": [diagnosis_table(report, diagnosis) for diagnosis in report.diagnoses.diagnoses],
        "cost": {
            "step_overhead": report.step_overhead(),
            "watched": report.num_watchpoints(),
            "not_watched": [*report.not_watched(), *report.kept_in_short()],
            "rules_not_run": [f"{entry.code}: {entry.reason}" for entry in report.diagnoses.rules_not_run],
            "held_back": report.held_back(),
            "accepted": list(report.diagnoses.accepted),
        },
    }
    if report.against is not None:
        table["against"] = against_table(report, report.against)
    return escape_hidden(strict_json.dumps(table, indent=2)) + "\n"


def against_table(report: Report, other: Report) -> dict[str, Any]:
    """What was changed since ``other``, and what came of it."""
    found = compare(report, other)
    return {
        "folder": other.folder(),
        "outcome": other.diagnoses.outcome,
        "said": found.said,
        "gone": [each.code for each in found.gone],
        "still": [each.code for each in found.still],
        "new": [each.code for each in found.new],
        "script": [line._asdict() for line in found.script],
        "model": [change._asdict() for change in found.model],
        "settings": [change._asdict() for change in found.settings],
        "numbers": [change._asdict() for change in found.numbers],
    }


def run_table(report: Report) -> dict[str, Any]:
    info = report.run.info
    return {
        "folder": report.folder(),
        "script": report.path(info.script),
        "argv": list(info.argv),
        "status": info.status,
        "state": report.state,
        "steps": report.steps(),
        "epochs": report.epochs(),
        "versions": dict(info.versions),
        "outcome": report.diagnoses.outcome,
        "models": [model_table(model) for model in info.models],
        "processes": [process_table(report, part) for part in report.run.parts],
    }


def model_table(model: ModelInfo) -> dict[str, Any]:
    """A model by Keras's name, which begins its paths, and by what the script calls it."""
    return {"name": model.name, "called": model.called or None, "type": model.type}


def process_table(report: Report, part: Run) -> dict[str, Any]:
    """A child process that trained; its trainings are counted in the run's steps and epochs, too."""
    info = part.info
    return {
        "pid": info.pid,
        "folder": None if part.folder is None else report.path(part.folder.absolute()),
        "script": report.path(info.script),
        "argv": list(info.argv),
        "status": info.status,
        "trainings": len(part.fits),
        "steps": sum(fit.info.steps for fit in part.fits),
        "epochs": sum(fit.info.epochs for fit in part.fits),
    }


def process_of(report: Report, fit: int) -> int | None:
    """The number of the child process of a training; None for the script's own."""
    part = report.run.part_of(fit)
    return None if part is None else part.info.pid


def incident_table(report: Report) -> dict[str, Any] | None:
    incident = report.run.info.incident
    if incident is None:
        return None
    return {
        "step": incident.step,
        "epoch": incident.epoch,
        "role": incident.role,
        "path": incident.path,
        "replica": incident.replica,
        "finite_after": incident.finite_after,
        "process": process_of(report, incident.fit),
        "op": None if incident.op is None else op_table(report, incident.op),
    }


def op_table(report: Report, op: OpInfo) -> dict[str, Any]:
    at = op.location
    return {
        "type": op.type,
        "direction": op.direction,
        "file": None if at is None else file_of(report, at),
        "line": None if at is None else at.line,
        "code": None if at is None else at.code,
        "cell": None if at is None else cell_of(at),
    }


def file_of(report: Report, at: Location) -> str | None:
    """None in a notebook: no file holds the line."""
    return report.path(at.file) if at.cell is None else None


def cell_of(at: Location) -> int | None:
    """What the notebook counts the cell by, 0 where that is not known; None of a line in a file."""
    return None if at.cell is None else at.cell.number


def diagnosis_table(report: Report, diagnosis: Diagnosis) -> dict[str, Any]:
    return {
        "code": diagnosis.code,
        "name": diagnosis.name,
        "part": diagnosis.part,
        "level": diagnosis.level,
        "message": diagnosis.message,
        "evidence": list(diagnosis.evidence),
        "location": location_table(report, diagnosis),
        "remedies": [remedy_table(remedy) for remedy in diagnosis.remedies],
        "process": process_of(report, diagnosis.fit),
    }


def location_table(report: Report, diagnosis: Diagnosis) -> dict[str, Any] | None:
    at = diagnosis.location
    if at is None:
        return None
    return {
        "file": file_of(report, at),
        "line": at.line,
        "code": at.code,
        "layer": diagnosis.layer,
        "cell": cell_of(at),
    }


def remedy_table(remedy: Remedy) -> dict[str, Any]:
    return {
        "kind": remedy.intervention.kind.value,
        "target": remedy.intervention.target,
        "value": to_table(remedy.intervention.value),
        "text": remedy.text,
        "trial": None if remedy.trial is None else trial_table(remedy.trial),
    }


def trial_table(trial: Trial) -> dict[str, Any]:
    return {
        "verdict": trial.verdict,
        "before": asdict(trial.before),
        "after": asdict(trial.after),
        "steps": trial.steps,
        "made_again": trial.made_again,
        "at_op": trial.at_op,
        "output": trial.output,
        "since": trial.since,
        "beside": None if trial.beside is None else to_table(trial.beside),
    }
