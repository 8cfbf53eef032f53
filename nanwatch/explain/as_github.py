"""The findings as GitHub's workflow commands: annotations at the guilty lines.

History of the format:

* 1: ``error``, ``warning`` and ``notice``, worst first, at most as many as GitHub shows.
"""

from __future__ import annotations

from nanwatch.diagnose.diagnosis import Diagnosis, Level
from nanwatch.explain.annotated import annotation_level, message, title, worst_first
from nanwatch.explain.caret import file_columns
from nanwatch.explain.report import Report
from nanwatch.explain.untrusted import clean

MOST = 10  # annotations that GitHub shows for one step of a job; it drops the rest without a word
COMMANDS: dict[Level, str] = {"error": "error", "warning": "warning", "note": "notice"}


def render(report: Report) -> str:
    """A line for each finding, worst first; a last line in plain words where some had no room."""
    found = worst_first(report)
    lines = [annotation(report, diagnosis) for diagnosis in found[:MOST]]
    if len(found) > MOST:
        rest = ", ".join(diagnosis.code for diagnosis in found[MOST:])
        lines.append(f"nanwatch: {len(found) - MOST} more without an annotation: {rest}")
    return "".join(f"{line}\n" for line in lines)


def annotation(report: Report, diagnosis: Diagnosis) -> str:
    at = diagnosis.location
    properties: dict[str, str] = {}
    if at is not None and at.cell is None:
        properties["file"] = clean(report.project_path(at.file))
        if at.line > 0:
            properties["line"] = str(at.line)
            part = file_columns(report.run, diagnosis)
            if part is not None:
                properties |= {"col": str(part[0]), "endColumn": str(part[1])}
    properties["title"] = clean(title(diagnosis))
    said = ",".join(f"{name}={escape_property(value)}" for name, value in properties.items())
    return f"::{COMMANDS[annotation_level(diagnosis)]} {said}::{escape_message(message(report, diagnosis))}"


def escape_message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escape_property(text: str) -> str:
    return escape_message(text).replace(":", "%3A").replace(",", "%2C")
