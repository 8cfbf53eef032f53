"""What went into an op and what came of it: the values at the places where its output is not finite."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nanwatch.record.facts import Operand
from nanwatch.watch.incident.op_trace import BadOp
from nanwatch.watch.keras_seam.keras_types import Array

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
    "Softmax": ("logits",),
    "LogSoftmax": ("logits",),
    "Xlogy": ("factor", "argument"),
}
MOST_ROWS = 50


def bad_places(output: Array) -> tuple[int, tuple[int, ...]]:
    """How many elements of an array of floats are non-finite, and in which places of the first axis."""
    bad = ~np.isfinite(output)
    if not output.ndim:
        return int(bad.sum()), ()
    rows = np.flatnonzero(bad.reshape(len(output), -1).any(axis=1))
    return int(bad.sum()), tuple(int(row) for row in rows[:MOST_ROWS])


def operands_of(event: BadOp) -> tuple[Operand, ...]:
    """Each input of the op, by the name that its place has."""
    names = NAMES.get(event.type, ())
    bad = ~np.isfinite(event.output)
    return tuple(
        measure_operand(names[number] if number < len(names) else f"input {number}", value, dtype, bad)
        for number, (value, dtype) in enumerate(zip(event.inputs, event.dtypes, strict=True))
    )


def measure_operand(name: str, value: Array, dtype: str, bad: npt.NDArray[np.bool_]) -> Operand:
    """``value`` where ``bad``, in the shape of the output; all of it where that is no shape for it."""
    try:
        chosen, whole = np.broadcast_to(value, bad.shape)[bad], False
    except ValueError:
        chosen, whole = value.reshape(-1), True
    finite = chosen[np.isfinite(chosen)]
    return Operand(
        name,
        low=float(finite.min()) if finite.size else None,
        high=float(finite.max()) if finite.size else None,
        first=float(chosen[0]) if chosen.size and not whole else None,
        size=int(chosen.size),
        dtype=dtype,
        num_nan=int(np.isnan(chosen).sum()),
        num_pos_inf=int(np.isposinf(chosen).sum()),
        num_neg_inf=int(np.isneginf(chosen).sum()),
        whole=whole,
    )
