"""What is held of a fit while it runs, so that trials can make it again when the script has ended."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nanwatch.record.facts import FitInfo
from nanwatch.watch.data.batch import HostBatch
from nanwatch.watch.data.kept_rows import KeptBatches, Rows, rows_of_arrays
from nanwatch.watch.incident.guilty_rows import FIRST_WEIGHTS_BYTES, first_weights_of, size_of_weights
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.keras_types import Loss, Model, Optimizer, Structure, Weights
from nanwatch.watch.keras_seam.public_tensorflow import tf
from nanwatch.watch.model import description
from nanwatch.watch.recording.fit_recorder import FitRecorder
from nanwatch.watch.recording.run_recorder import BestPoint, FirstStep, KeptTraining

# The attribute of a layer with the initializer of each of its weights.
INITIALIZERS = {
    "kernel": "kernel_initializer",
    "bias": "bias_initializer",
    "embeddings": "embeddings_initializer",
    "recurrent_kernel": "recurrent_initializer",
    "depthwise_kernel": "depthwise_initializer",
    "pointwise_kernel": "pointwise_initializer",
    "gamma": "gamma_initializer",
    "beta": "beta_initializer",
}
KERAS_BATCH = 32  # rows; Keras's own, where ``fit`` is told none
BEST_BYTES = 64 * 2**20  # of weights, state and the optimizer's variables, at the best epoch
BEST_SHARE = 0.005  # of the time of a training, that is spent on copying them


class HeldTraining:
    """The beginning of one fit of ``model``, and rows that it was trained on."""

    def __init__(
        self,
        model: Model,
        given: Mapping[str, Any],
        first_weights: Weights,
        loop: Optimizer | None = None,
    ) -> None:
        """``given`` are the arguments of ``fit``, none of ``train_on_batch`` and of a loop, which has an
        optimizer of its own."""
        self.model = model
        self.is_loop = loop is not None
        self.optimizer = model.optimizer if loop is None else loop
        self.first_weights = first_weights
        self.first_state = [np.array(variable.numpy()) for variable in seam().state_variables(model)]
        self.rate = None if self.optimizer is None else description.constant_rate(self.optimizer)
        self.rows: Rows | None = rows_of_arrays(given.get("x"), given.get("y"), given.get("sample_weight"))
        self.shuffled = self.rows is not None and given.get("shuffle") is not False
        self.batches = KeptBatches()
        self.rates: list[tuple[int, float]] = []
        self.best: BestPoint | None = None
        self.next_copy = 0.0  # of `time.perf_counter`

    def note_rate(self, step: int, rate: float) -> None:
        """The learning rate from ``step`` on, which callbacks may have changed."""
        if step == 0:
            self.rate = rate
        elif rate != (self.rates[-1][1] if self.rates else self.rate):
            self.rates.append((step, rate))

    def note_epoch(self, steps: int, loss: float, began: float) -> None:
        """An epoch has ended with the mean ``loss``: hold where it stands, if it stands best so far.

        ``began``: the loss of the first step. Not where a copy was made a moment ago, or would be too large.
        """
        now, share = time.perf_counter(), loss / began if began > 0 else math.inf
        lowest = math.inf if self.best is None else self.best.share
        if not (math.isfinite(share) and share < lowest) or now < self.next_copy:
            return
        held: Sequence[Any] = [] if self.optimizer is None else seam().kept_by(self.optimizer)
        parts = (self.model.trainable_variables, seam().state_variables(self.model), held)
        if sum(map(size_of, parts)) > BEST_BYTES:
            self.next_copy = math.inf
            return
        self.best = BestPoint(steps, loss, share, *map(copied, parts))
        ended = time.perf_counter()
        self.next_copy = ended + (ended - now) / BEST_SHARE

    def hold(self, batch: HostBatch) -> None:
        """Keep a batch that a look has brought, where the data did not come as arrays."""
        if self.rows is None:
            self.batches.hold(batch)

    def kept(
        self,
        template: Structure,
        info: FitInfo,
        record: FitRecorder,
        crashed: bool = False,
        called: Loss | None = None,
    ) -> KeptTraining | None:
        """The whole of it, at the end of the fit; None where there are no rows to train on.

        ``crashed``: a step raised, be it the first. ``called``: the loss of a loop, where that is Keras's.
        """
        rows = self.batches.rows(template) if self.rows is None else self.rows
        loss, optimizer = seam().compiled_loss(self.model), self.optimizer
        own_step = not self.is_loop and has_own_step(self.model)
        first_step = self.first_step(record) if self.is_loop else None
        if self.is_loop:
            loss = called
        if self.is_loop and first_step is None:
            return None
        if rows is None or optimizer is None or not (info.steps or crashed):
            return None
        if loss is None and not own_step and not self.is_loop:
            return None
        if not seam().weights_of(self.model):
            return None
        if len(self.model.trainable_variables) != len(self.first_weights):  # it was built in its first step
            return None
        if crashed and not getattr(self.model, "built", True):  # and is not to be by a trial
            return None
        sizes = [len(next(iter(batch.values()))) for batch in self.batches.batches]
        batch_size = info.batch_size or max(sizes, default=KERAS_BATCH)
        began, ended = record.losses or (math.nan, math.nan)
        progress = ended / began if math.isfinite(ended) and began and not crashed else math.inf
        return KeptTraining(
            info.index,
            self.model,
            loss,
            optimizer,
            self.first_weights,
            self.first_state,
            rows,
            batch_size,
            self.shuffled,
            info.class_weight,
            self.rate,
            info.steps,
            progress,
            own_step,
            tuple(self.rates),
            first_step,
            self.best,
        )

    def first_step(self, record: FitRecorder) -> FirstStep | None:
        """What the first step of a loop showed; None where not all of it was seen."""
        if record.losses is None or record.first_norm is None or not self.batches.batches:
            return None
        rows = len(next(iter(self.batches.batches[0].values())))
        return FirstStep(rows, record.losses[0], record.first_norm)


def size_of(variables: Sequence[Any]) -> int:
    """Bytes, as float32."""
    return sum(math.prod(each.shape) * 4 for each in variables)


def copied(variables: Sequence[Any]) -> Weights:
    return [np.array(variable.numpy()) for variable in variables]


def can_be_made_again(model: Model) -> bool:
    """Whether it is trained by its own step with one optimizer, on one device: that can be run again."""
    optimizers = seam().optimizers_of(model)
    return model.optimizer is not None and len(optimizers) == 1 and not seam().is_distributed(model)


def begun_with(model: Model) -> Weights | None:
    """The trainable weights before the first step, which has been traced and may have made them.

    None where they are too many, or cannot be had.
    """
    try:
        return first_weights_of(model)
    except tf.errors.FailedPreconditionError:  # they have no values yet
        return drawn_again(model)


def has_own_step(model: Model) -> bool:
    """Whether the script wrote what a step does: then that is run, and not what is known of Keras's."""
    kind = type(model)
    return not all(map(seam().is_keras_own, (kind.train_step, kind.compute_loss)))


def drawn_again(model: Model) -> Weights | None:
    """The trainable weights that ``model`` began with, where its first step has made them.

    Until that has run they have no values. An initializer of Keras's gives the same each time it is asked
    (its seed is drawn when it is made). None where a weight is made by anything else, or they are too large.
    """
    owners = {id(each): layer for _, layer in seam().layers_of(model) for each in seam().own_variables(layer)}
    found = []
    if size_of_weights(model) > FIRST_WEIGHTS_BYTES:
        return None
    for variable in model.trainable_variables:
        layer: Any = owners.get(id(variable))
        name = seam().name_in_layer(variable)
        initializer = getattr(layer, INITIALIZERS.get(name, ""), None)
        if initializer is None or not seam().is_keras_own(type(initializer)):
            return None
        value = seam().draw_again(initializer, variable.shape)
        if value is None:
            return None
        if name == "bias" and getattr(layer, "unit_forget_bias", False):  # of an LSTM
            value[layer.units : 2 * layer.units] = 1.0
        found.append(value)
    return found
