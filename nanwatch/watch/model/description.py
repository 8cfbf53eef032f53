"""What a Keras model says of itself, in the record's words."""

from __future__ import annotations

import contextlib
import json
import math
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from nanwatch.record.facts import (
    AdaptedInfo,
    LayerInfo,
    Location,
    ModelInfo,
    OptimizerInfo,
    Shape,
    WeightInfo,
)
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.chosen import keras
from nanwatch.watch.keras_seam.host_values import dtype_name, values_of
from nanwatch.watch.keras_seam.keras_types import Layer, Model, Optimizer
from nanwatch.watch.launch import user_lines
from nanwatch.watch.model import outputs, script_names
from nanwatch.watch.model.activations import activation_of, is_library, library_class

MOST_COLUMNS = 64  # of a Normalization whose statistics are written down
MOST_ELEMENTS = 4_000_000  # of a matrix whose values are looked at: 16 MB
MOST_CONFIG = 2000  # characters of a layer's config that are worth keeping


def describe(model: Model, compile_location: Location | None = None) -> ModelInfo:
    """The tables of ``model``. Of its outputs only what is built; a traced step tells more."""
    layers = seam().layers_of(model)
    paths = {id(layer): path for path, layer in layers}
    called = script_names.layer_names(model, layers)
    owner = {id(variable): path for path, layer in layers for variable in seam().own_variables(layer)}
    return ModelInfo(
        name=model.name,
        type=type(model).__name__,
        layers=tuple(layer_info(path, layer, paths, called.get(id(layer), "")) for path, layer in layers),
        weights=tuple(
            WeightInfo(
                seam().path_of(v),
                tuple(v.shape),
                dtype_name(v),
                bool(v.trainable),
                owner.get(id(v), ""),
            )
            for v in seam().weights_of(model)
        ),
        outputs=outputs.outputs_built(model),
        optimizer=optimizer_info(getattr(model, "optimizer", None)),
        metrics=metric_names(model),
        dtype_policy=model.dtype_policy.name,
        jit_compile=bool(getattr(model, "jit_compile", False)),
        run_eagerly=bool(getattr(model, "run_eagerly", False)),
        steps_per_execution=seam().steps_per_execution(model),
        custom_train_step=is_custom(model),
        location=user_lines.line_of(model),
        compile_location=compile_location,
        called=script_names.name_of(model),
    )


def is_custom(model: Model) -> bool:
    return any("train_step" in vars(cls) for cls in type(model).__mro__ if not seam().is_keras_own(cls))


def layer_info(path: str, layer: Layer, paths: dict[int, str], called: str) -> LayerInfo:
    return LayerInfo(
        path=path,
        name=layer.name,
        type=type(layer).__name__,
        activation=activation_of(layer),
        units=units_of(layer),
        output_shape=output_shape(layer),
        trainable=bool(layer.trainable),
        initializer=initializer_of(layer),
        begins_as=one_value_of(layer),
        dtype=str(layer.compute_dtype),
        inbound=tuple(
            dict.fromkeys(paths[id(op)] for op in seam().inbound_operations(layer) if id(op) in paths)
        ),
        weights=tuple(seam().path_of(v) for v in seam().own_variables(layer)),
        config=config_of(layer),
        location=user_lines.line_of(layer),
        called=called,
        adapted=adapted_of(layer),
        frozen=None if layer.trainable else user_lines.freezing_line_of(layer),
    )


def adapted_of(layer: Layer) -> AdaptedInfo | None:
    """The statistics of a `Normalization`, adapted or given; None of any other, or while it has none."""
    if not isinstance(layer, keras.layers.Normalization):
        return None
    try:
        means, variances = (np.asarray(held, float).reshape(-1) for held in (layer.mean, layer.variance))
    except (AttributeError, TypeError, ValueError):  # nothing is known before `adapt`
        return None
    if not 0 < means.size == variances.size <= MOST_COLUMNS:
        return None
    return AdaptedInfo(tuple(means.tolist()), tuple(variances.tolist()))


def units_of(layer: Layer) -> int | None:
    for name in ("units", "filters", "output_dim"):
        value = getattr(layer, name, None)
        if isinstance(value, int):
            return value
    return None


