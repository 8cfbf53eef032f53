"""A record in which every field has a value, made from the annotations: a new field is in it at once."""

from __future__ import annotations

import dataclasses
import itertools
import types
import typing
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any

from nanwatch.record.events import CLASSES
from nanwatch.record.facts import FitInfo, RunInfo
from nanwatch.record.run import Fit, Run
from nanwatch.record.series import STEP, Series, column_name
from nanwatch.record.sources import Source, Sources
from nanwatch.record.tables import NumberText, Variant
from nanwatch.record.trials import Trial

TextFor = Callable[[str], str]  # of a field, by its name


class Filler:
    """Makes values of every annotation; ``text`` gives those of texts that may be anything."""

    def __init__(self, text: TextFor) -> None:
        self.text = text

    def value(self, kind: Any, name: str) -> Any:
        origin, args = typing.get_origin(kind), typing.get_args(kind)
        if kind is Any:
            return {self.text(name): [self.text(name), 1, 0.5, None]}
        if origin in (types.UnionType, typing.Union):
            return self.value(next(each for each in args if each is not type(None)), name)
        if origin is typing.Literal:
            return args[0]
        if origin is tuple:
            return tuple(self.entries(args[0], name))
        if origin is dict:
            key = "1" if args[0] == NumberText else self.text(name)
            return {key: self.value(args[1], name)}
        if dataclasses.is_dataclass(kind):
            return self.instance(typing.cast(Any, kind))
        if issubclass(kind, Enum):
            return next(iter(kind))
        return {str: self.text(name), int: 1, float: 0.5, bool: True}[kind]

    def entries(self, kind: Any, name: str) -> Iterator[Any]:
        """Of a union of kinds of notes one of each; of a word one of each too."""
        args = [each for each in typing.get_args(kind) if each is not type(None)]
        variants = [each for each in args if isinstance(each, type) and issubclass(each, Variant)]
        for each in variants or [kind]:
            yield self.value(each, name)

    def instance(self, cls: Any, **given: Any) -> Any:
        hints = typing.get_type_hints(cls, include_extras=True)
        values = {
            spec.name: given.get(spec.name, self.value(hints[spec.name], spec.name))
            for spec in dataclasses.fields(cls)
        }
        return cls(**values)


def plain(name: str) -> str:
    return name


def full_run(text: TextFor = plain, file: str | None = None) -> Run:
    """A run whose every field is filled; ``file``: the script that its locations are in."""
    filler = Filler(text)
    info: RunInfo = filler.instance(RunInfo)
    fit_info: FitInfo = dataclasses.replace(info.fits[0], index=0, model=0)
    incident = None if info.incident is None else dataclasses.replace(info.incident, fit=0)
    info = dataclasses.replace(info, fits=(fit_info,), incident=incident)
    events = [filler.instance(cls) for kind, cls in CLASSES.items() if kind != "error"]
    numbered = tuple(dataclasses.replace(event, fit=0) for event in events)
    fit = Fit(fit_info, info.models[0], series(text), series(text), numbered)
    trials = [filler.instance(Trial)]
    sources = Sources([filler.instance(Source)])
    return Run(info, (fit,), trials=trials, sources=sources)


def series(text: TextFor) -> Series:
    """Of each role a column, by a name that is any text's."""
    roles = ("gradient", "activation", "weight", "output", "update", "label", "input")
    single = [column_name(role, "", "value") for role in ("time", "epoch", "loss", "learning_rate", "rows")]
    named = [
        column_name(role, text("path"), stat) for role, stat in itertools.product(roles, ("l2_norm", "max"))
    ]
    columns = (STEP, *single, *named)
    return Series.from_rows(
        columns, [[float(step), *[0.5 + step] * (len(columns) - 1)] for step in range(40)]
    )
