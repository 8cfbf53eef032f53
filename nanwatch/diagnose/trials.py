"""Puts what came of the trials beside the remedies that were tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.record.trials import Trial


def with_trials(finding: Finding, trials: Sequence[Trial]) -> Finding:
    """``finding`` with each remedy's trial, where there was one."""
    return replace(finding, remedies=tuple(with_trial(remedy, trials) for remedy in finding.remedies))


def with_trial(remedy: Remedy, trials: Sequence[Trial]) -> Remedy:
    own = (trial for trial in trials if trial.intervention == remedy.intervention)
    return replace(remedy, trial=next(own, None))
