"""The findings as build servers want them: worst first, each with a level and a place."""

from __future__ import annotations

from nanwatch.diagnose.diagnosis import LEVELS, Diagnosis, Level
from nanwatch.explain.report import Report
from nanwatch.explain.trainings import place_words
from nanwatch.explain.untrusted import clean


def annotation_level(diagnosis: Diagnosis) -> Level:
    """Its level; a consequence is no more than a note: it goes away with its cause."""
    return "note" if diagnosis.part == "consequence" else diagnosis.level


def reaches(report: Report, level: Level) -> bool:
    """Whether a finding, and not only what follows from one, is of this level or worse."""
    found = [LEVELS.index(annotation_level(diagnosis)) for diagnosis in report.diagnoses.diagnoses]
    return min(found, default=len(LEVELS)) <= LEVELS.index(level)


def worst_first(report: Report) -> list[Diagnosis]:
    """By level, and within a level as the engine has ordered them."""
    return sorted(report.diagnoses.diagnoses, key=lambda diagnosis: LEVELS.index(annotation_level(diagnosis)))


def title(diagnosis: Diagnosis) -> str:
    return f"{diagnosis.code} {diagnosis.name}"


def message(report: Report, diagnosis: Diagnosis) -> str:
    """What was found, its evidence, and what to change: a line each."""
    lines = [clean(diagnosis.message), *(f"- {clean(text)}" for text in diagnosis.evidence)]
    at = diagnosis.location
    if at is not None and at.cell is not None:  # a place that they have no field for
        lines.insert(1, f"In {clean(report.place(at))}: {clean(at.code)}".rstrip(": "))
    if place := place_words(report, diagnosis.fit, diagnosis.alike):
        lines[0] += f" {place}"
    lines += [f"What to change: {clean(remedy.text)}" for remedy in diagnosis.remedies[:1]]
    causes = [cause.code for cause in report.of_part("cause") if cause.level != "note"]
    if diagnosis.part == "consequence" and causes:
        lines[0] = f"A consequence of {', '.join(dict.fromkeys(causes))}. {lines[0]}"
    return "\n".join(lines)
