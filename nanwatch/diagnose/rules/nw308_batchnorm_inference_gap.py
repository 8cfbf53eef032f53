"""NW308: batch normalisation that answers otherwise outside the training."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import count_words, number
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.loss_course import constant_guess_loss, sole_output
from nanwatch.diagnose.patch import set_argument
from nanwatch.diagnose.readings import (
    accuracies,
    class_shares,
    epoch_losses,
    first_loss,
    incident_of,
    label_of,
)
from nanwatch.diagnose.rule import Rule
from nanwatch.record.facts import DataInfo, InferenceInfo, LayerInfo, MovingVariance, TensorSummary
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

# The logged loss is the mean over an epoch and the validation comes after it, so of the same rows
# the second is the lower one. Twice is no noise; dropout works the other way round.
WORSE = 2.0  # times the loss in training
# Healthy nets at high rates were seen at 0.01 in training and 0.5 to 0.9 in inference, 0.7 to 1.3 of the
# loss of guessing: three rows in 32 answered wrongly, and surely. So what is right is counted: theirs
# fell from 1.0 to 0.84 at the worst, that of nets at fault from 0.94 to between 0.75 and 0.44.
HARDLY_BETTER = 0.5  # of the loss of guessing
HALF = 0.5  # of what training has over always answering the commonest class
DROP = 0.15  # 5 rows of 32
NO_BETTER = 0.95  # of the loss of guessing, where what is right cannot be counted
ABSURD = 3.0  # times the loss of guessing: wrong answers given so surely are harm by themselves
ENOUGH_STEPS = 100  # fewer updates leave moving averages behind by their nature
MOMENTUM = 0.99  # of Keras
FOLLOWED = 0.9  # of the way to the batches' statistics: what is left then is not the momentum's doing
LEAST_MOMENTUM = 0.8  # below it, the last three batches are half of the average
# The average begins at a variance of 1. That of small activations is no more than what is left of the 1
# after hundreds of steps (seen: .0068 of a batch, .0233 of the average after 400).
EXCESS = 1.5
BEGAN = 1.0
LEFT = 0.3  # of the excess at least, that the beginning must account for
UNSEEN = 1e-3  # of the beginning: less is left than of most variances, where they were not seen
SHORT = 0.25  # of the rows of the other batches: a last batch this short has statistics of its own


class BatchnormInferenceGap(Rule):
    """The model is good on its rows in training mode, and bad on the same rows in inference mode.

    ## What it does
    Compares the loss of the same training rows in both modes, in a trained model with
    BatchNormalization. At the end of the fit the rows of a batch are computed in both modes. If the
    validation rows are the training rows, the logs show it too. After few steps with a momentum of 0.99
    or less it is a note.

    ## Why is this bad
    In training, BatchNormalization uses the statistics of the batch; in inference, their moving
    averages. With a momentum of 0.99 these need about 230 steps to follow, with 0.999 ten times as
    many. With a small momentum they are those of the last batch alone, even if it has only one row. It
    looks like over-fitting but is not: the model fails on the rows it was trained on.

    ## Example
    ```python
    BatchNormalization(momentum=0.9999)  # the fit has 200 steps
    ```

    ## Use instead
    ```python
    BatchNormalization(momentum=0.9)
    ```
    """

    code, name = "NW308", "batchnorm-inference-gap"

    def missing(self, fit: Fit, run: Run) -> str | None:
        if not normalisations(fit) or gap_of(fit) is not None or incident_of(fit, run) is not None:
            return None
        return "the training rows were not tried in inference mode"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        layers, gap = normalisations(fit), gap_of(fit)
        if not layers or gap is None or incident_of(fit, run) is not None:
            return
        if not is_harm(fit, gap):
            return
        layer = max(layers, key=momentum)
        followed = 1.0 - momentum(layer) ** fit.info.steps
        lag = lag_of(fit)
        behind = followed < FOLLOWED or lag is not None
        short = fit.info.steps < ENOUGH_STEPS or (momentum(layer) <= MOMENTUM and behind)
        last = short_last_batch(fit)
        yield self.finding(
            fit,
            f"On the same rows the loss is {number(gap.inside)} in training and {number(gap.outside)} in "
            f"inference: the moving statistics of {layer.name} are not those of the batches.",
            *gap.evidence,
            f"after {fit.info.steps} steps with a momentum of {momentum(layer):g} they hold {followed:.0%} "
            "of what the batches had",
            *(
                [f"the last batch has {count_words(last, 'row')}, the others have {most_rows(fit)}"]
                if last
                else []
            ),
            *([lag_words(fit, lag)] if lag is not None else []),
            location=layer.location,
            layer=layer.path,
            remedies=tuple(remedies(fit, layers, layer, behind)),
            level="note" if short else "error",
            strength=0.2 if short else 0.9,
            explains={"poor-validation"},
        )

    @staticmethod
    def fires() -> list[Run]:
        return [
            same_rows_run(0.12, 3.85),
            same_rows_run(0.32, 0.66),
            two_modes_run(0.1, 0.36, 0.95, 0.7),
            two_modes_run(0.3, 2.1, 0.95, 0.9),
            two_modes_run(0.3, 0.66),
            two_modes_run(0.1, 9.4, momentum=0.1, last=1),
            same_rows_run(0.12, 3.85, steps=99),
            same_rows_run(0.12, 3.85, momentum=0.99),
        ]

    @staticmethod
    def silent() -> list[Run]:
        return [
            same_rows_run(0.33, 0.655),
            same_rows_run(0.34, 0.67),
            two_modes_run(0.1, 0.33, 0.95, 0.7),
            two_modes_run(0.1, 0.36, 0.95, 0.75),
            two_modes_run(0.01, 2.0, 1.0, 0.84),
            two_modes_run(0.01, 2.1, 0.96, 0.96),
            two_modes_run(0.3, 0.65),
            same_rows_run(0.12, 3.85, other=True),
            same_rows_run(0.12, 3.85, layer="Dropout"),
            same_rows_run(0.12, 3.85, trainable=False),
            two_modes_run(0.5, 0.1),
            same_rows_run(0.12, math.nan),
        ]


@dataclass(frozen=True)
class Gap:
    """The loss of the same rows in training mode and in inference mode."""

    inside: float
    outside: float
    evidence: tuple[str, ...]
    right_inside: float | None = None  # accuracies, where they are known
    right_outside: float | None = None


def normalisations(fit: Fit) -> list[LayerInfo]:
    """The BatchNormalization layers that use the batch's statistics: a frozen one does not."""
    return [layer for layer in fit.model.layers if layer.type == "BatchNormalization" and layer.trainable]


