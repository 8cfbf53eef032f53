"""A step that was brought back: what it showed, and what a debugger has at hand there."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from nanwatch.record.facts import StepReplay


@dataclass
class Moment:
    """What the repeated step showed, and the things at hand for a debugger."""

    found: StepReplay
    # x, y, sample_weight, y_pred, loss, gradients, outputs, model, the arguments of a loop's step by their
    # names; of the op of birth inputs and output, and ops, those around it
    names: dict[str, object] = field(default_factory=dict)
    folder: Path = Path()  # that the script was run in
