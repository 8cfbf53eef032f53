"""Puts what came of the trials beside the remedies that were tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, get_args

from nanwatch.diagnose.diagnosis import Finding, Remedy, Trial, Verdict


def with_trials(finding: Finding, trials: Sequence[Mapping[str, Any]]) -> Finding:
    """``finding`` with each remedy's trial, where there was one."""
    return replace(finding, remedies=tuple(with_trial(remedy, trials) for remedy in finding.remedies))


def with_trial(remedy: Remedy, trials: Sequence[Mapping[str, Any]]) -> Remedy:
    for trial in trials:
        if (trial.get("kind"), trial.get("target"), trial.get("value")) != identity(remedy):
            continue
        if trial.get("verdict") in get_args(Verdict):
            return replace(remedy, trial=trial_of(trial))
    return remedy


def identity(remedy: Remedy) -> tuple[str, str, Any]:
    """What a trial and a remedy have in common; a tuple comes back from JSON as a list."""
    value = list(remedy.value) if isinstance(remedy.value, tuple) else remedy.value
    return remedy.kind, remedy.target, value


def trial_of(table: Mapping[str, Any]) -> Trial:
    return Trial(
        table["verdict"],
        dict(table.get("before") or {}),
        dict(table.get("after") or {}),
        int(table.get("steps") or 0),
    )
