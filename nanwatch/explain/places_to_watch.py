"""The gradients and activations of a running training that look worst, in its last steps."""

from __future__ import annotations

import math
from typing import NamedTuple

from nanwatch.record.notes import NotMet
from nanwatch.record.run import Fit
from nanwatch.record.watchpoints import Role, Watchpoint

ROLES: tuple[Role, ...] = ("gradient", "activation")
LASTING = 8  # steps: a ReLU or a rare feature may well give a gradient of 0 in one batch


class WatchedPlace(NamedTuple):
    """A norm, in the last step. ``why`` is in words: ``not finite``, ``0 in the last 8 steps``."""

    role: Role
    path: str
    norm: float
    why: str
    bad: bool


def places_to_watch(fit: Fit) -> list[WatchedPlace]:
    """Those that are not finite, those that stay 0, then the largest of each role."""
    broken: list[WatchedPlace] = []
    still: list[WatchedPlace] = []
    large: list[WatchedPlace] = []
    unmet = {note.watchpoint for note in fit.info.not_watched if isinstance(note, NotMet)}
    for role in ROLES:
        seen: list[tuple[float, str]] = []
        for path in fit.steps.paths(role, "l2_norm"):
            if Watchpoint(role, path) in unmet:  # its cells hold no number that was seen
                continue
            norms = fit.steps.recent_values(role, path, "l2_norm", last=LASTING)
            if not norms:
                continue
            if not math.isfinite(norms[-1]):
                broken.append(WatchedPlace(role, path, norms[-1], "not finite", bad=True))
            elif len(norms) == LASTING and not any(norms):
                still.append(WatchedPlace(role, path, 0.0, f"0 in the last {LASTING} steps", bad=True))
            else:
                seen.append((norms[-1], path))
        seen.sort(key=lambda entry: -entry[0])
        for number, (norm, path) in enumerate(seen):
            large.append(WatchedPlace(role, path, norm, "the largest" if number == 0 else "", bad=False))
    large.sort(key=lambda place: (not place.why, -place.norm))
    return [*broken, *still, *large]
