"""An update that may be held back, on one device or by all replicas together."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.keras_types import Op, Tensor, Variable
from nanwatch.watch.keras_seam.public_tensorflow import tf
from nanwatch.watch.train_step.own_ops import AGREED


class KeptValue(NamedTuple):
    """A variable, and its value from before."""

    variable: Variable
    value: Tensor


def is_in_replica() -> bool:
    """Whether this is a replica's step, be it the only one: an update then crosses to the strategy."""
    return tf.distribute.has_strategy() and tf.distribute.get_replica_context() is not None


def replica_number() -> int:
    """Which replica's step this is; 0 where there is but one."""
    if not is_in_replica():
        return 0
    return int(tf.get_static_value(tf.distribute.get_replica_context().replica_id_in_sync_group))


def in_any_replica(flag: Tensor) -> Tensor:
    """Whether ``flag`` holds in any replica, a bool scalar as it is: all of them get the same answer."""
    count = sum_of_replicas(tf.cast(flag, tf.float32))
    found: Tensor = tf.greater(count, 0.0)
    return found


def in_all_replicas(op: Op) -> list[Op]:
    """What each replica has made as ``op``."""

    def collect(strategy: tf.distribute.Strategy, value: tf.distribute.DistributedValues) -> list[Op]:
        return [part.op for part in strategy.experimental_local_results(value)]

    with tf.control_dependencies([op]):
        done = tf.constant(0)
    found: list[Op] = tf.distribute.get_replica_context().merge_call(collect, args=(tf.identity(done),))
    return found


def sum_of_replicas(value: Tensor) -> Tensor:
    """The sum over all replicas, which each of them gets."""
    with tf.name_scope(AGREED):
        total: Tensor = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, value)
    return total


def apply_unless(
    held: Tensor, apply: Callable[..., object], *args: object, kept: Sequence[KeptValue] = ()
) -> None:
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
    apply: Callable[..., object],
    variables: Sequence[Variable],
    strategy: tf.distribute.Strategy,
    held: tf.distribute.DistributedValues,
    values: Sequence[tf.distribute.DistributedValues],
    *args: object,
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


def put_back(when: Tensor, kept: Sequence[KeptValue]) -> None:
    """Give the ``kept`` variables back their values if ``when``, a bool scalar, holds."""
    if kept:
        apply_unless(when, lambda: None, kept=kept)


def put_back_across(
    strategy: tf.distribute.Strategy,
    variables: Sequence[Variable],
    values: Sequence[tf.distribute.DistributedValues],
) -> None:
    """Each replica's part of a variable gets that replica's value."""
    for variable, value in zip(variables, values, strict=True):
        held = seam().tensorflow_variable(variable)
        if isinstance(held, tf.distribute.DistributedValues):
            strategy.extended.update(held, lambda part, old: part.assign(old), args=(value,), group=False)
        else:
            held.assign(strategy.experimental_local_results(value)[0])
