"""What each remedy at an op does to it: another argument, or another op in its place."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from nanwatch.record.facts import OpInfo
from nanwatch.record.interventions import InterventionKind
from nanwatch.replay.making import NotPossible

QUOTIENTS = ("RealDiv", "Div")
SECOND = (*QUOTIENTS, "Xlogy", "Xdivy")  # whose second input is the one that may be out of the domain
AT_ONE = ("Acos", "Asin", "Atanh", "Acosh")
# From where a function or its slope is not finite, and the op that tells.
DOMAINS = {
    **dict.fromkeys(("Log", "Sqrt", "Rsqrt", "Pow", "Xlogy"), ("LessEqual", 0.0)),
    **dict.fromkeys((*QUOTIENTS, "Reciprocal", "Inv", "Xdivy"), ("Equal", 0.0)),
    "Log1p": ("LessEqual", -1.0),
    "Exp": ("GreaterEqual", 80.0),
}
LEAST_DIVISOR = 1e-6


class Arguments(Protocol):
    """What makes an argument: ops and constants of the dtype of the op that takes it."""

    def node(self, kind: str, *inputs: Any) -> Any: ...

    def constant(self, value: float) -> Any: ...


@dataclass(frozen=True)
class Mend:
    """``place`` is that of the argument among the op's inputs; None: any.

    ``sloped``: where it takes effect its own slope is 0, which is not among the ops that ran. So what its
    gradients say is an answer only where they are finite.
    """

    place: int | None = None
    argument: Callable[[Arguments, Any], Any] | None = None
    turned_into: str | None = None
    sloped: bool = False


def add_epsilon(kind: str, value: float, found: OpInfo) -> Mend:
    return Mend(place_of_argument(kind), lambda made, x: made.node("AddV2", x, made.constant(value)))


def clip_argument(kind: str, value: float, found: OpInfo) -> Mend:
    """Off the ends of its domain, or between -value and value; any input, where some were infinite."""
    low, high = (-1.0 + value, 1.0 - value) if kind in AT_ONE else (-value, value)
    given_inf = any(each.num_pos_inf or each.num_neg_inf for each in found.inputs)

    def clip(made: Arguments, x: Any) -> Any:
        return made.node("Minimum", made.node("Maximum", x, made.constant(low)), made.constant(high))

    return Mend(None if given_inf else place_of_argument(kind), clip, sloped=True)


def divide_no_nan(kind: str, value: float, found: OpInfo) -> Mend:
    """0 for 0 / 0; else a divisor that is kept away from 0."""
    if kind == "Mean":
        return Mend(turned_into="Sum")
    if kind in QUOTIENTS and found.output in ("nan", None):
        return Mend(place_of_argument(kind), never_zero)
    least = LEAST_DIVISOR
    away = Mend(place_of_argument(kind), lambda made, x: made.node("Maximum", x, made.constant(least)))
    return replace(away, sloped=True)


def never_zero(made: Arguments, x: Any) -> Any:
    """By an infinity in its place everything gives 0, as divide_no_nan has it, and so do both slopes."""
    return made.node("SelectV2", made.node("Equal", x, made.constant(0.0)), made.constant(math.inf), x)


def guard_argument(kind: str, value: float, found: OpInfo) -> Mend:
    """A safe argument where it is out of the domain; of a softmax nothing that is less."""
    if "Softmax" in kind:
        return Mend(0, lambda made, x: made.node("Maximum", x, made.constant(value)))
    if kind not in DOMAINS:
        raise NotPossible(f"the domain of {kind} is not known")
    is_outside, end = DOMAINS[kind]

    def guard(made: Arguments, x: Any) -> Any:
        return made.node("SelectV2", made.node(is_outside, x, made.constant(end)), made.constant(value), x)

    return Mend(place_of_argument(kind), guard, sloped=True)


def place_of_argument(kind: str) -> int:
    return 1 if kind in SECOND else 0


K = InterventionKind
CHANGES: dict[InterventionKind, Callable[[str, float, OpInfo], Mend]] = {
    K.ADD_EPSILON: add_epsilon,
    K.CLIP_ARGUMENT: clip_argument,
    K.DIVIDE_NO_NAN: divide_no_nan,
    K.GUARD_ARGUMENT: guard_argument,
}
