"""Which layer gave out the first number that is not finite, as the forward pass of a step shows it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from nanwatch.record.facts import Nonfinite
from nanwatch.watch.keras_seam.keras_types import Array


class BadLayer(NamedTuple):
    """A layer whose output is not finite."""

    path: str
    num_bad: int
    size: int
    value: Nonfinite


class ForwardPass(NamedTuple):
    """The forward pass of a step, made once more from the state before it."""

    outputs: list[tuple[str, Array]]  # (key, predictions)
    activations: list[tuple[str, Array]]  # (path, first output) of the layers that are small enough
    bad: list[BadLayer]  # in the order in which they went bad
    samples: dict[str, Array]  # variable path -> the same few elements each time


def bad_layers(counts: Iterable[tuple[str, Array, int]]) -> list[BadLayer]:
    """Of (path, how many are NaN, inf and -inf, size) of each layer, in the order of their calls."""
    found = []
    for path, numbers, size in counts:
        nan, high, low = map(int, numbers)
        if nan + high + low:
            each: dict[Nonfinite, int] = {"nan": nan, "inf": high, "-inf": low}
            found.append(BadLayer(path, nan + high + low, size, max(each, key=lambda name: each[name])))
    return found
