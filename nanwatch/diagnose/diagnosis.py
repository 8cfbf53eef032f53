"""What the diagnosis says: frozen, and nothing but data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nanwatch.record.facts import Location
from nanwatch.record.interventions import Intervention
from nanwatch.record.trials import Proposal, Trial

Part = Literal["cause", "contributing", "consequence"]
Level = Literal["error", "warning", "note"]
Outcome = Literal[
    "non-finite",
    "at-chance",
    "not-learning",
    "diverged",
    "not-generalizing",
    "faulty",  # a fault in a training whose numbers are not, or not yet, those of one
    "healthy",
    "crashed",
    "incomplete",
    "no-training",
]
NO_FIT = -1  # the number of the training that a finding about the script alone is of
LEVELS: tuple[Level, ...] = ("error", "warning", "note")  # worst first


@dataclass(frozen=True)
class Remedy:
    """One change that would mend the fault.

    ``text`` says it to a person. ``line`` is the user's line as it would read afterwards, where
    it is a replacement on one line; ``location`` is that line.
    """

    intervention: Intervention
    text: str
    line: str | None = None
    location: Location | None = None
    general_damper: bool = False  # delays many unrelated faults (lower rate, clipping, eps)
    trial: Trial | None = None


@dataclass(frozen=True)
class Finding:
    """What one rule saw. The engine parts findings into causes and consequences.

    ``strength`` in [0, 1]: 1 where the evidence leaves no doubt (a non-finite op seen in the
    autopsy and the layer that feeds it), 0.5 where it fits but something else could do it.
    ``explains`` names the symptoms (`nanwatch.diagnose.symptoms`) that this fault brings about by
    itself. ``shows`` names those of which the finding is no more than a sighting: where an
    earlier fault explains them, the finding is its consequence. Empty for a fault of the script
    or of its data.
    ``since`` is the step at which the fault could first be seen (0: from the beginning).
    """

    code: str
    name: str
    level: Level
    message: str
    evidence: tuple[str, ...] = ()
    location: Location | None = None
    layer: str | None = None
    remedies: tuple[Remedy, ...] = ()
    part: Part = "cause"
    strength: float = 0.5
    explains: frozenset[str] = frozenset()
    since: int = 0
    fit: int = 0
    shows: frozenset[str] = frozenset()
    suspected: bool = False  # a hypothesis: to be said only where the trial of a remedy cures
    certain: bool = False  # from the model and its data alone, whatever the numbers show so far
    alike: int = 0  # other trainings in which the same was found


@dataclass(frozen=True)
class Diagnosis:
    """A finding in its place."""

    code: str
    name: str
    part: Part
    level: Level
    message: str
    evidence: tuple[str, ...] = ()
    location: Location | None = None
    layer: str | None = None
    remedies: tuple[Remedy, ...] = ()
    fit: int = 0
    alike: int = 0  # other trainings in which the same was found


@dataclass(frozen=True)
class RuleNotRun:
    """A rule that could not judge a fit: ``reason`` is "the inputs were not seen", say."""

    code: str
    reason: str
    failed: bool = False  # it raised an error


@dataclass(frozen=True)
class Diagnoses:
    """The engine's answer for a run: ``diagnoses[0]`` is the cause we would bet on."""

    outcome: Outcome
    diagnoses: tuple[Diagnosis, ...] = ()
    rules_not_run: tuple[RuleNotRun, ...] = ()
    hypotheses: tuple[Finding, ...] = ()  # suspicions that no trial has borne out; never shown
    proposals: tuple[Proposal, ...] = ()  # what trials may decide, the best bet first
    outcomes: tuple[tuple[int, Outcome], ...] = ()  # of each fit, by its number
    accepted: tuple[str, ...] = ()  # findings that are left out, and why: "NW203 ... (in the baseline)"
