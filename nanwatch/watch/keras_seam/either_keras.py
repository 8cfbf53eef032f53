"""What every Keras answers alike, by its public names."""

from __future__ import annotations

from collections.abc import Sequence
from types import FrameType
from typing import Any, Protocol

from nanwatch.watch.keras_seam.chosen import is_on_tensorflow
from nanwatch.watch.keras_seam.keras_types import Model, Structure, Variable
from nanwatch.watch.keras_seam.protocol import KerasSeam
from nanwatch.watch.keras_seam.public_tensorflow import tf


class EitherKeras(KerasSeam, Protocol):
    """`KerasSeam`, in so far as no adapter has to answer it."""

    def metric_variables(self, model: Model) -> list[Variable]:
        return [variable for metric in model.metrics for variable in metric.variables]

    def loss_functions(self, model: Model) -> list[object]:
        return [getattr(loss, "fn", None) or type(loss) for _, loss in self.losses_of(model)]

    def is_compiled_by_xla(self, model: Model) -> bool:
        return bool(getattr(model, "jit_compile", False))

    def makes_variables(self, model: Model) -> bool:
        optimizer = model.optimizer
        if not model.built:
            return True
        if optimizer is None or self.is_built(optimizer) or not model.trainable_variables:
            return False
        kind = type(optimizer).__name__
        return kind != "SGD" or bool(getattr(optimizer, "momentum", 0))  # without, it keeps nothing

    def output_names(self, model: Model) -> list[str]:
        return [str(name) for name in getattr(model, "output_names", None) or ()]

    def fit_arguments(self, frame: FrameType | None) -> dict[str, Any] | None:
        found = self.frame_of_fit(frame)
        return None if found is None else dict(found.f_locals)

    def replicas_of(self, model: Model) -> int:
        strategy = getattr(model, "distribute_strategy", None)
        return int(getattr(strategy, "num_replicas_in_sync", 1))

    def is_distributed(self, model: Model) -> bool:
        strategy = getattr(model, "distribute_strategy", None)
        if strategy is None or not is_on_tensorflow():
            return False
        with strategy.scope():
            return bool(tf.distribute.has_strategy())

    def flat_tensors(self, structure: Structure) -> Sequence[Any]:
        return [item for item in self.flatten(structure) if item is not None]
