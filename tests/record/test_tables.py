"""Every table of a run survives the way to JSON and back, whatever its fields hold."""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from typing import Any

import pytest

from nanwatch.record import facts, strict_json
from nanwatch.record.tables import from_table, to_table

TABLES = [
    kind
    for _, kind in inspect.getmembers(facts, inspect.isclass)
    if dataclasses.is_dataclass(kind) and kind.__module__ == facts.__name__
]


def filled(kind: Any) -> Any:
    """A value of the annotation ``kind`` that is none of its defaults."""
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return filled(next(arg for arg in args if arg is not type(None)))
    if origin is typing.Literal:
        return args[-1]
    if origin is tuple:
        return (filled(args[0]), filled(args[0]))
    if origin is dict:
        return {"key": filled(args[1])}
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        hints = typing.get_type_hints(kind)
        return kind(**{spec.name: filled(hints[spec.name]) for spec in dataclasses.fields(kind)})
    return {str: "text", int: 7, float: 0.25, bool: True, Any: [1, "a", {"b": None}]}[kind]


def through_json(value: Any) -> Any:
    return from_table(type(value), strict_json.loads(strict_json.dumps(to_table(value))))


def test_all_tables_are_here() -> None:
    assert {"RunInfo", "FitInfo", "IncidentInfo", "Location"} <= {kind.__name__ for kind in TABLES}


@pytest.mark.parametrize("kind", TABLES, ids=lambda kind: kind.__name__)
def test_every_field_comes_back(kind: type) -> None:
    value = filled(kind)
    assert through_json(value) == value


@pytest.mark.parametrize("kind", TABLES, ids=lambda kind: kind.__name__)
def test_booleans_come_back_when_they_are_not_the_default(kind: type) -> None:
    flags = {spec.name: spec.default for spec in dataclasses.fields(kind) if isinstance(spec.default, bool)}
    value = dataclasses.replace(filled(kind), **{name: not default for name, default in flags.items()})
    back = through_json(value)
    assert all(getattr(back, name) is not default for name, default in flags.items())


def test_a_default_is_not_written() -> None:
    assert to_table(facts.RunInfo("train.py")) == {"script": "train.py"}


def test_a_zero_where_the_default_is_none_is_written() -> None:
    incident = facts.IncidentInfo(0, 3, 0, "loss", rows_summing_to_zero=0, reproduced=False)
    assert through_json(incident) == incident


def test_a_whole_number_that_equals_a_default_of_another_type_is_written() -> None:
    summary = facts.ColumnSummary(0, num_nan=0, std=0)
    assert to_table(summary) == {"index": 0, "std": 0}


def test_a_key_of_a_later_version_is_passed_over() -> None:
    assert from_table(facts.Location, {"file": "a.py", "line": 3, "column": 9}) == facts.Location("a.py", 3)


@pytest.mark.parametrize(
    ("table", "error"),
    [
        ([], "RunInfo wants a table, not list"),
        ({"script": "a", "models": {}}, "a list was expected, not dict"),
        ({"script": "a", "versions": []}, "a table was expected, not list"),
        ({"script": "a", "fits": [3]}, "FitInfo wants a table, not int"),
        ({}, "missing 1 required positional argument: 'script'"),
    ],
)
def test_a_table_of_another_shape(table: Any, error: str) -> None:
    with pytest.raises(TypeError) as caught:
        from_table(facts.RunInfo, table)
    assert error in str(caught.value)
