"""An update that may be held back, on one device or by all replicas together."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

Kept = Sequence[tuple[Any, Any]]  # (variable, its value from before)


def is_in_replica() -> bool:
    """Whether this is a replica's step, be it the only one: an update then crosses to the strategy."""
    return tf.distribute.has_strategy() and tf.distribute.get_replica_context() is not None


def in_any_replica(flag: Any) -> Any:
    """Whether ``flag`` holds in any replica: all of them get the same answer."""
    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.SUM, tf.cast(flag, tf.float32)) > 0


def apply_unless(held: Any, apply: Callable[..., Any], *args: Any, kept: Kept = ()) -> None:
    """``apply(*args)`` unless ``held``, a bool scalar that all replicas agree on.

    If it holds, the ``kept`` variables get their values back.
    """
    if is_in_replica():
        decide = functools.partial(decide_across, apply, [variable for variable, _ in kept])
        tf.distribute.get_replica_context().merge_call(
            decide, args=(held, [value for _, value in kept], *args)
        )
        return

    def go() -> tf.Tensor:
        apply(*args)
        return tf.constant(0)

    def hold() -> tf.Tensor:
        for variable, value in kept:
            variable.assign(value)
        return tf.constant(0)

    # Not kept whole: that would hide the update from TensorFlow's rewriting of the graph, and some
    # optimizers' weights would come out with another last bit than without nanwatch.
    tf.cond(held, hold, go)


def decide_across(
    apply: Callable[..., Any], variables: Sequence[Any], strategy: Any, held: Any, values: Any, *args: Any
) -> None:
    """In cross-replica context, the only one in which a cond may lead to a variable's update."""
    decision = strategy.experimental_local_results(held)[0]

    def go() -> tf.Tensor:
        strategy.extended.call_for_each_replica(apply, args=args)
        return tf.constant(0)

    def hold() -> tf.Tensor:
        put_back_across(strategy, variables, values)
        return tf.constant(0)

    tf.cond(decision, hold, go)


def put_back(when: Any, kept: Kept) -> None:
    """Give the ``kept`` variables back their values if ``when``, a bool scalar, holds."""
    if kept:
        apply_unless(when, lambda: None, kept=kept)


def put_back_across(strategy: Any, variables: Sequence[Any], values: Sequence[Any]) -> None:
    """Each replica's part of a variable gets that replica's value."""
    for variable, value in zip(variables, values, strict=True):
        held = variable.value if isinstance(variable, keras.Variable) else variable
        if isinstance(held, tf.distribute.DistributedValues):
            strategy.extended.update(held, lambda part, old: part.assign(old), args=(value,), group=False)
        else:
            held.assign(strategy.experimental_local_results(value)[0])
