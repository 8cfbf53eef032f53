"""What several rules read off a fit: its loss, its accuracy, its predictions, its updates."""

from __future__ import annotations

import math
from collections.abc import Sequence

from nanwatch.diagnose.once_a_fit import once_a_fit
from nanwatch.diagnose.statistics import finite_values, median
from nanwatch.record.facts import IncidentInfo, OutputInfo, TensorSummary
from nanwatch.record.run import Fit, Run

ACCURACIES = (
    "accuracy",
    "acc",
    "binary_accuracy",
    "categorical_accuracy",
    "sparse_categorical_accuracy",
)
CATEGORICAL = "categorical_crossentropy"
SPARSE = "sparse_categorical_crossentropy"
BINARY = "binary_crossentropy"
CROSSENTROPIES = (CATEGORICAL, SPARSE, BINARY)
REGRESSIONS = (
    "mean_squared_error",
    "mean_absolute_error",
    "mean_squared_logarithmic_error",
    "mean_absolute_percentage_error",
    "huber",
    "log_cosh",
)
# Of float32 a probability near 1/k has noise of 1e-7; dead nets were seen at 1e-7 to 3e-7 of
# spread, which is 1.5e-6 of the prediction; the least of a healthy net (2.75 % positives) at 0.044.
CONSTANT_SPREAD = 1e-5  # of the largest prediction
# A step that moves no weight by more than float32 can tell apart is no step.
NONE_AT_ALL = "No gradients provided for any variable"  # Keras's own words
STILL_UPDATE = 1e-7  # of the weights' norm
REAL_LOSS = 1e-4  # above what a solved training rounds to in a log of four digits
PATIENCE_STEPS = 20  # steps for which a thing must hold before it is called lasting
PATIENCE_LOOKS = 3  # full looks within them
PATIENCE_EPOCHS = 3  # epochs; as many as early stopping is commonly given


def incident_of(fit: Fit, run: Run) -> IncidentInfo | None:
    """The incident, if it was in this fit."""
    incident = run.info.incident
    return incident if incident is not None and incident.fit == fit.info.index else None


def finite_losses(fit: Fit) -> list[float]:
    """The finite true losses of the steps kept at full resolution, in order."""
    return finite_values([value for _, value in fit.losses()])


def first_loss(fit: Fit) -> float:
    """The median of the first five finite losses; NaN without any."""
    return median(finite_values(fit.steps.first_values("loss"))[:5])


