"""What to type next: only commands that exist."""

from __future__ import annotations

import shlex
from collections.abc import Collection

from nanwatch.explain.report import Report
from nanwatch.explain.untrusted import clean

COMMANDS = frozenset({"run", "explain", "rule"})


def next_commands(report: Report, commands: Collection[str] = COMMANDS) -> list[tuple[str, str]]:
    """(command line, what it is good for), the most useful first."""
    found: list[tuple[str, str]] = []
    folder = "" if report.run.folder is None else " " + shlex.quote(clean(str(report.run.folder)))
    causes = report.of_part("cause")
    if report.run.info.incident is not None and causes and "replay" in commands:
        found.append((f"nanwatch replay{folder}", "tries the remedies on the frozen state"))
    found += [
        (f"nanwatch rule {cause.code}", f"what {cause.name} is, with an example") for cause in causes[:2]
    ]
    if report.diagnoses.outcome in ("incomplete", "no-training") and not causes:
        script = shlex.quote(clean(report.path(report.run.info.script)))
        found.append((f"nanwatch run {script}", "runs the script again under watch"))
    if not found:
        found.append(("nanwatch rule", "lists the faults that were looked for"))
    return [(line, why) for line, why in found if line.split()[1] in commands]
