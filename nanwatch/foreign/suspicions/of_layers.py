"""Faults of activations, weights and arithmetic (NW3xx, NW4xx) that fit a log."""

from __future__ import annotations

from collections.abc import Iterator

from nanwatch.foreign.script.facts import MarkKind
from nanwatch.foreign.suspicions.case import Case, because, suspect
from nanwatch.foreign.suspicions.of_data import line_reasons, marks
from nanwatch.foreign.suspicions.suspicion import Suspicion

# The rule for an op without a guard in a function of the script's own.
OPS = {"log": "NW403", "log1p": "NW403", "sqrt": "NW401", "norm": "NW401", "pow": "NW401", "rsqrt": "NW401"}
OPS |= {"acos": "NW401", "divide": "NW405", "div": "NW405", "exp": "NW404"}


def suspicions(case: Case) -> Iterator[Suspicion]:
    if case.is_nan:
        yield from arithmetic(case)
    if case.is_nan or case.symptom == "loss-grows":
        found = marks(case, "recurrent-activation")
        if found:
            reasons = line_reasons(found, case)
            yield suspect("NW305", "line-fits", 0.85, reasons, [mark.at for mark in found])
    if case.idle:
        yield from dead(case)
    if case.symptom == "zero-loss":
        yield suspect("NW604", "numbers-fit", 0.5, because(case))


def arithmetic(case: Case) -> Iterator[Suspicion]:
    half = marks(case, "half-precision")
    if half:
        reasons = line_reasons(half, case)
        yield suspect("NW407", "line-fits", 0.75, reasons, [mark.at for mark in half])
    by_code: dict[str, list[int]] = {}
    own = marks(case, "own-op")
    for place, mark in enumerate(own):
        if mark.value in OPS:
            by_code.setdefault(OPS[mark.value], []).append(place)
    for code, places in by_code.items():
        found = [own[place] for place in places]
        weight = 0.6 if code == "NW404" else 0.8
        yield suspect(code, "line-fits", weight, line_reasons(found, case), [mark.at for mark in found])
    if case.script is None and not case.at_once:
        yield suspect("NW403", "numbers-fit", 0.4, because(case))


def dead(case: Case) -> Iterator[Suspicion]:
    """Layers that give the same for every row, or pass no gradient."""
    kinds: tuple[tuple[MarkKind, str, float], ...] = (
        ("zero-weights", "NW306", 0.8),
        ("dropout", "NW312", 0.6),
    )
    for kind, code, weight in kinds:
        found = marks(case, kind)
        if found:
            reasons = line_reasons(found, case)
            yield suspect(code, "line-fits", weight, reasons, [mark.at for mark in found])
    sigmoids = marks(case, "sigmoid-layers")
    if sigmoids and case.symptom in ("flat-loss", "loss-of-a-guesser"):
        reasons = line_reasons(sigmoids, case)
        yield suspect("NW303", "line-fits", 0.7, reasons, [mark.at for mark in sigmoids])
    if case.symptom == "hard-predictions":
        yield suspect("NW302", "numbers-fit", 0.5, because(case))
    elif case.symptom in ("flat-loss", "loss-of-a-guesser"):
        at_chance = case.course.flat is not None and case.course.flat.classes is not None
        yield suspect("NW301", "numbers-fit", 0.8 if at_chance else 0.5, because(case))
