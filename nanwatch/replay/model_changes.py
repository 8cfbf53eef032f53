"""Changes of the model, made on the user's own and put back."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from nanwatch.record.interventions import Intervention
from nanwatch.replay.attribute import attribute
from nanwatch.replay.course import Setup
from nanwatch.replay.making import SEED, NotPossible, as_number, layer_at
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.chosen import keras
from nanwatch.watch.keras_seam.keras_types import Array, Layer, Model
from nanwatch.watch.model.activations import library_class
from nanwatch.watch.model.untracked import read_and_unknown
from nanwatch.watch.train_step.traced_step import suspend_watching

SQUASHING = ("sigmoid", "tanh", "hard_sigmoid", "softsign", "linear")


@contextmanager
def set_activation(setup: Setup, change: Intervention) -> Iterator[Setup]:
    layer = layer_at(setup.model, change.target)
    if not hasattr(layer, "activation"):
        raise NotPossible(f"{change.target} has no activation")
    with attribute(layer, "activation", keras.activations.get(change.value)):
        yield setup


@contextmanager
def set_hidden_activations(setup: Setup, change: Intervention) -> Iterator[Setup]:
    """Those of every layer with weights but the last, where they squash, or are linear.

    With relu their kernels begin larger: half of what it is given each one throws away (He et al. 2015).
    """
    hidden = hidden_layers(setup.model)
    if not hidden:
        raise NotPossible("no hidden layer has such an activation")
    with contextlib.ExitStack() as stack:
        for layer in hidden:
            stack.enter_context(attribute(layer, "activation", keras.activations.get(change.value)))
        yield with_he_kernels(setup, hidden) if change.value == "relu" else setup


def with_he_kernels(setup: Setup, layers: Sequence[Any]) -> Setup:
    """The first kernels of ``layers``, as Glorot's initializer drew them, with the deviation of He's."""
    kernels = {id(layer.kernel) for layer in layers if is_glorot(layer)}
    if setup.first_weights is None or not kernels:
        return setup
    first = [
        larger(value) if id(variable) in kernels else value
        for variable, value in zip(setup.model.trainable_variables, setup.first_weights, strict=True)
    ]
    return replace(setup, first_weights=first)


def is_glorot(layer: Layer) -> bool:
    return type(getattr(layer, "kernel_initializer", None)).__name__ in ("GlorotUniform", "GlorotNormal")


def larger(kernel: Array) -> Array:
    """By the ratio of the deviations sqrt(2 / fan_in) and sqrt(2 / (fan_in + fan_out))."""
    field = math.prod(kernel.shape[:-2])
    fan_in, fan_out = field * kernel.shape[-2], field * kernel.shape[-1]
    found: Array = (kernel * math.sqrt((fan_in + fan_out) / fan_in)).astype(kernel.dtype)
    return found


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
    """The kernels of one layer, or with the target "model" of all layers, drawn anew."""
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
        id(kernel)
        for path, layer in seam().layers_of(setup.model)
        if change.target in ("model", path)
        for kernel in kernels_of(layer)
    }
    first = [
        np.asarray(initializer(value.shape)) if id(variable) in chosen else value
        for variable, value in zip(setup.model.trainable_variables, setup.first_weights, strict=True)
    ]
    if not chosen:
        raise NotPossible(f"{change.target} has no kernel")
    yield replace(setup, first_weights=first)


def kernels_of(layer: Layer) -> list[Any]:
    """The kernel of a layer of Keras's; the matrices of one whose ``call`` is the script's own."""
    if hasattr(layer, "kernel"):
        return [layer.kernel]
    if isinstance(layer, keras.Model) or library_class(layer):
        return []
    return [variable for variable in seam().own_variables(layer) if len(variable.shape) >= 2]


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
def track_variables(setup: Setup, change: Intervention) -> Iterator[Setup]:
    """What the model reads without knowing it is trained too. Nothing has moved it before."""
    with suspend_watching():
        found = read_and_unknown(setup.model, setup.rows.take(slice(0, 2)).x)
    if not found:
        raise NotPossible("the model knows all that it reads")
    before = [np.array(variable.numpy()) for variable in found]
    try:
        yield replace(setup, besides=tuple(found))
    finally:
        for variable, value in zip(found, before, strict=True):
            variable.assign(value)


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
    """The rate of one layer, or with the target "model" of every dropout that drops more than that."""
    rate = as_number(change)
    with contextlib.ExitStack() as stack:
        layers = seam().layers_of(setup.model)
        wanted = [layer for path, layer in layers if change.target in ("model", path)]
        found = [layer for layer in wanted if drops_more(layer, rate)]
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
    """Of the moving averages of a layer, or with the target "model" of all: it shows in inference alone."""
    if change.target == "model":
        layers = [layer for _, layer in seam().layers_of(setup.model)]
        layers = [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]
    else:
        layers = [layer_at(setup.model, change.target)]
    with contextlib.ExitStack() as stack:
        for layer in layers:
            stack.enter_context(attribute(layer, "momentum", as_number(change)))
        yield replace(setup, inference=True)


@contextmanager
def set_dtype_policy(setup: Setup, change: Intervention) -> Iterator[Setup]:
    """Another dtype to compute in: of a layer, or with the target "model" of all. Weights keep theirs."""
    policy = keras.DTypePolicy(str(change.value))
    layers: list[Any] = [
        layer for path, layer in seam().layers_of(setup.model) if change.target in ("model", path)
    ]
    if not layers:
        raise NotPossible(f"there is no layer {change.target}")
    weights = [variable.dtype for layer in layers for variable in seam().own_variables(layer)]
    if any(dtype != policy.variable_dtype for dtype in weights if "float" in str(dtype)):
        raise NotPossible("the weights are of another dtype")
    with contextlib.ExitStack() as stack:
        for layer in layers:
            stack.enter_context(attribute(layer, "dtype_policy", policy))
        yield setup


@contextmanager
def mend_initial_weight(setup: Setup, change: Intervention) -> Iterator[Setup]:
    """What is not finite among the first weights becomes 0."""
    if setup.first_weights is None:
        raise NotPossible("the first weights were not held")
    held = [*setup.first_weights, *setup.first_state]
    if all(np.isfinite(value).all() for value in held):
        raise NotPossible("they are finite")
    weights, state = (
        [np.where(np.isfinite(value), value, np.zeros_like(value)) for value in values]
        for values in (setup.first_weights, setup.first_state)
    )
    yield replace(setup, first_weights=weights, first_state=state)
