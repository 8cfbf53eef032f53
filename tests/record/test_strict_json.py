"""Strict JSON: what is written can be read by any program, and comes back as it was."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import pytest

from nanwatch.record import strict_json


def same(one: Any, other: Any) -> bool:
    """Equal, where NaN equals NaN."""
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and bool(one == other)


def refuse(word: str) -> float:
    raise AssertionError(f"bare {word}")


@pytest.mark.parametrize(
    "value",
    [
        {"loss": math.nan, "accuracy": 0.5},
        {"low": -math.inf, "high": math.inf},
        [1.0, math.nan, [math.inf], {"deep": [-math.inf, 2]}],
        {"a": {"b": {"c": math.nan}}},
        {"empty": None, "word": "nan", "flag": True, "none": []},
        # A user's own keys that look like ours.
        {"x": None, "x_nonfinite": "hello"},
        {"x": 1.0, "x_nonfinite": "nan"},
        {"x_nonfinite": "nan"},
        {"value": None, "nonfinite": "hello"},
        {"value": None, "nonfinite": 3},
    ],
)
def test_round_trip(value: Any) -> None:
    text = strict_json.dumps(value)
    json.loads(text, parse_constant=refuse)
    assert same(strict_json.loads(text), value)


def test_a_tuple_comes_back_as_a_list() -> None:
    assert strict_json.loads(strict_json.dumps({"shape": (None, 3)})) == {"shape": [None, 3]}


def test_the_words_stand_beside_the_null() -> None:
    assert json.loads(strict_json.dumps({"loss": math.nan, "x": [math.inf]})) == {
        "loss": None,
        "loss_nonfinite": "nan",
        "x": [{"value": None, "nonfinite": "inf"}],
    }


def test_text_is_written_as_it_is() -> None:
    assert strict_json.dumps({"layer": "Größe"}) == '{"layer": "Größe"}'


def test_a_name_that_is_not_utf8_can_be_written() -> None:
    name = b"tr\xe4in.py".decode("utf-8", "surrogateescape")
    text = strict_json.dumps({"script": name})
    assert text.isascii()
    assert strict_json.loads(text.encode()) == {"script": name}


def test_replace_file_leaves_the_old_file_when_it_cannot_write(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    strict_json.replace_file(path, {"steps": 1})
    with pytest.raises(TypeError):
        strict_json.replace_file(path, {"steps": object()})
    assert strict_json.loads(path.read_bytes()) == {"steps": 1}
    strict_json.replace_file(path, {"steps": 2})
    assert strict_json.loads(path.read_bytes()) == {"steps": 2}
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.json"]


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [b'{"a": 1}', b'{"b": null, "b_nonfinite": "nan", "c": 2}'],
        [b'{"a": 1}', b'{"a": ', b"[1, 2]"],
        [b'{"a": 1}', b'{"b": 2}, {"c": 3}'],  # two lines of ours they are not
        [b"", b"\xff", b"[" * 100_000, b'{"a": 1}'],
        [b"1], [2", b"3"],
    ],
    ids=range(6),
)
def test_lines_are_read_together_as_they_are_one_by_one(lines: list[bytes]) -> None:
    assert repr(strict_json.loads_lines(lines)) == repr([strict_json.loads_or_none(line) for line in lines])


def test_a_write_that_fails_leaves_no_scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    strict_json.replace_file(tmp_path / "a.json", {"a": 1})

    def refuse(scratch: Path, place: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="No space"):
        strict_json.replace_file(tmp_path / "a.json", {"a": 2})
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert json.loads((tmp_path / "a.json").read_text()) == {"a": 1}
