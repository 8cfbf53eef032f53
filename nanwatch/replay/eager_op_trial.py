"""The ops of an eager step once more, as far as they depend on one that is changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf

from nanwatch.record.interventions import Intervention
from nanwatch.record.trials import TrialOutcome
from nanwatch.replay.making import NotPossible, as_number
from nanwatch.replay.op_mends import CHANGES, Mend
from nanwatch.watch.incident import eager_autopsy
from nanwatch.watch.incident.autopsy import dense, is_bad
from nanwatch.watch.incident.eager_again import is_handle, kind_of
from nanwatch.watch.keras_seam import tensorflow_names
from nanwatch.watch.keras_seam.keras_types import Tensor
from nanwatch.watch.train_step.eager_ops import EagerOp, EagerStep

NAMES = {"SelectV2": ("condition", "t", "e")}  # of the inputs of an op; else x and y


@dataclass(frozen=True)
class NewTensors:
    """What an argument is made of, at once."""

    dtype: tf.DType

    def node(self, kind: str, *inputs: Any) -> Any:
        names = NAMES.get(kind, ("x", "y"))
        return getattr(tf.raw_ops, kind)(**dict(zip(names, inputs, strict=True)))

    def constant(self, value: float) -> Any:
        return tf.cast(tf.constant(value, tf.float64), self.dtype)


class FrozenEagerOps:
    """The ops of a bad step that was eager, and the one at which it was born."""

    def __init__(self, ran: EagerStep) -> None:
        self.ran = ran
        self.found = eager_autopsy.perform(None, ran, None)

    def outcome(self, change: Intervention) -> TrialOutcome:
        """What the step gives with ``change``.

        Raises:
            NotPossible: it is not known which op is to be changed, or what follows from it.
        """
        at, told = self.found.born_at, self.found.op
        if at is None or told is None or not self.found.reproduced:
            raise NotPossible("it is not known where the step went bad")
        op = changeable(self.ran.ops, self.ran.ops[at])
        value = 0.0 if change.value is None else as_number(change)
        again = ChangedAgain(alike(self.ran.ops, op), CHANGES[change.kind](kind_of(op), value, told))
        for each in self.ran.ops:
            again.follow(each)
        seen = self.ran.seen
        losses = [again.of(tensor) for tensor in seen.targets]
        gradients = [again.of(dense(grad)) for grad, _ in seen.gradients if grad is not None]
        if any(map(is_bad, (*losses, *gradients))):
            if again.mend.sloped and not any(map(is_bad, losses)):
                raise NotPossible("its slope would be 0 where it takes effect")
            return TrialOutcome(False, 0)
        return TrialOutcome(True, 1, float(np.mean(losses[-1].numpy())) if losses else None)


@dataclass
class ChangedAgain:
    """The values of a step in which ``ops`` are mended; what does not depend on them is as it was."""

    ops: Sequence[EagerOp]
    mend: Mend
    values: dict[int, Tensor] = field(default_factory=dict)  # by the ids of the tensors that they stand for
    arguments: dict[int, Tensor] = field(default_factory=dict)  # likewise, for the op and for its gradient

    def of(self, tensor: Tensor) -> Tensor:
        return self.values.get(id(tensor), tensor)

    def follow(self, op: EagerOp) -> None:
        kind, is_own = kind_of(op), any(op is each for each in self.ops)
        if is_own:
            self.make_arguments(op)
            kind = self.mend.turned_into or kind
        takes_new = is_own or op.backward
        inputs = [
            self.arguments[id(each)] if takes_new and id(each) in self.arguments else self.of(each)
            for each in op.inputs
        ]
        same = all(new is old for new, old in zip(inputs, op.inputs, strict=True))
        if (same and not is_own) or not op.outputs:
            return
        if op.graph is not None:
            raise NotPossible("a function that was traced depends on it")
        if tensorflow_names.op_type(kind).is_stateful or any(map(is_handle, op.inputs)):
            return  # what was drawn or read stays
        made = tensorflow_names.run_op(kind, inputs, op.attrs, len(op.outputs))
        self.values |= {id(old): new for old, new in zip(op.outputs, made, strict=True)}

    def make_arguments(self, op: EagerOp) -> None:
        if self.mend.argument is None:
            return
        inputs = op.inputs if self.mend.place is None else [op.inputs[self.mend.place]]
        for tensor in inputs:
            made = NewTensors(tensor.dtype)
            self.arguments[id(tensor)] = self.mend.argument(made, self.of(tensor))


def alike(ops: Sequence[EagerOp], op: EagerOp) -> list[EagerOp]:
    """``op``, and those of its type that the same line of the script called for."""
    same = [each for each in ops if kind_of(each) == kind_of(op) and each.line == op.line]
    return [op, *(each for each in same if each is not op and op.line is not None and not each.backward)]


def changeable(ops: Sequence[EagerOp], born: EagerOp) -> EagerOp:
    """The op that a remedy is for: the one that was born bad, or that whose gradient was.

    Raises:
        NotPossible: that is not among ``ops``, or is a function that was traced.
    """
    found = born
    if born.backward:
        forward = born.forward
        if forward is None:
            raise NotPossible("it is not known whose gradient it is")
        outputs, inputs = ({id(each) for each in part} for part in (forward.outputs, forward.inputs))
        own = [op for op in ops if not op.backward and kind_of(op) == forward.type]
        by_output = [op for op in own if any(id(each) in outputs for each in op.outputs)]
        by_input = [op for op in own if any(id(each) in inputs for each in op.inputs)]
        if not (by_output or by_input):
            raise NotPossible("the op whose gradient it is was not kept")
        found = (by_output or by_input)[0]
    if found.graph is not None:
        raise NotPossible("it is inside a function that was traced")
    return found
