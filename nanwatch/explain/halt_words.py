"""The message of the exception that halts a training: what is at fault, in which line, and what to change."""

from __future__ import annotations

from nanwatch.explain.brief_verdict import first_finding, place_to_look
from nanwatch.explain.report import Report
from nanwatch.explain.sentences import remedy_sentence
from nanwatch.explain.terminal_short import best_remedy
from nanwatch.explain.untrusted import clean


def halt_words(report: Report, what: str) -> str:
    """``what`` happened, and what the rules say to it; a line each."""
    lines = [f"{clean(what)}; the training was halted there."]
    found, at = first_finding(report), place_to_look(report)
    if found is not None:
        lines.append(f"Cause: {found.code} {found.name}: {clean(found.message)}")
    if at is not None:
        lines.append(f"Line: {clean(report.place(at))}: {clean(at.code).strip()}")
    remedy = None if found is None else best_remedy(found)
    if remedy is not None:
        lines.append(f"Fix: {remedy_sentence(remedy)}")
        if remedy.line is not None:
            lines.append(f"     {clean(remedy.line).strip()}")
    if report.run.folder is not None:
        lines.append(f"The record is in {clean(str(report.run.folder))}")
    return "\n".join(lines)
