"""The course of a loss: where it began, where it ended, and what a constant guess would cost."""

from __future__ import annotations

import math

from nanwatch.record.facts import OutputInfo, TensorSummary
from nanwatch.record.run import Fit

LAST_STEPS = 20  # averaged at the end: one batch's loss is noisy
# A loss that grew this far has left its course; ordinary noise between batches is below it.
BLOWN_UP = 1e3
CROSSENTROPIES = ("categorical_crossentropy", "sparse_categorical_crossentropy", "binary_crossentropy")
SQUARED = ("mean_squared_error",)
ABSOLUTE = ("mean_absolute_error", "huber", "log_cosh")
REGRESSIONS = SQUARED + ABSOLUTE


def finite_losses(fit: Fit) -> list[float]:
    return [loss for _, loss in fit.losses() if math.isfinite(loss)]


def first_loss(fit: Fit) -> float | None:
    """The true loss of the first batch; infinite or NaN where it was."""
    losses = fit.steps.first("loss")
    return losses[0] if losses else None


def last_loss(fit: Fit) -> float | None:
    """The mean over the last steps; None where one of them is not finite, or there is none."""
    losses = fit.steps.recent("loss", last=LAST_STEPS)
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


def loss_name(fit: Fit) -> str:
    output = sole_output(fit)
    return output.loss.name if output and output.loss else ""


def sole_labels(fit: Fit) -> TensorSummary | None:
    return fit.info.data.labels[0] if len(fit.info.data.labels) == 1 else None


def ln_k(fit: Fit) -> float | None:
    """ln of the number of classes: the loss of a classifier that knows nothing."""
    output = sole_output(fit)
    if output is None or loss_name(fit) not in CROSSENTROPIES:
        return None
    return math.log(2.0 if loss_name(fit) == "binary_crossentropy" else max(output.units or 2, 2))


def constant_guess_loss(fit: Fit) -> float | None:
    """The loss of the best constant prediction: prior entropy, variance, or about the deviation."""
    name, labels = loss_name(fit), sole_labels(fit)
    if name in CROSSENTROPIES:
        return prior_entropy(labels, name) if labels else ln_k(fit)
    if labels is None:
        return None
    if name in SQUARED:
        return labels.std**2
    return labels.std if name in ABSOLUTE else None


def prior_entropy(labels: TensorSummary, name: str) -> float | None:
    """The entropy of the label shares, where the labels are classes or one-hot rows."""
    if name == "binary_crossentropy":
        share = min(max(labels.mean, 0.0), 1.0)
        return entropy([share, 1.0 - share])
    if name == "categorical_crossentropy":
        shares = [column.mean for column in labels.columns]
    else:
        total = sum(labels.classes.values())
        shares = [amount / total for amount in labels.classes.values()] if total else []
    return entropy(shares) if shares else None


def entropy(shares: list[float]) -> float:
    return -sum(share * math.log(share) for share in shares if share > 0.0)
