"""NW308: batch normalisation that answers otherwise outside the training."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import number
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.loss_course import constant_guess_loss
from nanwatch.diagnose.patch import set_argument
from nanwatch.diagnose.readings import accuracies, epoch_losses, incident_of
from nanwatch.diagnose.rule import Rule
from nanwatch.record.facts import DataInfo, InferenceInfo, LayerInfo, TensorSummary
from nanwatch.record.run import Fit, Run

# The logged loss is the mean over an epoch and the validation comes after it, so of the same rows
# the second is the lower one. Twice is no noise; dropout works the other way round.
WORSE = 2.0
# A net that is right about its rows, and hardly better than guessing about the same rows in inference.
STILL_BAD = 0.5  # of the loss of guessing
ENOUGH_STEPS = 100  # fewer updates leave moving averages behind by their nature
MOMENTUM = 0.99  # of Keras
FOLLOWED = 0.9  # of the way to the batches' statistics: what is left then is not the momentum's doing


class BatchnormInferenceGap(Rule):
    """The model is good on its rows in training, and bad on the same rows in inference.

    ## What it does
    Compares the loss of the same training rows in both modes, in a model with BatchNormalization that
    trains. Where the validation rows are the training rows, the logs tell; else the last batch does.

    ## Why is this bad
    In training, BatchNormalization uses the statistics of the batch; in inference, moving averages of
    them. With a momentum of 0.99 these need some 300 steps to follow, and in small batches they follow
    noise. What looks like over-fitting is none: the model fails on the rows it was trained on.

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
        guess = constant_guess_loss(fit)
        if not gap.outside >= WORSE * abs(gap.inside) or (guess and gap.outside < STILL_BAD * guess):
            return
        layer = layers[0]
        followed = 1.0 - momentum(layer) ** fit.info.steps
        short = fit.info.steps < ENOUGH_STEPS
        yield self.finding(
            fit,
            f"On the same rows the loss is {number(gap.inside)} in training and {number(gap.outside)} in "
            f"inference: the moving statistics of {layer.name} are not those of the batches.",
            *gap.evidence,
            f"after {fit.info.steps} steps with a momentum of {momentum(layer):g} they hold {followed:.0%} "
            "of what the batches had",
            location=layer.location,
            layer=layer.path,
            remedies=(remedy(layer, followed),),
            level="note" if short else "error",
            strength=0.2 if short else 0.9,
            explains={"poor-validation"},
        )

    @staticmethod
    def fires() -> list[Run]:
        return [
            same_rows(0.12, 3.85),
            same_rows(0.2, 0.41),
            tried(0.1, 0.5),
            same_rows(0.12, 3.85, steps=99),
        ]

    @staticmethod
    def silent() -> list[Run]:
        return [
            same_rows(0.2, 0.39),
            same_rows(0.1, 0.34),
            same_rows(0.12, 3.85, other=True),
            same_rows(0.12, 3.85, layer="Dropout"),
            same_rows(0.12, 3.85, trainable=False),
            tried(0.5, 0.1),
            same_rows(0.12, math.nan),
        ]


@dataclass(frozen=True)
class Gap:
    """The loss of the same rows in training mode and in inference mode."""

    inside: float
    outside: float
    evidence: tuple[str, ...]


def normalisations(fit: Fit) -> list[LayerInfo]:
    """The BatchNormalization layers that use the batch's statistics: a frozen one does not."""
    return [layer for layer in fit.model.layers if layer.type == "BatchNormalization" and layer.trainable]


def gap_of(fit: Fit) -> Gap | None:
    tried = fit.info.inference
    if tried is not None:
        seen = f"{tried.rows} rows of the last batch, tried in both modes at the end"
        return Gap(tried.loss_training, tried.loss_inference, (seen,))
    losses, validated = epoch_losses(fit), epoch_losses(fit, validation=True)
    if not losses or len(losses) != len(validated) or not validated_on_its_own_rows(fit):
        return None
    words = ["the validation data are the training data"]
    inside, outside = accuracies(fit), accuracies(fit, validation=True)
    if inside and outside:
        words.append(f"accuracy {inside[-1]:.4f} in training, {outside[-1]:.4f} in validation")
    return Gap(losses[-1], validated[-1], tuple(words))


def validated_on_its_own_rows(fit: Fit) -> bool:
    """Every array of the validation has the numbers of the one of fit, to all digits."""
    data, other = fit.info.data, fit.info.validation_data
    if not data.whole or not other.whole or not data.inputs or not data.labels:
        return False
    return numbers(data) == numbers(other)


def numbers(data: DataInfo) -> list[tuple[float, ...]]:
    return [fingerprint(tensor) for tensor in (*data.inputs, *data.labels)]


def fingerprint(tensor: TensorSummary) -> tuple[float, ...]:
    return (tensor.rows, tensor.size, tensor.min, tensor.max, tensor.mean, tensor.std, *tensor.example)


def momentum(layer: LayerInfo) -> float:
    given = layer.config.get("momentum")
    return float(given) if isinstance(given, int | float) else MOMENTUM


def remedy(layer: LayerInfo, followed: float) -> Remedy:
    at = layer.location
    if followed >= FOLLOWED:
        text = "Use larger batches: their statistics differ too much from each other for an average to serve."
        return Remedy("set_batch_size", "fit", None, text, location=at)
    text = "Let the averages follow faster: momentum=0.9; or train for more steps."
    line = set_argument(at.code, layer.type, "momentum", "0.9") if at is not None else None
    return Remedy("set_momentum", layer.path, 0.9, text, line, at)


def model_with(layer: str, trainable: bool = True) -> LayerInfo:
    at = made_up.line(6, "BatchNormalization(momentum=0.99)")
    return LayerInfo("bn", "bn", layer, trainable=trainable, config={"momentum": 0.99}, location=at)


def same_rows(
    loss: float,
    validated: float,
    steps: int = 200,
    other: bool = False,
    layer: str = "BatchNormalization",
    trainable: bool = True,
) -> Run:
    """A fit validated on its own rows, or on others of like numbers."""
    x, y = made_up.tensor("input", mean=0.25), made_up.labels(0, 1)
    held = DataInfo((made_up.tensor("input", mean=0.26) if other else x,), (y,), whole=True)
    head = made_up.dense(activation="sigmoid")
    of = made_up.model(model_with(layer, trainable), head, loss="binary_crossentropy")
    return made_up.run(
        of,
        loss=[0.3] * steps,
        inputs=[x],
        targets=[y],
        epochs=[{"loss": loss, "val_loss": validated}],
        fit={"validation": True, "validation_data": held},
    )


def tried(inside: float, outside: float) -> Run:
    head = made_up.dense(activation="sigmoid")
    of = made_up.model(model_with("BatchNormalization"), head, loss="binary_crossentropy")
    info = InferenceInfo(32, inside, outside)
    return made_up.run(of, targets=[made_up.labels(0, 1)], fit={"inference": info})
