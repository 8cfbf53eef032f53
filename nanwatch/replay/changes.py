"""Interventions made: each gives a training that is set up otherwise, and leaves the user's objects alone."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.replay.course import Setup
from nanwatch.watch.data.kept_rows import map_arrays
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.keras_types import Array, Layer, Model, Structure

Change = Callable[[Setup, Intervention], AbstractContextManager[Setup]]
SEED = 1  # of weights that a trial draws anew
SQUASHING = ("sigmoid", "tanh", "hard_sigmoid", "softsign", "linear")


class NotPossible(ValueError):
    """The change cannot be made to this training."""


# -- the data


@contextmanager
def standardise_input(setup: Setup, change: Intervention) -> Iterator[Setup]:
    """Each feature with mean 0 and deviation 1, or those that the change names; pictures as a whole."""
    columns = [int(place) for place in change.value] if isinstance(change.value, tuple) else []

    def mended(leaf: Array) -> Array:
        whole = standardised(leaf)
        if not columns or leaf.ndim != 2:
            return whole
        some = leaf.astype(np.float32)
        some[:, columns] = whole[:, columns]
        return some

    yield with_inputs(setup, change.target, mended)


@contextmanager
def scale_input(setup: Setup, change: Intervention) -> Iterator[Setup]:
    factor = as_number(change)
    yield with_inputs(setup, change.target, lambda leaf: leaf.astype(np.float32) * np.float32(factor))


@contextmanager
def standardise_target(setup: Setup, change: Intervention) -> Iterator[Setup]:
    yield with_labels(setup, standardised)


@contextmanager
def scale_target(setup: Setup, change: Intervention) -> Iterator[Setup]:
    factor = as_number(change)
    yield with_labels(setup, lambda leaf: leaf.astype(np.float32) * np.float32(factor))


@contextmanager
def rescale_target(setup: Setup, change: Intervention) -> Iterator[Setup]:
    """From the range that the change tells to 0..1."""
    low, high = as_numbers(change, 2)
    yield with_labels(setup, lambda leaf: (leaf.astype(np.float32) - low) / (high - low))


@contextmanager
def shift_labels(setup: Setup, change: Intervention) -> Iterator[Setup]:
    by = as_number(change)
    yield with_labels(setup, lambda leaf: (leaf + by).astype(leaf.dtype))


@contextmanager
def map_labels(setup: Setup, change: Intervention) -> Iterator[Setup]:
    """The values that the change tells to 0, 1, 2 and so on."""
    values = np.array(as_numbers(change))
    yield with_labels(setup, lambda leaf: np.searchsorted(values, leaf).astype(leaf.dtype))


@contextmanager
def shuffle_rows(setup: Setup, change: Intervention) -> Iterator[Setup]:
    if setup.shuffled:
        raise NotPossible("the rows are shuffled")
    yield replace(setup, shuffled=True)


@contextmanager
def drop_nonfinite_rows(setup: Setup, change: Intervention) -> Iterator[Setup]:
    keep = np.ones(setup.rows.length, bool)
    for leaf in keras.tree.flatten(list(setup.rows)):
        if leaf is not None and leaf.dtype.kind == "f":
            keep &= np.isfinite(leaf.reshape(len(leaf), -1)).all(axis=1)
    if not keep.any() or keep.all():
        raise NotPossible("no row would be left, or none would go")
    yield replace(setup, rows=setup.rows.take(np.flatnonzero(keep)))


@contextmanager
def set_batch_size(setup: Setup, change: Intervention) -> Iterator[Setup]:
    yield replace(setup, batch_size=int(as_number(change)))


# -- the model


@contextmanager
def set_activation(setup: Setup, change: Intervention) -> Iterator[Setup]:
    layer = layer_at(setup.model, change.target)
    if not hasattr(layer, "activation"):
        raise NotPossible(f"{change.target} has no activation")
    with attribute(layer, "activation", keras.activations.get(change.value)):
        yield setup


@contextmanager
def set_hidden_activations(setup: Setup, change: Intervention) -> Iterator[Setup]:
    """Those of every layer with weights but the last, where they squash, or are linear."""
    hidden = hidden_layers(setup.model)
    if not hidden:
        raise NotPossible("no hidden layer has such an activation")
    with contextlib.ExitStack() as stack:
        for layer in hidden:
            stack.enter_context(attribute(layer, "activation", keras.activations.get(change.value)))
        yield setup


def hidden_layers(model: Model) -> list[Layer]:
    with_weights: list[Any] = [
        layer
        for _, layer in seam().layers_of(model)
        if seam().own_variables(layer) and hasattr(layer, "kernel")
    ]
    return [
        layer
        for layer in with_weights[:-1]
        if getattr(getattr(layer, "activation", None), "__name__", "") in SQUASHING
        and not isinstance(layer, keras.layers.RNN)
    ]


@contextmanager
def set_initializer(setup: Setup, change: Intervention) -> Iterator[Setup]:
    """The kernel of one layer, or with the target "model" of all that have one, drawn anew."""
    initializer = keras.initializers.get(
        {"class_name": "GlorotUniform", "config": {"seed": SEED}}
        if change.value is None
        else str(change.value)
    )
    if hasattr(initializer, "seed"):
        initializer.seed = SEED
    if setup.first_weights is None:
        raise NotPossible("the first weights were not held")
    chosen = {
        id(layer.kernel)
        for path, layer in seam().layers_of(setup.model)
        if hasattr(layer, "kernel") and change.target in ("model", path)
    }
    first = [
        np.asarray(initializer(value.shape)) if id(variable) in chosen else value
        for variable, value in zip(setup.model.trainable_variables, setup.first_weights, strict=True)
    ]
    if not chosen:
        raise NotPossible(f"{change.target} has no kernel")
    yield replace(setup, first_weights=first)


@contextmanager
def set_trainable(setup: Setup, change: Intervention) -> Iterator[Setup]:
    layers: list[Any] = [
        layer for path, layer in seam().layers_of(setup.model) if change.target in ("model", path)
    ]
    before = [(layer, layer.trainable) for layer in [setup.model, *layers]]
    weights = {
        id(v): value
        for v, value in zip(setup.model.trainable_variables, setup.first_weights or (), strict=False)
    }
    try:
        for layer, _ in before:
            layer.trainable = bool(change.value)
        now = [weights.get(id(v), np.asarray(v.numpy())) for v in setup.model.trainable_variables]
        yield replace(setup, first_weights=now)
    finally:
        for layer, was in before[::-1]:
            layer.trainable = was


@contextmanager
def set_regularizer(setup: Setup, change: Intervention) -> Iterator[Setup]:
    """No penalty of any layer; how much of one is too much is not searched for."""
    yield replace(setup, penalised=False)


@contextmanager
def set_mask_zero(setup: Setup, change: Intervention) -> Iterator[Setup]:
    layer = layer_at(setup.model, change.target)
    if not isinstance(layer, keras.layers.Embedding):
        raise NotPossible(f"{change.target} is no embedding")
    with attribute(layer, "mask_zero", True), attribute(layer, "supports_masking", True):
        yield setup


@contextmanager
def set_dropout(setup: Setup, change: Intervention) -> Iterator[Setup]:
    """The rate of every dropout layer that drops more than that."""
    rate = as_number(change)
    with contextlib.ExitStack() as stack:
        found = [layer for _, layer in seam().layers_of(setup.model) if drops_more(layer, rate)]
        if not found:
            raise NotPossible("no layer drops as much")
        for layer in found:
            stack.enter_context(attribute(layer, "rate", rate))
        yield setup


def drops_more(layer: Layer, rate: float) -> bool:
    kinds = (keras.layers.Dropout, keras.layers.AlphaDropout, keras.layers.GaussianDropout)
    return isinstance(layer, kinds) and layer.rate > rate


@contextmanager
def set_momentum(setup: Setup, change: Intervention) -> Iterator[Setup]:
    layer = layer_at(setup.model, change.target)
    with attribute(layer, "momentum", as_number(change)):
        yield setup


# -- the loss


@contextmanager
def set_loss(setup: Setup, change: Intervention) -> Iterator[Setup]:
    """Another loss by its name, for a model with one output."""
    if len(seam().losses_of(setup.model)) > 1:
        raise NotPossible("the model has several losses")
    yield replace(setup, loss=called(keras.losses.get(str(change.value))))


@contextmanager
def set_from_logits(setup: Setup, change: Intervention) -> Iterator[Setup]:
    losses = seam().losses_of(setup.model)
    if len(losses) != 1:
        raise NotPossible("the model has several losses")
    loss: Any = losses[0][1]
    try:
        config = loss.get_config() if hasattr(loss, "get_config") else {}
        again = type(loss).from_config({**config, "from_logits": bool(change.value)})
    except (TypeError, ValueError) as error:
        raise NotPossible("the loss is not of Keras's") from error
    yield replace(setup, loss=called(again))


def called(loss: Any) -> Callable[[Structure, Structure, Structure], Any]:
    """A loss of one output, called as ``compile``'s is: the mean over the rows."""

    def call(y: Structure, y_pred: Structure, sample_weight: Structure) -> Any:
        given = [keras.tree.flatten(part)[0] for part in (y, y_pred)]
        weight = None if sample_weight is None else keras.tree.flatten(sample_weight)[0]
        if isinstance(loss, keras.losses.Loss):
            return loss(*given, sample_weight=weight)
        values = loss(*given)
        return keras.ops.mean(values if weight is None else values * weight)

    return call


