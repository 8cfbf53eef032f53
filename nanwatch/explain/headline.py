"""The headline of a report: made here alone, from the outcome and the findings, for every format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nanwatch.diagnose.diagnosis import LEVELS, Level
from nanwatch.explain.report import Report
from nanwatch.explain.trainings import others_sentence
from nanwatch.explain.verdict import action_sentence, course, interrupted_sentence, raised_sentence, verdict

# well: nothing speaks against the training. open: no fault is named, and something does, or nothing was
# seen. broken: a fault is named, or the outcome is one.
Tone = Literal["well", "open", "broken"]
OPEN_OUTCOMES = ("incomplete", "no-training")


@dataclass(frozen=True)
class Headline:
    """``level`` is that of the worst finding: what the mark is coloured for."""

    tone: Tone
    said: str
    behind: str | None  # what was done at the incident, or how the training went
    level: Level | None


def headline(report: Report) -> Headline:
    incident = report.run.info.incident
    behind = action_sentence(incident) if incident is not None else course(report)
    tone = tone_of(report)
    more = [behind, interrupted_sentence(report), raised_sentence(report)]
    if tone != "well":
        more.insert(1, others_sentence(report))
    said = " ".join(text for text in more if text)
    return Headline(tone, verdict(report), said or None, worst_level(report))


def tone_of(report: Report) -> Tone:
    if worst_level(report) in ("error", "warning"):
        return "broken"
    outcome = report.diagnoses.outcome
    if outcome in OPEN_OUTCOMES or is_unexplained_crash(report) or not report.is_watched_throughout():
        return "open"
    if outcome != "healthy":
        return "broken"
    return "open" if report.doubts else "well"


def is_unexplained_crash(report: Report) -> bool:
    """Whether the script died of an exception of its own: no rule says what it has to do with a training."""
    return report.diagnoses.outcome == "crashed" and worst_level(report) in (None, "note")


def worst_level(report: Report) -> Level | None:
    levels = {diagnosis.level for diagnosis in report.diagnoses.diagnoses}
    return next((level for level in LEVELS if level in levels), None)
