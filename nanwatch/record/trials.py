"""``trials.json``: what came of the interventions that were tried on the frozen state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nanwatch.record import strict_json
from nanwatch.record.interventions import Intervention
from nanwatch.record.tables import from_table, to_table

Verdict = Literal["cured", "not-cured", "not-reproduced"]
TRIALS_FILE = "trials.json"


@dataclass(frozen=True)
class TrialOutcome:
    """What some steps on the bad batch came to."""

    finite: bool
    finite_steps: int
    loss: float | None = None  # of the last finite step


@dataclass(frozen=True)
class Trial:
    """An intervention tried on the frozen state: the steps as they were, and with the change."""

    intervention: Intervention
    verdict: Verdict
    before: TrialOutcome
    after: TrialOutcome
    steps: int  # that were wanted


def write_trials(folder: Path, trials: Sequence[Trial]) -> None:
    strict_json.replace_file(folder / TRIALS_FILE, {"trials": to_table(trials)})


def read_trials(folder: Path, damage: list[str]) -> list[Trial]:
    """The trials of the run in ``folder``; one that cannot be read is left out, and named in ``damage``."""
    path = folder / TRIALS_FILE
    if not path.exists():
        return []
    try:
        tables = list(strict_json.loads(path.read_bytes())["trials"])
    except (ValueError, KeyError, TypeError, OSError, RecursionError) as error:
        damage.append(f"{path.name} could not be read: {error}")
        return []
    trials = []
    for number, table in enumerate(tables):
        try:
            trials.append(from_table(Trial, table))
        except TypeError as error:
            damage.append(f"trial {number} of {path.name} could not be read: {error}")
    return trials
