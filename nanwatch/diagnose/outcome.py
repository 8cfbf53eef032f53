"""What became of a fit and of a run, told from the numbers alone, before any rule."""

from __future__ import annotations

import math
from collections.abc import Sequence

from nanwatch.diagnose.diagnosis import Outcome
from nanwatch.diagnose.learned import is_right, learned
from nanwatch.diagnose.readings import (
    PATIENCE_EPOCHS,
    REGRESSIONS,
    accuracies,
    are_weights_still,
    class_shares,
    constant_since,
    epoch_losses,
    finite_losses,
    first_loss,
    first_output,
    guess_loss,
    incident_of,
    is_classification,
    is_loss_untracked,
    label_of,
    last_loss,
)
from nanwatch.diagnose.skill import lacking_outputs
from nanwatch.diagnose.statistics import binomial_p_value
from nanwatch.record.facts import OutputInfo, TensorSummary
from nanwatch.record.notes import HeldForOthers
from nanwatch.record.run import Fit, Run

# Losses that cannot be negative on labels they are made for, and so can be told to have diverged.
NONNEGATIVE = (
    *REGRESSIONS,
    "binary_crossentropy",
    "categorical_crossentropy",
    "sparse_categorical_crossentropy",
    "categorical_hinge",
    "hinge",
    "squared_hinge",
)
# A loss that ends a thousand times above its start has left; spikes that recover are health, and
# the two seen to leave for good (SGD on raw targets) did so by 1e10 and more.
DIVERGED_RATIO = 1e3
# Of a fit that was cut short the end is no end, and a spike may still come back. Those of healthy
# runs stayed below 100 times the start: ten thousand times as much is beyond doubt.
DIVERGED_AT_ONCE = 1e6
# Label smoothing and float32 leave a loss of 0 within 1e-6; -1/1 labels were seen at -0.66 and on.
NEGATIVE_LOSS = -1e-2
# A rejection level: with 1 % a constant prediction is missed once in a hundred epochs looked at.
CHANCE_ALPHA = 0.01
# The loss has improved when an epoch's mean is 2 % below the first one's. A plateau that only
# time solves (XOR) was seen to move by 0.1 % in 60 epochs; imbalance (healthy) by 88 %.
IMPROVED = 0.98
# A loss that repeats to this share for several epochs does not follow the weights any more.
SAME_LOSS = 1e-6
DONE = 0.1  # of the loss of guessing
ORDER: tuple[Outcome, ...] = (
    "non-finite",
    "diverged",
    "at-chance",
    "not-learning",
    "crashed",
    "incomplete",
    "not-generalizing",
    "faulty",
    "healthy",
    "no-training",
)


def outcome_of_run(run: Run, fits: Sequence[Outcome] | None = None) -> Outcome:
    """The worst that happened: of its fits first, then of the script."""
    outcomes = list(fits) if fits is not None else [outcome_of_fit(fit, run) for fit in run.fits]
    if run.info.status == "finished" and set(outcomes) != {"crashed"}:
        # The script caught the exception of a fit and went on to other fits: those count.
        outcomes = [outcome for outcome in outcomes if outcome != "crashed"]
    if run.info.incident is not None:
        outcomes.append("non-finite")
    if run.info.status == "crashed":
        outcomes.append("crashed")
    elif run.info.status in ("killed", "running") or any(map(is_cut_off, run.parts)) or held_for_others(run):
        outcomes.append("incomplete")
    return min(outcomes, key=ORDER.index, default="no-training")


def held_for_others(run: Run) -> list[int]:
    """The steps that were held back for what another worker saw, of a run that saw nothing itself."""
    noted = (note for fit in run.fits for note in fit.info.not_watched)
    return [note.step for note in noted if isinstance(note, HeldForOthers)] if not run.info.incident else []


def is_cut_off(part: Run) -> bool:
    """Whether a child process has come to its end within a training. Between two, that is how pools end."""
    return part.info.status == "running" and any(fit.info.status == "running" for fit in part.fits)


def outcome_of_fit(fit: Fit, run: Run) -> Outcome:
    """What the numbers of one fit say.

    "healthy" says only that nothing is wrong in the outcome; a rule may know better.
    """
    said = outcome_by_numbers(fit, run)
    if fit.info.status == "crashed" and said in ("healthy", "no-training"):
        return "crashed"
    return said


def outcome_by_numbers(fit: Fit, run: Run) -> Outcome:
    if fit.info.steps == 0 and incident_of(fit, run) is None:
        return "no-training"
    if has_gone_nonfinite(fit, run):
        return "non-finite"
    if has_diverged(fit):
        return "diverged"
    if is_part(fit):  # a plateau, a head of zeros or a rate that warms up stand still so long
        return "healthy"
    if is_at_chance(fit):
        return "at-chance"
    if learns_nothing(fit):
        return "not-learning"
    return "healthy"


def is_part(fit: Fit) -> bool:
    """Whether only the first steps were made, or seen."""
    return fit.info.cut_short or fit.info.unwatched_from is not None


