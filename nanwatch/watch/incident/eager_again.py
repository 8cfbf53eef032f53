"""What the ops of an eager step were given, as the arrays of a snapshot; and the ops run again from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from nanwatch.watch.incident.held_step import in_dtype
from nanwatch.watch.incident.snapshot_file import TYPES
from nanwatch.watch.keras_seam import tensorflow_names
from nanwatch.watch.keras_seam.keras_types import Array, Gradient, Tensor
from nanwatch.watch.keras_seam.public_tensorflow import tf
from nanwatch.watch.keras_seam.tensorflow_names import ForwardOp
from nanwatch.watch.train_step.eager_ops import EagerOp, EagerStep
from nanwatch.watch.train_step.held_values import CANNOT_BE_GIVEN, READING
from nanwatch.watch.train_step.traced_step import TracedStep

GIVEN, MADE = "given/", "made/"  # ``<op>.<which>``: what came from outside, and what cannot be made again
FUNCTION = "function"


def arrays_of(ran: EagerStep, known: Mapping[int, object]) -> Iterator[tuple[str, Array]]:
    """All that its ops cannot be run without, besides the variables whose handles are ``known``."""
    yield TYPES, types_of(ran.ops)
    inside: set[int] = set()
    written = {
        id(tensor) for op in ran.ops if not is_reading(op) for tensor in op.inputs if is_handle(tensor)
    }
    for number, op in enumerate(ran.ops):
        for place, tensor in enumerate(op.inputs):
            if id(tensor) not in inside and tensor.dtype.name not in CANNOT_BE_GIVEN:
                yield f"{GIVEN}{number}.{place}", tensor.numpy()
            inside.add(id(tensor))
        if must_be_held(op, known, written):
            for place, tensor in enumerate(op.outputs):
                if tensor.dtype.name not in CANNOT_BE_GIVEN:
                    yield f"{MADE}{number}.{place}", tensor.numpy()
        inside |= {id(tensor) for tensor in op.outputs}


def types_of(ops: Sequence[EagerOp]) -> Array:
    """One for each op, as bytes."""
    return np.array([type_of(op) for op in ops], "S")


def type_of(op: EagerOp) -> str:
    """The same in every process."""
    name = kind_of(op)
    return FUNCTION if tensorflow_names.op_type(name).is_function else name


def kind_of(op: EagerOp) -> str:
    return op.type.decode() if isinstance(op.type, bytes) else str(op.type)


def is_reading(op: EagerOp) -> bool:
    return kind_of(op) in READING


def is_handle(tensor: Tensor) -> bool:
    return bool(tensor.dtype == tf.resource)


def must_be_held(op: EagerOp, known: Mapping[int, object], written: set[int]) -> bool:
    """Whether the op may give something else when it is run again: it draws, fetches, or reads what may
    have changed."""
    if is_reading(op):
        return id(op.inputs[0]) in written or id(op.inputs[0]) not in known
    return any(map(is_handle, op.inputs)) or tensorflow_names.op_type(kind_of(op)).is_stateful


def is_same_step(ran: EagerStep, arrays: Mapping[str, Array]) -> bool:
    """Whether ``ran`` has the ops of the step that the snapshot is of."""
    mine = types_of(ran.ops)
    return mine.shape == arrays[TYPES].shape and bool((mine == arrays[TYPES]).all())


def run_again(ran: EagerStep, arrays: Mapping[str, Array]) -> EagerStep:
    """The ops of ``ran`` from what the snapshot holds, on the variables as they stand. None is written to."""
    return Again(arrays).run(ran)


@dataclass
class Again:
    """One step that is run again, op by op."""

    arrays: Mapping[str, Array]
    values: dict[int, Tensor] = field(default_factory=dict)  # by the ids of the tensors that they stand for

    def run(self, ran: EagerStep) -> EagerStep:
        ops = [self.run_op(number, op) for number, op in enumerate(ran.ops)]
        return EagerStep(self.shown(ran.seen), ops)

    def run_op(self, number: int, op: EagerOp) -> EagerOp:
        for place, tensor in enumerate(op.inputs):
            self.take(f"{GIVEN}{number}.{place}", tensor)
        inputs = [self.of(tensor) for tensor in op.inputs]
        held = [self.take(f"{MADE}{number}.{place}", tensor) for place, tensor in enumerate(op.outputs)]
        writes = any(map(is_handle, op.inputs)) and not is_reading(op)
        if op.outputs and not any(held) and not writes:
            made = tensorflow_names.run_op(kind_of(op), inputs, op.attrs, len(op.outputs))
            self.values |= {id(old): new for old, new in zip(op.outputs, made, strict=True)}
        forward = None if op.forward is None else self.forward(op.forward)
        return op._replace(inputs=inputs, outputs=[self.of(tensor) for tensor in op.outputs], forward=forward)

    def take(self, name: str, tensor: Tensor) -> bool:
        """Put what the snapshot holds by this name, if it does, in the place of ``tensor``."""
        if name not in self.arrays:
            return False
        value = in_dtype(self.arrays[name], tensor.dtype.as_numpy_dtype)
        self.values[id(tensor)] = tf.convert_to_tensor(value, tensor.dtype)
        return True

    def of(self, tensor: Tensor) -> Tensor:
        return self.values.get(id(tensor), tensor)

    def forward(self, op: ForwardOp) -> ForwardOp:
        return ForwardOp(op.type, tuple(map(self.of, op.inputs)), tuple(map(self.of, op.outputs)))

    def shown(self, seen: TracedStep) -> TracedStep:
        """What the step showed, with the values of now."""
        return replace(
            seen,
            activations=[(layer, self.of(tensor)) for layer, tensor in seen.activations],
            outputs=[(key, self.of(tensor)) for key, tensor in seen.outputs],
            targets=[self.of(tensor) for tensor in seen.targets],
            gradients=[Gradient(self.gradient(grad), variable) for grad, variable in seen.gradients],
        )

    def gradient(self, grad: Tensor | None) -> Tensor | None:
        if isinstance(grad, tf.IndexedSlices):
            slices: Tensor = tf.IndexedSlices(self.of(grad.values), self.of(grad.indices), grad.dense_shape)
            return slices
        return None if grad is None else self.of(grad)
