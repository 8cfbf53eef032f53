"""What comes out at the end of a model: the layer with the weights, and the activation that counts.

An `End` is what is known of a tensor; each function here says what becomes of it on the way.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nanwatch.watch.activations import FUNCTIONS

Sizes = Sequence[int | None] | None
UNKNOWN_NAME = "unknown"
SHARES = ("softmax", "log_softmax", "sparsemax")  # of a row as a whole, not of each number by itself


@dataclass(frozen=True)
class End:
    """Where a tensor comes from. The layers are Keras's own objects."""

    head: Any = None  # the layer with the weights
    layer: Any = None  # the layer that applies the activation; None where a bare op does
    activation: str = UNKNOWN_NAME
    softmax_axis_size: int | None = None


UNKNOWN = End()


def lost(end: End) -> End:
    """Behind something whose range is not known."""
    return End(end.head)


def activated(end: End, name: str | None, layer: Any = None, size: int | None = None) -> End:
    """Behind an activation of its own."""
    if name == "linear":
        return end
    return End(end.head, layer, name, size) if name in FUNCTIONS else End(end.head, layer)


def headed(layer: Any, by: Any, name: str | None, size: int | None = None) -> End:
    """Out of a layer with weights; ``by`` applies the activation ``name``."""
    known = name if name in FUNCTIONS else UNKNOWN_NAME
    return End(layer, by, known or UNKNOWN_NAME, size if known == "softmax" else None)


def cut(end: End, before: Sizes, after: Sizes) -> End:
    """A part of the numbers. A part of a softmax's row is no share of 1."""
    whole_rows = width(before) is not None and width(before) == width(after) == end.softmax_axis_size
    return lost(end) if end.activation in SHARES and not whole_rows else end


def shifted(end: End) -> End:
    """Times a factor, plus a constant: what had no bounds has none."""
    return end if end.activation == "linear" else lost(end)


def peaked(end: End) -> End:
    """The largest or least of several."""
    return lost(end) if end.activation in SHARES else end


def joined(parts: Sequence[End], rows_kept: bool = False) -> End:
    """Side by side; ``rows_kept``: each row is one part's alone."""
    names = {part.activation for part in parts}
    if len(names) != 1:
        return End(common(parts))
    (name,) = names
    if name in SHARES and not rows_kept:
        return End(common(parts))
    sizes = {part.softmax_axis_size for part in parts}
    layers = {id(part.layer): part.layer for part in parts}
    return End(
        common(parts),
        parts[0].layer if len(layers) == 1 else None,
        name,
        sizes.pop() if len(sizes) == 1 else None,
    )


def added(parts: Sequence[End]) -> End:
    """A sum: without bounds if one of the parts is."""
    unbounded = [part for part in parts if part.activation == "linear"]
    if not unbounded:
        return End(common(parts))
    head = unbounded[0] if len(unbounded) == 1 else End(common(unbounded))
    return End(head.head, head.layer, "linear")


def multiplied(parts: Sequence[End]) -> End:
    if all(part.activation == "linear" for part in parts):
        return added(parts)
    return End(common(parts))


def averaged(parts: Sequence[End]) -> End:
    """A mean of several stays within the bounds of all, and a mean of shares is shares."""
    if len({part.activation for part in parts}) == 1:
        return joined(parts, rows_kept=True)
    return added(parts)


def extreme(parts: Sequence[End]) -> End:
    """Element by element the larger, or the smaller."""
    return joined(parts)


def common(parts: Sequence[End]) -> Any:
    """The head of all parts, where it is one."""
    heads = {id(part.head): part.head for part in parts}
    return next(iter(heads.values())) if len(heads) == 1 else None


def axis_size(shape: Sizes, axis: Any) -> int | None:
    """The number of elements along ``axis``, or along several."""
    if shape is None:
        return None
    axes = axis if isinstance(axis, list | tuple) else [axis]
    if not all(isinstance(one, int) and -len(shape) <= one < len(shape) for one in axes):
        return None
    sizes = [shape[one] for one in axes]
    return None if any(size is None for size in sizes) else math.prod(size or 0 for size in sizes)


def width(shape: Sizes) -> int | None:
    return shape[-1] if shape else None
