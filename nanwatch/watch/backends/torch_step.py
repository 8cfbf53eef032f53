"""The training step of Keras on PyTorch, which runs eagerly: its gradients are at hand before the update."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from nanwatch.record.watchpoints import Role
from nanwatch.watch.backends import host_rows, seen_step
from nanwatch.watch.backends.affordable import affordable
from nanwatch.watch.backends.host_rows import OUTPUT, array_of, in_order
from nanwatch.watch.backends.host_step import HostStepWatcher
from nanwatch.watch.backends.layers_again import ForwardPass, bad_layers
from nanwatch.watch.backends.seen_step import SeenStep
from nanwatch.watch.data import batch as batches
from nanwatch.watch.keras_seam import keras_on_torch
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.chosen import keras
from nanwatch.watch.keras_seam.keras_types import Array, Model, Optimizer, Structure, Variable
from nanwatch.watch.train_step import inspection
from nanwatch.watch.train_step.row_layout import LEARNING_RATE, LOSS, ROWS, Key
from nanwatch.watch.train_step.traced_step import CatchErrors


@dataclass
class RunningStep:
    """What one step has shown so far."""

    seen: SeenStep
    gradients: list[Any] = field(default_factory=list)  # of the trained variables; None where there is none
    norms: dict[str, float] = field(default_factory=dict)  # path of the variable -> norm of its gradient
    loss: float | None = None
    bad: bool = False
    held_back: bool = False  # an update was
    updated: bool = False  # one was made


class TorchStepWatcher(HostStepWatcher):
    """Watches the steps of one model on PyTorch."""

    def __init__(self, model: Model, hold: bool, catch_errors: CatchErrors) -> None:
        super().__init__(model, hold, catch_errors)
        self.running: RunningStep | None = None
        model.train_function = None

    def attach(self) -> None:
        if not self.patches.entries:
            self.patches.set(self.model, "train_step", self.train_step)
            self.patches.set(self.model, "make_train_function", self.make_train_function)
            seen_step.wrap_ends(self.patches, self.model)
            for optimizer in seam().optimizers_of(self.model):
                seam().wrap_updates(self.patches, optimizer, self.see_update)

    def make_train_function(self, force: bool = False) -> Any:
        """As Keras's, but it goes through ``self.execute``."""
        model = self.model
        if model.train_function is not None and not force:
            return model.train_function
        self.layout = None  # what is trainable may have changed
        function = keras_on_torch.make_function(model, type(model).make_train_function)
        model.train_function = functools.partial(self.execute, function)
        return model.train_function

    def go_on_bare(self, error: Exception, iterator: Iterator[Structure]) -> Structure:
        self.release()
        function = keras_on_torch.make_function(self.model, type(self.model).make_train_function)
        self.model.train_function = functools.partial(self.execute, function)
        return function(iterator)

    # -- a step ----------------------------------------------------------------------------------

    def train_step(self, data: Structure) -> Structure:
        """The watched step: the user's own, one row, then perhaps a look."""
        before: list[tuple[Variable, Any]] = []
        with self.catch_errors("looking at a batch"):
            self.begin_step(data)
            before = self.state_before()
        running = self.running = RunningStep(SeenStep(self.catch_errors))
        looks = self.layout is None or self.look_is_due()
        try:
            with seen_step.noting(running.seen), self.layers_seen(looks):
                logs = self.original(data)
        finally:
            self.running = None
        with self.catch_errors("watching the step"), torch.no_grad():
            self.end_step(running, data, before, looks)
        return logs

    def layers_seen(self, looks: bool) -> Any:
        return seen_step.layers_wrapped(self.model, self.catch_errors, looks)

    def state_before(self) -> list[tuple[Variable, Any]]:
        """What a step changes besides the weights, as it is now; nothing where no step is held back."""
        if not self.hold:
            return []
        kept = [*seam().state_variables(self.model), *seam().metric_variables(self.model)]
        return [(variable, variable.value.detach().clone()) for variable in kept]

    def put_back(self, before: Sequence[tuple[Variable, Any]]) -> None:
        for variable, value in before:
            variable.assign(value)

    def end_step(
        self, running: RunningStep, data: Structure, before: Sequence[tuple[Variable, Any]], looks: bool
    ) -> None:
        if running.loss is None:
            running.loss = loss_of(running.seen)
        running.bad |= running.loss is not None and not math.isfinite(running.loss)
        if self.layout is None:
            self.lay_out_step(running, data)
        if running.held_back:
            self.put_back(before)
        elif running.bad and self.hold:
            self.beyond_recall = True
        weighed = self.is_weighed(self.number)
        row = self.row_of(running, data, weighed)
        if looks and not running.bad and self.look_is_due():
            self.look(running.seen, data)
        self.note_step(row, np.array(running.bad), weighed, data)
        self.judge(self.rows[-1])
        running.seen.stand_ins.clear()

    def lay_out_step(self, running: RunningStep, data: Structure) -> None:
        self.variables = list(self.model.trainable_variables)
        missing: dict[Role, bool] = {
            "loss": running.loss is None,
            "output": not running.seen.outputs,
            "gradient": not running.gradients,
        }
        self.lay_out(data, [role for role, is_missing in missing.items() if is_missing])
        self.note_seen(running.seen, running.gradients)

    def row_of(self, running: RunningStep, data: Structure, weighed: bool) -> Array:
        assert self.layout is not None
        cells: dict[Key, float] = batch_cells(host_rows.on_host(batches.split_batch(data)))
        if self.optimizer is not None:
            cells[LEARNING_RATE] = float(array_of(self.optimizer.learning_rate))
        if running.loss is not None:
            cells[LOSS] = running.loss
        outputs = [tensor for _, tensor in running.seen.outputs]
        if outputs:
            cells[OUTPUT] = sum(half_squares(keras_on_torch.norms_of(outputs)))
        for path, norm in running.norms.items():
            cells["gradient", path, "l2_norm"] = 0.5 * norm * norm
        if weighed:
            weights = [variable.value for variable in self.variables]
            for variable, half in zip(
                self.variables, half_squares(keras_on_torch.norms_of(weights)), strict=True
            ):
                cells["weight", seam().path_of(variable), "l2_norm"] = half
        with np.errstate(over="ignore"):
            return np.array(in_order(self.layout, cells, 0.0), np.float32)

    def see_update(
        self,
        optimizer: Optimizer,
        original: Callable[..., object],
        grads: Sequence[Any],
        trainable_variables: Sequence[Variable] | None = None,
    ) -> object:
        """In the place of the optimizer's ``apply``: a bad update is not made."""
        grads, running = list(grads), self.running
        if running is None or seen_step.current() is not running.seen:
            return original(grads, trainable_variables)
        with self.catch_errors("weighing the gradients"), torch.no_grad():
            self.weigh(running, optimizer, grads, list(trainable_variables or seam().trained_by(optimizer)))
        if self.hold and (running.bad or self.bad_at is not None):
            running.held_back = True
            self.beyond_recall |= running.updated
            return None
        running.updated = True
        with seen_step.noting(None):  # an optimizer's own optimizer is not another one
            return original(grads, trainable_variables)

    def weigh(
        self, running: RunningStep, optimizer: Optimizer, grads: list[Any], variables: Sequence[Variable]
    ) -> None:
        present = [(grad, each) for grad, each in zip(grads, variables, strict=False) if grad is not None]
        norms = keras_on_torch.norms_of([grad for grad, _ in present])
        loss = running.seen.losses[-1:] or [torch.zeros(())]
        told = torch.cat([loss[0].detach().float().mean().reshape(1).to(norms.device), norms]).tolist()
        if running.seen.losses:
            running.loss = told[0]
        running.gradients += grads
        scale = seam().scale_of_gradients(optimizer)
        factor = 1.0 if scale is None else float(array_of(scale))
        for (_, variable), norm in zip(present, told[1:], strict=True):
            path = seam().path_of(variable)
            running.norms[path] = math.hypot(running.norms.get(path, 0.0), norm / factor)
        bad = not math.isfinite(told[0])
        if not bad and not seam().is_loss_scaling(optimizer) and not all(map(math.isfinite, told)):
            bad = not all(bool(torch.isfinite(grad).all()) for grad, _ in present)
        running.bad |= bad

    # -- a look ----------------------------------------------------------------------------------

    def look(self, seen: SeenStep, data: Structure) -> None:
        with self.catch_errors("looking at a step in full"):
            self.can_look = False  # if it fails
            self.show(self.passed(seen), data)
            self.can_look = True

    def passed(self, seen: SeenStep) -> ForwardPass:
        """What the layers have given in a step that was seen in full."""
        known = {id(layer): path for path, layer in seam().layers_of(self.model)}
        found = [(known[id(layer)], tensor) for layer, tensor in seen.activations if id(layer) in known]
        counts = ((path, bad_counts(tensor), tensor.numel()) for path, tensor in found)
        shown = affordable(dict(found))
        return ForwardPass(
            [(key, array_of(tensor)) for key, tensor in seen.outputs],
            [(path, array_of(tensor)) for path, tensor in shown.items()],
            bad_layers(counts),
            self.samples(),
        )

    def samples(self) -> dict[str, Array]:
        found = {}
        for variable in self.variables:
            value = variable.value.detach().reshape(-1)
            stride = max(1, value.numel() // inspection.SAMPLE)
            sample = array_of(value[::stride][: inspection.SAMPLE])
            found[seam().path_of(variable)] = sample.astype(np.float32)
        return found

    def forward(self, data: Structure) -> ForwardPass | None:
        x = keras.utils.unpack_x_y_sample_weight(data)[0]
        before = self.state_before()
        seen = SeenStep(self.catch_errors)
        try:
            with torch.no_grad(), seen_step.noting(seen), self.layers_seen(True):
                keras_on_torch.call(self.model, x)
            return self.passed(seen)
        finally:
            self.put_back(before)


def loss_of(seen: SeenStep) -> float | None:
    return float(seen.losses[-1].detach().float().mean()) if seen.losses else None


def half_squares(norms: Any) -> list[float]:
    return [0.5 * norm * norm for norm in norms.tolist()]


def batch_cells(batch: Mapping[tuple[Role, str], Array]) -> dict[Key, float]:
    """What the batch tells, by column."""
    cells: dict[Key, float] = {}
    for (role, key), array in batch.items():
        if array.ndim:
            cells.setdefault(ROWS, float(len(array)))
        if role == "label" or host_rows.is_whole(array):
            cells[role, key, "min"] = float(array.min()) if array.size else math.inf
            cells[role, key, "max"] = float(array.max()) if array.size else -math.inf
        else:
            flat = array.reshape(-1)
            with np.errstate(over="ignore", invalid="ignore"):
                cells[role, key, "l2_norm"] = 0.5 * float(np.dot(flat, flat))
    return cells


def bad_counts(tensor: Any) -> Array:
    """How many elements are NaN, inf and -inf."""
    checks = (torch.isnan(tensor), torch.isposinf(tensor), torch.isneginf(tensor))
    return np.array([int(check.sum()) for check in checks])
