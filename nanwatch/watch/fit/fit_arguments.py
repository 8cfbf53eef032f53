"""What a training was asked for, in the record's words, and the data that it was given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, SupportsFloat, TypeGuard

from nanwatch.record.facts import DataInfo, FitInfo, FitKind, GivenAs, Location, MonitorInfo
from nanwatch.watch.data import fit_arrays
from nanwatch.watch.fit.training import Training
from nanwatch.watch.keras_seam.public_tensorflow import is_dataset
from nanwatch.watch.launch.given_names import made_for


def fit_info(
    kind: FitKind, given: Mapping[str, Any], location: Location | None, training: Training, saves_seen: bool
) -> FitInfo:
    """The table of a fit that begins; ``given`` are the arguments of ``fit`` where there is one."""
    return FitInfo(
        index=0,
        kind=kind,
        epochs_asked=given.get("epochs"),
        steps_per_epoch=given.get("steps"),
        batch_size=given.get("batch_size"),
        class_weight=class_weights(given.get("class_weight")),
        validation=given.get("validation_data") is not None,
        validation_split=float(given.get("validation_split") or 0.0),
        shuffle=as_bool(given.get("shuffle")),
        location=location,
        made=made_for(location),
        given_as=given_as(given.get("x")),
        trainable=training.count_trainable(),
        replicas=training.replicas,
        saves_seen=saves_seen,
        monitors=monitors_among(given["callbacks"]) if "callbacks" in given else None,
    )


def given_as(x: object) -> GivenAs | None:
    """What the data of a fit came as."""
    if x is None:
        return None
    if is_dataset(x):
        return "dataset"
    return "batches" if fit_arrays.arrays_in(x) is None else "arrays"


def monitors_among(callbacks: Any) -> tuple[MonitorInfo, ...]:
    """Those that watch a number of the logs; of a checkpoint that is written anyway it decides nothing."""
    listed = getattr(callbacks, "callbacks", callbacks)
    each = listed if isinstance(listed, list | tuple) else [listed]
    return tuple(
        MonitorInfo(type(one).__name__, one.monitor)
        for one in each
        if isinstance(getattr(one, "monitor", None), str) and getattr(one, "save_best_only", True)
    )


def training_data(given: Mapping[str, Any]) -> DataInfo | None:
    """The arrays that ``fit`` trains on; None where they are no arrays, or too large."""
    return fit_arrays.data_of(given.get("x"), given.get("y"), given.get("sample_weight"))


def validation_data(given: Mapping[str, Any]) -> DataInfo | None:
    return fit_arrays.data_of(given.get("val_x"), given.get("val_y"), given.get("val_sample_weight"))


def class_weights(given: object) -> dict[str, float] | None:
    if not isinstance(given, dict):
        return None
    return {str(name): float(value) for name, value in given.items() if is_number(value)}


def is_number(value: Any) -> TypeGuard[SupportsFloat]:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def as_bool(value: object) -> bool | None:
    return value if isinstance(value, bool) else None
