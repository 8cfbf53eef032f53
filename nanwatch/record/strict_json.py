"""Strict JSON: a non-finite number is null, with ``"<key>_nonfinite"`` beside it."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

SUFFIX = "_nonfinite"


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
            {"value": None, "nonfinite": word_for(item)}
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
        if set(value) == {"value", "nonfinite"} and value["value"] is None:
            return float(value["nonfinite"])
        out = {}
        for key, item in value.items():
            if key.endswith(SUFFIX) and key[: -len(SUFFIX)] in value:
                continue
            word = value.get(f"{key}{SUFFIX}")
            out[key] = float(word) if item is None and isinstance(word, str) else decode(item)
        return out
    if isinstance(value, list):
        return [decode(item) for item in value]
    return value


def dumps(value: Any, indent: int | None = None) -> str:
    return json.dumps(encode(value), allow_nan=False, ensure_ascii=False, indent=indent)


def loads(text: str | bytes) -> Any:
    return decode(json.loads(text))


def replace_file(path: Path, value: Any) -> None:
    """Write ``value`` to ``path`` so that a reader, or a kill, sees the old file or the new."""
    scratch = path.with_name(path.name + ".new")
    scratch.write_text(dumps(value, indent=1) + "\n", encoding="utf-8")
    os.replace(scratch, path)
