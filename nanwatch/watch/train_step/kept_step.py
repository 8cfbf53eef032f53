"""What a step begins with, and what it answers: where an op of nanwatch's fails in it, it is made without.

TensorFlow runs whatever does not wait for an op that has failed. So the batch and the values of before are
put by in any case, and the script's own step comes to its end, unless it waits for what failed: which only
its update does, for the sentinels. A step that has failed is whole, or can be made from what it began with.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from nanwatch.watch.keras_seam import tensorflow_names
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.keras_types import Graph, Model, Op, Optimizer, Structure, Tensor, Variable
from nanwatch.watch.keras_seam.public_tensorflow import tf
from nanwatch.watch.train_step.conditional_update import (
    KeptValue,
    in_all_replicas,
    is_in_replica,
    replica_number,
)


@dataclass
class HeldStructure:
    """Tensors, composite ones among them, held on the device from one step to the next. No copy is made."""

    holders: dict[int, tf.Variable] = field(default_factory=dict)  # by the place of the tensor
    found: list[object] = field(default_factory=list)  # holders; eager tensors, and what is no tensor
    template: Structure = None  # of type specs
    put: list[Op] = field(default_factory=list)  # what fills the holders

    def hold(self, structure: Structure) -> None:
        self.template, self.put = tf.nest.map_structure(spec_of, structure), []
        leaves = tf.nest.flatten(structure, expand_composites=True)
        self.found = [self.held(place, leaf) for place, leaf in enumerate(leaves)]

    def held(self, place: int, leaf: object) -> object:
        if not isinstance(leaf, tf.Tensor) or tf.executing_eagerly():
            return leaf
        holder = self.holders.get(place)
        if holder is None or holder.dtype != leaf.dtype:
            holder = self.holders[place] = tensorflow_names.make_holder(leaf)
        self.put.append(holder.assign(leaf, read_value=False))
        return holder

    def value(self) -> Structure:
        """On the host: the structure as it was held last."""
        leaves = [tf.identity(item) if isinstance(item, tf.Variable) else item for item in self.found]
        return tf.nest.pack_sequence_as(self.template, leaves, expand_composites=True)

    def let_go(self) -> None:
        """On the host: nothing is held until the next step."""
        self.found = [item if isinstance(item, tf.Variable) else None for item in self.found]
        for holder in self.holders.values():
            tensorflow_names.empty(holder)


def spec_of(leaf: object) -> object:
    """What stands for ``leaf`` where the structure is packed again, and holds nothing."""
    return tf.type_spec_from_value(leaf) if tf.is_tensor(leaf) else leaf


class ValueBefore(NamedTuple):
    """A variable, and its value from before the step."""

    variable: Variable
    holder: tf.Variable | Tensor  # eagerly the value itself
    ops: frozenset[str]  # that read it and put it by


@dataclass
class KeptPart:
    """What one replica, or the only one, has of the step that was begun last."""

    begun: tf.Variable  # int64 scalar: steps whose batch was put by
    beginning: list[str] = field(default_factory=list)  # the ops that put its batch by
    batch: HeldStructure = field(default_factory=HeldStructure)
    logs: HeldStructure = field(default_factory=HeldStructure)
    before: dict[int, ValueBefore] = field(default_factory=dict)  # by the id of the variable

    @classmethod
    def new(cls) -> KeptPart:
        return cls(tensorflow_names.make_part(np.int64(0), "nanwatch_begun"))

    def is_whole(self, replica: int, applied: Sequence[Optimizer]) -> bool:
        known = [self.before[id(each.iterations)] for each in applied if id(each.iterations) in self.before]
        return bool(known) and all(
            int(part_of(variable, replica).numpy()) != int(tf.identity(holder))
            for variable, holder, _ in known
        )

    def let_go(self) -> None:
        self.batch.let_go()
        self.logs.let_go()
        for _, holder, _ in self.before.values():
            if isinstance(holder, tf.Variable):
                tensorflow_names.empty(holder)


class KeptStep:
    """The step that was begun last. Its ops are nanwatch's own; `begin` to `end` are called in the step."""

    def __init__(self) -> None:
        self.parts: dict[int, KeptPart] = {}  # by the number of the replica
        self.ready: weakref.WeakKeyDictionary[Graph, list[Op]] = weakref.WeakKeyDictionary()
        self.known_begun = 0  # steps that were, before the execution that runs now

    def part(self) -> KeptPart:
        """Of the replica that is traced now."""
        number = replica_number()
        if number not in self.parts:
            self.parts[number] = KeptPart.new()
        return self.parts[number]

    def begin(self, data: Structure) -> None:
        """The step has got its batch."""
        part = self.part()
        part.batch.hold(data)
        with tf.control_dependencies(part.batch.put):  # of data that have come to their end none is there
            counted = part.begun.assign_add(1, read_value=False)
        part.beginning = [op.name for op in (*part.batch.put, counted) if op is not None]
        graph = tensorflow_names.traced_graph()
        if graph is not None and is_in_replica():
            self.ready[graph] = in_all_replicas(counted)

    def wait(self) -> contextlib.AbstractContextManager[object]:
        """In this block, ops wait until all replicas have put their batches by: when one fails, TensorFlow
        ends the other replicas where they are. One replica alone need not wait."""
        graph = tensorflow_names.traced_graph()
        ops = [] if graph is None else self.ready.get(graph, [])
        return tf.control_dependencies(ops) if ops else contextlib.nullcontext()

    def keep(self, values: Iterable[KeptValue]) -> None:
        """What the step may change, as it was read before. What follows writes it once that is put by."""
        part = self.part()
        for variable, value in values:
            part.before[id(variable)] = put_by(variable, value, part.before.get(id(variable)))

    def end(self, logs: Structure) -> None:
        """The step has given its logs."""
        self.part().logs.hold(logs)

    # -- on the host

    def begin_fit(self) -> None:
        """What an earlier fit has begun, and an exception has ended, is not this one's."""
        self.known_begun = self.steps_begun()

    def note_execution(self, at_once: int) -> None:
        """A call of ``at_once`` steps has come to its end; of several, fewer where the data did before."""
        self.known_begun = self.known_begun + 1 if at_once == 1 else self.steps_begun()

    def steps_begun(self) -> int:
        """Steps whose batch was put by, so far."""
        return max((int(part.begun.numpy()) for part in self.parts.values()), default=0)

    def has_failed_at_once(self, failed: Collection[str]) -> bool:
        """Whether it was in putting its batch by that a step has failed."""
        return any(is_one_of(failed, part.beginning) for part in self.parts.values())

    def is_whole(self, applied: Sequence[Optimizer]) -> bool:
        """Whether the last step has made the updates of all optimizers that it applies."""
        return bool(self.parts) and all(part.is_whole(number, applied) for number, part in self.parts.items())

    def put_back(self, failed: Collection[str]) -> None:
        """Give the variables the values that they had before the last step.

        Of a variable that could not be read or put by nothing was written, which waits for that.
        """
        for number, part in self.parts.items():
            for variable, holder, ops in part.before.values():
                value = tf.identity(holder)
                if not is_one_of(failed, ops) and value.shape == tuple(variable.shape):
                    part_of(variable, number).assign(value)

    def batches(self) -> list[Structure]:
        """What each replica was given in the last step, in their order."""
        return [self.parts[number].batch.value() for number in sorted(self.parts)]

    def logs(self) -> list[Structure]:
        """What each replica answered last."""
        return [self.parts[number].logs.value() for number in sorted(self.parts)]

    def let_go(self) -> None:
        """Nothing is held until the next step."""
        for part in self.parts.values():
            part.let_go()