def last_loss(fit: Fit) -> float:
    """The median over the last tenth of the finite losses, five at least; NaN without any."""
    losses = finite_losses(fit)
    return median(losses[-max(5, len(losses) // 10) :])


def accuracies(fit: Fit, validation: bool = False, output: OutputInfo | None = None) -> list[float]:
    """The accuracy of each finished epoch, under whichever name Keras logged it first; of several outputs
    that of ``output``, where it is given and known by name in the logs."""
    prefix = "val_" if validation else ""
    if output is not None and output.loss is not None:
        prefix += output.loss.logged.removesuffix("loss")
    for logs in fit.epoch_logs():
        for key in logs:
            if key.startswith(prefix) and is_accuracy(key.removeprefix(prefix)):
                return [float(logs[key]) for logs in fit.epoch_logs() if key in logs]
    return []


def is_accuracy(name: str) -> bool:
    """Whether this log is an accuracy, by itself or of one of several outputs."""
    if name.startswith("val_"):
        return False
    return name in ACCURACIES or any(name.endswith(f"_{known}") for known in ACCURACIES)


def epoch_losses(fit: Fit, validation: bool = False) -> list[float]:
    """The logged loss of each finished epoch: a running mean, not the batch's loss."""
    key = "val_loss" if validation else "loss"
    return [float(logs[key]) for logs in fit.epoch_logs() if key in logs]


def is_loss_untracked(fit: Fit) -> bool:
    """Whether the printed loss is 0 in every epoch because nobody keeps it: the steps' own is not."""
    logged, losses = epoch_losses(fit), finite_losses(fit)
    if not fit.model.custom_train_step or not logged or not losses or any(logged):
        return False
    return median([abs(loss) for loss in losses]) > REAL_LOSS


def is_classification(output: OutputInfo | None) -> bool:
    return output is not None and output.loss is not None and output.loss.name in CROSSENTROPIES


def first_output(fit: Fit) -> OutputInfo | None:
    return fit.model.outputs[0] if fit.model.outputs else None


def label_of(fit: Fit, output: OutputInfo | None, validation: bool = False) -> TensorSummary | None:
    """The labels of ``output``; the only labels where there is but one."""
    labels = (fit.info.validation_data if validation else fit.info.data).labels
    if output is not None:
        for label in labels:
            if label.path == output.path:
                return label
    return labels[0] if len(labels) == 1 else None


def class_shares(label: TensorSummary | None) -> dict[str, float]:
    """Class -> share of the rows, from whole-number or one-hot labels; empty for any other."""
    if label is None:
        return {}
    if label.one_hot and label.columns:
        return {str(column.index): column.mean for column in label.columns}
    if not label.integral or not label.classes_complete or label_width(label) > 1:
        return {}
    total = sum(label.classes.values())
    return {name: count / total for name, count in label.classes.items()} if total else {}


def independent_shares(label: TensorSummary | None) -> list[float]:
    """The share of ones in each column of labels of 0 and 1, of which a row may have several."""
    if label is None or label.one_hot or not label.integral or (label.min, label.max) != (0.0, 1.0):
        return []
    width = label_width(label)
    return [column.mean for column in label.columns] if len(label.columns) == width > 1 else []


def binary_entropy(share: float) -> float:
    return -sum(part * math.log(part) for part in (share, 1.0 - share) if part > 0)


def label_width(label: TensorSummary) -> int:
    """How many numbers a row's label has on its last axis; 1 for labels without one."""
    return label.shape[-1] or 1 if len(label.shape) > 1 else 1


def guess_loss(fit: Fit, output: OutputInfo | None) -> float | None:
    """The cross-entropy of always answering with the class shares: the prior entropy.

    Where the labels do not tell, ln k for k units (ln 2 for one). Rows of labels that are shares, or
    several ones, cost what their means do.
    """
    if output is None or not is_classification(output):
        return None
    label = label_of(fit, output)
    each = independent_shares(label)
    if output.loss is not None and output.loss.name == BINARY and each:
        return sum(map(binary_entropy, each)) / len(each)
    means = column_means(label)
    if output.loss is not None and output.loss.name == CATEGORICAL and len(means) > 1:
        return -sum(mean * math.log(mean / sum(means)) for mean in means)
    shares = [share for share in class_shares(label).values() if 0 < share < 1]
    if len(shares) > 1:
        return -sum(share * math.log(share) for share in shares)
    return math.log(max(2, output.units or 2)) if output.loss and output.loss.name != BINARY else math.log(2)


def column_means(label: TensorSummary | None) -> list[float]:
    """The mean of each column of label rows, those of 0 left out; empty where not all are known."""
    if label is None or len(label.columns) != label_width(label):
        return []
    return [column.mean for column in label.columns if column.mean > 0]


@once_a_fit
def gradient_norms(fit: Fit) -> Sequence[tuple[int, float]]:
    """(step, norm over all variables), at full resolution."""
    return fit.steps.norms("gradient")


def lasting_since(looks: Sequence[tuple[int, bool]]) -> int | None:
    """The step from which every look said yes until the last one, if that is long enough."""
    since = None
    count = 0
    for step, yes in reversed(looks):
        if not yes:
            break
        since, count = step, count + 1
    if since is None or count < PATIENCE_LOOKS or looks[-1][0] - since + 1 < PATIENCE_STEPS:
        return None
    return since


def spread_looks(fit: Fit, path: str) -> list[tuple[int, float, float]]:
    """(step, spread of the predictions over a batch's rows, largest prediction) of each look.

    A batch of one row has no spread to look at and is passed over.
    """
    spread = fit.health.values("output", path, "row_std")
    size = dict(fit.health.values("output", path, "size"))
    low = dict(fit.health.values("output", path, "min"))
    high = dict(fit.health.values("output", path, "max"))
    units = next((output.units or 1 for output in fit.model.outputs if output.path == path), 1)
    return [
        (step, value, max(abs(low.get(step, 0.0)), abs(high.get(step, 0.0))))
        for step, value in spread
        if size.get(step, 2.0 * units) > units
    ]


def constant_since(fit: Fit, path: str) -> int | None:
    """The step from which on ``path`` gave the same prediction for every row, lastingly."""
    looks = spread_looks(fit, path)
    return lasting_since([(step, spread <= CONSTANT_SPREAD * largest) for step, spread, largest in looks])


@once_a_fit
def update_ratios(fit: Fit) -> Sequence[tuple[int, float]]:
    """(step, norm of a step's update over the norm of the weights), over the sampled elements.

    A look measures the change since the look before, shared out here over the steps between.
    """
    apart = dict(fit.health.values("steps_apart"))
    held = dict(fit.health.norms("weight"))
    return [
        (step, moved / (held.get(step) or 1.0) / max(1.0, apart.get(step, 1.0)))
        for step, moved in fit.health.norms("update")[1:]  # before the first look there is no other
    ]


def are_weights_still(fit: Fit) -> bool:
    """No weight moved in the last looks; False where updates were not seen."""
    looks = [(step, ratio <= STILL_UPDATE) for step, ratio in update_ratios(fit)]
    return bool(looks) and lasting_since(looks) is not None


def liveliness(fit: Fit) -> float:
    """The norm of the gradient over the norm of the weights, in the middle of the steps kept."""
    square = sum(
        norms[-1] ** 2
        for path in fit.steps.paths("weight", "l2_norm")
        if (norms := fit.steps.recent_values("weight", path, "l2_norm", last=1))
    )
    norms = finite_values([norm for _, norm in gradient_norms(fit)])
    return median(norms) / math.sqrt(square) if square > 0 and norms else 0.0
