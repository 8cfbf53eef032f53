"""Whether a report names the fault that its script holds, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# What no more than a note may say: neither the arrays nor the numbers tell whether it is a fault.
NOTES = frozenset({"NW115", "NW509"})


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
        said=report["run"]["outcome"] + " " + " ".join(in_short(found) for found in report["diagnoses"]),
    )


def line_of(diagnosis: Mapping[str, Any]) -> int | None:
    location = diagnosis["location"]
    return None if location is None else location["line"]


def in_short(diagnosis: Mapping[str, Any]) -> str:
    """``NW201:18`` for a cause, ``+NW105:30`` for a contributing one, in brackets what follows."""
    text = f"{diagnosis['code']}:{line_of(diagnosis)}"
    text = text + " (note)" if diagnosis["level"] == "note" else text
    return {"cause": text, "contributing": "+" + text}.get(diagnosis["part"], f"[{text}]")
