"""The losses of a model with several outputs: their sum, and each by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import tensorflow as tf

from nanwatch.watch.data.batch import named_tensors
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.keras_types import Layer, Model, Structure, Tensor


@dataclass(frozen=True)
class OutputLosses:
    """Called as what ``compile`` made of the losses, whose sum it is."""

    compiled: Any
    weights: Mapping[str, float]  # by the keys of the outputs
    instead: Mapping[str, Any] = field(default_factory=dict)  # other losses of some

    def __call__(self, y: Structure, y_pred: Structure, sample_weight: Structure) -> Tensor:
        return self.sum_of(self.apart(y, y_pred, sample_weight))

    def apart(self, y: Structure, y_pred: Structure, sample_weight: Structure) -> dict[str, Tensor]:
        """The loss of each output, not weighted."""
        return seam().losses_apart(self.compiled, y, y_pred, sample_weight, self.instead)

    def sum_of(self, parts: Mapping[str, Tensor]) -> Tensor:
        total: Tensor = tf.add_n([tf.multiply(part, self.weights[key]) for key, part in parts.items()])
        return total

    def with_loss(self, key: str, loss: Any) -> OutputLosses:
        return replace(self, instead={**self.instead, key: loss})


def loss_of(model: Model, compiled: Any) -> Any:
    """What ``compile`` made of the losses of ``model``, each to be had by itself where there are several."""
    weights = {key: weight for key, (_, weight) in seam().shares_of_loss(model).items()}
    return OutputLosses(compiled, weights) if weights and compiled is not None else compiled


def key_of(output: str, model: Model, loss: OutputLosses) -> str | None:
    """The key of the loss of ``output``, which the record calls by its own or by the output's name."""
    names = seam().output_names(model)
    place = str(names.index(output)) if output in names else ""
    return next((key for key in (output, place) if key in loss.weights), None)


def name_of(output: str, model: Model) -> str:
    """What Keras calls an output that the record may know by its place."""
    names = seam().output_names(model)
    return names[int(output)] if output.isdigit() and int(output) < len(names) else output


def made_by(layer: Layer, model: Model) -> str:
    """The output that comes out of ``layer``, where the graph of ``model`` tells; else the layer's name."""
    for output, tensor in named_tensors(seam().graph_outputs(model)):
        making = seam().making_of(tensor)
        if making is not None and making[0] is layer:
            return output
    return layer.name
