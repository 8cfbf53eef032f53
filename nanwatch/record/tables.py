"""Frozen dataclasses to plain JSON tables and back, by their own annotations."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Sequence
from enum import Enum
from functools import cache
from typing import Any, ClassVar, TypeVar

T = TypeVar("T")
WORDS = {str: "a text", int: "a whole number", bool: "true or false", float: "a number"}


class Variant:
    """One of several dataclasses that may stand in the same place: its ``kind`` stands in the table too."""

    kind: ClassVar[str]


def to_table(value: Any) -> Any:
    """A dataclass as nested dicts and lists; fields at their default are left out."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        table = {"kind": value.kind} if isinstance(value, Variant) else {}
        for spec in dataclasses.fields(value):
            item = getattr(value, spec.name)
            if not is_default(spec, item):
                table[spec.name] = to_table(item)
        return table
    if isinstance(value, dict):
        return {str(key): to_table(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_table(item) for item in value]
    return value.value if isinstance(value, Enum) else value


def is_default(spec: dataclasses.Field[Any], item: Any) -> bool:
    if spec.default is not dataclasses.MISSING:
        return bool(type(item) is type(spec.default) and item == spec.default)
    if spec.default_factory is not dataclasses.MISSING:
        return bool(item == spec.default_factory())
    return False


def from_table(cls: type[T], table: Any) -> T:
    """The dataclass ``cls`` from ``table``; keys it does not know are passed over.

    Raises ``TypeError``, which says what was wanted and where, for a value that is not of its type.
    """
    return typing.cast(T, build_value(cls, table, ""))


def build_value(kind: Any, item: Any, where: str) -> Any:
    """``item`` as the annotation ``kind`` wants it; ``where`` is its place, for the error."""
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return item
    if origin in (types.UnionType, typing.Union):
        return build_one_of(args, item, where)
    if origin is typing.Literal:
        return check_member(args, item, where)
    if origin is tuple:
        entries = check_type(list, "a list", item, where)
        return tuple(build_value(args[0], entry, f"{where}[{n}]") for n, entry in enumerate(entries))
    if origin is dict:
        table = check_type(dict, "a table", item, where)
        return {key: build_value(args[1], entry, f"{where}.{key}") for key, entry in table.items()}
    if dataclasses.is_dataclass(kind):
        return build_dataclass(kind, item, where)
    if issubclass(kind, Enum):
        return kind(check_member([member.value for member in kind], item, where))
    if kind is float and type(item) is int:
        return to_float(item, where)
    return check_type(kind, WORDS[kind], item, where)


def build_dataclass(cls: Any, item: Any, where: str) -> Any:
    table = check_type(dict, "a table", item, where or cls.__name__)
    specs = dataclasses.fields(cls)
    for spec in specs:
        optional = (spec.default, spec.default_factory) != (dataclasses.MISSING, dataclasses.MISSING)
        if spec.name not in table and not optional:
            raise TypeError(f"{where or cls.__name__} has no {spec.name}")
    hints = type_hints(cls)
    inside = f"{where}." if where else ""
    known = {spec.name: table[spec.name] for spec in specs if spec.name in table}
    return cls(**{name: build_value(hints[name], value, f"{inside}{name}") for name, value in known.items()})


@cache
def type_hints(cls: type[Any]) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def build_one_of(kinds: Sequence[Any], item: Any, where: str) -> Any:
    """``item`` as the first of ``kinds`` that it fits; of several `Variant`, as the one it names."""
    if item is None and type(None) in kinds:
        return None
    others = [kind for kind in kinds if kind is not type(None)]
    if len(others) == 1:
        return build_value(others[0], item, where)
    if dataclasses.is_dataclass(others[0]):
        table = check_type(dict, "a table", item, where)
        named = check_member([kind.kind for kind in others], table.get("kind"), f"{where}.kind")
        return build_dataclass(next(kind for kind in others if kind.kind == named), table, where)
    for kind in others:
        try:
            return build_value(kind, item, where)
        except TypeError:
            continue
    raise TypeError(f"{where}: {type(item).__name__} is none of the types that may stand here")


def check_type(kind: type[T], words: str, item: Any, where: str) -> T:
    if type(item) is not kind:
        raise TypeError(f"{where}: {words} was expected, not {type(item).__name__}")
    return item


def check_member(values: Sequence[Any], item: Any, where: str) -> Any:
    """``item``, if it is one of ``values``."""
    if not any(type(item) is type(value) and item == value for value in values):
        raise TypeError(f"{where}: {item!r:.80} is none of {', '.join(map(str, values))}")
    return item


def to_float(item: int, where: str) -> float:
    try:
        return float(item)
    except OverflowError as error:
        raise TypeError(f"{where}: a number is too large") from error
