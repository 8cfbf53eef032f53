"""Puts what came of the trials beside the remedies that were tried, and says what should be tried."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.ranking import STANDS_ALONE
from nanwatch.diagnose.skill import lacking_outputs, output_skills, skill_of
from nanwatch.record.run import Fit
from nanwatch.record.trials import Proposal, Trial

# The trial of a suspicion changed one thing, and the training learned: few findings rest on more.
PROVEN = 0.6


def with_trials(finding: Finding, trials: Sequence[Trial]) -> Finding:
    """``finding`` with each remedy's trial, where there was one.

    What cured comes first, and then what did not cure is told no more.
    """
    tried = [with_trial(remedy, finding.fit, trials) for remedy in finding.remedies]
    if any(is_cure(remedy) for remedy in tried):
        tried = [remedy for remedy in tried if remedy.trial is None or is_cure(remedy)]
        tried.sort(key=lambda remedy: not is_cure(remedy))
        tried[0] = replace(tried[0], text=without_or(tried[0].text))
    return replace(finding, remedies=tuple(tried))


def without_or(text: str) -> str:
    """What is said of an alternative, of one that comes first."""
    rest = text.removeprefix("Or ")
    return rest[:1].upper() + rest[1:]


def with_trial(remedy: Remedy, fit: int, trials: Sequence[Trial]) -> Remedy:
    own = (
        trial for trial in trials if trial.intervention == remedy.intervention and trial.fit in (None, fit)
    )
    return replace(remedy, trial=next(own, None))


def is_cure(remedy: Remedy) -> bool:
    return remedy.trial is not None and remedy.trial.verdict == "cured"


def decided(finding: Finding) -> Finding | None:
    """A suspicion as it is said where a trial has borne it out; None where none has."""
    cures = tuple(remedy for remedy in finding.remedies if is_cure(remedy))
    if not cures:
        return None
    together = any(remedy.trial is not None and remedy.trial.beside is not None for remedy in cures)
    strength = max(finding.strength, PROVEN, STANDS_ALONE if together else 0.0)
    return replace(finding, remedies=cures, suspected=False, level="error", strength=strength)


def as_proven(finding: Finding) -> Finding:
    """A finding that was only a warning is the fault where the training learned once that was mended."""
    made_again = any(
        is_cure(remedy) and remedy.trial and remedy.trial.made_again for remedy in finding.remedies
    )
    return replace(finding, level="error") if made_again and finding.level == "warning" else finding


def proposals_of(findings: Iterable[Finding], fit: Fit) -> list[Proposal]:
    """What ``findings`` on ``fit`` would have tried; a general damper after all that has a name."""
    skill = skill_of(fit)
    judged = lacking_outputs(fit) or output_skills(fit)
    outputs = tuple((each.output.path, each.ended) for each in judged if each.output)
    found = [
        Proposal(
            finding.code,
            fit.info.index,
            tuple(remedy.intervention for remedy in finding.remedies),
            finding.suspected,
            all(remedy.general_damper for remedy in finding.remedies),
            None if skill is None else skill.ended,
            outputs,
        )
        for finding in sorted(findings, key=lambda finding: -finding.strength)
        if finding.remedies and (finding.suspected or finding.level != "note")
    ]
    return sorted(found, key=lambda proposal: (proposal.suspected, proposal.damper))  # else as they come
