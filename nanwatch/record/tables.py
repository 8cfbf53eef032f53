"""Frozen dataclasses to plain JSON tables and back, by their own annotations."""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Callable, Sequence
from enum import Enum
from functools import cache
from typing import Annotated, Any, ClassVar, TypeVar

T = TypeVar("T")
NumberText = Annotated[str, "a number"]  # the key of a table in JSON, which knows keys of text alone
Reader = Callable[[Any], Any]  # makes a value of what JSON gave, or raises `Mismatch`
LARGEST = 2**63 - 1  # of whole numbers: no count is larger, and beyond it a float may not hold one
LONGEST_TEXT = 20_000  # characters; what is behind them is left out
DEEPEST = 32  # of tables and lists in what has no type of its own: a layer's config has some 10
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


class Mismatch(TypeError):
    """A value that is not of its type: ``"fits[0].steps: a whole number was expected, not str"``."""

    def __init__(self, said: str, where: str = "") -> None:
        super().__init__(said)
        self.said, self.where = said, where

    def within(self, outer: str) -> Mismatch:
        """The same, as a part of ``outer``."""
        dot = "." if self.where and not self.where.startswith("[") else ""
        return Mismatch(self.said, f"{outer}{dot}{self.where}")

    def __str__(self) -> str:
        return f"{self.where}{self.said}"


def from_table(cls: type[T], table: Any) -> T:
    """The dataclass ``cls`` from ``table``; keys it does not know are passed over.

    Raises ``TypeError``, which says what was wanted and where, for a value that is not of its type.
    """
    try:
        return typing.cast(T, reader_of(typing.cast(Any, cls))(table))
    except Mismatch as error:
        raise (error if error.where else error.within(cls.__name__)) from None


@cache
def reader_of(kind: Any) -> Reader:
    """What makes a value of the annotation ``kind``."""
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return read_anything
    if origin in (types.UnionType, typing.Union):
        return union_reader(args)
    if origin is typing.Literal:
        return functools.partial(read_member, args)
    if origin is tuple:
        return functools.partial(read_list, reader_of(args[0]))
    if origin is dict:
        return functools.partial(
            read_dict, read_number_text if args[0] == NumberText else cut, reader_of(args[1])
        )
    if dataclasses.is_dataclass(kind):
        return dataclass_reader(kind)
    if issubclass(kind, Enum):
        values = tuple(member.value for member in kind)
        return lambda item: kind(read_member(values, item))
    return SIMPLE[kind]


def dataclass_reader(cls: Any) -> Reader:
    hints = typing.get_type_hints(cls, include_extras=True)
    specs = [(spec.name, reader_of(hints[spec.name]), is_required(spec)) for spec in dataclasses.fields(cls)]

    def read(item: Any) -> Any:
        table = check_type(dict, "a table", item)
        known: dict[str, Any] = {}
        for name, read_field, required in specs:
            if name in table:
                try:
                    known[name] = read_field(table[name])
                except Mismatch as error:
                    raise error.within(name) from None
            elif required:
                raise Mismatch(f" has no {name}")
        return cls(**known)

    return read


def is_required(spec: dataclasses.Field[Any]) -> bool:
    return spec.default is dataclasses.MISSING and spec.default_factory is dataclasses.MISSING


def union_reader(kinds: Sequence[Any]) -> Reader:
    """Of several `Variant`, the one that the table names; else the first that fits."""
    others = [kind for kind in kinds if kind is not type(None)]
    if len(others) > 1 and dataclasses.is_dataclass(others[0]):
        read: Reader = functools.partial(read_variant, {kind.kind: reader_of(kind) for kind in others})
    elif len(others) > 1:
        read = functools.partial(read_first, [reader_of(kind) for kind in others])
    else:
        read = reader_of(others[0])
    return read if len(others) == len(kinds) else lambda item: None if item is None else read(item)


def read_variant(readers: dict[str, Reader], item: Any) -> Any:
    table = check_type(dict, "a table", item)
    try:
        kind = read_member(tuple(readers), table.get("kind"))
    except Mismatch as error:
        raise error.within("kind") from None
    return readers[kind](table)


def read_first(readers: Sequence[Reader], item: Any) -> Any:
    for read in readers:
        try:
            return read(item)
        except Mismatch:
            continue
    raise Mismatch(f": {type(item).__name__} is none of the types that may stand here")


def read_list(read: Reader, item: Any) -> tuple[Any, ...]:
    entries = check_type(list, "a list", item)
    found = []
    for number, entry in enumerate(entries):
        try:
            found.append(read(entry))
        except Mismatch as error:
            raise error.within(f"[{number}]") from None
    return tuple(found)


def read_dict(read_key: Callable[[str], str], read: Reader, item: Any) -> dict[str, Any]:
    found = {}
    for key, entry in check_type(dict, "a table", item).items():
        try:
            found[read_key(key)] = read(entry)
        except Mismatch as error:
            raise error.within(cut(key)[:80]) from None
    return found


def read_member(values: tuple[Any, ...], item: Any) -> Any:
    """``item``, if it is one of ``values``."""
    if not any(type(item) is type(value) and item == value for value in values):
        raise Mismatch(f": {item!r:.80} is none of {', '.join(map(str, values))}")
    return item


def read_anything(item: Any, depth: int = 0) -> Any:
    """Of what is no table of ours; what is too deep, or a number too large, is None."""
    if isinstance(item, dict | list) and depth == DEEPEST:
        return None
    if isinstance(item, dict):
        return {cut(key): read_anything(entry, depth + 1) for key, entry in item.items()}
    if isinstance(item, list):
        return [read_anything(entry, depth + 1) for entry in item]
    if type(item) is int:
        return item if -LARGEST <= item <= LARGEST else None
    return cut(item) if isinstance(item, str) else item


def read_text(item: Any) -> str:
    return cut(check_type(str, WORDS[str], item))


def cut(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + "\N{HORIZONTAL ELLIPSIS}"


def read_number_text(text: str) -> str:
    try:
        float(text)
    except ValueError:
        raise Mismatch(": the key is no number") from None
    return cut(text)


def read_int(item: Any) -> int:
    number = check_type(int, WORDS[int], item)
    if not -LARGEST <= number <= LARGEST:
        raise Mismatch(": a number is too large")
    return number


def read_float(item: Any) -> float:
    if type(item) is not int:
        return check_type(float, WORDS[float], item)
    try:
        return float(item)
    except OverflowError:
        raise Mismatch(": a number is too large") from None


def check_type(kind: type[T], words: str, item: Any) -> T:
    if type(item) is not kind:
        raise Mismatch(f": {words} was expected, not {type(item).__name__}")
    return item


SIMPLE: dict[Any, Reader] = {
    str: read_text,
    int: read_int,
    float: read_float,
    bool: functools.partial(check_type, bool, WORDS[bool]),
}
