"""Faults of the output layer and the loss (NW2xx) that fit a log."""

from __future__ import annotations

from collections.abc import Iterator

from nanwatch.foreign.script.facts import Head, Loss
from nanwatch.foreign.suspicions.case import BINARY, CATEGORICAL, REGRESSION, SPARSE, Case, because, suspect
from nanwatch.foreign.suspicions.suspicion import Reason, Suspicion

ONE_SIDED = {
    "relu",
    "relu6",
    "leaky_relu",
    "elu",
    "selu",
    "celu",
    "gelu",
    "silu",
    "swish",
    "mish",
    "softplus",
}
BOUNDED = {"sigmoid", "tanh", "softmax", "hard_sigmoid", "softsign"}
PROBABILITIES = (*BINARY, *CATEGORICAL, SPARSE)


def suspicions(case: Case) -> Iterator[Suspicion]:
    yield from one_sided(case)
    yield from single_softmax(case)
    yield from logits(case)
    yield from over_one_unit(case)
    yield from mismatched_units(case)
    yield from bounded_head(case)
    yield from outside_the_domain(case)


def wants_probabilities(case: Case) -> Loss | None:
    """The loss that makes a head of relu or none a fault; None where the script has no such."""
    fitting = [loss for loss in case.losses if loss.name in PROBABILITIES and not loss.from_logits]
    return fitting[0] if fitting else None


def head_reason(head: Head, loss: Loss | None) -> Reason:
    return Reason("head", f"{head.activation} {loss.name if loss else ''}".strip(), head.units)


def one_sided(case: Case) -> Iterator[Suspicion]:
    """NW201. Of the numbers alone it is one of several; the line is what tells."""
    if case.symptom is None or case.symptom in ("validation-not-finite", "zero-loss", "negative-loss"):
        return
    loss = wants_probabilities(case)
    found = [head for head in case.heads if head.activation in ONE_SIDED]
    if found and (loss is not None or not case.losses):
        lines = [head.at for head in found] + ([loss.at] if loss else [])
        reasons = [*(head_reason(head, loss) for head in found), *because(case)]
        yield suspect("NW201", "line-fits", 0.95, reasons, lines)
    elif case.is_nan and case.heads_open() and case.classifies is not False:
        weight = 0.45 if case.at_once else 0.8 if case.classifies else 0.5
        yield suspect("NW201", "numbers-fit", weight, because(case))


def single_softmax(case: Case) -> Iterator[Suspicion]:
    """NW202: every prediction is 1, so that the accuracy is the share of class 1, whatever the loss does."""
    if case.symptom is None:
        return
    fits = case.idle or case.is_nan or case.symptom == "loss-grows"
    found = [head for head in case.heads if head.activation == "softmax" and head.units == 1]
    lines = [head.at for head in found]
    if case.said("softmax-over-one") is not None and fits:
        yield suspect("NW202", "named", 0.97, [Reason("keras-warned"), *because(case)], lines)
    elif found and fits:
        reasons = [*(head_reason(head, wants_probabilities(case)) for head in found), *because(case)]
        yield suspect("NW202", "line-fits", 0.97, reasons, lines)
    elif case.idle and case.heads_open() and case.units in (1, None) and stands_still(case):
        falls = case.symptom == "accuracy-at-chance" and case.course.trend == "falling"
        hard = case.symptom == "hard-predictions"
        yield suspect("NW202", "numbers-fit", 0.85 if falls or hard else 0.35, because(case))


def stands_still(case: Case) -> bool:
    return any(not each.name.startswith("val_") for each in case.course.still)


def logits(case: Case) -> Iterator[Suspicion]:
    """NW204: a head without activation under a loss that takes it for probabilities."""
    loss = wants_probabilities(case)
    found = [head for head in case.heads if head.activation == "linear" and head.layer != "LSTM"]
    if case.symptom is None or loss is None or not found:
        return
    if case.idle or case.symptom in ("loss-not-finite", "loss-grows"):
        lines = [*(head.at for head in found), loss.at]
        reasons = [*(head_reason(head, loss) for head in found), *because(case)]
        yield suspect("NW204", "line-fits", 0.9, reasons, lines)


def over_one_unit(case: Case) -> Iterator[Suspicion]:
    """NW207: one unit under categorical_crossentropy, which is 0 whatever it is."""
    if case.symptom not in ("zero-loss", "loss-not-finite", "flat-loss"):
        return
    losses = [loss for loss in case.losses if loss.name in CATEGORICAL]
    found = [head for head in case.heads if head.units == 1] if losses else []
    lines = [*(head.at for head in found), *(loss.at for loss in losses)]
    if case.said("categorical-over-one") is not None:
        yield suspect("NW207", "named", 0.96, [Reason("keras-warned"), *because(case)], lines)
    elif found:
        reasons = [*(head_reason(head, losses[0]) for head in found), *because(case)]
        yield suspect("NW207", "line-fits", 0.96, reasons, lines)
    elif case.symptom == "zero-loss" and case.heads_open() and case.units in (1, None):
        yield suspect("NW207", "numbers-fit", 0.8, because(case))


def mismatched_units(case: Case) -> Iterator[Suspicion]:
    """NW210: the labels come one-hot, two columns of them, and the head has one unit."""
    if not case.idle or case.script is None or not case.has_loss(*BINARY):
        return
    modes = [mark for mark in case.script.of("class-mode") if mark.value == "categorical"]
    found = [head for head in case.heads if head.units == 1 and head.activation == "sigmoid"]
    if modes and found:
        reasons = [Reason("line", modes[0].value), *because(case)]
        yield suspect("NW210", "line-fits", 0.85, reasons, [*(m.at for m in modes), *(h.at for h in found)])


def bounded_head(case: Case) -> Iterator[Suspicion]:
    """NW203: a regression whose head cannot give what the target is."""
    losses = [loss for loss in case.losses if loss.name in REGRESSION]
    found = [head for head in case.heads if head.activation in BOUNDED | {"relu"}]
    if losses and found and case.symptom in ("flat-loss", "loss-of-a-guesser") and not case.course.accuracy:
        reasons = [*(head_reason(head, losses[0]) for head in found), *because(case)]
        yield suspect("NW203", "line-fits", 0.8, reasons, [head.at for head in found])


def outside_the_domain(case: Case) -> Iterator[Suspicion]:
    """NW108: labels that binary_crossentropy has no least value for."""
    if case.symptom != "negative-loss":
        return
    losses = [loss for loss in case.losses if loss.name in BINARY]
    if losses:
        lines = [loss.at for loss in losses]
        yield suspect("NW108", "line-fits", 0.95, [Reason("line", losses[0].name), *because(case)], lines)
    elif not any(loss.own for loss in case.losses):
        yield suspect("NW108", "numbers-fit", 0.9, because(case))
