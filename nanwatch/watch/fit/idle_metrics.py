"""Which metrics of a model no training step updates: a step of the script's own may forget to."""

from __future__ import annotations

import numpy as np

from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.keras_types import Model


class IdleMetrics:
    """Those of the fit of ``model`` that is going on; of a model with Keras's own step none is looked at."""

    def __init__(self, model: Model | None) -> None:
        own = model is not None and not seam().is_keras_own(model.train_step)
        self.model = model if own else None
        self.names: frozenset[str] | None = None  # None: no epoch has been looked at
        self.epoch = -1

    def look(self, epoch: int) -> None:
        """Once an epoch, when its training steps are made, and before a validation resets them."""
        if self.model is None or epoch == self.epoch:
            return
        self.epoch = epoch
        idle = frozenset(
            str(metric.name)
            for metric in self.model.metrics
            if metric.variables and not any(np.any(variable.numpy()) for variable in metric.variables)
        )
        self.names = idle if self.names is None else self.names & idle
        if not self.names:
            self.model = None
