"""Runs the script up to the same fit, restores the snapshot there, and repeats the step."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nanwatch.errors import NanwatchError
from nanwatch.record.facts import IncidentInfo, RunInfo, StepReplay
from nanwatch.watch.incident.snapshot_file import SNAPSHOT_FILE, load
from nanwatch.watch.keras_seam.keras_types import Array, Model, R, Structure
from nanwatch.watch.keras_seam.patches import Patches
from nanwatch.watch.keras_seam.seams import Taker, take
from nanwatch.watch.launch import script as scripts
from nanwatch.watch.launch import user_lines
from nanwatch.watch.launch.starting import Program


class CannotReplay(NanwatchError):
    """The moment cannot be brought back: which of its parts is missing or has changed."""


class Reached(BaseException):
    """Leaves the script once the step has been repeated. No ``except Exception`` stops it."""


@dataclass
class Moment:
    """What the repeated step showed, and the things at hand for a debugger."""

    found: StepReplay
    # x, y, sample_weight, y_pred, loss, gradients, outputs, model
    names: dict[str, object] = field(default_factory=dict)


def replay(info: RunInfo, folder: Path) -> Moment:
    """The moment of the incident of the run in ``folder``, from its own script.

    Raises:
        CannotReplay: there is no incident or snapshot, the script is gone or has changed, or it does
            not come to the same fit again.
    """
    incident = checked_incident(info)
    arrays = checked_snapshot(folder)
    if not Path(info.script).exists():
        raise CannotReplay(f"The script {info.script} is not there any more; a replay runs it again.")
    goal = Goal(info, incident, arrays)
    with goal.waiting_for_keras():
        ending = scripts.run_program(Program(info.script, tuple(info.argv[1:])), catch=(Reached,))
    if goal.problem is not None:
        raise CannotReplay(goal.problem)
    if goal.moment is None:
        how = f"with status {ending.status}" if ending.error is None else f"with {ending.error!r}"
        raise CannotReplay(f"{info.script} ended {how} before it came to training {incident.fit + 1} again.")
    return goal.moment


def checked_incident(info: RunInfo) -> IncidentInfo:
    if info.incident is None:
        raise CannotReplay("The run has no incident: there is no step to bring back.")
    if info.fits[info.incident.fit].kind == "tape":
        raise CannotReplay(
            "The incident was in a loop of the script's own, which cannot be entered again; "
            "fit and train_on_batch can."
        )
    return info.incident


def checked_snapshot(folder: Path) -> dict[str, Array]:
    path = folder / SNAPSHOT_FILE
    if not path.exists():
        raise CannotReplay(
            f"There is no {path.name} in {folder}: the step was not frozen "
            "(--on-incident continue), or the snapshot was not kept."
        )
    try:
        arrays = load(path)
    except ValueError as error:
        raise CannotReplay(f"{error}.") from error
    if not any(name.startswith("batch/") for name in arrays):
        raise CannotReplay(f"{path} holds no batch: it was over --snapshot-limit.")
    return arrays


@dataclass
class Goal:
    """The training to stop at, counted from the script's start."""

    info: RunInfo
    incident: IncidentInfo
    arrays: dict[str, Array]
    trainings: int = 0
    known: set[int] = field(default_factory=set)  # models seen in train_on_batch
    moment: Moment | None = None
    problem: str | None = None
    patches: Patches = field(default_factory=Patches)

    @contextlib.contextmanager
    def waiting_for_keras(self) -> Iterator[None]:
        """Meet Keras when the script imports it."""
        from nanwatch.watch.import_hook import wait_for

        with self.patches:
            take(self.patches, Taker.ARRIVAL, {"sys.meta_path": wait_for({"keras": self.take_seams})})
            yield

    def take_seams(self, keras: Any) -> None:
        from nanwatch.watch import import_hook

        goal = self

        class Here(keras.callbacks.Callback):  # type: ignore[misc]
            def on_train_begin(self, logs: object = None) -> None:
                goal.come_to(self.model)

        def fit(original: Callable[..., R], model: Model, /, *args: object, **kwargs: object) -> R:
            args, kwargs = import_hook.with_callback(args, kwargs, Here())
            return original(model, *args, **kwargs)

        import_hook.note_lines(self.patches)
        wrappers = {"keras.Model.fit": fit, "keras.Model.train_on_batch": self.train_on_batch}
        take(self.patches, Taker.REPLAY, wrappers)

    def train_on_batch(
        self, original: Callable[..., R], model: Model, /, *args: object, **kwargs: object
    ) -> R:
        if id(model) not in self.known:
            self.known.add(id(model))
            self.come_to(model)
        return original(model, *args, **kwargs)

    def come_to(self, model: Model) -> None:
        """A training begins. If it is the one, repeat the step and leave the script."""
        number, self.trainings = self.trainings, self.trainings + 1
        if number != self.incident.fit:
            return
        try:
            self.moment = self.repeat(model)
        except ValueError as error:
            self.problem = (
                f"The snapshot does not fit the model of training {number + 1}: {error}. "
                "The script, or what it reads, has changed since the run."
            )
        raise Reached

    def repeat(self, model: Model) -> Moment:
        from nanwatch.watch.incident import autopsy, snapshot
        from nanwatch.watch.keras_seam.adapter import seam
        from nanwatch.watch.train_step.repeatable_step import RepeatableStep

        x, y, sample_weight = batch_of(self.arrays)
        build_variables(model, x, y)
        snapshot.restore(model, model.optimizer, self.arrays)
        data = (x, y) if sample_weight is None else (x, y, sample_weight)
        names: dict[str, object] = {"x": x, "y": y, "sample_weight": sample_weight, "model": model}
        several = not seam().is_keras_own(model.train_step)
        step = RepeatableStep(model.train_step, data, several=several)
        found = autopsy.perform(model, step, user_lines.compile_line_of(model), names=names)
        return Moment(
            StepReplay(
                int(self.arrays["step"]),
                found.loss,
                found.reproduced,
                found.op,
                tuple(found.spread),
                tuple(found.notes),
            ),
            names,
        )


def batch_of(arrays: dict[str, Array]) -> tuple[Structure, Structure, Structure]:
    """(x, y, sample_weight) in the structure that their keys tell: one array, a list or a dict."""
    x, y, sample_weight = (
        structure_of(arrays, f"batch/{role}/") for role in ("input", "label", "sample_weight")
    )
    return x, y, sample_weight


def structure_of(arrays: dict[str, Array], prefix: str) -> Structure:
    import tensorflow as tf

    found = {
        name[len(prefix) :]: tf.convert_to_tensor(np.asarray(value))
        for name, value in arrays.items()
        if name.startswith(prefix)
    }
    if not found:
        return None
    if list(found) == ["0"]:
        return found["0"]
    if all(key.isdigit() for key in found):
        return tuple(found[key] for key in sorted(found, key=int))
    return found


def build_variables(model: Model, x: Structure, y: Structure) -> None:
    """Make the variables that a first step would have made: layers, metrics, optimizer."""
    from nanwatch.watch.keras_seam.adapter import seam

    y_pred = model(x, training=False)
    if model.optimizer is not None and not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    with contextlib.suppress(Exception):  # a custom step may use the metrics in a way of its own
        seam().build_metrics(model, y, y_pred)