def is_one_of(failed: Collection[str], ops: Iterable[str]) -> bool:
    """Whether one of ``ops`` is among those that ``failed``, whose names tell the calls around them too."""
    return any(f"/{op}/" in f"/{node}/" for node in failed for op in ops)


def put_by(variable: Variable, value: Tensor, known: ValueBefore | None) -> ValueBefore:
    if tf.executing_eagerly():
        return ValueBefore(variable, value, frozenset())
    holder = known.holder if known is not None else None
    if not isinstance(holder, tf.Variable) or holder.dtype != value.dtype:
        holder = tensorflow_names.make_holder(value)
    put = holder.assign(value, read_value=False)
    with tf.control_dependencies([put]):  # what writes the variable waits for those who have read it
        last = tf.convert_to_tensor(variable)
    return ValueBefore(variable, holder, frozenset({value.op.name, put.name, last.op.name}))


def part_of(variable: Variable, replica: int) -> tf.Variable:
    """Of a variable that each replica has a part of, that of one."""
    held = seam().tensorflow_variable(variable)
    return held.values[replica] if isinstance(held, tf.distribute.DistributedValues) else held


def logs_of_step(model: Model, kept: KeptStep) -> Structure:
    """What the last step has answered: the metrics, where it does, as Keras does it itself."""
    found = kept.logs()
    metrics = model.get_metrics_result()
    if isinstance(found[0], dict) and found[0].keys() == metrics.keys():
        return metrics
    return found[0] if len(found) == 1 else seam().map_structure(mean_of_replicas, *found)


def mean_of_replicas(*values: Tensor) -> Tensor:
    mean: Tensor = tf.reduce_mean(tf.stack(values), axis=0)
    return mean


def counters_of(optimizer: Optimizer) -> list[Variable]:
    """What an optimizer counts, and scales by."""
    rate = seam().learning_rate_given(optimizer)  # of a schedule nothing is computed
    return [
        variable for variable in seam().kept_by(optimizer) if not len(variable.shape) and variable is not rate
    ]
