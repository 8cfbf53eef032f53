"""The course of a loss: where it began, where it ended, and what a constant guess would cost."""

from __future__ import annotations

import math

from nanwatch.diagnose.readings import CROSSENTROPIES, guess_loss, label_of, label_width
from nanwatch.record.facts import OutputInfo, TensorSummary
from nanwatch.record.run import Fit

LAST_STEPS = 20  # averaged at the end: one batch's loss is noisy
# A net that learned anything is below the loss of the best constant guess by this share.
NO_BETTER_THAN_GUESSING = 0.95
SQUARED = ("mean_squared_error",)
ABSOLUTE = ("mean_absolute_error", "huber", "log_cosh")


def opening_loss(fit: Fit) -> float | None:
    """The true loss of the very first batch; infinite or NaN where it was."""
    losses = fit.steps.first_values("loss")
    return losses[0] if losses else None


def closing_loss(fit: Fit) -> float | None:
    """The mean over the last steps; None where one of them is not finite, or there is none."""
    losses = fit.steps.recent_values("loss", last=LAST_STEPS)
    if not losses or not all(map(math.isfinite, losses)):
        return None
    return sum(losses) / len(losses)


def peak_loss(fit: Fit) -> float:
    """The largest finite loss of the run, coarser stretches of the series included."""
    peaks = [bucket.max for bucket in fit.steps.timeline("loss")]
    return max((peak for peak in peaks if math.isfinite(peak)), default=0.0)


def sole_output(fit: Fit) -> OutputInfo | None:
    """The output of a model with one output: only there is the loss the loss of an output."""
    return fit.model.outputs[0] if len(fit.model.outputs) == 1 else None


def sole_labels(fit: Fit) -> TensorSummary | None:
    return label_of(fit, sole_output(fit))


def loss_name(fit: Fit) -> str:
    output = sole_output(fit)
    return output.loss.name if output and output.loss else ""


def ln_k(fit: Fit) -> float | None:
    """ln of the number of classes: the loss of a classifier that knows nothing."""
    output = sole_output(fit)
    if output is None or loss_name(fit) not in CROSSENTROPIES:
        return None
    return math.log(2.0 if loss_name(fit) == "binary_crossentropy" else max(output.units or 2, 2))


def constant_guess_loss(fit: Fit) -> float | None:
    """The loss of the best constant prediction: prior entropy, variance, or about the deviation.

    Of a loss that no formula knows, what it answered when constants were tried on it; None where none were.
    """
    known = known_guess_loss(fit)
    return fit.info.guess_loss if known is None else known


def is_weighted(fit: Fit) -> bool:
    """Whether rows count differently: such a loss lies anywhere beside a formula's."""
    return bool(fit.info.class_weight) or bool(fit.info.data.sample_weights)


def known_guess_loss(fit: Fit) -> float | None:
    """The loss of the best constant prediction by a formula; of rows that all count alike."""
    return guess_by_formula(fit, sole_output(fit))


def guess_by_formula(fit: Fit, output: OutputInfo | None) -> float | None:
    """The loss of the best constant prediction of one output.

    Of a percentage that of answering 0: on targets of one sign another answer may cost less.
    """
    name = output.loss.name if output is not None and output.loss is not None else ""
    if name in CROSSENTROPIES:
        return guess_loss(fit, output)
    labels = label_of(fit, output)
    if labels is None:
        return None
    if name in SQUARED:
        columns = labels.columns if len(labels.columns) == label_width(labels) else ()
        return sum(column.std**2 for column in columns) / len(columns) if columns else labels.std**2
    if name == "mean_absolute_error" and labels.deviation is not None:
        return labels.deviation
    if name == "mean_absolute_percentage_error":  # of 0, the one that is not worse for any target
        return 100.0 * (1.0 - labels.num_zero / labels.size) if labels.size else None
    return labels.std if name in ABSOLUTE else None
