"""Data said in words: how many elements are bad, in which columns, in which rows."""

from __future__ import annotations

import math
from collections.abc import Sequence

from nanwatch.record.facts import IncidentInfo, TensorSummary

LISTED = 8  # columns or rows named one by one: what still fits on a line


def number(value: float) -> str:
    """A number for a reader: four digits, no trailing zeros."""
    if not math.isfinite(value):
        return str(value)
    if float(value).is_integer() and abs(value) < 1e6:
        return f"{value:.0f}"
    return f"{value:.4g}"


def count_words(amount: int, noun: str) -> str:
    """``"1 row"``, ``"3 rows"``."""
    return f"{amount} {noun}" if amount == 1 else f"{amount} {noun}s"


def list_words(values: Sequence[int | str]) -> str:
    """``"3"``, ``"1 and 3"``, ``"1, 3 and 5"``, or the first few and how many more."""
    shown = [str(value) for value in values[:LISTED]]
    if len(values) > LISTED:
        return f"{', '.join(shown)} and {len(values) - LISTED} more"
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def numbered_words(noun: str, values: Sequence[int]) -> str:
    """``"column 3"``, ``"rows 12, 77 and 203"``."""
    return f"{noun if len(values) == 1 else noun + 's'} {list_words(values)}"


def bad_elements(tensor: TensorSummary) -> int:
    return tensor.num_nan + tensor.num_pos_inf + tensor.num_neg_inf


def bad_kinds(tensor: TensorSummary) -> str:
    """``"12 NaN"``, ``"3 -inf and 1 NaN"``: what the bad elements are."""
    kinds = [
        f"{amount} {kind}"
        for amount, kind in (
            (tensor.num_nan, "NaN"),
            (tensor.num_pos_inf, "+inf"),
            (tensor.num_neg_inf, "-inf"),
        )
        if amount
    ]
    return list_words(kinds)


def where_bad(tensor: TensorSummary, columns: Sequence[int]) -> str:
    """``", in column 3, in rows 12 and 77"``: as much of the place as is known."""
    place = f", in {numbered_words('column', columns)}" if columns else ""
    if tensor.bad_rows:
        place += f", in {numbered_words('row', tensor.bad_rows)}"
    return place


def capitalise_first(text: str) -> str:
    """``text`` with a capital at its beginning, the rest left as it is."""
    return text[:1].upper() + text[1:]


def when_words(incident: IncidentInfo, preposition: str = "at") -> str:
    """The step of the incident, or the steps between which it was."""
    finite_after, step = incident.finite_after, incident.step
    if finite_after is None or finite_after >= step - 1:
        return f"{preposition} step {step}"
    return f"between step {finite_after} and step {step}" if finite_after >= 0 else f"by step {step}"
