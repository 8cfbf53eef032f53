"""What the script saves of a training, by whichever public way, and whether its weights were finite."""

from __future__ import annotations

import functools
import os
import threading
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from nanwatch.record.events import Deleted, Saved
from nanwatch.watch.keras_seam import public_tensorflow
from nanwatch.watch.keras_seam.chosen import is_on_tensorflow, keras
from nanwatch.watch.keras_seam.host_values import is_floating, values_of
from nanwatch.watch.keras_seam.keras_types import R, Variable
from nanwatch.watch.keras_seam.public_tensorflow import tf
from nanwatch.watch.keras_seam.seams import Taker, take
from nanwatch.watch.recording.run_recorder import RunRecorder

PREVIOUS = ".bkp"  # behind the name of the backup before, where BackupAndRestore keeps two


class Backup(Protocol):
    """A `BackupAndRestore`."""

    backup_dir: object  # a path
    double_checkpoint: bool


@dataclass
class Saves:
    """Notes every save as an event. One that another one makes for itself is not a second one."""

    recorder: RunRecorder
    finite: dict[str, bool] = field(default_factory=dict)  # path -> of what was saved there last
    # the callbacks that may keep two, for as long as they live: they hold their model
    backups: weakref.WeakSet[Backup] = field(default_factory=weakref.WeakSet)
    inside: threading.local = field(default_factory=threading.local)

    def arm(self) -> None:
        """Of Keras two functions are enough: its methods and callbacks go through them."""
        self.recorder.saves_seen = True
        wrappers = {
            "keras.saving.save_model": functools.partial(self.save, 1, "filepath"),
            "keras.saving.save_weights": functools.partial(self.save, 1, "filepath"),
            "keras.Model.export": functools.partial(self.save, 1, "filepath"),
            "tensorflow.saved_model.save": functools.partial(self.save, 1, "export_dir"),
            "tensorflow.train.Checkpoint.save": functools.partial(self.save, None, ""),
            "tensorflow.train.Checkpoint.write": functools.partial(self.save, None, ""),
            "tensorflow.train.CheckpointManager.save": self.save_by_manager,
            "keras.callbacks.BackupAndRestore.on_train_begin": self.begin_backups,
            "keras.callbacks.BackupAndRestore.on_train_end": self.end_backups,
        }
        take(self.recorder.of_keras, Taker.SAVES, wrappers)

    def save(
        self,
        position: int | None,
        key: str,
        original: Callable[..., R],
        /,
        *args: object,
        **kwargs: object,
    ) -> R:
        """In the place of a function whose first argument is what it saves. Where its path stands is said
        by ``position`` and ``key``; None: it answers it."""
        if getattr(self.inside, "saving", False) or not self.recorder.ours:
            return original(*args, **kwargs)
        self.inside.saving = True
        try:
            result = original(*args, **kwargs)
        finally:
            self.inside.saving = False
        with self.recorder.catch_errors("noting what is saved"):
            path: object = result
            if position is not None:
                path = args[position] if len(args) > position else kwargs[key]
            self.note(args[0] if args else kwargs.get("model", kwargs.get("obj")), as_text(path))
        return result

    def save_by_manager(
        self, original: Callable[..., R], manager: tf.train.CheckpointManager, *args: object, **kwargs: object
    ) -> R:
        """A CheckpointManager saves past `Checkpoint.save`, and deletes what is too old."""
        path = self.save(None, "", original, manager, *args, **kwargs)
        if self.recorder.ours:
            with self.recorder.catch_errors("noting what was deleted"):
                self.note_gone(as_text(manager.directory))
        return path

    def begin_backups(self, original: Callable[..., object], callback: Backup, logs: object = None) -> None:
        self.backups.add(callback)
        original(callback, logs)

    def end_backups(self, original: Callable[..., object], callback: Backup, logs: object = None) -> None:
        """BackupAndRestore deletes its folder when a fit ends, however it ends."""
        original(callback, logs)
        if self.recorder.ours:
            with self.recorder.catch_errors("noting what was deleted"):
                self.note_gone(as_text(callback.backup_dir))

    def note(self, thing: object, path: str) -> None:
        """Something has been saved to ``path``."""
        variables = variables_of(thing)
        if not variables:
            return
        fit, step = self.find_moment()
        previous = self.finite.get(path)
        if previous is not None and any(is_kept_twice(path, callback) for callback in self.backups):
            self.finite[path + PREVIOUS] = previous
            self.recorder.add_event(Saved(fit, step, path + PREVIOUS, previous))
        self.finite[path] = are_finite(variables)
        self.recorder.add_event(Saved(fit, step, path, self.finite[path]))

    def note_gone(self, folder: str) -> None:
        """What was saved below ``folder`` may have been deleted."""
        for path in [path for path in self.finite if path.startswith(folder) and not is_there(path)]:
            del self.finite[path]
            fit, step = self.find_moment()
            self.recorder.add_event(Deleted(fit, step, path))

    def find_moment(self) -> tuple[int, int]:
        """The training that runs, or ran last, and its steps so far."""
        running = self.recorder.last_fit
        fit = self.recorder.num_fits - 1 if running is None else running
        if fit < 0:
            return 0, 0
        if fit in self.recorder.open_fits:
            self.recorder.open_fits[fit].drain()
        return fit, self.recorder.info_of(fit).steps


def as_text(path: object) -> str:
    return path.decode() if isinstance(path, bytes) else str(path)


def is_there(path: str) -> bool:
    """A file, a folder, or a TensorFlow checkpoint, of which the path is the beginning of names."""
    exists = tf.io.gfile.exists if public_tensorflow.is_there() else os.path.exists
    return bool(exists(path) or exists(path + ".index"))


def is_kept_twice(path: str, callback: Backup) -> bool:
    below = path.startswith(as_text(callback.backup_dir))
    return below and getattr(callback, "double_checkpoint", False) and is_there(path + PREVIOUS)


def variables_of(thing: object) -> list[Variable]:
    """The variables of a model, or of the models and variables that a checkpoint holds."""
    with_checkpoints = public_tensorflow.is_there()
    if with_checkpoints and isinstance(thing, tf.train.CheckpointManager):
        thing = thing.checkpoint
    if with_checkpoints and isinstance(thing, tf.train.Checkpoint):
        held = flatten(vars(thing).values())
        models = [item for item in held if isinstance(item, keras.Layer | tf.Module)]
        return [variable for model in models for variable in variables_of(model)]
    found = getattr(thing, "variables", ())
    return list(found) if isinstance(found, Iterable) else []


def flatten(values: Iterable[object]) -> list[object]:
    found: list[object] = []
    for value in values:
        if isinstance(value, list | tuple):
            found += flatten(value)
        elif isinstance(value, dict):
            found += flatten(value.values())
        else:
            found.append(value)
    return found


def are_finite(variables: Iterable[Variable]) -> bool:
    """Whether no trained weight is NaN or infinite, and nothing else NaN: a mask may be of -inf."""
    if not is_on_tensorflow():
        return are_finite_on_host(variables)
    for variable in variables:
        value = tf.convert_to_tensor(variable)
        if not value.dtype.is_floating:
            continue
        bad = tf.math.is_nan(value) if not variable.trainable else tf.logical_not(tf.math.is_finite(value))
        if bool(tf.reduce_any(bad)):
            return False
    return True


def are_finite_on_host(variables: Iterable[Variable]) -> bool:
    """As `are_finite`, where Keras does not compute with TensorFlow."""
    for variable in filter(is_floating, variables):
        values = values_of(variable)
        if not (np.isfinite(values) if variable.trainable else ~np.isnan(values)).all():
            return False
    return True
