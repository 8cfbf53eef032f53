"""At which arguments an op has no finite value, or its slope has none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from nanwatch.watch.keras_seam.keras_types import Array

Where = Callable[[Array], npt.NDArray[np.bool_]]


def zero(values: Array) -> npt.NDArray[np.bool_]:
    return np.asarray(values == 0)


def not_positive(values: Array) -> npt.NDArray[np.bool_]:
    return np.asarray(values <= 0)


def of_magnitude_one(values: Array) -> npt.NDArray[np.bool_]:
    return np.asarray(abs(values) >= 1)


# By the type of an op: which of its inputs, and where that is singular.
SINGULAR: Mapping[str, tuple[int, Where]] = {
    "Sqrt": (0, not_positive),
    "Rsqrt": (0, not_positive),
    "Log": (0, not_positive),
    "Log1p": (0, lambda values: np.asarray(values <= -1)),
    "Reciprocal": (0, zero),
    "Inv": (0, zero),
    "RealDiv": (1, zero),
    "Div": (1, zero),
    "Xdivy": (1, zero),
    "Xlogy": (1, not_positive),
    "SqrtGrad": (0, zero),
    "RsqrtGrad": (0, zero),
    "ReciprocalGrad": (0, zero),
    "InvGrad": (0, zero),
    "Acos": (0, of_magnitude_one),
    "Asin": (0, of_magnitude_one),
    "Atanh": (0, of_magnitude_one),
    "Acosh": (0, lambda values: np.asarray(values <= 1)),
}


def is_singular(kind: str, inputs: Sequence[Array | None]) -> bool:
    """Whether an op of the type ``kind`` was given such an argument; None is an input that is no float."""
    if kind == "Pow":
        return is_singular_power(inputs)
    if kind not in SINGULAR:
        return False
    place, where = SINGULAR[kind]
    given = inputs[place] if place < len(inputs) else None
    return given is not None and bool(where(given).any())


def is_singular_power(inputs: Sequence[Array | None]) -> bool:
    """0 to a power below 1, or a negative number to one that is not whole."""
    base, exponent = inputs
    if base is None or exponent is None:
        return False
    at_zero = (base == 0) & (exponent < 1) & (exponent != 0)
    return bool((at_zero | ((base < 0) & (exponent != np.floor(exponent)))).any())
