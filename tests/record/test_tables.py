"""Every table of a run survives the way to JSON and back, whatever its fields hold."""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any

import pytest

from nanwatch.record import events, facts, interventions, notes, strict_json, trials, watchpoints
from nanwatch.record.tables import DEEPEST, LARGEST, LONGEST_TEXT, Variant, from_table, to_table

TABLES = [
    kind
    for module in (events, facts, interventions, notes, trials, watchpoints)
    for _, kind in inspect.getmembers(module, inspect.isclass)
    if dataclasses.is_dataclass(kind) and kind.__module__ == module.__name__
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
        return {"1": filled(args[1])}  # which may be a number, too
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        hints = typing.get_type_hints(kind)
        return kind(**{spec.name: filled(hints[spec.name]) for spec in dataclasses.fields(kind)})
    if inspect.isclass(kind) and issubclass(kind, Enum):
        return list(kind)[-1]
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


@dataclass(frozen=True)
class Fall(Variant):
    kind = "fall"
    height: float


@dataclass(frozen=True)
class Rise(Variant):
    kind = "rise"


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Everything:
    """A field of each kind of type that may be kept."""

    text: str = ""
    number: int = 0
    flag: bool = False
    real: float = 0.0
    word: typing.Literal["a", "b"] = "a"
    colour: Colour = Colour.RED
    maybe: int | None = None
    scalar: bool | int | float | str | tuple[int | str, ...] | None = None
    many: tuple[float, ...] = ()
    sizes: tuple[int | None, ...] = ()
    named: dict[str, int] = field(default_factory=dict)
    free: dict[str, Any] = field(default_factory=dict)
    place: facts.Location | None = None
    places: tuple[facts.Location, ...] = ()
    course: tuple[Fall | Rise, ...] = ()


def nested(depth: int, inside: object = 1) -> Any:
    """A table of so many tables in one another, itself counted."""
    found: Any = inside
    for _ in range(depth):
        found = {"a": found}
    return found


RIGHT = [
    ("text", "t", "t"),
    ("number", -3, -3),
    ("number", LARGEST, LARGEST),
    ("text", "t" * LONGEST_TEXT, "t" * LONGEST_TEXT),
    ("text", "t" * (LONGEST_TEXT + 1), "t" * LONGEST_TEXT + "…"),
    ("free", {"a": LARGEST, "b": LARGEST + 1}, {"a": LARGEST, "b": None}),
    ("free", nested(DEEPEST + 1), nested(DEEPEST + 1)),
    ("free", nested(DEEPEST + 2), nested(DEEPEST + 1, None)),
    ("flag", True, True),
    ("real", 0.5, 0.5),
    ("real", 2, 2.0),
    ("real", float("inf"), float("inf")),
    ("word", "b", "b"),
    ("colour", "blue", Colour.BLUE),
    ("maybe", None, None),
    ("maybe", 3, 3),
    ("scalar", None, None),
    ("scalar", True, True),
    ("scalar", 1, 1),
    ("scalar", 1.0, 1.0),
    ("scalar", "s", "s"),
    ("scalar", [1, "s"], (1, "s")),
    ("many", [1, 2.5], (1.0, 2.5)),
    ("sizes", [None, 3], (None, 3)),
    ("named", {"a": 1}, {"a": 1}),
    ("free", {"a": [None, {"b": "c"}]}, {"a": [None, {"b": "c"}]}),
    ("place", {"file": "a.py", "line": 3}, facts.Location("a.py", 3)),
    ("places", [{"file": "a.py", "line": 3}], (facts.Location("a.py", 3),)),
    ("course", [{"kind": "rise"}, {"kind": "fall", "height": 2}], (Rise(), Fall(2.0))),
]


@pytest.mark.parametrize(("name", "item", "value"), RIGHT)
def test_a_value_of_its_type(name: str, item: Any, value: Any) -> None:
    found = getattr(from_table(Everything, {name: item}), name)
    assert (found, type(found)) == (value, type(value))
    assert through_json(Everything(**{name: value})) == Everything(**{name: value})


WRONG: list[tuple[str, Any, str]] = [
    ("text", 3, "text: a text was expected, not int"),
    ("text", None, "text: a text was expected, not NoneType"),
    ("number", LARGEST + 1, "number: a number is too large"),
    ("number", "3", "number: a whole number was expected, not str"),
    ("number", True, "number: a whole number was expected, not bool"),
    ("number", 3.0, "number: a whole number was expected, not float"),
    ("flag", 1, "flag: true or false was expected, not int"),
    ("flag", "true", "flag: true or false was expected, not str"),
    ("real", "0.5", "real: a number was expected, not str"),
    ("real", False, "real: a number was expected, not bool"),
    ("real", None, "real: a number was expected, not NoneType"),
    ("real", 10**400, "real: a number is too large"),
    ("word", "c", "word: 'c' is none of a, b"),
    ("word", ["a"], "word: ['a'] is none of a, b"),
    ("word", "c" * 200, f"word: '{'c' * 79} is none of a, b"),
    ("colour", "green", "colour: 'green' is none of red, blue"),
    ("colour", "RED", "colour: 'RED' is none of red, blue"),
    ("colour", {}, "colour: {} is none of red, blue"),
    ("maybe", "3", "maybe: a whole number was expected, not str"),
    ("scalar", {}, "scalar: dict is none of the types that may stand here"),
    ("scalar", [[1]], "scalar: list is none of the types that may stand here"),
    ("many", 1.0, "many: a list was expected, not float"),
    ("many", "12", "many: a list was expected, not str"),
    ("many", [1.0, "2"], "many[1]: a number was expected, not str"),
    ("sizes", [1.5], "sizes[0]: a whole number was expected, not float"),
    ("named", [1], "named: a table was expected, not list"),
    ("named", {"a": "1"}, "named.a: a whole number was expected, not str"),
    ("free", [], "free: a table was expected, not list"),
    ("free", None, "free: a table was expected, not NoneType"),
    ("place", [], "place: a table was expected, not list"),
    ("place", {"file": "a.py"}, "place has no line"),
    ("place", {"file": "a.py", "line": "3"}, "place.line: a whole number was expected, not str"),
    ("places", [None], "places[0]: a table was expected, not NoneType"),
    ("course", ["rise"], "course[0]: a table was expected, not str"),
    ("course", [{}], "course[0].kind: None is none of fall, rise"),
    ("course", [{"kind": "leap"}], "course[0].kind: 'leap' is none of fall, rise"),
    ("course", [{"kind": ["rise"]}], "course[0].kind: ['rise'] is none of fall, rise"),
    ("course", [{"kind": "fall"}], "course[0] has no height"),
    (
        "course",
        [{"kind": "rise"}, {"kind": "fall", "height": "2"}],
        "course[1].height: a number was expected, not str",
    ),
]


@pytest.mark.parametrize(("name", "item", "error"), WRONG)
def test_a_value_that_is_not_of_its_type(name: str, item: Any, error: str) -> None:
    with pytest.raises(TypeError) as caught:
        from_table(Everything, {name: item})
    assert str(caught.value) == error


def test_both_sides_of_every_kind_of_type() -> None:
    names = {spec.name for spec in dataclasses.fields(Everything)}
    assert {name for name, _, _ in RIGHT} == names == {name for name, _, _ in WRONG}


@pytest.mark.parametrize(
    ("table", "error"),
    [
        ([], "RunInfo: a table was expected, not list"),
        (None, "RunInfo: a table was expected, not NoneType"),
        ({"script": "a", "models": {}}, "models: a list was expected, not dict"),
        ({"script": "a", "versions": []}, "versions: a table was expected, not list"),
        ({"script": "a", "fits": [3]}, "fits[0]: a table was expected, not int"),
        ({}, "RunInfo has no script"),
    ],
)
def test_a_table_of_another_shape(table: Any, error: str) -> None:
    with pytest.raises(TypeError) as caught:
        from_table(facts.RunInfo, table)
    assert str(caught.value) == error


def test_where_it_is_in_a_table_of_tables() -> None:
    layers = [{"path": "a", "name": "a", "type": "Dense", "output_shape": [None, "8"]}]
    with pytest.raises(TypeError) as caught:
        from_table(facts.RunInfo, {"script": "a", "models": [{"name": "m", "type": "M", "layers": layers}]})
    assert str(caught.value) == ("models[0].layers[0].output_shape[1]: a whole number was expected, not str")


def test_a_label_is_a_number() -> None:
    with pytest.raises(TypeError, match=r"^classes\.cat: the key is no number$"):
        from_table(facts.TensorSummary, {"role": "label", "path": "0", "classes": {"1.5": 3, "cat": 4}})
