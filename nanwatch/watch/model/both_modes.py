"""At the end of a fit: rows it was trained on once more, in training mode and in inference mode."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from nanwatch.record.facts import FitInfo, InferenceInfo, MovingVariance
from nanwatch.watch.data.batch import HostBatch, rebuild_batch
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.chosen import keras
from nanwatch.watch.keras_seam.keras_types import Array, Layer, Model, Structure
from nanwatch.watch.keras_seam.public_tensorflow import tf
from nanwatch.watch.model.outputs import outputs_built

MOST_ROWS = 256  # a mean over more of them says nothing new about a loss that is twice the other
MOST_ELEMENTS = 2**20  # of the inputs: 4 MB that are held through the fit
LEAST_ROWS = 8  # of fewer rows even the statistics of the batch are noise
# What the answer may cost. A fit that is over in seconds spends longer on its first step than this.
SHARE = 0.01  # of the time of the fit
SECONDS = 0.05
PATIENCE = 4.0  # times as long before it is given up half way: kernels that are met for the first time
# Measured, one mode, eagerly, on two busy cores: Dense 0.9, BatchNormalization 1.2, Dropout 1.5, Conv2D
# 1.8 ms; ReLU 0.2, pooling 0.5 ms. ResNet50, 107 of the first and 68 of the second: 0.4 s.
HEAVY_SECONDS, LIGHT_SECONDS = 1.7e-3, 0.4e-3
CROSSENTROPIES = ("binary_crossentropy", "categorical_crossentropy", "sparse_categorical_crossentropy")


class ModeResult(NamedTuple):
    """What the rows came to in one mode."""

    loss: float  # without penalties
    accuracy: float | None  # of a classifier
    variances: tuple[MovingVariance, ...] = ()  # told by training mode


@dataclass
class BothModes:
    """The rows to be tried at the end of one fit of ``model``. None but a model that normalises by
    the batch, or drops some of its output, all of Keras's own code, is tried: of any other it is not
    known what a call would do."""

    model: Model | None
    wanted: bool | None = None  # not known before the first look: the model may not be built
    batch: HostBatch = field(default_factory=dict)
    whole_rows: int = 0  # of the batch that the rows are from

    def hold(self, batch: HostBatch) -> None:
        """Keep rows of the largest batch looked at, the latest of that size: the last one of an epoch
        may be what spoils the statistics, and it is not where that shows."""
        if self.wanted is None:
            self.wanted = self.model is not None and can_be_tried(self.model)
        rows = rows_of(batch)
        if not self.wanted or rows < max(LEAST_ROWS, self.whole_rows):
            return
        room = most_rows(batch, rows)
        if room < LEAST_ROWS:
            return
        self.whole_rows = rows
        self.batch = {key: array if room == rows else array[:room].copy() for key, array in batch.items()}

    def answer(
        self, template: Structure, info: FitInfo, seconds: float, step_seconds: float
    ) -> InferenceInfo | None:
        """The losses in both modes; None where they cannot be had, or would cost too much.

        ``seconds`` is what the fit took, ``step_seconds`` what a step takes once it is compiled.
        Nothing of the model, its metrics or any seed changes.
        """
        if self.model is None or not self.wanted or not self.batch:
            return None
        if not info.steps or info.kind != "fit" or info.cut_short:
            return None
        budget = max(SECONDS, SHARE * seconds)
        left = budget - 2 * seconds_of_layers(self.model)
        # A step goes forward once and backward for twice as much: two modes are two thirds of it.
        step = max(min(step_seconds, seconds / info.steps), 1e-6)
        affordable = int(left / step * self.whole_rows) if left > 0 else 0
        rows = min(rows_of(self.batch), affordable)
        if rows < LEAST_ROWS:
            return None
        data = rebuild_batch(template, {key: array[:rows] for key, array in self.batch.items()})
        if data is None:
            return None
        found = in_both_modes(self.model, data, time.perf_counter() + PATIENCE * budget)
        if len(found) < 2:
            return None
        return inference_info(rows, *found)


def inference_info(rows: int, training: ModeResult, inference: ModeResult) -> InferenceInfo:
    return InferenceInfo(
        rows, training.loss, inference.loss, training.accuracy, inference.accuracy, training.variances
    )


def can_be_tried(model: Model) -> bool:
    """Whether ``model`` normalises by the batch or drops some of its output, and runs no code but Keras's."""
    layers = [layer for _, layer in seam().layers_of(model)]
    normalises = any(
        isinstance(layer, keras.layers.BatchNormalization) and layer.trainable for layer in layers
    )
    if not normalises and not any(output.dropout for output in outputs_built(model)):
        return False
    functions = [function for layer in layers for function in functions_of(layer)]
    losses = seam().loss_functions(model)
    own: list[object] = [type(model), *map(type, layers), *functions, *losses]
    return bool(losses) and not model.run_eagerly and all(map(seam().is_keras_own, own))


