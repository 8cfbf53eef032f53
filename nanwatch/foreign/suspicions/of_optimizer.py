"""Faults of the optimization (NW5xx) that fit a log."""

from __future__ import annotations

from collections.abc import Iterator

from nanwatch.foreign.script.facts import Optimizer
from nanwatch.foreign.suspicions.case import Case, because, suspect
from nanwatch.foreign.suspicions.of_data import line_reasons, marks
from nanwatch.foreign.suspicions.suspicion import Reason, Suspicion

# What a rate is called high or low from: ten times Keras's default of 0.001 for Adam and its kin and of
# 0.01 for SGD, and a hundredth and less.
HIGH = {"sgd": 0.1}
HIGH_OTHERWISE = 0.01
LOW = {"sgd": 1e-4}
LOW_OTHERWISE = 1e-5
MODEST = {"sgd": 1e-3}  # at or below it a rate is seldom what is at fault
MODEST_OTHERWISE = 3e-4
OWN_SCALE = {"adadelta", "ftrl", "adagrad"}  # whose rates are larger by right


def suspicions(case: Case) -> Iterator[Suspicion]:
    yield from no_rate(case)
    yield from too_high(case)
    yield from too_low(case)
    yield from nothing_trains(case)


def rated(case: Case) -> list[tuple[Optimizer, float]]:
    found = case.script.optimizers if case.script else ()
    return [(each, each.rate) for each in found if each.rate is not None]


def bound(optimizer: Optimizer, by_name: dict[str, float], otherwise: float) -> float:
    return by_name.get(optimizer.name.lower(), otherwise)


def no_rate(case: Case) -> Iterator[Suspicion]:
    found = [(each, rate) for each, rate in rated(case) if rate <= 0]
    if found and case.symptom in ("flat-loss", "loss-grows", "loss-not-finite"):
        reasons = [Reason("rate", found[0][0].name, found[0][1]), *because(case)]
        yield suspect("NW508", "line-fits", 0.96, reasons, [each.at for each, _ in found])


def too_high(case: Case) -> Iterator[Suspicion]:
    """NW501. What grows before it breaks speaks for it; a small rate in the script against it."""
    if not (case.is_nan or case.idle or case.symptom == "loss-grows"):
        return
    known = rated(case)
    high = [
        (each, rate)
        for each, rate in known
        if rate >= bound(each, HIGH, HIGH_OTHERWISE) and each.name.lower() not in OWN_SCALE
    ]
    grows = case.symptom == "loss-grows" or case.course.grown is not None
    if high:
        reasons = [Reason("rate", high[0][0].name, high[0][1]), *because(case)]
        yield suspect("NW501", "line-fits", 0.9 if grows else 0.75, reasons, [each.at for each, _ in high])
        return
    modest = bool(known) and all(rate <= bound(each, MODEST, MODEST_OTHERWISE) for each, rate in known)
    if case.idle and (case.script is not None or case.course.is_exactly_flat):
        return  # one more of many that leave no trace
    idle = 0.7 if case.course.started_high else 0.4
    weight = 0.9 if grows else idle if case.idle else 0.6
    yield suspect("NW501", "numbers-fit", weight / 3 if modest else weight, because(case))


def too_low(case: Case) -> Iterator[Suspicion]:
    if case.symptom not in ("flat-loss", "loss-of-a-guesser"):
        return
    low = [(each, rate) for each, rate in rated(case) if 0 < rate <= bound(each, LOW, LOW_OTHERWISE)]
    if low:
        reasons = [Reason("rate", low[0][0].name, low[0][1]), *because(case)]
        yield suspect("NW502", "line-fits", 0.8, reasons, [each.at for each, _ in low])
    elif not rated(case) and case.course.flat is not None and not case.course.is_exactly_flat:
        yield suspect("NW502", "numbers-fit", 0.3, because(case))


def nothing_trains(case: Case) -> Iterator[Suspicion]:
    """NW503: no digit of the loss moves."""
    if case.symptom != "flat-loss" or not case.course.is_exactly_flat:
        return
    frozen = marks(case, "frozen")
    if frozen:
        reasons = line_reasons(frozen, case)
        yield suspect("NW503", "line-fits", 0.5, reasons, [mark.at for mark in frozen])
    elif case.script is None:
        # At ln(k) it is dead rather: weights that never moved are seldom those of a guesser.
        at_chance = case.course.flat is not None and case.course.flat.classes is not None
        yield suspect("NW503", "numbers-fit", 0.4 if at_chance else 0.7, because(case))
