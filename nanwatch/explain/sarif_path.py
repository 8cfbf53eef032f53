"""The path of the NaN through the bad step, as SARIF's code flow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from nanwatch.diagnose.diagnosis import Diagnosis
from nanwatch.explain.report import Report
from nanwatch.explain.sentences import op_facts, op_sentence
from nanwatch.explain.untrusted import clean
from nanwatch.explain.verdict import NAMED, PLACES
from nanwatch.record.facts import IncidentInfo, Location, OpInfo, SpreadEntry
from nanwatch.record.run import Fit

LocationMaker = Callable[[Report, Location | None, str | None], dict[str, Any]]


def code_flows(report: Report, diagnosis: Diagnosis, place: LocationMaker) -> list[dict[str, Any]]:
    """The step's op and the places that went bad after it, for a cause of the incident."""
    incident = report.run.info.incident
    if incident is None or diagnosis.part != "cause" or diagnosis.level == "note":
        return []
    fit = report.run.fit_of_incident()
    if diagnosis.fit != incident.fit or fit is None:
        return []
    steps = list(flow_steps(report, fit, incident, place))
    if not steps:
        return []
    for number, step in enumerate(steps):
        step["executionOrder"] = number + 1
    said = f"How the NaN spread at step {incident.step}."
    return [{"message": {"text": said}, "threadFlows": [{"id": f"step {incident.step}", "locations": steps}]}]


def flow_steps(
    report: Report, fit: Fit, incident: IncidentInfo, place: LocationMaker
) -> Iterator[dict[str, Any]]:
    if incident.op is not None:
        yield flow_step(
            place(report, op_location(fit, incident.op), incident.op.layer),
            report.names.say(op_words(incident.op)),
            True,
        )
    for entry in incident.spread:
        layer = layer_of_entry(fit, entry)
        found = fit.layer(layer)
        known = None if found is None else found.location
        yield flow_step(
            place(report, known or fit.info.location, layer), entry_words(report, entry), entry.first
        )


def flow_step(location: dict[str, Any], said: str, essential: bool) -> dict[str, Any]:
    return {
        "location": {**location, "message": {"text": said}},
        "importance": "essential" if essential else "important",
    }


def op_location(fit: Fit, op: OpInfo) -> Location | None:
    found = fit.layer(op.layer)
    return op.location or (None if found is None else found.location) or fit.info.location


def op_words(op: OpInfo) -> str:
    return " ".join([op_sentence(op), *(f"{text.rstrip('.')}." for text in op_facts(op))])


def layer_of_entry(fit: Fit, entry: SpreadEntry) -> str | None:
    """The layer an entry belongs to: its own path, or that of the variable's owner."""
    if fit.layer(entry.path) is not None:
        return entry.path
    owner = next((weight.layer for weight in fit.model.weights if weight.path == entry.path), "")
    return owner or next((layer.path for layer in fit.model.layers if entry.path in layer.weights), None)


def entry_words(report: Report, entry: SpreadEntry) -> str:
    named = f" {clean(report.names.path(entry.path))}" if entry.role in NAMED and entry.path else ""
    said = f"{PLACES.get(entry.role, f'The {entry.role}')}{named}"
    return f"{said}: {entry.num_bad:,} of {entry.size:,} not finite."
