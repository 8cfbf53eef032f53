"""How far the input is from scale 1, and what harm that did to the training."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from nanwatch.diagnose.data_seen import data_arrays
from nanwatch.diagnose.data_words import number
from nanwatch.diagnose.first_layers import (
    first_layer_with_weights,
    has_embedding,
    is_saturated_at,
    layer_dead_at_end,
)
from nanwatch.diagnose.loss_course import (
    NO_BETTER_THAN_GUESSING,
    closing_loss,
    constant_guess_loss,
    ln_k,
    opening_loss,
    peak_loss,
    sole_labels,
    sole_output,
)
from nanwatch.diagnose.readings import accuracies, class_shares, constant_since
from nanwatch.record.facts import ColumnSummary, TensorSummary
from nanwatch.record.run import Fit, Run

# Root mean square of a feature. Standardised, with outliers, it stays below 3; ages, pixels and
# prices lie above 10. Alone it proves nothing: many nets train well on pixels 0..255.
UNSCALED = 10.0
# Pixels from 0 to 1 lie near 0.5; divided by 255 once more, at 0.002. Of such only a trial tells.
FAINT = 0.03
# The loss of an untrained classifier on scaled data is about ln k; 10 times that is hard 0/1
# predictions gone wrong, not an unlucky start. A squared loss grows with the square of the scale.
STARTS_HIGH = 10.0
STARTS_HIGH_SQUARED = 100.0
# A raw net that trains well is below this multiple of the guess long before 100 steps are over.
ENDS_HIGH = 5.0
PATIENCE = 100
# Share of the way from the largest class's share to 1: a raw net on digits that answers 80 % right
# may still have a loss of several ln k, and is well; one that a raw column held up was at 3 %.
LEARNED = 0.25
# A loss that grew this far has left its course; ordinary noise between batches is below it.
BLOWN_UP = 1e3
GREW = 10.0  # from first to last finite loss, before it stopped being finite


@dataclass(frozen=True)
class Raw:
    """The input, or the columns of it, with a scale far from 1."""

    path: str
    called: str
    scale: float
    min: float
    max: float
    columns: tuple[int, ...] = ()


def raw_inputs(fit: Fit, run: Run) -> Iterator[Raw]:
    lookup = has_embedding(fit)
    for array in data_arrays(fit, run, "inputs"):
        tensor = array.widest
        if lookup and tensor.integral:
            continue
        loud = [column for column in tensor.columns if root_mean_square(column) >= UNSCALED]
        if loud and len(loud) < len(tensor.columns):
            loudest = max(loud, key=root_mean_square)
            indices = tuple(column.index for column in loud)
            low, high = min(column.min for column in loud), max(column.max for column in loud)
            yield Raw(array.path, array.called, root_mean_square(loudest), low, high, indices)
        elif root_mean_square(tensor) >= UNSCALED:
            yield Raw(array.path, array.called, root_mean_square(tensor), tensor.min, tensor.max)


def faint_inputs(fit: Fit, run: Run) -> Iterator[Raw]:
    """Inputs that were scaled twice, say: no feature of them has a scale that a net could tell apart."""
    lookup = has_embedding(fit)
    for array in data_arrays(fit, run, "inputs"):
        tensor = array.widest
        scales = [root_mean_square(column) for column in tensor.columns] or [root_mean_square(tensor)]
        if 0 < max(scales) <= FAINT and not (lookup and tensor.integral):
            yield Raw(array.path, array.called, root_mean_square(tensor), tensor.min, tensor.max)


def root_mean_square(values: TensorSummary | ColumnSummary) -> float:
    """The scale of ``values``: of a column, or of a whole array."""
    return math.hypot(values.mean, values.std)


def harm_done(fit: Fit) -> tuple[list[str], float]:
    """What was seen to go wrong, in words, and how surely the scale did it."""
    began, guess = opening_loss(fit), constant_guess_loss(fit)
    ended = closing_loss(fit)
    stuck = guess is not None and ended is not None and ended >= NO_BETTER_THAN_GUESSING * guess
    high = high_start_words(fit, began, guess)
    after = aftermath(fit, began, ended, guess, stuck)
    if high and after:
        return [high, *after], 0.9
    first = first_layer_with_weights(fit)
    if stuck and first is not None and fit.info.steps >= PATIENCE and is_saturated_at(fit, first, 0):
        return [f"the first layer, {first.path}, is saturated from the first step on"], 0.8
    if has_grown(fit, began):
        return [f"the loss grew to {number(peak_loss(fit))}"], 0.3
    return [], 0.0


def high_start_words(fit: Fit, began: float | None, guess: float | None) -> str | None:
    """The sentence that the first loss is orders above that of a net that knows nothing."""
    if began is None or guess is None or not math.isfinite(began):
        return None
    nothing = ln_k(fit)
    if nothing is not None:
        k = round(math.exp(nothing))
        words = f"the first loss is {number(began)}, where ln {k} = {nothing:.3g} says nothing is known yet"
        return words if began >= STARTS_HIGH * nothing else None
    if guess > 0 and began >= STARTS_HIGH_SQUARED * guess:
        return f"the first loss is {number(began)}, where guessing the mean of y costs {number(guess)}"
    return None


def aftermath(
    fit: Fit, began: float | None, ended: float | None, guess: float | None, stuck: bool
) -> list[str]:
    """What came of a high start; nothing where the training recovered."""
    if began is None or guess is None:
        return []
    if has_grown(fit, began) and (ended is None or stuck):
        return [f"it grew to {number(peak_loss(fit))}", *dead_words(fit, ended)]
    if stuck and layer_dead_at_end(fit):
        return dead_words(fit, ended)
    output = sole_output(fit)
    if stuck and ended is not None and output and constant_since(fit, output.path) is not None:
        return [f"every row gets the same prediction since, and the loss stays at {number(ended)}"]
    if ended is None or has_learned(fit):
        return []
    if fit.info.steps >= PATIENCE and ended >= ENDS_HIGH * guess:
        return [
            f"after {fit.info.steps} steps it is {number(ended)}, still above the {number(guess)} of a guess"
        ]
    return []


def has_learned(fit: Fit) -> bool:
    """The accuracy of the last epoch shows that the net answers by the input."""
    logged = accuracies(fit)
    share = max(class_shares(sole_labels(fit)).values(), default=0.5)
    return bool(logged) and share < 1.0 and logged[-1] - share >= LEARNED * (1.0 - share)


def dead_words(fit: Fit, ended: float | None) -> list[str]:
    dead = layer_dead_at_end(fit)
    if dead is None or ended is None:
        return []
    return [f"{dead.path} gives zero for every input since, and the loss stays at {number(ended)}"]


def has_grown(fit: Fit, began: float | None) -> bool:
    """The loss blew up, and did not come back under its beginning other than by a dead net.

    A loss that is not finite at the very first step has not grown: something else broke it.
    """
    if began is None or not math.isfinite(began):
        return False
    peak, ended = peak_loss(fit), closing_loss(fit)
    if ended is None:
        return peak >= GREW * max(began, 1e-12)
    return peak >= BLOWN_UP * max(began, 1e-12)
