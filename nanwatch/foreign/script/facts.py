"""What was read in a script: each with the line that says so."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

MarkKind = Literal[
    "class-mode",  # value: binary, categorical, sparse, int
    "one-hot",  # to_categorical and its kin
    "pixels",  # images are read, and nothing divides them
    "scaling",  # something scales or standardises
    "std-division",  # by a standard deviation, which may be 0
    "gaps",  # a table is read, and nothing is done about missing values
    "recurrent-activation",  # value: relu, linear, ...
    "half-precision",
    "frozen",
    "zero-weights",  # an initializer of zeros or a constant
    "dropout",  # number: the rate, a high one
    "sigmoid-layers",  # number: how many hidden ones
    "own-op",  # value: log, sqrt, divide, ...; in a function of the script's own, unguarded
    "class-weight",
    "clipping",
    "validation-tail",  # validation_split, which takes the last rows
    "no-shuffle",
]


@dataclass(frozen=True)
class CodeLine:
    """A line of the script; of a notebook the cell, by its place among those of code."""

    line: int
    text: str
    cell: int | None = None


@dataclass(frozen=True)
class Head:
    """The last layer of a model. ``activation`` is None where the script computes it."""

    at: CodeLine
    layer: str
    units: int | None
    activation: str | None


@dataclass(frozen=True)
class Loss:
    """A loss as ``compile`` is given it. ``own``: a function of the script's own."""

    at: CodeLine
    name: str
    from_logits: bool = False
    own: bool = False


@dataclass(frozen=True)
class Optimizer:
    at: CodeLine
    name: str
    rate: float | None  # None: not said, or computed


@dataclass(frozen=True)
class Mark:
    at: CodeLine
    kind: MarkKind
    value: str = ""
    number: float | None = None


@dataclass(frozen=True)
class ScriptFacts:
    """What a script says, as far as it can be told without running it."""

    name: str
    heads: tuple[Head, ...] = ()
    losses: tuple[Loss, ...] = ()
    optimizers: tuple[Optimizer, ...] = ()
    marks: tuple[Mark, ...] = field(default=())
    unread: int = 0  # lines that are no Python

    def of(self, kind: MarkKind) -> list[Mark]:
        return [mark for mark in self.marks if mark.kind == kind]

    @property
    def is_empty(self) -> bool:
        return not (self.heads or self.losses or self.optimizers)
