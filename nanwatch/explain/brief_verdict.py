"""The verdict in a few words, for a line that ends in the code and the place to click on."""

from __future__ import annotations

from nanwatch.diagnose.diagnosis import Diagnosis, Outcome
from nanwatch.explain.report import Report
from nanwatch.explain.untrusted import clean
from nanwatch.explain.verdict import VALUES
from nanwatch.record.facts import Location
from nanwatch.record.run_state import RunState

OUTCOMES: dict[Outcome, str] = {
    "non-finite": "NaN or infinite numbers",
    "diverged": "the training diverged",
    "at-chance": "no better than chance",
    "not-learning": "the training did not learn",
    "not-generalizing": "validation never beat guessing",
    "faulty": "the training has a fault",
    "healthy": "no fault found",
    "crashed": "the script ended with an exception",
    "incomplete": "the run did not finish",
    "no-training": "no training was seen",
}
STATES: dict[RunState, str] = {
    "running": "still running, nothing speaks against it so far",
    "interrupted": "interrupted by Ctrl-C",
    "killed": "the run was killed",
}


def brief_verdict(report: Report) -> str:
    """``"NaN at step 70"``, ``"no better than chance"``."""
    incident = report.run.info.incident
    if incident is not None:
        return f"{VALUES[incident.value]} at step {incident.step}"
    if report.diagnoses.outcome == "incomplete" and report.state in STATES:
        return STATES[report.state]
    said = OUTCOMES[report.diagnoses.outcome]
    if report.diagnoses.outcome != "healthy":
        return said
    if not report.is_watched_throughout():
        return "no fault found in what could be watched"
    return f"{said}, but it is in doubt" if report.doubts else said


def first_finding(report: Report) -> Diagnosis | None:
    """The cause to bet on."""
    return next(iter(report.diagnoses.diagnoses), None)


def place_to_look(report: Report) -> Location | None:
    """The line of the cause; else of the op that went bad, or of what the script raised."""
    found = first_finding(report)
    if found is not None and found.location is not None:
        return found.location
    info = report.run.info
    if info.incident is not None and info.incident.op is not None and info.incident.op.location is not None:
        return info.incident.op.location
    return None if info.raised is None else info.raised.location


def code_and_place(report: Report) -> tuple[str, str, str]:
    """The code, the name and the place of the cause; "" for what is not known."""
    found, at = first_finding(report), place_to_look(report)
    place = "" if at is None else clean(report.place(at))
    return ("", "", place) if found is None else (found.code, found.name, place)
