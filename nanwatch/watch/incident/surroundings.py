"""The ops around the birth of a non-finite number: those that led to it, and those that took it on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nanwatch.record.facts import Location, Operand, RanOp
from nanwatch.watch.incident.births import Birth, can_count, meant_outputs
from nanwatch.watch.incident.eager_again import type_of
from nanwatch.watch.incident.graph_run import FINE
from nanwatch.watch.incident.op_places import place_of
from nanwatch.watch.incident.op_trace import array_of
from nanwatch.watch.keras_seam.keras_types import Array, Op, Operation, Tensor
from nanwatch.watch.train_step.eager_ops import EagerOp
from nanwatch.watch.train_step.own_ops import is_own

MOST_BEFORE, MOST_AFTER = 6, 3
PASSING = frozenset({"Identity", "IdentityN", "StopGradient", "Snapshot"})  # nobody asks what these gave
Moment = Literal["before", "birth", "after"]


@dataclass(frozen=True)
class Whereabouts:
    """What is known of a step besides its graph."""

    path_of: Callable[[Operation | None], str | None]  # of a layer in the model
    compile_location: Location | None


@dataclass(frozen=True)
class OpValues:
    """An op that ran again, with what it was given and what it gave."""

    told: RanOp
    inputs: Sequence[Tensor]
    output: Tensor

    def __repr__(self) -> str:
        where = "" if self.told.location is None else f" at line {self.told.location.line}"
        return f"<{self.told.moment}: {self.told.type}{where}>"


def around(birth: Birth, where: Whereabouts) -> list[OpValues]:
    """Of a graph that ran, in the order of its ops."""
    before, after = producers(birth), takers(birth)
    chosen = {op.name: op for op in (*before, birth.op, *after)}
    late = {op.name for op in after}
    ops = sorted(chosen.values(), key=lambda op: birth.run.places[op.name])

    def moment(op: Op) -> Moment:
        return "birth" if op is birth.op else "after" if op.name in late else "before"

    return [values_of(op, birth, moment(op), where) for op in ops]


def producers(birth: Birth) -> list[Op]:
    """The nearest ops that give floats for ``birth``, and whatever gives it its inputs."""
    found: dict[str, Op] = {}
    waiting = [tensor for tensor in birth.op.inputs if is_told(tensor)]
    while waiting and len(found) < MOST_BEFORE:
        tensor = waiting.pop(0)
        op = tensor.op
        if op.name in found or op is birth.op:
            continue
        is_given = tensor.name in birth.run.known
        if is_given or not (op.type in PASSING or is_own(op.name)):
            found[op.name] = op
        if not is_given:
            waiting += [before for before in op.inputs if can_count(before) and before.op.type != "Const"]
    return list(found.values())


def is_told(tensor: Tensor) -> bool:
    """Whether it has numbers, and is more than an axis or a shape that the code wrote down."""
    if can_count(tensor):
        return True
    return bool(tensor.dtype.is_integer or tensor.dtype.is_bool) and tensor.op.type != "Const"


def takers(birth: Birth) -> list[Op]:
    """The nearest ops that made something non-finite of what was born."""
    places = birth.run.places
    behind = [op for op in birth.level if places[op.name] > places[birth.op.name]]
    behind.sort(key=lambda op: places[op.name])
    bad = {tensor.name for tensor in birth.op.outputs}
    found: list[Op] = []
    counted = birth.run.count([tensor for op in behind for tensor in meant_outputs(op) if can_count(tensor)])
    for op in behind:
        made = [tensor.name for tensor in meant_outputs(op) if counted.get(tensor.name, FINE).bad]
        if made and any(tensor.name in bad for tensor in op.inputs):
            bad.update(made)
            if op.type not in PASSING and not is_own(op.name):
                found.append(op)
    return found[:MOST_AFTER]


def values_of(op: Op, birth: Birth, moment: Moment, where: Whereabouts) -> OpValues:
    place = place_of(op, birth.callers)
    of_loss = place.called is None and place.in_loss
    given = [tensor for tensor in op.inputs if has_value(tensor)]
    output = output_of(op, birth)
    *inputs, made = birth.run.values([*given, output])
    told = RanOp(
        op.type,
        "backward" if place.backward else "forward",
        moment,
        measured(made),
        tuple(made.shape.as_list()),
        where.path_of(place.called),
        place.location or (where.compile_location if of_loss else None),
        place.forward_type,
    )
    return OpValues(told, inputs, made)


def has_value(tensor: Tensor) -> bool:
    return tensor.dtype.name not in ("resource", "variant")


def output_of(op: Op, birth: Birth) -> Tensor:
    """The first that is not finite, else the first that has a value."""
    floats = [tensor for tensor in meant_outputs(op) if can_count(tensor)]
    counted = birth.run.count(floats)
    bad = [tensor for tensor in floats if counted[tensor.name].bad]
    return (bad or floats or list(filter(has_value, op.outputs)))[0]


def measured(tensor: Tensor) -> Operand:
    """All of an eager tensor's values."""
    floats = array_of(tensor)
    values: Array = (tensor.numpy() if floats is None else floats).reshape(-1)
    if values.dtype.kind not in "fiub":
        return Operand("output", size=int(values.size), dtype=str(tensor.dtype.name))
    finite = values[np.isfinite(values)]
    return Operand(
        "output",
        low=float(finite.min()) if finite.size else None,
        high=float(finite.max()) if finite.size else None,
        first=float(values[0]) if values.size == 1 else None,
        size=int(values.size),
        dtype=str(tensor.dtype.name),
        num_nan=int(np.isnan(values).sum()),
        num_pos_inf=int(np.isposinf(values).sum()),
        num_neg_inf=int(np.isneginf(values).sum()),
    )


