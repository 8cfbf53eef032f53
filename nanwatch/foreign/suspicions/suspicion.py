"""A fault that fits what a log shows: which rule's, for what reasons, and at which lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nanwatch.foreign.script.facts import CodeLine

# Why it fits. The words are made in ``explain``; ``value`` and ``number`` are what they name.
ReasonKind = Literal[
    # what the log says in words
    "keras-warned",
    "exception-said",
    # what a line of the script says
    "head",  # value: activation under loss; number: units
    "loss-and-head",
    "rate",
    "line",
    # what the numbers say
    "nan-at-once",
    "nan-later",
    "nan-every-epoch",
    "grew-before",
    "at-chance",
    "ln-k",
    "hard-predictions",
    "unmoved",
    "negative",
    "zero",
    "grows",
    "coin",
    "validation-alone",
    "huge",
    "loss-falls",
    "never-right",
]
# How much there is for it: the log itself names it, a line of the script does what was seen, the numbers
# fit it among others.
Strength = Literal["named", "line-fits", "numbers-fit"]
ORDER: tuple[Strength, ...] = ("named", "line-fits", "numbers-fit")


@dataclass(frozen=True)
class Reason:
    kind: ReasonKind
    value: str = ""
    number: float | None = None


@dataclass(frozen=True)
class Suspicion:
    """``code`` is a rule's of nanwatch."""

    code: str
    strength: Strength
    reasons: tuple[Reason, ...]
    lines: tuple[CodeLine, ...] = ()
    weight: float = 0.5  # orders those of one strength: how often it is this, of what looks alike
