"""What the best answer costs that does not look at the input: what every training must be better than."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from nanwatch.record.facts import AnswerLosses
from nanwatch.watch.data.kept_rows import Rows
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.keras_types import Array, Model, Structure, Tensor

MOST_ROWS = 4096  # of the labels; of a mean over more the third digit would not change
MOST_NUMBERS = 2**22  # of the answers, which a picture of classes has many of in a row
LOOKED_AT = 64  # rows, to see what numbers the head gives
SUMS_TO_ONE = 1e-2  # within half precision, and what SMALL takes
SMALL = 1e-6  # a share is never 0 or 1 in a cross-entropy
# The best constants of losses that weigh what lies above and what lies below unlike.
QUANTILES = (0.05, 0.1, 0.25, 0.75, 0.9, 0.95)


@dataclass(frozen=True)
class Constant:
    """The best of the answers that are the same for every row, and its loss."""

    rows: Rows  # that it was tried on
    answers: Structure
    loss: float


def constant_loss(
    loss_on: Callable[[Rows], Callable[[Structure], Tensor]], rows: Rows, model: Model
) -> float | None:
    """The least loss of an answer that is the same for every row; None where none could be tried."""
    found = best_constant(loss_on, rows, model)
    return None if found is None else found.loss


def best_constant(
    loss_on: Callable[[Rows], Callable[[Structure], Tensor]], rows: Rows, model: Model
) -> Constant | None:
    """The answer of least loss that is the same for every row; None where none could be tried.

    Tried are the mean and the median of the labels, the shares of the classes and their logits: those are
    the best constants of squared, absolute and cross-entropy losses. The loss is asked, not its name:
    ``loss_on`` gives, for some rows, what answers to them cost.
    """
    structure = model(rows.take(slice(0, LOOKED_AT)).x, training=False)
    outputs = [np.asarray(part) for part in seam().flatten(structure)]
    numbers = max(math.prod(output.shape[1:]) for output in outputs)
    most = max(2, min(MOST_ROWS, MOST_NUMBERS // max(1, numbers)))
    few = rows.take(slice(None, None, -(-rows.length // most)))
    labels = labels_of(few.y, seam().output_names(model))
    if len(labels) != len(outputs):
        return None
    loss = loss_on(few)

    def for_all(answers: Sequence[Array]) -> Structure:
        spread = [
            tf.convert_to_tensor(np.broadcast_to(answer, (few.length, *output.shape[1:])), tf.float32)
            for answer, output in zip(answers, outputs, strict=True)
        ]
        return seam().pack_sequence_as(structure, spread)

    def cost(answers: Sequence[Array]) -> float:
        try:
            value = float(np.asarray(loss(for_all(answers))))
        except (tf.errors.OpError, ValueError, TypeError):
            return math.inf
        return value if math.isfinite(value) else math.inf

    candidates = [
        [
            answer
            for answer in constants(label, output.shape)
            if is_out_of_reach(label) or can_be_given(answer, output)
        ]
        or [output[0]]
        for label, output in zip(labels, outputs, strict=True)
    ]
    chosen = [tried[0] for tried in candidates]
    for place, tried in enumerate(candidates):  # what one output answers changes nothing for another
        chosen[place] = min(tried, key=lambda each: cost([*chosen[:place], each, *chosen[place + 1 :]]))
    found = cost(chosen)
    return Constant(few, for_all(chosen), found) if math.isfinite(found) else None


def labels_of(y: Structure, names: Sequence[str]) -> list[Array]:
    """The labels of each output, in the outputs' order; given by name, they come in another."""
    if isinstance(y, dict) and set(y) <= set(names):
        return [np.asarray(y[name]) if name in y else np.zeros((1, 1)) for name in names]
    return [np.asarray(label) for label in seam().flatten(y)]


def is_out_of_reach(label: Array) -> bool:
    """Whether no head that gives shares could give the labels: it is measured by what another would cost."""
    return bool(label.dtype.kind == "f" and (label.min() < 0 or label.max() > 1))


def can_be_given(answer: Array, output: Array) -> bool:
    """Whether a head that gives ``output``, shape (rows, ...), could give ``answer`` for every row.

    Probabilities stay probabilities: to a loss of one's own, 1 for every class may cost nothing.
    """
    spread = np.broadcast_to(answer, output.shape[1:])
    if output.min() < 0 or output.max() > 1:
        return True
    inside = bool(spread.min() >= 0 and spread.max() <= 1)
    if output.ndim < 2 or output.shape[-1] < 2 or not np.allclose(output.sum(axis=-1), 1.0, atol=SUMS_TO_ONE):
        return inside
    return inside and np.allclose(spread.sum(axis=-1), 1.0, atol=SUMS_TO_ONE)


def constants(label: Array, shape: tuple[int, ...]) -> Iterator[Array]:
    """Candidates for the best constant answer to ``label``, each broadcastable to ``shape`` without rows."""
    values = np.asarray(label, np.float64)
    inner = shape[1:]
    units = inner[-1] if inner else 1
    mean: Array | np.float64
    median: Array | np.float64
    if values.ndim == len(shape) and values.shape[1:] == inner:
        mean, median = values.mean(axis=0), np.median(values, axis=0)
    elif values.ndim == len(shape) - 1 or (values.ndim == len(shape) and values.shape[-1] == 1):
        flat = values.reshape(-1)
        known = flat[(flat >= 0) & (flat < units)]  # of a label that is left out there is no class
        if units > 1 and np.array_equal(flat, np.rint(flat)) and 2 * known.size > flat.size:
            mean = np.bincount(known.astype(int), minlength=units) / known.size
            median = mean
        else:
            mean, median = flat.mean(), np.median(flat)
    else:
        mean, median = values.mean(), np.median(values)
    yield np.asarray(mean)
    yield np.asarray(median)
    yield from np.quantile(values, QUANTILES, axis=0 if values.shape[1:] == inner else None)
    share = np.clip(mean, SMALL, 1 - SMALL)
    yield np.log(share)  # the softmax of these logits are the shares
    yield np.log(share) - np.log1p(-share)  # and their sigmoid
    yield np.zeros(())
    yield np.ones(())
    yield np.asarray(1.0 / units)


def labels_as_answers(
    loss_on: Callable[[Rows], Callable[[Structure], Tensor]], rows: Rows, model: Model
) -> AnswerLosses | None:
    """What the labels cost as answers, and what 1 - the labels do, where a head that gives shares could give
    either; None where it could not, or where the loss makes no number of one of them."""
    few = rows.take(slice(None, None, -(-rows.length // LOOKED_AT)))
    answers = model(few.x, training=False)
    if any(isinstance(part, dict | list | tuple) for part in (answers, few.y)):
        return None
    given, label = np.asarray(answers), np.asarray(few.y, np.float32)
    if label.size != given.size or is_out_of_reach(label) or label.max() > 1 or label.min() < 0:
        return None
    if given.min() < 0 or given.max() > 1 or not label.std():
        return None
    right = np.clip(label.reshape(given.shape), SMALL, 1 - SMALL)
    loss = loss_on(few)
    costs = [float(np.asarray(loss(tf.convert_to_tensor(each)))) for each in (right, 1 - right)]
    return AnswerLosses(*costs) if all(map(math.isfinite, costs)) else None