# -- of an eager step --------------------------------------------------------------------------------


def around_eager(ops: Sequence[EagerOp], born_at: int, places: PlacesOfOps) -> list[OpValues]:
    """Of the ops of an eager step, that were kept in the order in which they ran."""
    before, after = eager_producers(ops, born_at), eager_takers(ops, born_at)
    chosen = [*sorted(before), born_at, *after]

    def moment(number: int) -> Moment:
        return "birth" if number == born_at else "before" if number < born_at else "after"

    return [eager_values(ops[number], moment(number), places(ops[number])) for number in chosen]


@dataclass(frozen=True)
class EagerPlace:
    """Where an op of an eager step comes from."""

    location: Location | None
    layer: str | None
    forward_type: str | None


PlacesOfOps = Callable[[EagerOp], EagerPlace]


def eager_producers(ops: Sequence[EagerOp], born_at: int) -> list[int]:
    made_by = maker_of(ops[:born_at])
    found: list[int] = []
    waiting = [tensor for tensor in ops[born_at].inputs if has_value(tensor)]
    while waiting and len(found) < MOST_BEFORE:
        number = made_by.get(id(waiting.pop(0)))
        if number is None or number in found:
            continue
        if type_of(ops[number]) not in PASSING:
            found.append(number)
        waiting += [tensor for tensor in ops[number].inputs if can_count(tensor)]
    return found


def maker_of(ops: Iterable[EagerOp]) -> Mapping[int, int]:
    """The number of the op that gave a tensor, by the tensor's id."""
    return {id(tensor): number for number, op in enumerate(ops) for tensor in op.outputs}


def eager_takers(ops: Sequence[EagerOp], born_at: int) -> list[int]:
    bad = {id(tensor) for tensor in ops[born_at].outputs}
    found: list[int] = []
    for number in range(born_at + 1, len(ops)):
        made = [id(tensor) for tensor in ops[number].outputs if not is_finite(tensor)]
        if made and any(id(tensor) in bad for tensor in ops[number].inputs):
            bad.update(made)
            if type_of(ops[number]) not in PASSING:
                found.append(number)
            if len(found) == MOST_AFTER:
                break
    return found


def is_finite(tensor: Tensor) -> bool:
    values = array_of(tensor)
    return values is None or bool(np.isfinite(values).all())


def eager_values(op: EagerOp, moment: Moment, place: EagerPlace) -> OpValues:
    shown = [tensor for tensor in op.outputs if has_value(tensor)]
    made = next((tensor for tensor in shown if not is_finite(tensor)), shown[0])
    told = RanOp(
        type_of(op),
        "backward" if op.backward else "forward",
        moment,
        measured(made),
        tuple(made.shape.as_list()),
        place.layer,
        place.location,
        place.forward_type,
    )
    return OpValues(told, [tensor for tensor in op.inputs if has_value(tensor)], made)
