"""The outputs of a model as the rules on them look at them: range, loss, line, harm."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from nanwatch.diagnose.data_words import number
from nanwatch.diagnose.diagnosis import Remedy
from nanwatch.diagnose.patch import set_activation
from nanwatch.diagnose.readings import (
    BINARY,
    CROSSENTROPIES,
    PATIENCE_STEPS,
    first_loss,
    guess_loss,
    incident_of,
    label_of,
    last_loss,
)
from nanwatch.record.facts import IncidentInfo, LayerInfo, Location, OutputInfo, TensorSummary
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

# The loss of an untrained net lies within twice ln k; heads at fault were seen at 2.9 to 13 times.
STARTS_HIGH = 2.5  # times the loss of guessing
# A net that knows nothing is within a few per cent of the loss of guessing; above this, it is worse.
WORSE_THAN_GUESSING = 1.1
# Rounding takes a probability past 0 or 1 by 1e-7; a head without a bound by more than this.
PROBABILITY_SLACK = 1e-3


@dataclass(frozen=True)
class Head:
    """One output under its loss."""

    output: OutputInfo
    layer: LayerInfo | None  # the one that applies the activation
    loss: str
    from_logits: bool
    label: TensorSummary | None
    alone: bool  # the model's only output, whose loss is the loss

    @property
    def activation(self) -> str:
        return self.output.activation

    @property
    def units(self) -> int | None:
        return self.output.units

    @property
    def location(self) -> Location | None:
        return self.layer.location if self.layer else None

    @property
    def path(self) -> str:
        return self.layer.path if self.layer else self.output.path

    @property
    def words(self) -> str:
        """``"Dense 'dense_2'"``, for a sentence."""
        return f"{self.layer.type} {self.layer.name!r}" if self.layer else f"output {self.output.path!r}"

    @property
    def is_crossentropy(self) -> bool:
        return self.loss in CROSSENTROPIES


def heads(fit: Fit) -> Iterator[Head]:
    """Every output of the model that has a loss Keras knows."""
    for output in fit.model.outputs:
        if output.loss is None:
            continue
        yield Head(
            output,
            fit.layer(output.activation_layer or output.head),
            output.loss.name,
            bool(output.loss.from_logits),
            label_of(fit, output),
            len(fit.model.outputs) == 1,
        )


def prediction_range(fit: Fit, run: Run, output: OutputInfo) -> tuple[float, float] | None:
    """The smallest and largest finite prediction seen, in any look; None where none was seen."""
    lows = [value for _, value in fit.health.values("output", output.path, "min")]
    highs = [value for _, value in fit.health.values("output", output.path, "max")]
    for seen in summaries(fit, run, output):
        if seen.size > seen.num_nan + seen.num_pos_inf + seen.num_neg_inf:
            lows.append(seen.min)
            highs.append(seen.max)
    lows, highs = [value for value in lows if math.isfinite(value)], [v for v in highs if math.isfinite(v)]
    return (min(lows), max(highs)) if lows and highs else None


def summaries(fit: Fit, run: Run, output: OutputInfo) -> Iterator[TensorSummary]:
    """The summaries of this output's predictions: of the first batches, of the guilty one."""
    incident = incident_of(fit, run)
    for seen in (*fit.info.data.predictions, *(incident.outputs if incident else ())):
        if seen.path == output.path or len(fit.model.outputs) == 1:
            yield seen


def is_outside_probabilities(seen: tuple[float, float] | None) -> bool:
    """Predictions that no probability can be."""
    return seen is not None and (seen[0] < -PROBABILITY_SLACK or seen[1] > 1 + PROBABILITY_SLACK)


def range_words(seen: tuple[float, float]) -> str:
    return f"predictions from {number(seen[0])} to {number(seen[1])}"


def broke_at_head(incident: IncidentInfo | None) -> bool:
    """The bad step's data are finite, and so is what the layers made of them, but not the loss."""
    if incident is None or incident.role not in ("loss", "output", "gradient"):
        return False
    data = (*incident.batch.inputs, *incident.batch.labels, *incident.batch.sample_weights)
    return not any(tensor.num_nan + tensor.num_pos_inf + tensor.num_neg_inf for tensor in data)


def loss_harm(fit: Fit, head: Head) -> list[str]:
    """What the loss says against the head, in words: a start or an end above that of guessing."""
    guess = guess_loss(fit, head.output) if head.alone else None
    if guess is None or not fit.losses():
        return []
    if fit.info.class_weight:
        guess = max(guess, math.log(max(2, head.units or 2)))  # weights that even the classes out
    start, end = first_loss(fit), last_loss(fit)
    found = []
    if start > STARTS_HIGH * guess:
        found.append(
            f"The loss starts at {number(start)}; answering with the class shares costs {guess:.3g}."
        )
    if fit.info.steps >= PATIENCE_STEPS and end > WORSE_THAN_GUESSING * guess:
        found.append(
            f"After {fit.info.steps} steps the loss is {number(end)}, "
            f"above the {guess:.3g} of answering with the class shares."
        )
    return found


def proper_activation(head: Head) -> str:
    """The activation that fits the head's cross-entropy."""
    if head.from_logits:
        return "linear"
    return "sigmoid" if head.loss == BINARY else "softmax"


def activation_remedy(head: Head, activation: str | None = None) -> Remedy:
    """Give the head ``activation``: as data, in words, and as the user's line rewritten."""
    new = activation or proper_activation(head)
    text = f'Give {head.words} activation="{new}"'
    text += f": {head.loss} wants {'logits' if head.from_logits else 'probabilities'}."
    return Remedy(
        Intervention(InterventionKind.SET_ACTIVATION, head.path, new),
        text,
        rewrite_activation(head, new),
        head.location,
    )


def rewrite_activation(head: Head, new: str) -> str | None:
    """The line of the head's construction with another activation."""
    if head.layer is None or head.location is None:
        return None
    line = set_activation(head.location.code, head.layer.type, new, head.activation, head.units)
    return line if line != head.location.code else None
