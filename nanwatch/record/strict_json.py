"""Strict JSON: a non-finite number is null, with ``"<key>_nonfinite"`` beside it."""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from nanwatch.record.kept_file import private

NONFINITE = "nonfinite"
SUFFIX = f"_{NONFINITE}"
WORDS = ("nan", "inf", "-inf")


def word_for(value: float) -> str:
    """``"nan"``, ``"inf"`` or ``"-inf"`` for a non-finite float."""
    if math.isnan(value):
        return "nan"
    return "inf" if value > 0 else "-inf"


def encode(value: Any) -> Any:
    """``value`` with every non-finite float replaced by null and named beside it.

    In a mapping the name stands under ``key + "_nonfinite"``; in a list, where there is no
    room beside, the entry itself becomes ``{"value": null, "nonfinite": word}``.
    """
    if isinstance(value, dict):
        out: dict[str, Any] = {}
        for key, item in value.items():
            out[str(key)] = encode_scalar(item)
            if isinstance(item, float) and not math.isfinite(item):
                out[f"{key}{SUFFIX}"] = word_for(item)
        return out
    if isinstance(value, list | tuple):
        return [
            {"value": None, NONFINITE: word_for(item)}
            if isinstance(item, float) and not math.isfinite(item)
            else encode_scalar(item)
            for item in value
        ]
    return encode_scalar(value)


def encode_scalar(item: Any) -> Any:
    if isinstance(item, float):
        return item if math.isfinite(item) else None
    if isinstance(item, dict | list | tuple):
        return encode(item)
    return item


def decode(value: Any) -> Any:
    """The inverse of `encode`."""
    if isinstance(value, dict):
        if set(value) == {"value", NONFINITE} and value["value"] is None and value[NONFINITE] in WORDS:
            return float(value[NONFINITE])
        return {
            key: float(value[f"{key}{SUFFIX}"]) if is_nonfinite(value, key) else decode(item)
            for key, item in value.items()
            if not (key.endswith(SUFFIX) and is_nonfinite(value, key[: -len(SUFFIX)]))
        }
    if isinstance(value, list):
        return [decode(item) for item in value]
    return value


def is_nonfinite(table: dict[str, Any], key: str) -> bool:
    """Whether ``encode`` put a null and a word for a non-finite number under ``key``."""
    word = table.get(f"{key}{SUFFIX}")
    return key in table and table[key] is None and isinstance(word, str) and word in WORDS


def dumps(value: Any, indent: int | None = None) -> str:
    plain = encode(value)
    text = json.dumps(plain, allow_nan=False, ensure_ascii=False, indent=indent)
    # A file name that is not UTF-8 has halves of surrogate pairs, which only escapes can hold.
    return text if is_encodable(text) else json.dumps(plain, allow_nan=False, indent=indent)


def is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def loads(text: str | bytes) -> Any:
    """Raises ``ValueError`` for what is no JSON, or is nested too deep."""
    try:
        plain = json.loads(text)
        marked = NONFINITE in text if isinstance(text, str) else NONFINITE.encode() in text
        return decode(plain) if marked else plain  # mostly there is none, and the walk is half the time
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def loads_lines(lines: Sequence[bytes]) -> list[Any]:
    """What each line holds; None of one that is no JSON. All at once takes a third of the time."""
    try:
        plain = json.loads(b"[%s]" % b",".join(lines))
        if len(plain) == len(lines):  # else some are no lines of ours
            mark = NONFINITE.encode()
            return [decode(item) if mark in line else item for line, item in zip(lines, plain, strict=True)]
    except (ValueError, RecursionError):
        pass
    return [loads_or_none(line) for line in lines]


def loads_or_none(line: bytes) -> Any:
    try:
        return loads(line)
    except ValueError:
        return None


def replace_file(path: Path, value: Any) -> None:
    """Write ``value`` to ``path`` so that a reader, or a kill, sees the old file or the new."""
    scratch = path.with_name(path.name + ".new")
    with clearing(scratch):
        with open(scratch, "w", encoding="utf-8", opener=private) as file:
            file.write(dumps(value, indent=1) + "\n")
        os.replace(scratch, path)


@contextlib.contextmanager
def clearing(scratch: Path) -> Iterator[None]:
    """Leaves no ``scratch`` behind where the block fails: a disk that is full needs the room."""
    try:
        yield
    except BaseException:  # Ctrl-C too; it is raised again
        with contextlib.suppress(OSError):
            scratch.unlink()
        raise
