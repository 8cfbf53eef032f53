"""The ops that reduce a watched tensor, inside the compiled step.

One number a tensor and step: half its sum of squares (``tf.nn.l2_loss``, one pass, a kernel on
CPU, GPU and in XLA). It is finite only if every element is, so it answers both questions asked of
a healthy step: finite, and how large. The sum can overflow where the elements do not (above about
1e19 in float32), so a non-finite sum is a suspicion, which `all_finite` settles.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeGuard

from nanwatch.watch.keras_seam import tensorflow_names
from nanwatch.watch.keras_seam.keras_types import Tensor
from nanwatch.watch.keras_seam.public_tensorflow import tf


def watchable(item: object) -> TypeGuard[Tensor]:
    """Whether ``item`` is a dense floating-point tensor or the slices of one."""
    if isinstance(item, tf.IndexedSlices):
        item = item.values
    return isinstance(item, tf.Tensor) and item.dtype.is_floating


def dense_values(tensor: Tensor) -> Tensor:
    """``tensor``; of ``tf.IndexedSlices`` their values, shape (rows that were looked up, ...)."""
    values: Tensor = tensor.values if isinstance(tensor, tf.IndexedSlices) else tensor
    return values


def half_square_sum(tensor: Tensor) -> Tensor:
    """Half the sum of squares of ``tensor``, a float32 scalar."""
    values = dense_values(tensor)
    if values.dtype not in (tf.float32, tf.float64):
        values = tf.cast(values, tf.float32)
    half: Tensor = tf.cast(tf.nn.l2_loss(values), tf.float32)
    return half


def all_finite(tensors: Iterable[Tensor]) -> Tensor:
    """Whether every element of every tensor is finite, a bool scalar: exact, and dear."""
    checks = [tf.reduce_all(tf.math.is_finite(dense_values(tensor))) for tensor in tensors]
    finite: Tensor = tf.reduce_all(tf.stack(checks)) if checks else tf.constant(True)
    return finite


def surely_finite(sums: Sequence[Tensor], tensors: Sequence[Tensor]) -> Tensor:
    """`all_finite`, at the cost of one addition while ``sums``, a float32 scalar of each, are finite."""
    if not sums:
        return all_finite([])
    total = tf.add_n(list(sums)) if len(sums) > 1 else sums[0]
    finite: Tensor = tf.cond(tf.math.is_finite(total), lambda: tf.constant(True), lambda: all_finite(tensors))
    return tensorflow_names.keep_whole(finite)


def extremes_of(tensor: Tensor) -> tuple[Tensor, Tensor]:
    """Minimum and maximum as float32 scalars; of an empty tensor +inf and -inf."""
    values = dense_values(tensor)
    if values.dtype == tf.bool:
        values = tf.cast(values, tf.int32)
    return tf.cast(tf.reduce_min(values), tf.float32), tf.cast(tf.reduce_max(values), tf.float32)
