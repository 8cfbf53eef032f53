"""``--keras 2``: a script's ``keras`` and ``tensorflow.keras`` are Keras 2, as they were in 2019.

That is ``tf_keras``, by the names that Keras 2 had then, and with the arguments that were taken then. Nothing
of it is imported before the script does.
"""

from __future__ import annotations

import functools
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from nanwatch.errors import NanwatchError

PACKAGE = "tf_keras"
SETTINGS = {"TF_USE_LEGACY_KERAS": "1", "NANWATCH_KERAS": "2"}  # which processes that are started inherit
# What the optimizers of today refuse, or take and do not heed.
OLD_ARGUMENTS = frozenset(("lr", "decay"))
OLD_OPTIMIZERS = ("SGD", "RMSprop", "Adam", "Adagrad", "Adadelta", "Adamax", "Nadam", "Ftrl")
# Modules of then whose names are elsewhere now.
MOVED = {
    "keras.backend.tensorflow_backend": "backend",
    "keras.engine": "layers",
    "keras.objectives": "losses",
    "keras.utils": "utils",
    "keras.layers": "layers",
    "keras.models": "models",
}


class NoKeras2(NanwatchError):
    """Keras 2 is asked for, and not installed."""


def check_keras_2() -> None:
    """Raises `NoKeras2` where there is no Keras 2."""
    if importlib.util.find_spec(PACKAGE) is None:
        raise NoKeras2('--keras 2 needs tf_keras, which is not installed: pip install "nanwatch[keras2]".')


def give_keras_2() -> None:
    """From here on ``keras`` is Keras 2 in this process, and in those that it starts."""
    if any(isinstance(finder, Keras2Finder) for finder in sys.meta_path):
        return
    os.environ.update(SETTINGS)
    sys.meta_path.insert(0, Keras2Finder())
    sys.meta_path.append(MovedFinder())


class Keras2Finder(importlib.abc.MetaPathFinder):
    """Finds ``keras`` and what is in it in ``tf_keras``; makes two others take what they took in 2019."""

    def __init__(self) -> None:
        self.changes: dict[str, Callable[[ModuleType], None]] = {
            PACKAGE: take_old_arguments,
            "sklearn.utils.class_weight": take_by_position,
        }
        self.searching = False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname == "keras":
            spec = importlib.machinery.ModuleSpec(fullname, Alias(PACKAGE), is_package=True)
            found = importlib.util.find_spec(PACKAGE)  # TensorFlow asks where it lies
            spec.origin = None if found is None else found.origin
            return spec
        if fullname.startswith("keras."):
            name = PACKAGE + fullname.removeprefix("keras")
            if is_there(name):
                return importlib.machinery.ModuleSpec(fullname, Alias(name), is_package=True)
            moved = moved_module(fullname)
            return None if moved is None else importlib.machinery.ModuleSpec(fullname, moved, is_package=True)
        return None if self.searching else self.changed_spec(fullname)

    def changed_spec(self, name: str) -> importlib.machinery.ModuleSpec | None:
        """How ``name`` is found without this finder; what is to be changed of it is, once it is there."""
        change = self.changes.get(name)
        if change is None:
            return None
        self.searching = True  # the search below comes by here again
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self.searching = False
        if spec is not None and spec.loader is not None:
            follow(spec.loader, change)
        return spec


class MovedFinder(importlib.abc.MetaPathFinder):
    """Asked last: ``from keras.utils import np_utils`` looks for it by the name that ``keras.utils`` has."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if not fullname.startswith(f"{PACKAGE}.") or fullname.startswith(f"{PACKAGE}.src"):
            return None
        moved = moved_module("keras" + fullname.removeprefix(PACKAGE))
        return None if moved is None else importlib.machinery.ModuleSpec(fullname, moved, is_package=True)


class Alias(importlib.abc.Loader):
    """Gives the module ``name`` under another name; that it is known by two changes nothing of it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.spec: importlib.machinery.ModuleSpec | None = None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        module = importlib.import_module(self.name)
        self.spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.spec


