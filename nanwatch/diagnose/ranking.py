"""Parts causes from what plays along and from what merely follows, and puts them in order.

Three things decide: what each finding would explain by itself, when it could first be seen, and
how strong its evidence is. No rule's code is known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from nanwatch.diagnose.diagnosis import Finding, Level, Part
from nanwatch.diagnose.symptoms import with_consequences

# Evidence this strong stands by itself: the finding is a cause even where another one would do.
STANDS_ALONE = 0.85
# What explains the place where the run first went bad outweighs a good deal of fit elsewhere.
HEADLINE_WEIGHT = 0.4
# A trial is the only evidence that changes something and looks: it weighs most, but a general
# damper delays many unrelated faults, and its cure says little about which one it was.
CURED_WEIGHT = 0.5
DAMPED_WEIGHT = 0.1
NOT_CURED_WEIGHT = -0.3
PARTS: tuple[Part, ...] = ("cause", "contributing", "consequence")
LEVEL_ORDER = ("error", "warning", "note")


def assign_parts(
    findings: Sequence[Finding], observed: frozenset[str], headline: str | None
) -> list[Finding]:
    """``findings`` with their parts set, the first the one to bet on.

    A finding of strength 0 is an answer for want of a better one: it goes when a cause is named.
    """
    by_bet = sorted(findings, key=lambda finding: bet_key(finding, observed, headline))
    placed: list[Finding] = []
    causes: list[Finding] = []
    for finding in by_bet:
        part = part_of(finding, by_bet, causes, observed)
        placed.append(replace(finding, part=part, level=level_beside_causes(finding, part, causes)))
        if part == "cause" and finding.level != "note":
            causes.append(finding)
    if any(cause.strength > 0 for cause in causes):
        placed = [finding for finding in placed if finding.strength > 0]
    return order_findings(placed, observed, headline)


def level_beside_causes(finding: Finding, part: Part, causes: Sequence[Finding]) -> Level:
    """What only plays along beside a cause is a note: to mend it alone would change nothing."""
    if part == "contributing" and causes and finding.strength < STANDS_ALONE:
        return "note"
    return finding.level


def order_findings(
    findings: Iterable[Finding], observed: frozenset[str], headline: str | None
) -> list[Finding]:
    """Causes first, then what plays along, then what follows; the best bet first in each."""
    return sorted(
        findings,
        key=lambda finding: (PARTS.index(finding.part), *bet_key(finding, observed, headline)),
    )


def bet_key(
    finding: Finding, observed: frozenset[str], headline: str | None
) -> tuple[bool, float, int, int, str]:
    """Smallest first: notes last; then the bet, the earlier one, the one that explains more."""
    return (
        finding.level == "note",
        -round(bet(finding, headline), 6),
        finding.since,
        -len(finding.explains & observed),
        finding.code,
    )


def bet(finding: Finding, headline: str | None) -> float:
    """How much one would bet on this finding being the cause."""
    explains = HEADLINE_WEIGHT if headline in with_consequences(finding.explains) else 0.0
    return finding.strength + explains + weight_of_trials(finding)


def weight_of_trials(finding: Finding) -> float:
    """What the trials of its remedies add: the best of them counts."""
    weights = []
    for remedy in finding.remedies:
        if remedy.trial is None or remedy.trial.verdict == "not-reproduced":
            continue
        if remedy.trial.at_op and remedy.trial.verdict == "cured":
            continue  # where the number was made it can be kept finite, whatever led there
        if remedy.trial.verdict == "not-cured":
            weights.append(NOT_CURED_WEIGHT)
        else:
            weights.append(DAMPED_WEIGHT if remedy.general_damper else CURED_WEIGHT)
    return max(weights, default=0.0)


def part_of(
    finding: Finding, others: Sequence[Finding], causes: Sequence[Finding], observed: frozenset[str]
) -> Part:
    """The part of ``finding``, given the causes that are a better bet."""
    if finding.part != "cause":
        return finding.part
    if any(brings_about(other, finding) for other in others):
        return "consequence"
    if not causes:
        return "cause"
    if finding.level == "note":
        return "contributing"
    explained = with_consequences(frozenset[str]().union(*(cause.explains for cause in causes)))
    adds = (finding.explains & observed) - explained
    stands = finding.strength >= STANDS_ALONE and bool(finding.explains & observed)
    return "cause" if adds or stands else "contributing"


def brings_about(cause: Finding, finding: Finding) -> bool:
    """Whether ``finding`` is only a sighting of what ``cause`` explains, and came no earlier.

    Of two sightings the stronger one, and at equal strength the earlier, brings about the other.
    """
    if not finding.shows or cause is finding or cause.level == "note" or cause.strength <= 0:
        return False
    if not finding.shows <= with_consequences(cause.explains) or cause.since > finding.since:
        return False
    if not cause.shows:
        return True
    return (cause.strength, -cause.since, finding.code) > (finding.strength, -finding.since, cause.code)
