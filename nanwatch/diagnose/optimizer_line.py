"""The rates of a training, and the line that makes the optimizer, with another rate."""

from __future__ import annotations

from nanwatch.diagnose.diagnosis import Remedy
from nanwatch.diagnose.patch import set_argument
from nanwatch.record.facts import Location, OptimizerInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit


def rates_of(fit: Fit) -> list[float]:
    """The rates of the steps kept; the one it was made with where none was recorded."""
    rates = [rate for _, rate in fit.steps.values("learning_rate")]
    if rates or fit.model.optimizer is None or fit.model.optimizer.learning_rate is None:
        return rates
    return [fit.model.optimizer.learning_rate]


def rate_remedy(fit: Fit, rate: float) -> Remedy:
    """Give the optimizer the learning rate ``rate``; a lower one is a damper of many faults."""
    optimizer = fit.model.optimizer
    at = (optimizer.location if optimizer else None) or fit.model.compile_location
    was = optimizer.learning_rate if optimizer is not None else None
    raised = was is not None and rate > was
    text = f"{'Raise' if raised else 'Lower'} the learning rate to {rate:g}."
    line = rewrite_rate(optimizer, at, rate) if optimizer is not None and at is not None else None
    return Remedy(
        Intervention(InterventionKind.SET_LEARNING_RATE, "optimizer", rate),
        text,
        line,
        at,
        general_damper=not raised,
    )


def rewrite_rate(optimizer: OptimizerInfo, at: Location, rate: float) -> str | None:
    """The line with the new rate; None where a schedule gives it, or the optimizer is not made there."""
    if optimizer.schedule is not None:
        return None
    return set_argument(at.code, optimizer.type, "learning_rate", f"{rate:g}", 0)
