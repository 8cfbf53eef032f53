"""One step, op by op, in eager execution: where finite inputs gave a non-finite output."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Literal

import numpy as np

from nanwatch.record.facts import Location
from nanwatch.watch.keras_seam import tensorflow_names
from nanwatch.watch.keras_seam.keras_types import Array, Graph, Operation, R, Tensor
from nanwatch.watch.keras_seam.patches import Wrapper
from nanwatch.watch.launch import user_lines

# Ops whose outputs may hold anything by design: memory not yet written, statistics that a fused
# kernel keeps for its gradient, the bits of other types.
EXEMPT = {
    "Empty",
    "EmptyLike",
    "Bitcast",
    "FusedBatchNormV3",
    "FusedBatchNormGradV3",
    "Identity",
    "ReadVariableOp",
    "VarHandleOp",
    "AssignVariableOp",
    "Const",
    "IsFinite",
    "IsNan",
    "IsInf",
}


# A row of -inf and numbers is what these are for; a row of nothing else is not.
SOFTMAX = frozenset(
    (
        *("Softmax", "LogSoftmax"),
        *("SoftmaxCrossEntropyWithLogits", "SparseSoftmaxCrossEntropyWithLogits"),
    )
)


class OutOfTime(Exception):
    """The trace took longer than it may."""


@dataclass(frozen=True)
class BadOp:
    """An op with a non-finite output. ``parents`` are the events its non-finite inputs came from."""

    number: int
    type: str
    direction: Literal["forward", "backward"]
    born_here: bool
    layer: str | None
    location: Location | None
    forward_type: str | None
    parents: tuple[int, ...]
    inputs: tuple[Array, ...]
    dtypes: tuple[str, ...]  # of the inputs, as the op was given them
    output: Array
    in_loss: bool = False
    at: int = 0  # its number among the ops that were looked at


@dataclass
class OpTrace:
    """Collects events while it is called back for every op. Holds the bad tensors alone alive."""

    seconds: float
    stop_at: FrameType | None = None
    started: float = field(default_factory=time.perf_counter)
    backward: bool = False
    in_loss: bool = False
    events: list[BadOp] = field(default_factory=list)
    ops: int = 0
    layers: list[tuple[str, Operation]] = field(default_factory=list)  # being called, outermost first
    origin_of_bad: dict[int, int] = field(default_factory=dict)  # buffer address -> event
    made_at: dict[int, tuple[str, Location | None, str | None]] = field(default_factory=dict)
    used_at: dict[tuple[int, str], tuple[Location | None, str | None]] = field(default_factory=dict)
    kept: list[Tensor] = field(default_factory=list)
    stopped: set[str] = field(default_factory=set)  # types of ops that gave finite numbers for what was not

    def __call__(
        self,
        op_type: str | bytes,
        inputs: Sequence[Tensor],
        attrs: object,
        outputs: Sequence[Tensor],
        op_name: object = None,
        graph: Graph | None = None,
    ) -> None:
        if graph is not None:
            return
        if time.perf_counter() - self.started > self.seconds:
            raise OutOfTime
        self.ops += 1
        kind = op_type.decode() if isinstance(op_type, bytes) else str(op_type)
        values = [array_of(tensor) for tensor in outputs]
        if not self.backward:
            self.note_forward(kind, values, inputs)
        bad = [value for value in values if value is not None and not np.isfinite(value).all()]
        given = [array_of(tensor) for tensor in inputs] if bad or self.events else []
        if not bad:
            if not self.backward and any(map(is_made_bad, given)) and any(map(is_number, values)):
                self.stopped.add(kind)
            return
        given = [array_of(tensor) for tensor in inputs]
        sick = [value for value in given if value is not None and not np.isfinite(value).all()]
        number = len(self.events)
        parents = tuple(
            dict.fromkeys(
                self.origin_of_bad[address(value)] for value in sick if address(value) in self.origin_of_bad
            )
        )
        born = is_birth(kind, bad, sick, parents)
        if not born and not parents and not any(np.isnan(value).any() for value in sick):
            return  # constants, and infinities that were given: what is made of them is still that
        location, layer, forward = self.place(kind)
        shown = [
            (np.array(value), str(tensor.dtype.name))
            for value, tensor in zip(given, inputs, strict=True)
            if (born or not parents) and value is not None
        ]
        self.events.append(
            BadOp(
                number,
                kind,
                "backward" if self.backward else "forward",
                born,
                layer,
                location,
                forward,
                () if born else parents,  # infinite ones were meant
                tuple(value for value, _ in shown),
                tuple(dtype for _, dtype in shown),
                np.array(bad[0]) if born or not parents else bad[0],
                self.in_loss,
                self.ops - 1,
            )
        )
        for value in bad:
            self.origin_of_bad[address(value)] = number
        self.kept += [*outputs]

    def note_forward(self, kind: str, values: list[Array | None], inputs: Sequence[Tensor]) -> None:
        """Remember which line and layer made a tensor, for the backward op that will meet it."""
        location, layer = self.user_line()
        for value in values:
            if value is not None and value.size:
                self.made_at[address(value)] = (kind, location, layer)
        for tensor in inputs:
            value = array_of(tensor)
            if value is not None and value.size:
                self.used_at[address(value), kind] = (location, layer)

    def place(self, kind: str) -> tuple[Location | None, str | None, str | None]:
        """(line, layer, type of the forward op) of the op being called back for."""
        if not self.backward:
            return (*self.user_line(), None)
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame is not self.stop_at:
            forward = tensorflow_names.forward_op(frame)
            if forward is not None:
                return (*self.place_of_forward(forward), forward.type)
            frame = frame.f_back
        return None, None, None

    def place_of_forward(self, op: tensorflow_names.ForwardOp) -> tuple[Location | None, str | None]:
        """(line, layer) of the forward op whose gradient is being computed."""
        for tensor in op.inputs:
            value = array_of(tensor)
            used = self.used_at.get((address(value), op.type)) if value is not None and value.size else None
            if used is not None:
                return used
        for tensor in (*op.outputs, *op.inputs):
            value = array_of(tensor)
            made = self.made_at.get(address(value)) if value is not None and value.size else None
            if made is not None:
                return made[1], made[2]
        return None, None

    def user_line(self) -> tuple[Location | None, str | None]:
        """The user's line that runs the op, and the layer: of a built-in layer, the line that made it."""
        frame: FrameType | None = sys._getframe(1)
        layer = self.layers[-1] if self.layers else None
        while frame is not None and frame is not self.stop_at:
            if frame.f_code is LAYER_CALL_CODE and layer is not None:
                return user_lines.line_of(layer[1]), layer[0]
            if user_lines.is_users(frame.f_code.co_filename):
                return user_lines.location_of(frame), layer[0] if layer else None
            frame = frame.f_back
        return None, layer[0] if layer else None

    def layer_call(self, path: str, layer: Operation) -> Wrapper:
        """A wrapper for the ``call`` of ``layer`` that says which layer is being called."""
        trace = self

        def wrapper(original: Callable[..., R], /, *args: object, **kwargs: object) -> R:
            return call_layer(trace, path, layer, original, args, kwargs)

        return wrapper

    def origins(self, targets: Sequence[Tensor]) -> list[BadOp]:
        """The events at which the non-finite values in ``targets`` were born, earliest first.

        Values that were masked on the way (``tf.where``) do not lead to a target and are left out.
        """
        return [event for event in self.events_before(targets) if event.born_here]

    def entries(self, targets: Sequence[Tensor]) -> list[BadOp]:
        """The events at which what was bad already came into the step, earliest first."""
        return [event for event in self.events_before(targets) if not event.born_here and not event.parents]

    def events_before(self, targets: Sequence[Tensor]) -> list[BadOp]:
        waiting = [
            self.origin_of_bad[address(value)]
            for value in map(array_of, targets)
            if value is not None and value.size and address(value) in self.origin_of_bad
        ]
        reached: set[int] = set()
        while waiting:
            number = waiting.pop()
            if number not in reached:
                reached.add(number)
                waiting += self.events[number].parents
        return [self.events[number] for number in sorted(reached)]


