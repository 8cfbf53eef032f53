"""What a script saves during a check goes to a folder of the check's own, and is read from there."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path

from nanwatch.check.budget import HELD_FOLDER, CheckBudget
from nanwatch.record.notes import SavedElsewhere, WriterHeldBack
from nanwatch.watch.keras_seam.keras_types import R
from nanwatch.watch.keras_seam.patches import Wrapper
from nanwatch.watch.keras_seam.public_tensorflow import tf


class Elsewhere:
    """Where the paths of the script lie during a check."""

    def __init__(self, short: CheckBudget) -> None:
        self.short = short
        self.folder = short.recorder.folder / HELD_FOLDER
        self.moved: dict[str, str] = {}

    def place(self, path: object) -> object:
        """A new place for what is saved to ``path``; what is no path stays as it is."""
        if not isinstance(path, str | os.PathLike) or self.is_below(path):
            return path
        folder = self.folder / str(len(list(self.folder.glob("*"))))
        folder.mkdir(parents=True)
        place = str(folder / Path(path).name)
        self.moved[absolute_path(path)] = place
        self.short.hold_back(SavedElsewhere(os.fspath(path)))
        return place

    def is_below(self, path: object) -> bool:
        return Path(absolute_path(path)).is_relative_to(self.folder)

    def find(self, path: object) -> object:
        """Where ``path`` was saved in this check; else ``path``."""
        return self.moved.get(absolute_path(path), path) if isinstance(path, str | os.PathLike) else path


def absolute_path(path: object) -> str:
    return os.path.abspath(str(path))


def redirect_saves(short: CheckBudget) -> dict[str, Wrapper]:
    """Wrappers, by seam, that send everything that Keras and TensorFlow save to another folder."""
    elsewhere = Elsewhere(short)
    paths = (
        ("keras.saving.save_model", 1, "filepath", elsewhere.place),
        ("keras.saving.save_weights", 1, "filepath", elsewhere.place),
        ("keras.saving.load_model", 0, "filepath", elsewhere.find),
        ("keras.saving.load_weights", 1, "filepath", elsewhere.find),
        ("keras.Model.export", 1, "filepath", elsewhere.place),
        ("tensorflow.saved_model.save", 1, "export_dir", elsewhere.place),
        ("tensorflow.saved_model.load", 0, "export_dir", elsewhere.find),
        ("tensorflow.train.Checkpoint.save", 1, "file_prefix", elsewhere.place),
        ("tensorflow.train.Checkpoint.write", 1, "file_prefix", elsewhere.place),
    )
    wrappers = {seam: redirect_path(position, key, change) for seam, position, key, change in paths}
    return {**wrappers, "tensorflow.train.CheckpointManager.save": functools.partial(hold_manager, short)}


def redirect_path(position: int, key: str, change: Callable[[object], object]) -> Wrapper:
    """Another path for the original, wherever among its arguments that stands."""

    def call_elsewhere(original: Callable[..., R], /, *args: object, **kwargs: object) -> R:
        if key in kwargs:
            kwargs[key] = change(kwargs[key])
        elif len(args) > position:
            args = (*args[:position], change(args[position]), *args[position + 1 :])
        return original(*args, **kwargs)

    return call_elsewhere


def hold_manager(
    short: CheckBudget,
    original: Callable[..., object],
    manager: tf.train.CheckpointManager,
    /,
    *args: object,
    **kwargs: object,
) -> None:
    """A CheckpointManager removes older checkpoints: it saves nothing in a check, as it may."""
    short.hold_back(WriterHeldBack("CheckpointManager", os.fspath(manager.directory)))