# -- the optimizer


@contextmanager
def set_learning_rate(setup: Setup, change: Intervention) -> Iterator[Setup]:
    yield with_config(setup, learning_rate=as_number(change))


@contextmanager
def set_clipnorm(setup: Setup, change: Intervention) -> Iterator[Setup]:
    yield with_config(setup, clipnorm=as_number(change), clipvalue=None, global_clipnorm=None)


@contextmanager
def set_clipvalue(setup: Setup, change: Intervention) -> Iterator[Setup]:
    yield with_config(setup, clipvalue=as_number(change), clipnorm=None, global_clipnorm=None)


@contextmanager
def set_epsilon(setup: Setup, change: Intervention) -> Iterator[Setup]:
    yield with_config(setup, epsilon=as_number(change))


@contextmanager
def set_weight_decay(setup: Setup, change: Intervention) -> Iterator[Setup]:
    wanted = as_number(change)
    try:
        changed = with_config(setup, weight_decay=wanted or None)
        setup.optimizer.from_config(changed.config)
    except ValueError:  # of those that are named for it 0 is none
        changed = with_config(setup, weight_decay=wanted)
    yield changed


def with_config(setup: Setup, **changes: float | None) -> Setup:
    """Other arguments of the optimizer, of the inner one where it scales the loss."""
    config = dict(setup.config)
    inner = config.get("inner_optimizer")
    if isinstance(inner, dict) and isinstance(inner.get("config"), dict):
        config["inner_optimizer"] = {**inner, "config": {**inner["config"], **changes}}
        config.pop("learning_rate", None)
    elif changes.keys() <= config.keys():
        config |= changes
    else:
        raise NotPossible("the optimizer has no such argument")
    return replace(setup, config=config)


