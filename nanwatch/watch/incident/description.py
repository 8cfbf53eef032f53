"""From a bad step to an incident: what went bad first, by the order of looking."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from nanwatch.record.facts import (
    DataInfo,
    IncidentInfo,
    Nonfinite,
    OnIncident,
    OpInfo,
    SpreadEntry,
    TensorSummary,
)
from nanwatch.record.notes import LayersOnly
from nanwatch.record.watchpoints import Role
from nanwatch.watch.data.batch import HostBatch
from nanwatch.watch.data.nonfinite import commonest_nonfinite
from nanwatch.watch.data.profile import Profile
from nanwatch.watch.incident.autopsy import Autopsy
from nanwatch.watch.incident.op_trace import SOFTMAX
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.host_values import is_floating, values_of
from nanwatch.watch.keras_seam.keras_types import Array, Model
from nanwatch.watch.train_step.inspection import Inspection
from nanwatch.watch.train_step.row_layout import Layout
from nanwatch.watch.train_step.state_check import BadVariable, StateCheck
from nanwatch.watch.train_step.step_recorder import AFTER_THE_STEP

# x, y, weights of samples, then the model from front to back, then what learning adds.
ORDER: tuple[Role, ...] = (
    "input",
    "label",
    "sample_weight",
    "activation",
    "output",
    "loss",
    "gradient",
    "weight",
)

MADE_IN_THE_STEP: tuple[Role, ...] = ("activation", "output", "loss", "gradient")
MOST_OF_A_MESSAGE = 300  # characters of an exception's text that are kept


def describe(
    seen: Inspection,
    layout: Layout,
    fit: int,
    epoch: int,
    action: OnIncident,
    bad_weights: list[BadVariable],
    autopsy: Autopsy | None,
) -> IncidentInfo:
    """The incident of the bad step ``seen``.

    ``bad_weights`` are the variables that were not finite before it.
    """
    found = autopsy or Autopsy()
    role, path, value = first_bad(seen, layout, bad_weights, found)
    outputs = tuple(summary("output", key, array) for kind_, key, array in seen.tensors if kind_ == "output")
    first = next((array for kind_, _, array in seen.tensors if kind_ == "output"), None)
    sums = first.sum(axis=-1) if first is not None and first.ndim > 1 else None
    loss = layout.loss_in(seen.row)
    if role == "gradient":
        path, value = first_gradient(seen, layout, found.spread) or (path, value)

    return IncidentInfo(
        fit=fit,
        replica=seen.replica,
        step=seen.step,
        epoch=epoch,
        role=role,
        path=path,
        value=value,
        frozen=action != "continue" and seen.flag not in AFTER_THE_STEP,
        action=action,
        loss=loss,
        batch=data_of(seen.batch),
        outputs=outputs,
        rows_summing_to_zero=None if sums is None else int((sums == 0).sum()),
        rows=None if first is None or not first.ndim else len(first),
        op=None if role not in MADE_IN_THE_STEP and came_in(found.op) else found.op,
        spread=tuple(found.spread),
        reproduced=found.reproduced,
        notes=tuple(found.notes),
    )


def first_gradient(
    seen: Inspection, layout: Layout, spread: Sequence[SpreadEntry]
) -> tuple[str, Nonfinite] | None:
    """The bad gradient that the backward pass came to first; a row has them in the order of the variables."""
    bad = dict(bad_cells(seen, layout, "gradient"))
    return next(
        ((each.path, bad[each.path]) for each in spread if each.role == "gradient" and each.path in bad), None
    )


def came_in(op: OpInfo | None) -> bool:
    """Whether what the op was given was not finite before the step, and not meant to be a mask."""
    if op is None or op.type in SOFTMAX:
        return False
    return any(operand.num_nan or operand.num_pos_inf or operand.num_neg_inf for operand in op.inputs)


class FirstBad(NamedTuple):
    """What was non-finite first, and the commonest such number in it."""

    role: Role
    path: str
    value: Nonfinite


def first_bad(seen: Inspection, layout: Layout, bad_weights: list[BadVariable], autopsy: Autopsy) -> FirstBad:
    for (role, key), array in seen.batch.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            return FirstBad(role, key, commonest_nonfinite(array))
    if bad_weights:
        return FirstBad("weight", *bad_weights[0])
    if seen.flag not in AFTER_THE_STEP and layers_alone(autopsy) and autopsy.spread:
        born = autopsy.spread[0]
        known = dict(values_seen(seen))
        return FirstBad(born.role, born.path, known.get((born.role, born.path), "nan"))
    # The batch was looked at element by element above. What went bad behind the update was fine in the step.
    in_step = ORDER[ORDER.index("loss") :] if layers_alone(autopsy) else ORDER[3:]
    for role in in_step if seen.flag not in AFTER_THE_STEP else ORDER[-1:]:
        loss = layout.loss_in(seen.row)
        if role == "loss" and loss is not None and not np.isfinite(loss):
            return FirstBad("loss", "", commonest_nonfinite(np.array([loss])))
        for path, value in bad_cells(seen, layout, role):
            if value == "nan" or not is_only_large(role, path, autopsy):
                return FirstBad(role, path, value)
    return FirstBad("loss", "", "nan")


def layers_alone(autopsy: Autopsy) -> bool:
    """Whether it has looked at the layers of the step alone: no row tells of these."""
    return any(isinstance(note, LayersOnly) for note in autopsy.notes)


def values_seen(seen: Inspection) -> Iterator[tuple[tuple[Role, str], Nonfinite]]:
    """((role, path), its commonest bad number) of the tensors that came to the host."""
    for role, path, array in seen.tensors:
        if not np.isfinite(array).all():
            yield (role, path), commonest_nonfinite(array)


def is_only_large(role: Role, path: str, autopsy: Autopsy) -> bool:
    """Whether the autopsy saw the step go bad, and this tensor finite in it: the sum of squares is not."""
    seen = autopsy.reproduced and any(each.role in MADE_IN_THE_STEP for each in autopsy.spread)
    return bool(seen) and not any((each.role, each.path) == (role, path) for each in autopsy.spread)


def bad_cells(seen: Inspection, layout: Layout, role: Role) -> Iterator[tuple[str, Nonfinite]]:
    """(path, value) of the watchpoints of ``role`` with a non-finite cell, without those only large."""
    known = {(kind_, path): array for kind_, path, array in seen.tensors}
    for (kind_, path, stat), place in layout.place.items():
        if kind_ != role or stat != "l2_norm" or np.isfinite(seen.row[place]):
            continue
        array = known.get((role, path))
        if array is not None and np.isfinite(array).all():
            continue
        yield (
            path,
            commonest_nonfinite(seen.row[place].reshape(1)) if array is None else commonest_nonfinite(array),
        )


def data_of(batch: HostBatch) -> DataInfo:
    """The summaries of one batch."""
    found = [summary(role, key, array) for (role, key), array in batch.items()]

    def of(wanted: Role) -> tuple[TensorSummary, ...]:
        return tuple(item for item in found if item.role == wanted)

    return DataInfo(of("input"), of("label"), of("sample_weight"), whole=True)


def summary(role: Role, key: str, array: Array) -> TensorSummary:
    """The summary of one tensor of a batch, shape (rows, ...)."""
    profile = Profile(role, key)
    profile.add(array, 0)
    return profile.summary()


def bad_variables(model: Model, state: StateCheck) -> list[BadVariable]:
    """The variables of ``model`` that are not finite now, without the ``state`` that the script made so."""
    found = []
    as_made = state.as_made()
    for variable in model.variables:
        if id(variable) in as_made:
            continue
        if is_floating(variable) and not np.isfinite(values := values_of(variable)).all():
            found.append(BadVariable(seam().path_of(variable), commonest_nonfinite(values)))
    return found


def incident_words(found: IncidentInfo) -> str:
    """What went bad and when, for the exception that leaves the training."""
    what = found.role if not found.path or found.role == "loss" else f"{found.role} {found.path}"
    when = f"at step {found.step}"
    if found.finite_after is not None and found.finite_after < found.step - 1:
        when = f"by step {found.step}"
        if found.finite_after >= 0:
            when = f"between step {found.finite_after} and step {found.step}"
    return f"The {what} became {found.value} {when}"


def crash_words(error: BaseException) -> str:
    """The exception's type and the line of its message that says the most."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if "Received a label value" in line or "is not in [" in line]
    text = (telling or lines or [""])[0]
    return f"{type(error).__name__}: {text[:MOST_OF_A_MESSAGE]}"
