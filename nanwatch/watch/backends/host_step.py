"""The watch of a step whose numbers come to the host one step after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from nanwatch.record.facts import BroadcastInfo, SpreadEntry
from nanwatch.record.notes import NotWatched, RoleOutOfReach
from nanwatch.record.watchpoints import Role
from nanwatch.watch.backends import host_rows
from nanwatch.watch.backends.host_state import HostLabelCounts, HostStateCheck
from nanwatch.watch.backends.layers_again import ForwardPass
from nanwatch.watch.backends.seen_step import SeenStep
from nanwatch.watch.data import batch as batches
from nanwatch.watch.data.batch import HostBatch
from nanwatch.watch.data.label_counts import LabelCounts
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.keras_types import (
    Array,
    Gradient,
    Graph,
    Model,
    Optimizer,
    Structure,
    Variable,
)
from nanwatch.watch.keras_seam.patches import Patches
from nanwatch.watch.train_step import inspection
from nanwatch.watch.train_step.inspection import Inspection, SeenArray, Trace
from nanwatch.watch.train_step.left_behind import LeftBehind, Rows
from nanwatch.watch.train_step.repeatable_step import RepeatableStep
from nanwatch.watch.train_step.row_layout import Layout
from nanwatch.watch.train_step.state_check import StateCheck
from nanwatch.watch.train_step.step_recorder import (
    BAD_LOSS_OR_GRADIENT,
    BAD_STATE,
    BAD_WEIGHT,
    DRAIN_SECONDS,
    WEIGHTS_EVERY,
    call_directly,
    finite_before,
    inspect_no_more,
)
from nanwatch.watch.train_step.step_watcher import Execute, OnBuilt, OnInspection
from nanwatch.watch.train_step.traced_step import CatchErrors, TracedStep

MOST_ROWS = 256  # that wait on the device to be fetched


class StepNumbers(NamedTuple):
    """What a step has left: arrays that may still be on the device."""

    number: int
    row: Array  # float32, shape (columns of the layout,)
    bad: Array  # bool scalar: a loss or a gradient is not finite
    weighed: bool  # the weights were summed in it
    data: Structure  # what it was given


class HostStepWatcher:
    """`StepWatcher` of a model's own step; `attach` puts it on the model.

    What raises NotImplementedError is each backend's to say.
    """

    replicas = 1
    reads_alone = True
    beyond_recall = False
    jit = False

    def __init__(self, model: Model, hold: bool, catch_errors: CatchErrors) -> None:
        self.model: Model = model
        self.hold = hold
        self.catch_errors = catch_errors
        self.on_inspection: OnInspection = inspect_no_more
        self.execute: Execute = call_directly
        self.on_built: OnBuilt = lambda: None
        self.on_eager_step: Callable[[], object] = lambda: None
        self.layout: Layout | None = None
        self.state: StateCheck = HostStateCheck()
        self.counts = HostLabelCounts()
        self.label_counts: LabelCounts = self.counts
        self.counting = False
        self.first_seen: TracedStep | None = None
        self.not_watched: list[NotWatched] = []
        self.broadcasts: tuple[BroadcastInfo, ...] | None = None
        self.template: Structure = None
        self.traces: dict[int, Trace] = {}
        self.patches = Patches()
        self.original = model.train_step
        self.variables: list[Variable] = []  # that are trained
        self.rows: list[StepNumbers] = []
        self.number = 0  # steps that have begun
        self.drained = 0
        self.drained_at = time.perf_counter()
        self.next_look = 0
        self.bad_at: int | None = None  # the step that is told
        self.weights: Array | None = None  # their cells, as they were summed last
        self.last_data: Structure = None
        self.again: ForwardPass | None = None  # of the bad step
        self.can_look = True

    # -- the model -------------------------------------------------------------------------------

    @property
    def optimizer(self) -> Optimizer | None:
        return self.model.optimizer

    @property
    def own_optimizer(self) -> Optimizer | None:
        return self.model.optimizer

    def report_to(self, on_inspection: OnInspection, execute: Execute, on_built: OnBuilt) -> None:
        self.on_inspection, self.execute, self.on_built = on_inspection, execute, on_built

    def attach(self) -> None:
        """The model is about to be trained."""
        raise NotImplementedError

    def detach(self) -> None:
        self.patches.undo()

    def release(self) -> None:
        self.detach()
        self.model.train_function = None

    def begin(self, count_labels: bool) -> None:
        self.counting = count_labels
        self.rows.clear()
        self.number = self.drained = self.next_look = 0
        self.drained_at = time.perf_counter()
        self.bad_at = self.again = self.weights = None
        self.not_watched.clear()
        self.state.begin(self.model)
        self.state.lay_out(self.model)
        self.label_counts.begin()
        self.variables = list(self.model.trainable_variables)

    # -- a step ----------------------------------------------------------------------------------

    def lay_out(self, data: Structure, without: Sequence[Role]) -> Layout:
        """Decide what stands where in a row."""
        batch = batches.split_batch(data)
        self.layout = host_rows.layout_of(batch, self.variables, without)
        self.not_watched += host_rows.list_not_dense(batch)
        self.not_watched += map(RoleOutOfReach, without)
        return self.layout

    def note_seen(self, seen: SeenStep, grads: Sequence[object]) -> None:
        """What the first step of a trace showed."""
        found = seen.let_go()
        pairs = zip(grads, self.variables, strict=False)
        found.gradients += [
            Gradient(None if grad is None else seen.stand_in(grad), each) for grad, each in pairs
        ]
        self.first_seen = found

    def is_weighed(self, number: int) -> bool:
        """Whether the weights are summed in a step: between two sums the last one is told."""
        return number < inspection.FIRST_LOOKS or number % WEIGHTS_EVERY == 0

    def begin_step(self, data: Structure) -> None:
        """A step is about to be made with ``data``, on the weights as they stand."""
        self.last_data = data
        if self.template is None:
            self.template = seam().map_structure(lambda leaf: None if leaf is None else 0, data)
        if self.counting and self.bad_at is None:
            self.counts.count_batch(self.host_batch(data))

    def host_batch(self, data: Structure) -> HostBatch:
        return host_rows.on_host(batches.split_batch(data))

    def note_step(self, row: Array, bad: Array, weighed: bool, data: Structure) -> None:
        self.rows.append(StepNumbers(self.number, row, bad, weighed, data))
        self.number += 1

    def look_is_due(self) -> bool:
        return self.can_look and self.bad_at is None and self.number >= self.next_look

    def show(self, passed: ForwardPass, data: Structure) -> None:
        """A routine look at the step that is about to be made, or has been made just now."""
        self.next_look = self.on_inspection(self.look_of(self.number, 0, np.zeros(0), data, passed))

    def look_of(
        self, number: int, flag: int, row: Array, data: Structure, passed: ForwardPass | None
    ) -> Inspection:
        tensors = []
        if passed is not None:
            tensors = [SeenArray("output", key, array) for key, array in passed.outputs]
            tensors += [SeenArray("activation", path, array) for path, array in passed.activations]
        samples = {} if passed is None else passed.samples
        return Inspection(number, flag, row, self.host_batch(data), tensors, samples)

    def judge(self, step: StepNumbers) -> None:
        """Whether a step that was made is bad, or has left a weight that is; the first one is reported."""
        assert self.layout is not None
        if self.bad_at is not None:
            return
        flag = BAD_LOSS_OR_GRADIENT if bool(step.bad) else 0
        if not flag and step.weighed:
            flag = 0 if np.isfinite(np.asarray(step.row)[self.layout.of_step :]).all() else BAD_WEIGHT
        if not flag:
            return
        self.bad_at = step.number
        if flag == BAD_LOSS_OR_GRADIENT and self.hold:
            with self.catch_errors("making the forward pass of a bad step again"):
                self.again = self.forward(step.data)
        self.on_inspection(self.look_of(step.number, flag, self.whole_row(step), step.data, self.again))

    def forward(self, data: Structure) -> ForwardPass | None:
        """The forward pass of a step with ``data``, from the weights and the state as they stand."""
        raise NotImplementedError

    # -- rows ------------------------------------------------------------------------------------

    def whole_row(self, step: StepNumbers) -> Array:
        """The row of a step, the weights' cells as they were summed last; float64."""
        assert self.layout is not None
        row = np.array(step.row, np.float64)
        if step.weighed or self.weights is None:
            self.weights = row[self.layout.of_step :].copy()
        row[self.layout.of_step :] = self.weights
        return row

    def is_drain_due(self, steps: int) -> bool:
        waiting = len(self.rows)
        return waiting >= MOST_ROWS or time.perf_counter() - self.drained_at > DRAIN_SECONDS

    def go_on_bare(self, error: Exception, iterator: Iterator[Structure]) -> Structure:
        """What the call that failed with ``error`` would have given, nothing of nanwatch's in it."""
        raise NotImplementedError

    def bad_layers(self) -> list[SpreadEntry] | None:
        if self.again is None:
            return None
        bad = self.again.bad
        return [SpreadEntry("activation", each.path, each.num_bad, each.size, each is bad[0]) for each in bad]

    def catch_up(self) -> None:
        """Judge the steps that were made and not looked at yet."""

    def drain(self) -> tuple[int, Rows]:
        self.drained_at = time.perf_counter()
        self.catch_up()
        steps, self.rows = self.rows, []
        if self.bad_at is not None and self.hold:  # what came behind was held back with it
            steps = [step for step in steps if step.number <= self.bad_at]
        first = self.drained
        self.drained += len(steps)
        if self.layout is None or not steps:
            return first, np.zeros((0, 0 if self.layout is None else self.layout.width))
        return first, np.stack([self.whole_row(step) for step in steps])

    # -- what else a `StepWatcher` is asked --------------------------------------------------------

    def loss_graph(self) -> Graph | None:
        return None

    def make_up_for_missing_data(self) -> None:
        """Nothing is written for a batch that did not come."""

    def left_behind(self) -> LeftBehind | None:
        return None

    def steps_done(self) -> int:
        return self.number

    def last_step(self) -> Inspection:
        assert self.layout is not None
        return Inspection(self.number - 1, BAD_STATE, np.zeros(self.layout.width), {}, [], {})

    def finite_before(self, step: int) -> int:
        return finite_before(step)

    def note_state_is_fine(self) -> None:
        """Nothing hangs on it."""

    def tell_no_more(self) -> None:
        self.bad_at = self.number - 1

    def held_batch(self) -> HostBatch:
        return {} if self.last_data is None else self.host_batch(self.last_data)

    def bad_step(self) -> None:
        """The ops of a step cannot be looked at."""

    def forget_batch(self) -> None:
        self.last_data = None
        self.rows.clear()

    def repeatable(self, batch: HostBatch) -> RepeatableStep | None:
        return None