# -- help


def with_inputs(setup: Setup, target: str, change: Callable[[Array], Array]) -> Setup:
    """Every float input changed, or the one that is called ``target``."""
    x = changed_leaves(setup.rows.x, target, change)
    return replace(setup, rows=setup.rows._replace(x=x))


def with_labels(setup: Setup, change: Callable[[Array], Array]) -> Setup:
    return replace(setup, rows=setup.rows._replace(y=map_arrays(change, setup.rows.y)))


def changed_leaves(part: Structure, target: str, change: Callable[[Array], Array]) -> Structure:
    paths = keras.tree.flatten_with_path(part)
    names = ["/".join(map(str, path)) or "0" for path, _ in paths]
    wanted = [name for name in names if name == target] or names
    leaves = [
        change(leaf) if leaf is not None and name in wanted else leaf
        for name, (_, leaf) in zip(names, paths, strict=True)
    ]
    return keras.tree.pack_sequence_as(part, leaves)


def standardised(leaf: Array) -> Array:
    """Shape (rows, features): each feature; of any other shape: as a whole. Constant ones are left."""
    values = leaf.astype(np.float64)
    axis = 0 if values.ndim <= 2 else None
    mean, deviation = values.mean(axis=axis), values.std(axis=axis)
    found: Array = ((values - mean) / np.where(deviation > 0, deviation, 1.0)).astype(np.float32)
    return found


def layer_at(model: Model, path: str) -> Layer:
    layer = dict(seam().layers_of(model)).get(path)
    if layer is None:
        raise NotPossible(f"there is no layer {path}")
    return layer


@contextmanager
def attribute(owner: Any, name: str, value: object) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def as_number(change: Intervention) -> float:
    if isinstance(change.value, int | float) and math.isfinite(change.value):
        return float(change.value)
    raise NotPossible(f"{change.value!r} is no number")


def as_numbers(change: Intervention, count: int | None = None) -> list[float]:
    values = change.value if isinstance(change.value, tuple) else ()
    numbers = [float(value) for value in values if isinstance(value, int | float)]
    if not numbers or (count is not None and len(numbers) != count):
        raise NotPossible(f"{change.value!r} are not the numbers that it takes")
    return numbers


K = InterventionKind
CHANGES: dict[InterventionKind, Change] = {
    K.STANDARDISE_INPUT: standardise_input,
    K.SCALE_INPUT: scale_input,
    K.STANDARDISE_TARGET: standardise_target,
    K.SCALE_TARGET: scale_target,
    K.RESCALE_TARGET: rescale_target,
    K.SHIFT_LABELS: shift_labels,
    K.MAP_LABELS: map_labels,
    K.SHUFFLE_ROWS: shuffle_rows,
    K.DROP_NONFINITE_ROWS: drop_nonfinite_rows,
    K.SET_BATCH_SIZE: set_batch_size,
    K.SET_ACTIVATION: set_activation,
    K.SET_HIDDEN_ACTIVATIONS: set_hidden_activations,
    K.SET_INITIALIZER: set_initializer,
    K.SET_TRAINABLE: set_trainable,
    K.SET_REGULARIZER: set_regularizer,
    K.SET_MASK_ZERO: set_mask_zero,
    K.SET_DROPOUT: set_dropout,
    K.SET_MOMENTUM: set_momentum,
    K.SET_LOSS: set_loss,
    K.SET_FROM_LOGITS: set_from_logits,
    K.SET_LEARNING_RATE: set_learning_rate,
    K.SET_CLIPNORM: set_clipnorm,
    K.SET_CLIPVALUE: set_clipvalue,
    K.SET_EPSILON: set_epsilon,
    K.SET_WEIGHT_DECAY: set_weight_decay,
}
