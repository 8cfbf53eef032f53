"""Layers that give zero for every input, and since when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nanwatch.diagnose.readings import PATIENCE_STEPS, lasting_since
from nanwatch.record.facts import LayerInfo
from nanwatch.record.notes import NotMet
from nanwatch.record.run import Fit
from nanwatch.record.watchpoints import Watchpoint

RECTIFIERS = ("relu", "relu6")


@dataclass(frozen=True)
class DeadLayer:
    layer: LayerInfo
    since: int  # step
    steps: int  # that it has lasted


def dead_layers(fit: Fit) -> Iterator[DeadLayer]:
    """The rectified layers whose whole output was zero in every step up to the last, lastingly."""
    for layer in fit.model.layers:
        if layer.activation not in RECTIFIERS:
            continue
        since = silent_since(fit, layer.path)
        if since is not None:
            yield DeadLayer(layer, since, fit.info.steps - since)


def silent_since(fit: Fit, path: str) -> int | None:
    """The first step of the zeros that last to the end; None where they do not last."""
    if NotMet(Watchpoint("activation", path)) in fit.info.not_watched:
        return None
    if any(fit.steps.recent_values("activation", path, "l2_norm", last=1)):
        return None
    course = fit.steps.timeline("activation", path, "l2_norm")
    if course:
        return zeros_since([(bucket.row, bucket.count, bucket.max) for bucket in course])
    zeros = fit.health.values("activation", path, "num_zero")
    sizes = dict(fit.health.values("activation", path, "size"))
    return lasting_since([(step, 0 < sizes.get(step, 0) <= amount) for step, amount in zeros])


def zeros_since(course: list[tuple[int, int, float]]) -> int | None:
    """``course`` is (first row, rows, largest norm); rows are steps."""
    since = None
    for row, _, largest in reversed(course):
        if largest != 0:
            break
        since = row
    if since is None:
        return None
    end = course[-1][0] + course[-1][1]
    return since if end - since >= PATIENCE_STEPS else None


def input_is_zero(fit: Fit) -> bool:
    """Whether the model's own input was all zero in the last step: then no layer is to blame."""
    norms = [
        fit.steps.recent_values("input", path, "l2_norm", last=1)
        for path in fit.steps.paths("input", "l2_norm")
    ]
    return bool(norms) and all(norm == [0.0] for norm in norms)
