"""What is known of a training that a log tells of: its course, the log's own words, the script's lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from nanwatch.foreign.course import Course
from nanwatch.foreign.log import Remark, RemarkKind
from nanwatch.foreign.script.facts import CodeLine, Head, Loss, ScriptFacts
from nanwatch.foreign.suspicions.suspicion import Reason, ReasonKind, Strength, Suspicion

Symptom = Literal[
    "loss-not-finite",
    "validation-not-finite",
    "zero-loss",
    "negative-loss",
    "hard-predictions",
    "flat-loss",
    "accuracy-at-chance",  # the accuracy stands still there, and the loss falls all the same
    "loss-of-a-guesser",
    "loss-grows",
    "validation-at-chance",  # and the training learns
]
CROSSENTROPY = "crossentropy"
BINARY = ("binary_crossentropy", "binary_focal_crossentropy")
CATEGORICAL = ("categorical_crossentropy", "categorical_focal_crossentropy")
SPARSE = "sparse_categorical_crossentropy"
REGRESSION = (
    "mean_squared_error",
    "mean_absolute_error",
    "huber",
    "log_cosh",
    "mean_squared_logarithmic_error",
)
# Symptoms of a training that has learned nothing.
IDLE: frozenset[Symptom] = frozenset(
    {"flat-loss", "accuracy-at-chance", "loss-of-a-guesser", "hard-predictions"}
)


@dataclass(frozen=True)
class Case:
    course: Course
    remarks: tuple[Remark, ...] = ()
    units: int | None = None  # of the head, by a summary in the log
    script: ScriptFacts | None = None

    @property
    def symptom(self) -> Symptom | None:
        """The one that is told of, the loudest; None: nothing is wrong by these numbers."""
        course = self.course
        if course.loss_bad:
            return "loss-not-finite"
        if course.val_bad:
            return "validation-not-finite"
        if course.is_zero:
            return "zero-loss"
        if course.is_negative and (course.accuracy or self.has_loss(*BINARY)):
            return "negative-loss"
        if course.hard:
            return "hard-predictions"
        if course.flat:
            return "flat-loss"
        if course.grown:
            return "loss-grows"
        if course.is_stuck:
            return "accuracy-at-chance"
        if course.guesses:
            return "loss-of-a-guesser"
        return "validation-at-chance" if course.coin is not None else None

    @property
    def is_nan(self) -> bool:
        return self.symptom == "loss-not-finite"

    @property
    def at_once(self) -> bool:
        """Whether no epoch ended with a finite loss."""
        bad = self.course.loss_bad
        return bad is not None and bad.finite_before == 0

    @property
    def idle(self) -> bool:
        return self.symptom in IDLE

    @property
    def classifies(self) -> bool | None:
        """Whether classes are told apart; None: who knows."""
        if self.losses:
            return any(CROSSENTROPY in loss.name for loss in self.losses)
        return True if self.course.accuracy else None

    @property
    def losses(self) -> tuple[Loss, ...]:
        return self.script.losses if self.script else ()

    @property
    def heads(self) -> tuple[Head, ...]:
        return self.script.heads if self.script else ()

    def has_loss(self, *names: str) -> bool:
        return any(loss.name in names for loss in self.losses)

    def heads_open(self) -> bool:
        """Whether a head may be anything: no script, none found in it, or a computed activation."""
        return not self.heads or any(head.activation is None for head in self.heads)

    def said(self, kind: RemarkKind) -> Remark | None:
        return next((remark for remark in self.remarks if remark.kind == kind), None)


def suspect(
    code: str,
    strength: Strength,
    weight: float,
    reasons: Iterable[Reason],
    lines: Iterable[CodeLine] = (),
) -> Suspicion:
    return Suspicion(code, strength, tuple(reasons), tuple(dict.fromkeys(lines)), weight)


def because(case: Case) -> Iterator[Reason]:
    """What the numbers say, for any fault that makes them so."""
    course, symptom = case.course, case.symptom
    if symptom == "loss-not-finite" and course.loss_bad is not None:
        before = course.loss_bad.finite_before
        yield Reason("nan-later", number=float(before)) if before else Reason("nan-at-once")
        if course.grown is not None:
            yield Reason("grew-before", number=course.grown)
    elif symptom is not None:
        yield Reason(NUMBERS[symptom], number=figure(course))


NUMBERS: dict[Symptom, ReasonKind] = {
    "validation-not-finite": "validation-alone",
    "zero-loss": "zero",
    "negative-loss": "negative",
    "hard-predictions": "hard-predictions",
    "flat-loss": "unmoved",
    "accuracy-at-chance": "at-chance",
    "loss-of-a-guesser": "ln-k",
    "loss-grows": "grows",
    "validation-at-chance": "coin",
}


def figure(course: Course) -> float | None:
    """The number that a reason names."""
    if course.flat is not None:
        return course.flat.value
    if course.grown is not None:
        return course.grown
    return course.coin if course.coin is not None else course.last