def seconds_of_layers(model: Model) -> float:
    """What Keras itself takes to call every layer once, whatever the rows."""
    layers = [layer for _, layer in seam().layers_of(model)]
    heavy = sum(bool(layer.variables) for layer in layers)
    return HEAVY_SECONDS * heavy + LIGHT_SECONDS * (len(layers) - heavy)


def functions_of(layer: Layer) -> list[object]:
    """What ``layer`` was given to call: an activation, the function of a `Lambda`."""
    given = [getattr(layer, name, None) for name in ("activation", "recurrent_activation", "function")]
    return [one if hasattr(one, "__name__") else type(one) for one in given if callable(one)]


def in_both_modes(model: Model, data: Structure, deadline: float) -> list[ModeResult]:
    """In training mode, then in inference mode; the second is missing where the first took too long."""
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    found: list[ModeResult] = []
    for training in (True, False):
        if time.perf_counter() > deadline:
            break
        with seam().run_without_effect(model):  # each: the first moves what the second shall use
            before = moving_variances(model) if training else {}
            y_pred = model(x, training=training)
            variances = tuple(against_batch(model, before))
            loss = seam().data_loss(model, y, y_pred, sample_weight)
            right = accuracy(model, y, y_pred)
            found.append(ModeResult(float(tf.reduce_mean(loss)), right, variances))
    return found


def moving_variances(model: Model) -> dict[str, Array]:
    """By the paths of the layers that normalise by the batch."""
    normalising = [
        (path, layer)
        for path, layer in seam().layers_of(model)
        if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable
    ]
    return {path: layer.moving_variance.numpy() for path, layer in normalising}


def against_batch(model: Model, before: Mapping[str, Array]) -> Iterator[MovingVariance]:
    """Beside those of ``before`` that of the rows, by which they have been moved since."""
    layers: dict[str, Any] = dict(seam().layers_of(model))
    for path, moving in before.items():
        momentum = float(layers[path].momentum)
        if 0.0 <= momentum < 1.0:
            batch = (layers[path].moving_variance.numpy() - momentum * moving) / (1.0 - momentum)
            yield MovingVariance(path, float(np.median(moving)), float(np.median(batch)))


def accuracy(model: Model, y: Structure, y_pred: Structure) -> float | None:
    """The share of right answers of a model with one output under a cross-entropy; None of any other."""
    losses = seam().losses_of(model)
    name = getattr(seam().loss_functions(model)[0], "__name__", "")
    if len(losses) != 1 or name not in CROSSENTROPIES or not isinstance(y_pred, tf.Tensor):
        return None
    answers, labels = y_pred.numpy(), np.asarray(y)
    if name == "binary_crossentropy":
        middle = 0.0 if seam().loss_arguments(losses[0][1]).get("from_logits") else 0.5
        found, wanted = answers > middle, labels > 0.5
    else:
        found = answers.argmax(axis=-1)
        wanted = labels if name.startswith("sparse") else labels.argmax(axis=-1)
    return float((found == wanted.reshape(found.shape)).mean()) if found.size == wanted.size else None


def rows_of(batch: HostBatch) -> int:
    """The rows of ``batch``; 0 where its arrays do not agree."""
    sizes = {len(array) if array.ndim else 0 for array in batch.values()}
    return sizes.pop() if len(sizes) == 1 else 0


def most_rows(batch: HostBatch, rows: int) -> int:
    size = sum(array.size for (role, _), array in batch.items() if role == "input")
    return min(rows, MOST_ROWS, MOST_ELEMENTS * rows // max(1, size))
