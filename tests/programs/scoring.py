"""Whether a report names the fault that its script holds, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

# What no more than a note may say: neither the arrays nor the numbers tell whether it is a fault.
NOTES = frozenset({"NW115", "NW509"})


# The rule said it first by itself; it only suspected it, until a trial bore it out; a trial put it first of
# several that were told.
Mechanism = Literal["rule", "suspicion", "re-ranked"]


@dataclass(frozen=True)
class Score:
    """``detected``: among the diagnoses. ``first``: the first of them. ``line``: on its line.

    ``alarms`` are the causes above a note that the script does not hold.
    """

    faulty: bool
    detected: bool
    first: bool
    line: bool
    alarms: tuple[str, ...]
    said: str
    proven: bool = False  # a remedy of the first was tried, and cured
    mechanism: Mechanism | None = None  # what put it first, where it is right

    @property
    def right(self) -> bool:
        return not self.alarms and (not self.faulty or (self.detected and self.first and self.line))


def score(expected: frozenset[tuple[str, int]], report: Mapping[str, Any]) -> Score:
    """``report`` is what ``nanwatch explain --format json`` prints."""
    codes = {code for code, _ in expected}
    loud = [found for found in report["diagnoses"] if found["level"] != "note"]
    causes = [found for found in loud if found["part"] != "consequence"]
    notes = [found for found in report["diagnoses"] if found["code"] in NOTES]
    first = next((found for found in report["diagnoses"][:1] if found["part"] == "cause"), None)
    return Score(
        faulty=bool(expected),
        detected=any(found["code"] in codes for found in [*causes, *notes]),
        first=first is not None and first["code"] in codes,
        line=first is not None and (first["code"], line_of(first)) in expected,
        alarms=tuple(found["code"] for found in causes if found["code"] not in codes),
        proven=first is not None and first["code"] in codes and is_proven(first),
        mechanism=None if first is None or first["code"] not in codes else mechanism(codes, report),
        said=report["run"]["outcome"] + " " + " ".join(in_short(found) for found in report["diagnoses"]),
    )


def mechanism(codes: set[str], report: Mapping[str, Any]) -> Mechanism:
    """What put one of ``codes`` first: ``untried`` are the diagnoses of the same run without its trials."""
    untried = [found for found in report.get("untried", report["diagnoses"]) if found["level"] != "note"]
    if any(found["code"] in codes for found in untried[:1]):
        return "rule"
    return "re-ranked" if any(found["code"] in codes for found in untried) else "suspicion"


def is_proven(diagnosis: Mapping[str, Any]) -> bool:
    trials = [remedy["trial"] for remedy in diagnosis.get("remedies", ()) if remedy["trial"] is not None]
    return any(trial["verdict"] == "cured" for trial in trials)


def line_of(diagnosis: Mapping[str, Any]) -> int | None:
    location = diagnosis["location"]
    return None if location is None else location["line"]


def in_short(diagnosis: Mapping[str, Any]) -> str:
    """``NW201:18`` for a cause, ``+NW105:30`` for a contributing one, in brackets what follows."""
    text = f"{diagnosis['code']}:{line_of(diagnosis)}"
    text = text + " (note)" if diagnosis["level"] == "note" else text
    return {"cause": text, "contributing": "+" + text}.get(diagnosis["part"], f"[{text}]")
