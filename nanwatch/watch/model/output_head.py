"""What comes out at the end of a model: the layer with the weights, and the activation that counts.

An `OutputHead` is what is known of a tensor; each function here says what becomes of it on the way.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from nanwatch.watch.keras_seam.keras_types import Layer
from nanwatch.watch.model.activations import FUNCTIONS, Axis

Sizes = Sequence[int | None] | None
UNKNOWN_NAME = "unknown"
SHARES = ("softmax", "log_softmax", "sparsemax")  # of a row as a whole, not of each number by itself


@dataclass(frozen=True)
class OutputHead:
    """Where a tensor comes from."""

    head: Layer | None = None  # the layer with the weights
    layer: Layer | None = None  # the layer that applies the activation; None where a bare op does
    activation: str = UNKNOWN_NAME
    softmax_axis_size: int | None = None
    dropout: Layer | None = None  # the last layer behind the head that drops some of what comes out


UNKNOWN = OutputHead()


def drop_range(end: OutputHead) -> OutputHead:
    """Behind something whose range is not known."""
    return OutputHead(end.head)


def apply_activation(
    end: OutputHead, name: str | None, layer: Layer | None = None, size: int | None = None
) -> OutputHead:
    """Behind an activation of its own."""
    if name == "linear":
        return end
    if name in FUNCTIONS:
        return OutputHead(end.head, layer, name, size, end.dropout)
    return OutputHead(end.head, layer, dropout=end.dropout)


def drop_some(end: OutputHead, layer: Layer) -> OutputHead:
    """Behind a dropout: the same numbers, or 0."""
    return replace(end, dropout=layer)


def start_head(
    layer: Layer | None, by: Layer | None, name: str | None, size: int | None = None
) -> OutputHead:
    """Out of a layer with weights; ``by`` applies the activation ``name``."""
    known = name if name in FUNCTIONS else UNKNOWN_NAME
    return OutputHead(layer, by, known or UNKNOWN_NAME, size if known == "softmax" else None)


def take_part(end: OutputHead, before: Sizes, after: Sizes) -> OutputHead:
    """A part of the numbers. A part of a softmax's row is no share of 1."""
    whole_rows = (
        row_width(before) is not None and row_width(before) == row_width(after) == end.softmax_axis_size
    )
    return drop_range(end) if end.activation in SHARES and not whole_rows else end


def shift_range(end: OutputHead) -> OutputHead:
    """Times a factor, plus a constant: what had no bounds has none."""
    return end if end.activation == "linear" else drop_range(end)


def take_extreme(end: OutputHead) -> OutputHead:
    """The largest or least of several."""
    return drop_range(end) if end.activation in SHARES else end


def join_heads(parts: Sequence[OutputHead], rows_kept: bool = False) -> OutputHead:
    """Side by side; ``rows_kept``: each row is one part's alone."""
    names = {part.activation for part in parts}
    if len(names) != 1:
        return OutputHead(common_head(parts))
    (name,) = names
    if name in SHARES and not rows_kept:
        return OutputHead(common_head(parts))
    sizes = {part.softmax_axis_size for part in parts}
    layers = {id(part.layer): part.layer for part in parts}
    return OutputHead(
        common_head(parts),
        parts[0].layer if len(layers) == 1 else None,
        name,
        sizes.pop() if len(sizes) == 1 else None,
    )


def add_heads(parts: Sequence[OutputHead]) -> OutputHead:
    """A sum: without bounds if one of the parts is."""
    unbounded = [part for part in parts if part.activation == "linear"]
    if not unbounded:
        return OutputHead(common_head(parts))
    head = unbounded[0] if len(unbounded) == 1 else OutputHead(common_head(unbounded))
    return OutputHead(head.head, head.layer, "linear")


def multiply_heads(parts: Sequence[OutputHead]) -> OutputHead:
    if all(part.activation == "linear" for part in parts):
        return add_heads(parts)
    return OutputHead(common_head(parts))


def average_heads(parts: Sequence[OutputHead]) -> OutputHead:
    """A mean of several stays within the bounds of all, and a mean of shares is shares."""
    if len({part.activation for part in parts}) == 1:
        return join_heads(parts, rows_kept=True)
    return add_heads(parts)


def pick_elementwise(parts: Sequence[OutputHead]) -> OutputHead:
    """Element by element the larger, or the smaller."""
    return join_heads(parts)


def common_head(parts: Sequence[OutputHead]) -> Layer | None:
    """The head of all parts, where it is one."""
    heads = {id(part.head): part.head for part in parts}
    return next(iter(heads.values())) if len(heads) == 1 else None


def axis_size(shape: Sizes, axis: Axis) -> int | None:
    """The number of elements along ``axis``, or along several."""
    if shape is None:
        return None
    axes = axis if isinstance(axis, list | tuple) else [axis]
    if not all(isinstance(one, int) and -len(shape) <= one < len(shape) for one in axes):
        return None
    sizes = [shape[one] for one in axes]
    return None if any(size is None for size in sizes) else math.prod(size or 0 for size in sizes)


def row_width(shape: Sizes) -> int | None:
    return shape[-1] if shape else None
