"""The numbers of a step on JAX, made inside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from nanwatch.watch.backends import host_rows
from nanwatch.watch.data.batch import Batch
from nanwatch.watch.train_step.row_layout import ROWS, Key


def half_square_sum(tensor: Any) -> Any:
    """Half the sum of squares, a float32 scalar."""
    values = tensor if tensor.dtype == jnp.float64 else tensor.astype(jnp.float32)
    return (0.5 * jnp.sum(jnp.square(values))).astype(jnp.float32)


def batch_cells(batch: Batch) -> dict[Key, Any]:
    """What the batch tells, by column."""
    cells: dict[Key, Any] = {}
    for role, key, leaf in host_rows.arrays_of(batch):
        tensor = jnp.asarray(leaf)
        if tensor.ndim:
            cells.setdefault(ROWS, jnp.float32(tensor.shape[0]))
        if role == "label" or host_rows.is_whole(tensor):
            values = tensor.astype(jnp.float32)
            cells[role, key, "min"] = jnp.min(values, initial=jnp.inf)
            cells[role, key, "max"] = jnp.max(values, initial=-jnp.inf)
        else:
            cells[role, key, "l2_norm"] = half_square_sum(tensor)
    return cells


def all_finite(tensors: Sequence[Any]) -> Any:
    """Whether every element of every tensor is finite, a bool scalar."""
    checks = [jnp.all(jnp.isfinite(tensor)) for tensor in tensors]
    return jnp.all(jnp.stack(checks)) if checks else jnp.array(True)


def surely_finite(sums: Sequence[Any], tensors: Sequence[Any]) -> Any:
    """`all_finite`, at the cost of one addition while the half square ``sums`` of each are finite."""
    if not sums:
        return jnp.array(True)
    total = jnp.sum(jnp.stack(list(sums)))
    return jax.lax.cond(jnp.isfinite(total), lambda: jnp.array(True), lambda: all_finite(tensors))


def stacked(cells: Sequence[Any]) -> Any:
    """One row: float32, shape (cells,)."""
    if not cells:
        return jnp.zeros(0, jnp.float32)
    return jnp.stack([jnp.asarray(cell).astype(jnp.float32).reshape(()) for cell in cells])


def weight_cells(weigh: Any, weights: Sequence[Any]) -> Any:
    """The half square sums of the weights where ``weigh`` holds, else 0: float32, a vector."""
    none = jnp.zeros(len(weights), jnp.float32)
    return jax.lax.cond(weigh, lambda: stacked(list(map(half_square_sum, weights))), lambda: none)


def kept_where(held: Any, before: Any, after: Any) -> Any:
    """``before`` in the place of ``after`` where ``held``, a bool scalar, holds.

    Raises:
        ValueError: they are not alike, so that the one cannot stand for the other.
    """
    old, new = jax.tree_util.tree_leaves(before), jax.tree_util.tree_leaves(after)
    if [(leaf.shape, leaf.dtype) for leaf in old] != [(leaf.shape, leaf.dtype) for leaf in new]:
        raise ValueError("the state after the step is not like the one before it")
    chosen = [jnp.where(held, one, other) for one, other in zip(old, new, strict=True)]
    return jax.tree_util.tree_unflatten(jax.tree_util.tree_structure(after), chosen)


def bad_counts(tensor: Any) -> Any:
    """How many elements are NaN, inf and -inf: int32, shape (3,)."""
    checks = (jnp.isnan(tensor), jnp.isposinf(tensor), jnp.isneginf(tensor))
    return jnp.stack([jnp.sum(check, dtype=jnp.int32) for check in checks])