def gap_of(fit: Fit) -> Gap | None:
    tried = fit.info.inference
    if tried is not None:
        right, still = tried.accuracy_training, tried.accuracy_inference
        words = [f"{tried.rows} rows of a training batch, tried in both modes at the end"]
        if right is not None and still is not None:
            words.append(f"accuracy {right:.4f} in training mode, {still:.4f} in inference mode")
        return Gap(tried.loss_training, tried.loss_inference, tuple(words), right, still)
    losses, validated = epoch_losses(fit), epoch_losses(fit, validation=True)
    if not losses or len(losses) != len(validated) or not is_validated_on_its_own_rows(fit):
        return None
    words = ["the validation data are the training data"]
    inside, outside = accuracies(fit), accuracies(fit, validation=True)
    if not inside or not outside:
        return Gap(losses[-1], validated[-1], tuple(words))
    words.append(f"accuracy {inside[-1]:.4f} in training, {outside[-1]:.4f} in validation")
    return Gap(losses[-1], validated[-1], tuple(words), inside[-1], outside[-1])


def is_validated_on_its_own_rows(fit: Fit) -> bool:
    """Every array of the validation has the numbers of the one of fit, to all digits."""
    data, other = fit.info.data, fit.info.validation_data
    if not data.whole or not other.whole or not data.inputs or not data.labels:
        return False
    return data_numbers(data) == data_numbers(other)


def data_numbers(data: DataInfo) -> list[tuple[float, ...]]:
    return [tensor_numbers(tensor) for tensor in (*data.inputs, *data.labels)]


def tensor_numbers(tensor: TensorSummary) -> tuple[float, ...]:
    return (tensor.rows, tensor.size, tensor.min, tensor.max, tensor.mean, tensor.std, *tensor.example)


def is_harm(fit: Fit, gap: Gap) -> bool:
    """Whether the rows are known in training, and in inference are not."""
    guess = constant_guess_loss(fit) or first_loss(fit)  # the first steps guess, where it is not known
    share = gap.outside / max(guess, 1e-12)
    if not gap.outside >= WORSE * abs(gap.inside) or not share >= HARDLY_BETTER:
        return False
    right, still = gap.right_inside, gap.right_outside
    if right is None or still is None:
        return share >= NO_BETTER
    if share >= ABSURD and still < right:
        return True
    base = max(class_shares(label_of(fit, sole_output(fit))).values(), default=0.0)
    return right - still >= DROP and still - base <= HALF * (right - base)


def most_rows(fit: Fit) -> int:
    return int(max(fit.steps.recent_values("rows"), default=0))


def short_last_batch(fit: Fit) -> int:
    """The rows of the last batch, where it is far shorter than the others; else 0."""
    last = fit.steps.recent_values("rows", last=1)
    return int(last[0]) if last and 0 < last[0] <= SHORT * most_rows(fit) else 0


def momentum(layer: LayerInfo) -> float:
    given = layer.config.get("momentum")
    return float(given) if isinstance(given, int | float) else MOMENTUM


