"""``trials.json``: what came of the interventions that were tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from nanwatch.record import strict_json
from nanwatch.record.interventions import Intervention
from nanwatch.record.tables import from_table, to_table
from nanwatch.record.untrusted_file import read_json

Verdict = Literal["cured", "not-cured", "not-reproduced"]
TRIALS_FILE = "trials.json"
MOST_TRIALS = 1000  # a run tries some ten


@dataclass(frozen=True)
class Proposal:
    """Changes to one training, alternatives to each other in the order in which they are to be tried."""

    code: str  # of the rule whose remedies they are
    fit: int
    interventions: tuple[Intervention, ...]
    suspected: bool = False  # of a hypothesis: it is said only where the trial cures
    damper: bool = False  # it delays many unrelated faults
    ended: float | None = None  # the skill that the training ended with, where that is known
    # Of several outputs those that learned nothing, else all, each with its own: a trial is judged by them.
    outputs: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class TrialOutcome:
    """What some steps came to."""

    finite: bool
    finite_steps: int
    loss: float | None = None  # of the last finite step
    skill: float | None = None  # at the end; 1 - loss / loss of the best constant answer
    raised: str | None = None  # the type of the exception that ended them; then they are not finite either


@dataclass(frozen=True)
class Trial:
    """An intervention tried: the steps as they were, and with the change.

    On the frozen state those are steps on the bad batch; a training that was ``made_again`` began with its
    first weights and went through its own rows.
    """

    intervention: Intervention
    verdict: Verdict
    before: TrialOutcome
    after: TrialOutcome
    steps: int  # that were wanted
    fit: int | None = None  # the training that it is about; None: that of the incident
    made_again: bool = False
    beside: Intervention | None = None  # that was made as well: neither would have cured alone
    output: str | None = None  # whose loss and skill were compared; None: those of the whole
    since: int = 0  # the step whose weights it began with, instead of the first ones
    at_op: bool = False  # the ops of the frozen step, run once more with one changed: no training


def write_trials(folder: Path, trials: Sequence[Trial]) -> None:
    strict_json.replace_file(folder / TRIALS_FILE, {"trials": to_table(trials)})


def read_trials(folder: Path, damage: list[str]) -> list[Trial]:
    """The trials of the run in ``folder``; those that cannot be read are left out, and told in ``damage``."""
    path = folder / TRIALS_FILE
    try:
        tables = trial_tables(read_json(path))
    except FileNotFoundError:
        return []
    except (ValueError, TypeError, OSError) as error:
        damage.append(f"{path.name} could not be read: {error}")
        return []
    trials, wrong = [], []
    for number, table in enumerate(tables):
        try:
            trials.append(from_table(Trial, table))
        except TypeError as error:
            wrong.append(f"trial {number} of {path.name} could not be read: {error}")
    damage += wrong[:1]
    if len(wrong) > 1:
        damage.append(f"{len(wrong) - 1:,} more of {path.name} could not be read either")
    return trials


def trial_tables(table: Any) -> list[Any]:
    """Raises ``TypeError`` where there are none, ``ValueError`` where they are more than were ever tried."""
    found = table.get("trials") if isinstance(table, dict) else None
    if not isinstance(found, list):
        raise TypeError("it has no list of trials")
    if len(found) > MOST_TRIALS:
        raise ValueError(f"it has {len(found):,} trials, and {MOST_TRIALS:,} are the most that there can be")
    return found
