"""What a script saves during a check goes to a folder of the check's own, and is read from there."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf

from nanwatch.check.budget import HELD_FOLDER, CheckBudget, only_in_own_process
from nanwatch.record.notes import SavedElsewhere, WriterHeldBack

# Keras's functions, and which of their arguments is the path.
SAVES = {"save_model": 1, "save_weights": 1}
LOADS = {"load_model": 0, "load_weights": 1}
PATH = "filepath"


class Elsewhere:
    """Where the paths of the script lie during a check."""

    def __init__(self, short: CheckBudget) -> None:
        self.short = short
        self.folder = short.recorder.folder / HELD_FOLDER
        self.moved: dict[str, str] = {}

    def place(self, path: Any) -> Any:
        """A new place for what is saved to ``path``; what is no path stays as it is."""
        if not isinstance(path, str | os.PathLike) or self.is_below(path):
            return path
        folder = self.folder / str(len(list(self.folder.glob("*"))))
        folder.mkdir(parents=True)
        place = str(folder / Path(path).name)
        self.moved[absolute_path(path)] = place
        self.short.hold_back(SavedElsewhere(os.fspath(path)))
        return place

    def is_below(self, path: Any) -> bool:
        return Path(absolute_path(path)).is_relative_to(self.folder)

    def found(self, path: Any) -> Any:
        """Where ``path`` was saved in this check; else ``path``."""
        return self.moved.get(absolute_path(path), path) if isinstance(path, str | os.PathLike) else path


def absolute_path(path: Any) -> str:
    return os.path.abspath(str(path))


def redirect_saves(keras: Any, short: CheckBudget) -> None:
    """Send everything that Keras and TensorFlow save to another folder."""
    elsewhere = Elsewhere(short)
    for name, position in SAVES.items():
        replace_everywhere(keras, name, short, position, elsewhere.place)
    for name, position in LOADS.items():
        replace_everywhere(keras, name, short, position, elsewhere.found)
    keras.Model.export = redirect_path(keras.Model.export, short, 1, PATH, elsewhere.place)
    for owner, name, position, key, change in (
        (tf.saved_model, "save", 1, "export_dir", elsewhere.place),
        (tf.saved_model, "load", 0, "export_dir", elsewhere.found),
        (tf.train.Checkpoint, "save", 1, "file_prefix", elsewhere.place),
        (tf.train.Checkpoint, "write", 1, "file_prefix", elsewhere.place),
    ):
        setattr(owner, name, redirect_path(getattr(owner, name), short, position, key, change))
    hold_managers(short)


def replace_everywhere(
    keras: Any, name: str, short: CheckBudget, position: int, change: Callable[[Any], Any]
) -> None:
    """Put a redirected function wherever Keras holds the one of ``keras.saving``."""
    original = getattr(keras.saving, name)
    ours = redirect_path(original, short, position, PATH, change)
    for module in list(sys.modules.values()):
        inside = getattr(module, "__name__", "").partition(".")[0] == "keras"
        if inside and vars(module).get(name) is original:
            setattr(module, name, ours)


def redirect_path(
    original: Any, short: CheckBudget, position: int, key: str, change: Callable[[Any], Any]
) -> Callable[..., Any]:
    """``original`` with another path, wherever among its arguments that stands."""

    @functools.wraps(original)
    def ours(*args: Any, **kwargs: Any) -> Any:
        if key in kwargs:
            kwargs[key] = change(kwargs[key])
        elif len(args) > position:
            args = (*args[:position], change(args[position]), *args[position + 1 :])
        return original(*args, **kwargs)

    return only_in_own_process(short, original, ours)


def hold_managers(short: CheckBudget) -> None:
    """A CheckpointManager removes older checkpoints: it saves nothing in a check, as it may."""
    original = tf.train.CheckpointManager.save

    def save(manager: Any, *args: Any, **kwargs: Any) -> None:
        short.hold_back(WriterHeldBack("CheckpointManager", os.fspath(manager.directory)))

    tf.train.CheckpointManager.save = only_in_own_process(short, original, save)