def left_of_the_beginning(fit: Fit, layer: LayerInfo) -> float:
    """How much of the 1 with which the average of the variance began is left in it."""
    return BEGAN * momentum(layer) ** fit.info.steps


def lag_of(fit: Fit) -> MovingVariance | None:
    """The variance that is furthest above the batch's because of what it began with; None without one."""
    found = []
    for seen in fit.info.inference.variances if fit.info.inference is not None else ():
        layer, excess = fit.layer(seen.layer), seen.moving - seen.batch
        if layer is None or seen.moving < EXCESS * max(seen.batch, 0.0):
            continue
        if left_of_the_beginning(fit, layer) >= LEFT * excess:
            found.append((seen.moving / max(seen.batch, 1e-12), seen))
    return max(found, key=lambda pair: pair[0], default=(0.0, None))[1]


def lag_words(fit: Fit, seen: MovingVariance) -> str:
    layer = fit.layer(seen.layer)
    left = 0.0 if layer is None else left_of_the_beginning(fit, layer)
    return (
        f"the variance that {seen.layer} goes by is {number(seen.moving)}, that of the rows "
        f"{number(seen.batch)}: of the 1 with which it began {number(left)} is left"
    )


def remedies(fit: Fit, layers: list[LayerInfo], layer: LayerInfo, behind: bool) -> Iterator[Remedy]:
    """Both, where the variances were not seen that would tell."""
    found = remedy(fit, layers, layer, behind)
    unseen = fit.info.inference is None or not fit.info.inference.variances
    larger = found.intervention.kind is InterventionKind.SET_BATCH_SIZE
    if larger and unseen and left_of_the_beginning(fit, layer) > UNSEEN:
        yield remedy(fit, layers, layer, behind=True)
        yield replace(found, text=f"Or {found.text[:1].lower()}{found.text[1:]}")
    else:
        yield found


def remedy(fit: Fit, layers: list[LayerInfo], layer: LayerInfo, behind: bool) -> Remedy:
    at = layer.location
    line = None
    if not behind and momentum(layer) < LEAST_MOMENTUM:
        text = "Average over more batches than the last one: momentum=0.99 (PyTorch's 0.01)."
        if short_last_batch(fit):
            text += " And leave the last, short batch out: drop_remainder=True."
        line = set_argument(at.code, layer.type, "momentum", "0.99") if at is not None else None
        return Remedy(Intervention(InterventionKind.SET_MOMENTUM, layer.path, 0.99), text, line, at)
    if not behind:
        text = "Use larger batches: the statistics of these differ too much for an average to be useful."
        return Remedy(Intervention(InterventionKind.SET_BATCH_SIZE, "fit"), text, location=at)
    of = "" if len(layers) == 1 else f" in all {len(layers)} of them"
    text = f"Let the averages follow faster: momentum=0.9{of}; or train for more steps."
    line = set_argument(at.code, layer.type, "momentum", "0.9") if at is not None else None
    target = layer.path if len(layers) == 1 else "model"
    return Remedy(Intervention(InterventionKind.SET_MOMENTUM, target, 0.9), text, line, at)


def model_with(layer: str, trainable: bool = True, momentum: float = 0.999) -> LayerInfo:
    at = made_up.line(6, f"BatchNormalization(momentum={momentum:g})")
    return LayerInfo("bn", "bn", layer, trainable=trainable, config={"momentum": momentum}, location=at)


def same_rows_run(
    loss: float,
    validated: float,
    steps: int = 200,
    other: bool = False,
    layer: str = "BatchNormalization",
    trainable: bool = True,
    momentum: float = 0.999,
) -> Run:
    """A fit validated on its own rows, or on others of like numbers."""
    x, y = made_up.tensor("input", mean=0.25), made_up.labels(0, 1)
    held = DataInfo((made_up.tensor("input", mean=0.26) if other else x,), (y,), whole=True)
    head = made_up.dense(activation="sigmoid")
    of = made_up.model(model_with(layer, trainable, momentum), head, loss="binary_crossentropy")
    return made_up.run(
        of,
        loss=[0.3] * steps,
        inputs=[x],
        targets=[y],
        epochs=[{"loss": loss, "val_loss": validated}],
        fit={"validation": True, "validation_data": held},
    )


def two_modes_run(
    inside: float,
    outside: float,
    right: float | None = None,
    still: float | None = None,
    momentum: float = 0.999,
    last: int = 32,
) -> Run:
    """Rows of a batch of 32 in both modes, with these losses and accuracies; the last batch has
    ``last`` rows."""
    head = made_up.dense(activation="sigmoid")
    of = made_up.model(model_with("BatchNormalization", momentum=momentum), head, loss="binary_crossentropy")
    info = InferenceInfo(32, inside, outside, right, still)
    rows = {("rows", "", "value"): [32.0] * 99 + [float(last)]}
    return made_up.run(of, steps=rows, targets=[made_up.labels(0, 1)], fit={"inference": info})
