"""The state before the bad step, on disk: batch, weights, optimizer, statistics, seeds."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from nanwatch.record.notes import LeftOutOfSnapshot
from nanwatch.watch.data.batch import HostBatch
from nanwatch.watch.incident.snapshot_file import FORMAT, SNAPSHOT_FILE
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.keras_types import Array, Model, Optimizer, Variable


def parts(
    model: Model | None, batch: HostBatch, optimizer: Optimizer | None
) -> Iterable[tuple[str, Array | Variable]]:
    """(name in the file, what it holds), what a replay needs most first.

    Names: ``batch/<role>/<key>``, and those of `variables_by_name`.
    """
    for (role, key), array in batch.items():
        yield f"batch/{role}/{key}", array
    if model is not None:
        yield from variables_by_name(model, optimizer)


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
    for number, variable in enumerate(optimizer.variables if optimizer is not None else ()):
        yield f"optimizer/{number}", variable
    others = [other for other in seam().optimizers_of(model) if other is not optimizer]
    for which, other in enumerate(others, start=1):
        for number, variable in enumerate(other.variables):
            yield f"optimizer.{which}/{number}", variable


def save(
    folder: Path, model: Model | None, batch: HostBatch, step: int, limit: int, optimizer: Optimizer | None
) -> list[LeftOutOfSnapshot]:
    """Write ``snapshot.npz``; answers what was left out to keep within ``limit`` bytes."""
    kept: dict[str, Any] = {"format": np.int64(FORMAT), "step": np.int64(step)}  # `np.savez` has flags, too
    room = limit
    left_out: dict[str, int] = {}
    for name, thing in parts(model, batch, optimizer):
        array = as_array(thing)
        if array.nbytes > room:
            group = name.split("/")[0]
            left_out[group] = left_out.get(group, 0) + array.nbytes
            continue
        room -= array.nbytes
        kept[name] = array
    scratch = folder / (SNAPSHOT_FILE + ".new")
    with open(scratch, "wb") as file:
        np.savez(file, **kept)
    os.replace(scratch, folder / SNAPSHOT_FILE)
    return [LeftOutOfSnapshot(group, size, limit) for group, size in left_out.items()]


def as_array(thing: Array | Variable) -> Array:
    """A variable's or tensor's values; bfloat16, which npz cannot hold, as float32."""
    array = np.asarray(thing.numpy() if hasattr(thing, "numpy") else thing)
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