def is_birth(kind: str, bad: Sequence[Array], sick: Sequence[Array], parents: Sequence[int]) -> bool:
    """Whether an op made its bad outputs: of finite inputs; or NaN of infinities that were meant.

    ``sick`` are its inputs that are not finite, ``parents`` the events in which such an input was born.
    """
    if kind in EXEMPT or any(np.isnan(value).any() for value in sick):
        return False
    if not sick:
        return True
    if not any(np.isnan(value).any() for value in bad):
        return False
    return not parents or (kind in SOFTMAX and not any(np.isposinf(value).any() for value in sick))


def call_layer(
    trace: OpTrace,
    path: str,
    layer: Operation,
    original: Callable[..., R],
    args: tuple[object, ...],
    kwargs: dict[str, object],
) -> R:
    trace.layers.append((path, layer))
    try:
        return original(*args, **kwargs)
    finally:
        trace.layers.pop()


def is_made_bad(value: Array | None) -> bool:
    return value is not None and not np.isfinite(value).all()


def is_number(value: Array | None) -> bool:
    return value is not None


LAYER_CALL_CODE = call_layer.__code__


def array_of(tensor: Tensor) -> Array | None:
    """A floating-point tensor's values, in its shape, without a copy where that can be had; else None.

    Half precision of a kind that NumPy does not know as float32.
    """
    dtype = getattr(tensor, "dtype", None)
    if dtype is None or not getattr(dtype, "is_floating", False):
        return None
    try:
        values = np.asarray(memoryview(tensor))
    except (TypeError, ValueError, NotImplementedError):
        try:
            values = tensor.numpy()
        except (AttributeError, NotImplementedError, ValueError):
            return None
    return values.astype(np.float32) if values.dtype.itemsize < 4 and values.dtype.kind != "f" else values


def address(value: Array) -> int:
    """Where the elements of ``value`` lie in memory: the same for a tensor and a view of it."""
    return int(value.__array_interface__["data"][0])