def output_shape(layer: Layer) -> Shape | None:
    try:
        shape = layer.output.shape
    except (AttributeError, ValueError):
        return None
    return tuple(None if size is None else int(size) for size in shape)


def initializer_of(layer: Layer) -> str | None:
    for name in ("kernel_initializer", "embeddings_initializer", "depthwise_initializer"):
        initializer = getattr(layer, name, None)
        if initializer is not None:
            return type(initializer).__name__
    return None


def one_value_of(layer: Layer) -> float | None:
    """The value that every element of the first matrix has of a layer whose ``call`` is the script's own.

    None where its elements differ, as those of drawn weights do, before a training and behind it.
    """
    if isinstance(layer, keras.Model) or library_class(layer):
        return None
    matrix = next((v for v in seam().own_variables(layer) if v.trainable and len(v.shape) >= 2), None)
    if matrix is None or not 1 < math.prod(matrix.shape) <= MOST_ELEMENTS:
        return None
    with contextlib.suppress(Exception):  # in a trace there are no values
        values = values_of(matrix)
        first = float(values.flat[0])
        return first if math.isfinite(first) and bool((values == first).all()) else None
    return None


def config_of(layer: Layer) -> dict[str, Any]:
    """The part of ``get_config`` that JSON can hold; empty for nested models and on failure.

    A ``get_config`` of the script's own is not called: it may print.
    """
    if isinstance(layer, keras.Model) or not is_library(type(layer).get_config):
        return {}
    try:
        with suppress_warnings():
            config = layer.get_config()
        text = json.dumps(config, allow_nan=False)
    except Exception:  # not every layer can be saved, and the config is a nicety
        return {}
    return json.loads(text) if len(text) <= MOST_CONFIG else {}


@contextlib.contextmanager
def suppress_warnings() -> Iterator[None]:
    """Keras warns of a lambda in a config, which nobody but nanwatch has asked for.

    Not ``warnings.catch_warnings``: that makes Python forget which warnings it has shown.
    """
    warn = warnings.warn
    warnings.warn = lambda *args, **kwargs: None
    try:
        yield
    finally:
        warnings.warn = warn


def optimizer_info(optimizer: Optimizer | None) -> OptimizerInfo | None:
    if optimizer is None:
        return None
    inner = getattr(optimizer, "inner_optimizer", None)
    rate = seam().learning_rate_given(inner or optimizer)
    schedule = (
        type(rate).__name__ if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule) else None
    )
    config: dict[str, int | float | bool] = {}
    for name in (
        "clipnorm",
        "clipvalue",
        "global_clipnorm",
        "momentum",
        "epsilon",
        "weight_decay",
        "use_ema",
        "gradient_accumulation_steps",
        "loss_scale_factor",
    ):
        value = getattr(inner or optimizer, name, None)
        if isinstance(value, int | float | bool):
            config[name] = value
    if inner is not None:
        config["loss_scaling"] = True
    return OptimizerInfo(
        type(inner or optimizer).__name__,
        rate_now(inner or optimizer),
        schedule,
        config,
        user_lines.line_of(inner or optimizer) or user_lines.line_of(optimizer),
        None if schedule is None else user_lines.line_of(rate),
    )


def constant_rate(optimizer: Optimizer | None) -> float | None:
    """The rate of ``optimizer`` now; None where a schedule gives it, or where there is none."""
    if optimizer is None:
        return None
    inner = getattr(optimizer, "inner_optimizer", None) or optimizer
    given = seam().learning_rate_given(inner)
    return None if isinstance(given, keras.optimizers.schedules.LearningRateSchedule) else rate_now(inner)


def rate_now(optimizer: Optimizer) -> float | None:
    try:
        return float(values_of(optimizer.learning_rate))
    except Exception:  # inside a trace, or a schedule of the user's that cannot be evaluated here
        return None


def metric_names(model: Model) -> tuple[str, ...]:
    found: list[str] = []
    for metric in getattr(model, "metrics", ()):
        inner = getattr(metric, "metrics", None)
        found += [item.name for item in inner] if inner else [metric.name]
    return tuple(name for name in dict.fromkeys(found) if name not in ("loss", "compile_metrics"))
