"""Frozen dataclasses to plain JSON tables and back, by their own annotations."""

from __future__ import annotations

import dataclasses
import types
import typing
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")


def to_table(value: Any) -> Any:
    """A dataclass as nested dicts and lists; fields at their default are left out."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        table = {}
        for spec in dataclasses.fields(value):
            item = getattr(value, spec.name)
            if not is_default(spec, item):
                table[spec.name] = to_table(item)
        return table
    if isinstance(value, dict):
        return {str(key): to_table(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_table(item) for item in value]
    return value


def is_default(spec: dataclasses.Field[Any], item: Any) -> bool:
    if spec.default is not dataclasses.MISSING:
        return bool(type(item) is type(spec.default) and item == spec.default)
    if spec.default_factory is not dataclasses.MISSING:
        return bool(item == spec.default_factory())
    return False


def from_table(cls: type[T], table: Any) -> T:
    """The dataclass ``cls`` from ``table``; keys it does not know are passed over.

    Raises ``TypeError``, ``KeyError`` or ``ValueError`` for a table of another shape.
    """
    if not isinstance(table, dict):
        raise TypeError(f"{cls.__name__} wants a table, not {type(table).__name__}")
    kinds: dict[str, Any] = type_hints(typing.cast(Any, cls))
    known = {name: build_value(kinds[name], item) for name, item in table.items() if name in kinds}
    return cls(**known)


@cache
def type_hints(cls: type[Any]) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def build_value(kind: Any, item: Any) -> Any:
    """``item`` as the annotation ``kind`` wants it."""
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        if item is None:
            return None
        inner = [arg for arg in args if arg is not type(None)]
        return build_value(inner[0], item) if len(inner) == 1 else item
    if origin is tuple:
        if not isinstance(item, list):
            raise TypeError(f"a list was expected, not {type(item).__name__}")
        return tuple(build_value(args[0], entry) for entry in item)
    if origin is dict:
        if not isinstance(item, dict):
            raise TypeError(f"a table was expected, not {type(item).__name__}")
        return {key: build_value(args[1], entry) for key, entry in item.items()}
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return from_table(kind, item)
    if kind is float and isinstance(item, int) and not isinstance(item, bool):
        return float(item)
    return item
