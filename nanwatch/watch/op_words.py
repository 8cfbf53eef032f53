"""What an op did, in words: the values at the places where its output is not finite."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nanwatch.watch.op_trace import Event

NAMES = {
    "RealDiv": ("numerator", "denominator"),
    "Div": ("numerator", "denominator"),
    "DivNoNan": ("numerator", "denominator"),
    "Xdivy": ("numerator", "denominator"),
    "Pow": ("base", "exponent"),
    "Log": ("argument",),
    "Log1p": ("argument",),
    "Exp": ("argument",),
    "Sqrt": ("argument",),
    "Rsqrt": ("argument",),
    "Reciprocal": ("argument",),
    "SqrtGrad": ("square root", "incoming gradient"),
    "Xlogy": ("factor", "argument"),
}
MOST_ROWS = 50


def kind(values: npt.NDArray[Any]) -> str:
    """The commonest non-finite value: "nan", "inf" or "-inf"."""
    counts = {
        "nan": int(np.isnan(values).sum()),
        "inf": int(np.isposinf(values).sum()),
        "-inf": int(np.isneginf(values).sum()),
    }
    return max(counts, key=lambda name: counts[name])


def bad_places(output: npt.NDArray[Any]) -> tuple[int, tuple[int, ...]]:
    """How many elements are non-finite, and in which places of the first axis."""
    bad = ~np.isfinite(output)
    if not output.ndim:
        return int(bad.sum()), ()
    rows = np.flatnonzero(bad.reshape(len(output), -1).any(axis=1))
    return int(bad.sum()), tuple(int(row) for row in rows[:MOST_ROWS])


def inputs(event: Event) -> tuple[str, ...]:
    """For each input, the values it had where the output went bad."""
    names = NAMES.get(event.type, ())
    bad = ~np.isfinite(event.output)
    told = []
    for number, value in enumerate(event.inputs):
        name = names[number] if number < len(names) else f"input {number}"
        told.append(f"{name} {values_at(value, bad)}")
    return tuple(told)


def values_at(value: npt.NDArray[Any], bad: npt.NDArray[np.bool_]) -> str:
    """The one value, or the range, of ``value`` where ``bad``; of all of it where shapes differ."""
    try:
        chosen = np.broadcast_to(value, bad.shape)[bad]
        where = ""
    except ValueError:
        chosen, where = value.reshape(-1), " (over the whole tensor)"
    if not chosen.size:
        return "of size 0"
    low, high = float(np.min(chosen)), float(np.max(chosen))
    return f"{low:.6g}{where}" if low == high else f"from {low:.6g} to {high:.6g}{where}"


def detail(event: Event) -> str:
    """One clause: "0/0", "log of 0", "exp of 1e+05"; empty where there is no short way to say it."""
    bad = ~np.isfinite(event.output)

    def sample(number: int) -> float | None:
        if number >= len(event.inputs):
            return None
        try:
            return float(np.broadcast_to(event.inputs[number], bad.shape)[bad][0])
        except (ValueError, IndexError):
            return None

    first, second = sample(0), sample(1)
    if event.type in ("RealDiv", "Div") and first is not None and second is not None:
        return f"{first:g}/{second:g}"
    if event.type == "Pow" and first is not None and second is not None:
        return f"{first:g} to the power {second:g}"
    words = {
        "Log": "log",
        "Log1p": "log1p",
        "Exp": "exp",
        "Sqrt": "sqrt",
        "Rsqrt": "1/sqrt",
        "Reciprocal": "1/x",
        "Expm1": "expm1",
    }
    if event.type in words and first is not None:
        return f"{words[event.type]} of {first:g}"
    if event.type == "SqrtGrad" and first is not None:
        return f"gradient of sqrt at {first * first:g}"
    return ""