class Moved(importlib.abc.Loader):
    """A module that Keras 2 no longer has: each name is looked for in several."""

    def __init__(self, places: Sequence[ModuleType]) -> None:
        self.places = places

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return MovedModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["places"] = self.places
        public = {name for place in self.places for name in dir(place) if not name.startswith("_")}
        module.__dict__["__all__"] = sorted(public)


class MovedModule(ModuleType):
    def __getattr__(self, name: str) -> Any:
        for place in () if name.startswith("__") else vars(self).get("places", ()):
            if hasattr(place, name):
                return getattr(place, name)
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")


def moved_module(fullname: str) -> Moved | None:
    """For ``keras.layers.core`` and the like; None of what never was."""
    parts = fullname.split(".")
    heads = [".".join(parts[:length]) for length in range(len(parts), 1, -1)]
    here = next((MOVED[head] for head in heads if head in MOVED), None)
    inside = f"{PACKAGE}.src" + fullname.removeprefix("keras")
    found = [inside] if is_there(inside) else []
    if here is None or (len(parts) > 2 and not found and parts[1] == "utils"):
        return Moved([importlib.import_module(name) for name in found]) if found else None
    names = [*found, f"{PACKAGE}.{here}", PACKAGE]
    return Moved([importlib.import_module(name) for name in names])


def is_there(name: str) -> bool:
    if name in sys.modules:
        return True
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, AttributeError, ValueError):
        return False


def follow(loader: Any, change: Callable[[ModuleType], None]) -> None:
    """Have ``change(module)`` called when ``loader`` has executed the module."""
    execute = loader.exec_module
    before = dict(vars(loader))  # another finder may be following it

    def exec_module(module: ModuleType) -> None:
        vars(loader).pop("exec_module", None)
        vars(loader).update(before)
        execute(module)
        change(module)

    # As in `KerasFinder.follow`: no frame of this is in a traceback.
    exec_module.__code__ = exec_module.__code__.replace(
        co_filename="<frozen importlib._bootstrap>", co_name="_call_with_frames_removed"
    )
    loader.exec_module = exec_module


# -- what was taken in 2019 ------------------------------------------------------------------------


def take_old_arguments(tf_keras: Any) -> None:
    """``Adam(lr=)`` and ``SGD(decay=)`` make the optimizers of then; weights of classes may be a list."""
    for name in OLD_OPTIMIZERS:
        new, old = (getattr(place, name, None) for place in (tf_keras.optimizers, tf_keras.optimizers.legacy))
        if new is not None and old is not None:
            new.__new__ = staticmethod(functools.partial(make_optimizer, new, old))
    for name in ("fit", "train_on_batch"):
        setattr(tf_keras.Model, name, with_weights_by_class(getattr(tf_keras.Model, name)))


def make_optimizer(new: Any, old: Any, cls: type, *args: Any, **kwargs: Any) -> object:
    if cls is new and not OLD_ARGUMENTS.isdisjoint(kwargs):
        return old(*args, **kwargs)
    make = super(new, cls).__new__
    return make(cls) if make is object.__new__ else make(cls, *args, **kwargs)


def with_weights_by_class(method: Callable[..., Any]) -> Callable[..., Any]:
    """``class_weight`` may be what `compute_class_weight` gives: a weight for each class, in their order."""

    @functools.wraps(method)
    def call(self: object, *args: Any, **kwargs: Any) -> Any:
        weights = kwargs.get("class_weight")
        if weights is not None and not isinstance(weights, dict) and hasattr(weights, "__len__"):
            kwargs["class_weight"] = {place: float(weight) for place, weight in enumerate(weights)}
        return method(self, *args, **kwargs)

    return call


def take_by_position(class_weight: Any) -> None:
    """``compute_class_weight("balanced", classes, y)``."""
    compute = class_weight.compute_class_weight

    @functools.wraps(compute)
    def compute_class_weight(*args: Any, **kwargs: Any) -> Any:
        return compute(**dict(zip(("class_weight", "classes", "y"), args, strict=False)), **kwargs)

    class_weight.compute_class_weight = compute_class_weight
