"""Faults of data and labels (NW1xx) that fit a log."""

from __future__ import annotations

from collections.abc import Iterator

from nanwatch.foreign.course import HUGE_LOSS
from nanwatch.foreign.script.facts import Mark, MarkKind
from nanwatch.foreign.suspicions.case import SPARSE, Case, because, suspect
from nanwatch.foreign.suspicions.suspicion import Reason, Suspicion


def suspicions(case: Case) -> Iterator[Suspicion]:
    yield from told_by_an_exception(case)
    if case.is_nan:
        yield from not_finite(case)
    if case.symptom == "validation-not-finite":
        yield suspect("NW118", "numbers-fit", 0.9, because(case))
        yield suspect("NW602", "numbers-fit", 0.4, because(case))
    yield from unscaled(case)
    yield from unscaled_target(case)
    if case.symptom == "validation-at-chance":
        yield from other_validation(case)
    if case.idle:
        yield from unlearnable(case)


def marks(case: Case, kind: MarkKind) -> list[Mark]:
    return case.script.of(kind) if case.script else []


def line_reasons(found: list[Mark], case: Case) -> list[Reason]:
    return [*(Reason("line", mark.value or mark.kind, mark.number) for mark in found[:1]), *because(case)]


def told_by_an_exception(case: Case) -> Iterator[Suspicion]:
    for code, said in (
        ("NW107", case.said("label-out-of-range")),
        ("NW112", case.said("index-out-of-range")),
    ):
        if said is not None:
            number = None if said.number is None else float(said.number)
            yield suspect(code, "named", 0.98, [Reason("exception-said", number=number)])


def not_finite(case: Case) -> Iterator[Suspicion]:
    """NaN in the rows shows in the epoch that sees them all, which is the first."""
    if not case.at_once:
        return
    gaps, quotients = marks(case, "gaps"), marks(case, "std-division")
    if gaps:
        yield suspect("NW101", "line-fits", 0.75, line_reasons(gaps, case), [mark.at for mark in gaps])
    else:
        yield suspect("NW101", "numbers-fit", 0.8, because(case))
    if quotients:
        reasons = line_reasons(quotients, case)
        yield suspect("NW102", "line-fits", 0.7, reasons, [mark.at for mark in quotients])
    elif case.said("invalid-value") is not None:
        yield suspect("NW102", "numbers-fit", 0.7, because(case))
    yield suspect("NW103", "numbers-fit", 0.3 if case.classifies else 0.6, because(case))
    if case.has_loss(SPARSE):
        yield suspect("NW107", "numbers-fit", 0.55, because(case), [each.at for each in case.losses])


def unscaled(case: Case) -> Iterator[Suspicion]:
    """NW105: pixels from 0 to 255, or a table's columns as they came."""
    harmed = case.idle or case.symptom == "loss-grows" or case.at_once
    if not harmed or marks(case, "scaling"):
        return
    pixels = marks(case, "pixels")
    if pixels:
        reasons = line_reasons(pixels, case)
        yield suspect("NW105", "line-fits", 0.7, reasons, [mark.at for mark in pixels])
    else:
        idle = 0.65 if case.course.started_high else 0.6
        yield suspect("NW105", "numbers-fit", 0.35 if case.is_nan else idle, because(case))


def unscaled_target(case: Case) -> Iterator[Suspicion]:
    """NW106: of a regression alone. A loss as large as the target's variance stays so under Adam."""
    if case.classifies or case.course.accuracy:
        return
    large = case.course.flat is not None and case.course.flat.value >= HUGE_LOSS
    if large:
        yield suspect("NW106", "numbers-fit", 0.9, [Reason("huge", number=case.course.first)])
    elif case.at_once or case.symptom == "loss-grows":
        yield suspect("NW106", "numbers-fit", 0.5, because(case))


def other_validation(case: Case) -> Iterator[Suspicion]:
    tails = marks(case, "validation-tail")
    if tails:
        reasons = line_reasons(tails, case)
        yield suspect("NW114", "line-fits", 0.7, reasons, [mark.at for mark in tails])
    else:
        yield suspect("NW114", "numbers-fit", 0.5, because(case))
    yield suspect("NW116", "numbers-fit", 0.6, because(case))
    yield suspect("NW308", "numbers-fit", 0.7, because(case))
    yield suspect("NW115", "numbers-fit", 0.55, because(case))


def unlearnable(case: Case) -> Iterator[Suspicion]:
    unshuffled = marks(case, "no-shuffle")
    if unshuffled and case.symptom != "hard-predictions":
        reasons = line_reasons(unshuffled, case)
        yield suspect("NW113", "line-fits", 0.4, reasons, [mark.at for mark in unshuffled])
    if case.symptom in ("loss-of-a-guesser", "flat-loss") and not case.course.is_exactly_flat:
        yield suspect("NW115", "numbers-fit", 0.4, because(case))
    # On a CPU relu can make 0 of a NaN: the loss is finite then, and the network dead.
    if case.symptom in ("loss-of-a-guesser", "accuracy-at-chance") and case.course.trend != "falling":
        yield suspect("NW101", "numbers-fit", 0.35, because(case))
