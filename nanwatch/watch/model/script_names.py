"""What the script calls its models and layers: Keras's own names (`sequential_1`) are not in it."""

from __future__ import annotations

import functools
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FrameType, ModuleType

from nanwatch.watch.keras_seam.chosen import keras
from nanwatch.watch.keras_seam.keras_types import Layer, Model
from nanwatch.watch.launch import user_lines

MOST_OBJECTS = 1000  # of a namespace, whose attributes are looked at
OWN_REFERENCES = 3  # to a copy that nobody else has: the frame's, the variable's, and that of the question

KNOWN = user_lines.Marks[str]()


def name_of(model: Model) -> str:
    """What the script calls ``model`` while it trains it; "" where the script has named it in Keras, or
    where nothing that can be seen holds it.

    The attribute of a model of the script's that holds it, else the variable of a module, the attribute of
    another object, the variable of a function that is being called. A name once found stays. Never fails.
    """
    try:
        if not is_named_by_keras(model):
            return ""
        found = KNOWN.of(model) or find_name(model, list(user_lines.user_frames(sys._getframe(1))))
        if found:
            KNOWN.put(model, found)
        return found or ""
    except Exception:  # a namespace of the script's own may do as it likes when it is read
        return ""


def find_name(model: Model, frames: Sequence[FrameType]) -> str:
    """Of several frames the outermost knows best: further in it is what an argument is called."""
    modules = [dict(frame.f_globals) for frame in reversed(frames)]
    functions = [names_in(frame) for frame in reversed(frames)]
    both = [*modules, *functions]
    ways: list[tuple[list[dict[str, object]], Callable[[Mapping[str, object], Model], str]]] = [
        (both, functools.partial(attribute_holding, of=keras.Model)),
        (modules, variable_holding),
        (both, attribute_holding),
        (functions, variable_holding),
    ]
    return next((found for spaces, find in ways for space in spaces if (found := find(space, model))), "")


def names_in(frame: FrameType) -> dict[str, object]:
    """The variables of a frame. Nothing that they hold lives any longer for it.

    Up to Python 3.12 a function's frame keeps what was read of it, until it returns.
    """
    read = frame.f_locals
    names = dict(read)
    is_copy = type(read) is dict and bool(frame.f_code.co_flags & inspect.CO_OPTIMIZED)
    if is_copy and sys.getrefcount(read) <= OWN_REFERENCES:  # it is not the script's own, from `locals()`
        read.clear()
    return names


def variable_holding(space: Mapping[str, object], model: Model) -> str:
    return next((name for name, held in space.items() if held is model and is_telling(name)), "")


def attribute_holding(space: Mapping[str, object], model: Model, of: type = object) -> str:
    """The attribute of an object in ``space`` that holds the model: a trainer's, or another model's.

    An object is not asked for its class: a proxy would load what it stands for.
    """
    for thing in list(space.values())[:MOST_OBJECTS]:
        if issubclass(type(thing), of) and not issubclass(type(thing), type | ModuleType):
            found = variable_holding(attributes_of(thing), model)
            if found:
                return found
    return ""


def attributes_of(thing: object) -> Mapping[str, object]:
    """Those of an object of a class of the script's own; no code of it runs."""
    if not is_scripts(type(thing)):
        return {}
    try:
        held = object.__getattribute__(thing, "__dict__")
    except AttributeError:
        return {}
    return held if isinstance(held, dict) else {}


def is_scripts(kind: type) -> bool:
    """Whether a class is of the script's own code."""
    if kind.__module__ == "__main__":
        return True
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    return isinstance(file, str) and user_lines.is_users(file)


def is_telling(name: str) -> bool:
    return not name.startswith("_")


def layer_names(model: Model, layers: Sequence[tuple[str, Layer]]) -> dict[int, str]:
    """By the ids of layers: the attribute of the model, or of a layer of the script's, that holds them."""
    named: dict[int, str] = {}
    known = {id(layer) for _, layer in layers if is_named_by_keras(layer)}
    for owner in (model, *(layer for _, layer in layers)):
        for name, held in held_by(owner):
            if id(held) in known:
                named.setdefault(id(held), name)
    return named


def held_by(owner: Layer) -> Iterator[tuple[str, object]]:
    """The attributes of ``owner``, and what stands in those that are lists: ``blocks[0]``."""
    for name, held in list(attributes_of(owner).items()):
        if is_telling(name):
            yield name, held
            if isinstance(held, list | tuple):
                yield from ((f"{name}[{at}]", one) for at, one in enumerate(held))


def is_named_by_keras(layer: Layer) -> bool:
    """Whether its name is that of its class, as Keras writes it, and a number."""
    kinds = {snake_case(type(layer).__name__), "model"}
    name, _, number = layer.name.rpartition("_")
    return layer.name in kinds or (name in kinds and number.isdigit())


def snake_case(name: str) -> str:
    split = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", split).lower()
