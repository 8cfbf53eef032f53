"""Changes that take weights of other shapes: a clone of the model is trained, and never the user's own."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from nanwatch.record.interventions import Intervention
from nanwatch.replay.course import Setup
from nanwatch.replay.making import (
    SEED,
    NotPossible,
    as_number,
    as_numbers,
    called,
    is_sparse,
    layer_at,
    loss_name,
    with_labels,
)
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.chosen import keras
from nanwatch.watch.keras_seam.keras_types import Array, Model, Weights
from nanwatch.watch.train_step.traced_step import suspend_watching

Config = dict[str, object]  # arguments of a layer
SIZES = ("units", "filters")
MOST_TOKENS = 200_000  # of an input that may be one of tokens


@contextmanager
def set_units(setup: Setup, change: Intervention) -> Iterator[Setup]:
    """Another number of units on a layer, or with the target "output" on the last that has some.

    Class numbers under a cross-entropy that takes none are taken by the sparse one then.
    """
    units = int(as_number(change))
    head = sized_layer(setup.model, change.target)
    changed = with_layers(setup, {id(head): {size_of(head): units}})
    yield with_sparse_loss(setup, changed) if takes_no_class_numbers(setup, units) else changed


@contextmanager
def set_head(setup: Setup, change: Intervention) -> Iterator[Setup]:
    """A softmax over so many classes under sparse cross-entropy, and labels counted from 0."""
    classes = int(as_number(change))
    yield with_softmax(setup, classes)


@contextmanager
def map_labels(setup: Setup, change: Intervention) -> Iterator[Setup]:
    """The values that the change tells to 0, 1, 2 and so on; without any, all that there are."""
    if change.value is not None:
        values = np.array(as_numbers(change))
        yield with_labels(setup, lambda leaf: np.searchsorted(values, leaf).astype(leaf.dtype))
        return
    labels = only_labels(setup)
    classes = len(np.unique(labels))
    head = sized_layer(setup.model, "output")
    if getattr(head, size_of(head)) < classes:
        setup = with_layers(setup, {id(head): {size_of(head): classes}})
    yield with_labels(setup, counted)


@contextmanager
def set_input_dim(setup: Setup, change: Intervention) -> Iterator[Setup]:
    """An embedding of more tokens: of as many at least as the rows hold that are at hand."""
    layer = layer_at(setup.model, change.target)
    if not hasattr(layer, "input_dim"):
        raise NotPossible(f"{change.target} is no embedding")
    tokens = max([int(as_number(change)), *tokens_needed(setup)])
    yield with_layers(setup, {id(layer): {"input_dim": tokens}})


def tokens_needed(setup: Setup) -> Iterator[int]:
    """By each input of whole numbers that may be tokens."""
    for leaf in seam().flatten(setup.rows.x):
        if leaf is not None and leaf.dtype.kind in "iu" and leaf.size and leaf.max() < MOST_TOKENS:
            yield int(leaf.max()) + 1


# -- the head ------------------------------------------------------------------------------------------


def sized_layer(model: Model, path: str) -> Any:
    """The layer at ``path`` that has units or filters; with "output" the last that has."""
    layers = dict(seam().layers_of(model))
    if path in layers:
        found = [layers[path]]
    elif path == "output":
        found = list(layers.values())
    else:
        raise NotPossible(f"there is no layer {path}")
    sized = [layer for layer in found if any(hasattr(layer, name) for name in SIZES)]
    if not sized:
        raise NotPossible(f"{path} has no units")
    return sized[-1]


def size_of(layer: object) -> str:
    return next(name for name in SIZES if hasattr(layer, name))


def with_softmax(setup: Setup, classes: int) -> Setup:
    labels = only_labels(setup)
    if len(np.unique(labels)) > classes:
        raise NotPossible("there are more labels than classes")
    head = sized_layer(setup.model, "output")
    last = seam().layers_of(setup.model)[-1][1]
    if last is not head and not isinstance(last, keras.layers.Activation):
        raise NotPossible("something comes behind the head")
    given: dict[int, Config] = {id(head): {size_of(head): classes, "activation": "linear"}}
    given.setdefault(id(last), {})["activation"] = "softmax"
    changed = with_layers(setup, given)
    loss = keras.losses.SparseCategoricalCrossentropy()
    return replace(with_labels(changed, counted), loss=called(loss))


def with_sparse_loss(setup: Setup, changed: Setup) -> Setup:
    """``changed``, a clone with more units, under a loss that takes class numbers."""
    last: Any = seam().layers_of(changed.model)[-1][1]
    kind = getattr(getattr(last, "activation", None), "__name__", "")
    is_softmax = kind == "softmax" or isinstance(last, keras.layers.Softmax)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=not is_softmax)
    return replace(with_labels(changed, counted), loss=called(loss))


def takes_no_class_numbers(setup: Setup, units: int) -> bool:
    """Whether the labels are numbers of at most ``units`` classes, and the loss wants a column for each."""
    labels, losses = seam().flatten(setup.rows.y), seam().losses_of(setup.model)
    if units < 2 or len(labels) != 1 or len(losses) != 1 or labels[0].size != len(labels[0]):
        return False
    loss = losses[0][1]
    return "crossentropy" in loss_name(loss) and not is_sparse(loss) and len(np.unique(labels[0])) <= units


def only_labels(setup: Setup) -> Array:
    """The labels, one for each row."""
    leaves = seam().flatten(setup.rows.y)
    if len(leaves) != 1 or leaves[0].size != len(leaves[0]):
        raise NotPossible("the labels are not one for each row")
    found: Array = leaves[0]
    return found


def counted(labels: Array) -> Array:
    """The classes from 0 on, in their order."""
    _, found = np.unique(labels, return_inverse=True)
    return found.reshape(labels.shape).astype(np.int32)


# -- the clone -----------------------------------------------------------------------------------------


def with_layers(setup: Setup, given: Mapping[int, Config]) -> Setup:
    """``setup`` with a clone of its model, whose layers with these ids have other arguments.

    What keeps its shape has the first weights of the model's own; the rest is drawn anew.
    """
    model: Any = setup.model
    clone = cloned(model, given)
    with suspend_watching():
        if not clone.built:
            clone(setup.rows.take(slice(0, 1)).x, training=False)
        check_layers(model, clone, given)
        pairs = list(zip(model.variables, clone.variables, strict=True))
        for variable, copy in pairs:
            if tuple(variable.shape) == tuple(copy.shape):
                copy.assign(variable)
        for _, layer in seam().layers_of(clone):
            if hasattr(layer, "finalize_state"):
                layer.finalize_state()
    trained = setup.first_weights or [np.asarray(variable) for variable in model.trainable_variables]
    weights = kept_shapes(trained, clone.trainable_variables)
    state = kept_shapes(setup.first_state, seam().state_variables(clone))
    return replace(setup, model=clone, first_weights=weights, first_state=state)


def cloned(model: Model, given: Mapping[int, Config]) -> Any:
    """Raises NotPossible where Keras does not know what the model is made of."""

    def clone_layer(layer: Any) -> Any:
        return type(layer).from_config({**layer.get_config(), **given.get(id(layer), {})})

    with seeded():
        try:
            return keras.models.clone_model(model, clone_function=clone_layer)
        except (ValueError, TypeError, NotImplementedError, AttributeError) as error:
            raise NotPossible("the model cannot be cloned") from error


@contextlib.contextmanager
def seeded() -> Iterator[None]:
    """What Keras draws seeds from is as it was after the block."""
    before = random.getstate()
    random.seed(SEED)
    try:
        yield
    finally:
        random.setstate(before)


def check_layers(model: Any, clone: Any, given: Mapping[int, Config]) -> None:
    """Raises NotPossible where a change did not get to its layer, or the clone is otherwise built."""
    own, copies = (seam().layers_of(each) for each in (model, clone))
    if len(own) != len(copies) or len(model.variables) != len(clone.variables):
        raise NotPossible("the clone is not as the model")
    for (_, layer), (_, copy) in zip(own, copies, strict=True):
        wanted = {name: value for name, value in given.get(id(layer), {}).items() if isinstance(value, int)}
        if any(getattr(copy, name) != value for name, value in wanted.items()):
            raise NotPossible("the layer is inside another")


def kept_shapes(values: Weights, variables: Sequence[Any]) -> list[Array]:
    """``values``, but for those of another shape than its variable: that one's own."""
    if len(values) != len(variables):
        raise NotPossible("the clone has other weights")
    return [
        value if tuple(np.shape(value)) == tuple(variable.shape) else np.asarray(variable)
        for value, variable in zip(values, variables, strict=True)
    ]