def has_gone_nonfinite(fit: Fit, run: Run) -> bool:
    """An incident, or a training or validation loss that ends non-finite.

    Steps in between do not count: loss scaling under mixed_float16 skips such steps, in health.
    """
    if incident_of(fit, run) is not None:
        return True
    last = [*fit.steps.recent_values("loss", last=1), *epoch_losses(fit)[-1:], *epoch_losses(fit, True)[-1:]]
    return any(not math.isfinite(value) for value in last)


def has_diverged(fit: Fit) -> bool:
    """The loss left its start by orders and stayed away, upwards or below zero."""
    output = first_output(fit)
    if output is None or output.loss is None or output.loss.name not in NONNEGATIVE:
        return False
    start, end = first_loss(fit), last_loss(fit)
    ratio = DIVERGED_AT_ONCE if is_part(fit) else DIVERGED_RATIO
    return end > ratio * max(start, 1e-3) or end < NEGATIVE_LOSS


def is_at_chance(fit: Fit) -> bool:
    """A classifier that answers the same to every row, or one whose accuracy is a class's share
    while neither its loss nor its weights move.

    The second alone would call imbalance and slow plateaus stuck; both have moving weights.
    """
    if outputs_of_one_answer(fit):
        return True
    output = first_output(fit)
    if output is None or not is_classification(output) or len(class_shares(label_of(fit, output))) == 1:
        return False
    if is_right(fit):  # of batches of one class each the answers to a batch may well be alike
        return False
    if constant_since(fit, output.path) is not None:
        return True
    return accuracy_is_a_share(fit) and not has_improved(fit) and are_weights_still(fit)


def outputs_of_one_answer(fit: Fit) -> list[OutputInfo]:
    """Of several outputs those that classify, have learned nothing, and answer the same to every row."""
    lacking = [skill.output for skill in lacking_outputs(fit) if skill.output is not None]
    return [
        output
        for output in lacking
        if is_classification(output)
        and len(class_shares(label_of(fit, output))) != 1
        and constant_since(fit, output.path) is not None
    ]


def accuracy_is_a_share(fit: Fit, epochs: int = PATIENCE_EPOCHS) -> bool:
    """Whether the accuracy of each of the last epochs could be a constant answer's."""
    return bool(shares_alike(fit, epochs))


def share_words(fit: Fit, epochs: int = PATIENCE_EPOCHS) -> str | None:
    """What the last accuracy is beside the share of a class; None where it is apart from all of them."""
    found, rows = shares_alike(fit, epochs), rows_an_epoch(fit, label_of(fit, first_output(fit)))
    if not found:
        return None
    reached = accuracies(fit, output=first_output(fit))[-1]
    nearest = min(found, key=lambda share: abs(share - reached))
    if abs(nearest - reached) * rows < 1.0:  # the same number of hits
        return "is the share of one class"
    return f"is within chance of the share of one class, {nearest:.4f}"


def shares_alike(fit: Fit, epochs: int) -> list[float]:
    """The shares of classes from which the accuracies of the last epochs cannot be told.

    For each epoch, a two-sided binomial test of the number of hits against every class's share
    in the labels, at `CHANCE_ALPHA`; one class must pass in all epochs.
    """
    label = label_of(fit, first_output(fit))
    shares = class_shares(label)
    seen = accuracies(fit, output=first_output(fit))[-epochs:]
    rows = rows_an_epoch(fit, label)
    if len(seen) < epochs or not shares or rows == 0 or not all(0 <= value <= 1 for value in seen):
        return []
    return [
        share
        for share in shares.values()
        if all(binomial_p_value(round(value * rows), rows, share) > CHANCE_ALPHA for value in seen)
    ]


def rows_an_epoch(fit: Fit, label: TensorSummary | None) -> int:
    """The rows that an epoch's accuracy is of: labels counted as they passed are those of all epochs."""
    if label is None:
        return 0
    return label.rows // max(1, fit.info.epochs) if fit.info.data.labels_counted else label.rows


def has_improved(fit: Fit) -> bool:
    losses = kept_losses(fit)
    if len(losses) < 2:
        return last_loss(fit) < IMPROVED * first_loss(fit)
    return losses[-1] < IMPROVED * losses[0]


def kept_losses(fit: Fit) -> list[float]:
    """The logged loss of each epoch; none where it is a metric that nobody updates."""
    return [] if is_loss_untracked(fit) else epoch_losses(fit)


def learns_nothing(fit: Fit) -> bool:
    """The weights stand still, the loss repeats to all digits, or one answer serves every row.

    A run that has improved before is done, not stuck; so is one that began below a tenth of the
    loss of guessing, as a second fit of a trained model does.
    """
    output = first_output(fit)
    guess = guess_loss(fit, output)
    if not finite_losses(fit) or has_improved(fit):
        return False
    if learned(fit) or (guess is not None and last_loss(fit) < DONE * guess):
        return False
    if output is not None and constant_since(fit, output.path) is not None:
        return True
    return are_weights_still(fit) or repeats(kept_losses(fit)[-PATIENCE_EPOCHS:])


def repeats(losses: Sequence[float]) -> bool:
    """Whether the epochs' losses are one number, to float32's digits."""
    if len(losses) < PATIENCE_EPOCHS:
        return False
    return max(losses) - min(losses) <= SAME_LOSS * max(abs(value) for value in losses)
