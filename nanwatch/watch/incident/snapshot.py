"""The state before the bad step, on disk: what it was given, weights, optimizer, statistics, seeds."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nanwatch.record.kept_file import private
from nanwatch.record.notes import LeftOutOfSnapshot
from nanwatch.record.strict_json import clearing
from nanwatch.watch.data.batch import HostBatch
from nanwatch.watch.incident import eager_again, held_step
from nanwatch.watch.incident.snapshot_file import FORMAT, SAME, SNAPSHOT_FILE
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.keras_types import Array, Model, Optimizer, Variable
from nanwatch.watch.train_step.eager_ops import EagerStep
from nanwatch.watch.train_step.inspection import RanStep, Trace

HeldPart = tuple[str, Array | Variable]  # with its name in the file
Held = Sequence[HeldPart]
SMALL = 1024  # bytes, of which nothing is saved by telling that they are in the batch


def parts(
    model: Model | None, batch: HostBatch, optimizer: Optimizer | None, held: Held = ()
) -> Iterable[tuple[str, Array | Variable]]:
    """(name in the file, what it holds), what a replay needs most first.

    Names: ``batch/<role>/<key>``, those of `held_parts`, and those of `variables_by_name`.
    """
    for (role, key), array in batch.items():
        yield f"batch/{role}/{key}", array
    yield from held
    if model is not None:
        yield from variables_by_name(model, optimizer)


def held_parts(
    ran: RanStep | EagerStep | None, traces: Mapping[int, Trace], known: Sequence[Variable]
) -> Held:
    """What the step that ``ran`` cannot be made again without, besides the variables that are ``known``."""
    if isinstance(ran, RanStep):
        number = next(number for number, trace in traces.items() if trace is ran.trace)
        variables = held_step.captured_variables(ran.trace.graph, known)
        return [*held_step.arrays_of(ran, number), *variables]
    return [] if ran is None else list(eager_again.arrays_of(ran, held_step.handles_of(known)))


def variables_by_name(model: Model, optimizer: Optimizer | None) -> Iterable[tuple[str, Variable]]:
    """(name in the file, variable).

    Names: ``weights/<number>``, ``state/<number>`` (statistics, seeds), ``metrics/<number>``,
    ``optimizer/<number>``, numbered in the model's own order; where the model holds more optimizers,
    ``optimizer.<which>/<number>`` too.
    """
    for number, variable in enumerate(model.weights):
        yield f"weights/{number}", variable
    known = {id(variable) for variable in model.weights}
    for number, variable in enumerate(seam().state_variables(model)):
        if id(variable) not in known:
            yield f"state/{number}", variable
    for number, variable in enumerate(seam().metric_variables(model)):
        yield f"metrics/{number}", variable
    for number, variable in enumerate(seam().kept_by(optimizer) if optimizer is not None else ()):
        yield f"optimizer/{number}", variable
    others = [other for other in seam().optimizers_of(model) if other is not optimizer]
    for which, other in enumerate(others, start=1):
        for number, variable in enumerate(seam().kept_by(other)):
            yield f"optimizer.{which}/{number}", variable


def save(
    folder: Path,
    model: Model | None,
    batch: HostBatch,
    step: int,
    limit: int,
    optimizer: Optimizer | None,
    held: Held = (),
) -> list[LeftOutOfSnapshot]:
    """Write ``snapshot.npz``; answers what was left out to keep within ``limit`` bytes."""
    kept: dict[str, Any] = {"format": np.int64(FORMAT), "step": np.int64(step)}  # `np.savez` has flags, too
    room = limit
    left_out: dict[str, int] = {}
    for name, thing in parts(model, batch, optimizer, held):
        array = as_array(thing)
        twin = twin_in_batch(array, kept)
        if twin is not None:
            kept[SAME + name] = np.array(twin, "S")
            continue
        if array.nbytes > room:
            group = group_of(name)
            left_out[group] = left_out.get(group, 0) + array.nbytes
            continue
        room -= array.nbytes
        kept[name] = array
    scratch = folder / (SNAPSHOT_FILE + ".new")
    with clearing(scratch):
        with open(scratch, "wb", opener=private) as file:
            np.savez(file, **kept)
        os.replace(scratch, folder / SNAPSHOT_FILE)
    return [LeftOutOfSnapshot(group, size, limit) for group, size in left_out.items()]


def twin_in_batch(array: Array, kept: Mapping[str, Array]) -> str | None:
    """The name of a tensor of the batch that is the same: the arguments of a step often are."""
    if array.nbytes < SMALL:
        return None
    for name, other in kept.items():
        if name.startswith("batch/") and other.dtype == array.dtype and is_same(array, other):
            return name
    return None


def is_same(array: Array, other: Array) -> bool:
    return array.shape == other.shape and array.tobytes() == other.tobytes()


def group_of(name: str) -> str:
    """The part of a snapshot that what is saved as ``name`` belongs to."""
    group = name.split("/")[0]
    return "held" if group in ("given", "made") else group


def as_array(thing: Array | Variable) -> Array:
    """A variable's or tensor's values; bfloat16, which npz cannot hold, as float32, and texts as bytes."""
    array = np.asarray(thing.numpy() if hasattr(thing, "numpy") else thing)
    if array.dtype.kind == "O":
        return array.astype("S")
    return array.astype(np.float32) if array.dtype.kind == "V" or array.dtype.name == "bfloat16" else array


def restore(model: Model, optimizer: Optimizer | None, arrays: dict[str, Array]) -> None:
    """Put the snapshot's values into ``model`` and its optimizer.

    Raises:
        ValueError: a value has another shape than its variable: the script has changed.
    """
    for name, variable in variables_by_name(model, optimizer):
        if name not in arrays:
            continue
        if tuple(arrays[name].shape) != tuple(variable.shape):
            what = seam().path_of(variable)
            raise ValueError(
                f"{what} has shape {tuple(variable.shape)}, but {tuple(arrays[name].shape)} in the snapshot"
            )
        variable.assign(arrays[name])
    count = sum(name.startswith("weights/") for name in arrays)
    if count > len(model.weights):
        raise ValueError(f"the model has {len(model.weights)} weights, but {count} in the snapshot")
