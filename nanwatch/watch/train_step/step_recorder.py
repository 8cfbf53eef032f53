"""The device side of watching: a row for every step in a ring, a look now and then."""

from __future__ import annotations

import functools
import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from nanwatch.record.facts import BroadcastInfo
from nanwatch.record.notes import NotWatched, RoleOutOfReach
from nanwatch.record.watchpoints import Role
from nanwatch.watch.data import batch as batches
from nanwatch.watch.data.batch import HostBatch, WatchedTensor
from nanwatch.watch.data.label_counts import LabelCounts
from nanwatch.watch.keras_seam import tensorflow_names
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.keras_types import (
    Array,
    Graph,
    Model,
    Optimizer,
    StepFunction,
    Structure,
    Tensor,
    Variable,
)
from nanwatch.watch.keras_seam.public_tensorflow import tf
from nanwatch.watch.train_step import held_values, inspection, row_cells
from nanwatch.watch.train_step.eager_ops import EagerStep
from nanwatch.watch.train_step.host_call import call_host
from nanwatch.watch.train_step.inspection import (
    STEPS_AFTER_AN_ERROR,
    Inspection,
    Names,
    RanStep,
    SeenArray,
    Trace,
)
from nanwatch.watch.train_step.left_behind import LeftBehind, rows_in
from nanwatch.watch.train_step.materialised import copies_of, is_materialised
from nanwatch.watch.train_step.row_layout import Layout, layout_of
from nanwatch.watch.train_step.sentinels import all_finite
from nanwatch.watch.train_step.state_check import StateCheck
from nanwatch.watch.train_step.step_watcher import Execute, OnBuilt, OnInspection, Rows
from nanwatch.watch.train_step.traced_step import CatchErrors, TracedStep, has_penalty
from nanwatch.watch.train_step.update_guard import PostedUpdate, UpdateGuard

TRACES = itertools.count()
MOST_TRACES = 16  # that a recorder keeps: a step of which there are more is traced for every shape
RING_ROWS = 512  # steps the device remembers between two drains
RING_BYTES = 32 * 2**20
DRAIN_SECONDS = 0.5  # a kill loses at most this much, and what is on its way
BAD_LOSS_OR_GRADIENT, BAD_WEIGHT, BAD_STATE = 1, 2, 3
BAD_ELSEWHERE = 4  # in a replica of another worker, which this one holds the update back with
AFTER_THE_STEP = (BAD_WEIGHT, BAD_STATE)  # what is bad was made by the step, and cannot be held back
# To sum all weights is a pass over as much memory as the model has: a tenth of what an optimizer reads
# and writes. Weights move little in a step, so that between two sums the last one is told.
WEIGHTS_EVERY = 8


class Holder(NamedTuple):
    """What a bad step of one trace hands over."""

    trace: int  # its number
    hold: Callable[[], tf.Tensor]  # makes the op that does it, an int32 scalar


class StepRecorder:
    """Takes the numbers of one step after another; `drain` hands them on.

    An `Inspection` is reported inside the running step, in one of TensorFlow's threads, now and then and
    at the first bad step.
    """

    model: Model | None  # None while a loop of the script's own has not shown one
    replicas = 1  # that train in step

    def __init__(self, hold: bool, catch_errors: CatchErrors) -> None:
        self.on_inspection: OnInspection = inspect_no_more
        self.execute: Execute = call_directly
        self.on_built: OnBuilt = lambda: None
        self.on_eager_step: Callable[[], object] = lambda: None  # while its ops are still held
        self.catch_errors = catch_errors
        self.layout: Layout | None = None
        self.label_counts = LabelCounts()
        self.state = StateCheck()
        self.counting = False  # whether the next tracing counts the labels
        self.first_seen: TracedStep | None = None
        self.not_watched: list[NotWatched] = []
        self.broadcasts: tuple[BroadcastInfo, ...] | None = None
        self.template: Structure = None
        self.beyond_recall = False
        self.reads_alone = True
        self.jit = False
        self.halted = tensorflow_names.make_variable(False, "nanwatch_halted")
        self.reported = tensorflow_names.make_variable(False, "nanwatch_reported")
        self.counter = tensorflow_names.make_variable(np.int64(0), "nanwatch_step")
        self.next_look = tensorflow_names.make_variable(np.int64(0), "nanwatch_next_look")
        self.guard = UpdateGuard(self.halted, PostedUpdate.box(), catch_errors, hold=hold)
        self.ring: tf.Variable | None = None
        self.weights: tf.Variable | None = None  # their cells, as they were summed last
        self.suspect: tf.Variable | None = None  # whether one of these sums is not finite
        self.ring_rows = RING_ROWS
        self.last_batch: dict[tuple[Role, str], tf.Variable] = {}
        self.drained = 0
        self.steps_since_drain = 0
        self.drained_at = time.perf_counter()
        self.look_names: Names = []
        self.shows_activations = True
        self.without: list[Role] = []  # what of a step cannot be had: "loss", "gradient"
        self.traces: dict[int, Trace] = {}  # the latest, by their numbers
        self.ran: tuple[int, Mapping[str, Array]] | None = None  # the bad trace, and what its step held

    def loss_graph(self) -> Graph | None:
        """The graph that a loss was traced in last, be it that the trace has failed."""
        return None if self.guard.loss_graph is None else self.guard.loss_graph()

    # -- inside the compiled step --------------------------------------------------------------

    def lay_out(
        self,
        batch: batches.Batch,
        seen: TracedStep,
        variables: Sequence[Variable],
        steps_per_execution: int = 1,
    ) -> Layout:
        """Decide what stands where in a row, and make the ring."""
        self.layout = self.layout_for(batch, seen, variables)
        rows = max(16, min(RING_ROWS, RING_BYTES // (4 * self.layout.width)))
        self.ring_rows = max(rows, 2 * steps_per_execution)
        self.state.lay_out(self.model)
        width = self.layout.width
        self.ring = tensorflow_names.make_variable(
            np.zeros([self.ring_rows, width], np.float32), "nanwatch_ring"
        )
        sums = np.zeros([width - self.layout.of_step], np.float32)
        self.weights = tensorflow_names.make_variable(sums, "nanwatch_weights")
        self.suspect = tensorflow_names.make_variable(False, "nanwatch_suspect")
        return self.layout

    def layout_for(self, batch: batches.Batch, seen: TracedStep, variables: Sequence[Variable]) -> Layout:
        """What stands where in a row; what has no place in it is noted."""
        self.first_seen = seen
        self.not_watched.clear()
        self.not_watched += batches.list_not_dense(batch)
        self.not_watched += map(RoleOutOfReach, self.without)
        return layout_of(
            self.model, variables, batch, has_penalty(seen), self.without, self.fused_activations(seen)
        )

    def fused_activations(self, seen: TracedStep) -> set[str]:
        """The paths of layers whose output a sentinel would keep from being computed with what follows."""
        bases = {path: row_cells.behind_reshapes(tensor) for path, tensor in self.activations(seen).items()}
        return {path for path, base in bases.items() if not is_materialised(base)}

    def cells(self, seen: TracedStep, loss: Tensor | None, variables: Sequence[Variable]) -> Tensor:
        """The cells that the user's step itself gives: float32, shape (of_step - of_batch,)."""
        assert self.layout is not None
        return row_cells.step_cells(self.layout, seen, loss, self.optimizer, self.activations(seen))

    def weight_cells(self, variables: Sequence[Variable]) -> Tensor:
        """The last cells of the row: the weights as the step has left them; float32, a vector."""
        assert self.layout is not None
        return row_cells.weight_cells(self.layout, variables)

    def batch_cells(self, batch: batches.Batch) -> Tensor:
        """The first cells of the row: what the batch tells; float32, shape (of_batch,)."""
        assert self.layout is not None
        return row_cells.batch_cells(self.layout, batch)

    def activations(self, seen: TracedStep) -> dict[str, Tensor]:
        """Layer path -> what the layer gave out last. A layer's path is final once it is built."""
        if self.model is None:
            return {}
        paths = {id(layer): path for path, layer in seam().layers_of(self.model)}
        return {paths[id(layer)]: tensor for layer, tensor in seen.activations if id(layer) in paths}

    def inspected_tensors(self, seen: TracedStep) -> list[WatchedTensor]:
        """What a look is shown beside the batch."""
        outputs = [WatchedTensor("output", key, tensor) for key, tensor in seen.outputs]
        activations = (
            inspection.affordable_activations(self.activations(seen)) if self.shows_activations else []
        )
        self.look_names = [(role, path) for role, path, _ in outputs + activations]
        return outputs + activations

    def remember(self, batch: batches.Batch) -> None:
        """Hold on to the batch, so that it is known when the step raises. No copy is made."""
        for role, key, tensor in batches.dense_tensors(batch):
            held = self.last_batch.get((role, key))
            if held is None or held.dtype != tensor.dtype:  # another fit may bring another kind of data
                with tf.init_scope():
                    nothing = tf.zeros([0] * (tensor.shape.rank or 0), tensor.dtype)
                held = tensorflow_names.make_variable(nothing, "nanwatch_batch", tf.TensorShape(None))
                self.last_batch[role, key] = held
            held.assign(tensor)

    def record(
        self,
        batch: batches.Batch,
        cells: Tensor,
        bad: Tensor,
        tensors: Sequence[Tensor],
        variables: Sequence[Variable],
        restore: Callable[[Tensor], None] | None = None,
        seen: TracedStep | None = None,
    ) -> None:
        """Write the row into the ring, count the step, and look if it is time or something is bad.

        ``cells`` are what `cells` gives, ``bad`` is a bool scalar, ``tensors`` are for a look. What ``seen``
        must hold, so that its ops can be run again, is handed over where the step is bad.
        All that a healthy step does not need is in one branch that it does not take.
        """
        ring, sums, suspected = self.ring, self.weights, self.suspect
        assert ring is not None
        assert sums is not None
        assert suspected is not None
        row = tf.concat([self.batch_cells(batch), cells], axis=0)
        if self.counting:
            self.label_counts.count(batch["label"])
        with tf.control_dependencies([row]):  # a step that raises is no step
            number = tf.subtract(self.counter.assign_add(1, read_value=True), 1)

        def weigh() -> tf.Tensor:
            found = self.weight_cells(variables)
            sums.assign(found)
            large = tf.logical_not(tf.math.is_finite(tf.reduce_sum(found)))
            suspected.assign(tf.logical_or(large, self.state.suspicious()))
            return tf.constant(0)

        every_so_often = tf.equal(tf.math.floormod(number, WEIGHTS_EVERY), 0)
        fresh = tf.logical_or(tf.less(number, inspection.FIRST_LOOKS), every_so_often)
        tensorflow_names.keep_whole(tf.cond(fresh, weigh, lambda: tf.constant(0)))
        suspect = tf.convert_to_tensor(suspected)
        row = tf.concat([row, sums], axis=0)
        place = tf.math.floormod(number, self.ring_rows)
        ring.scatter_update(tf.IndexedSlices(tf.expand_dims(row, 0), tf.expand_dims(place, 0)))
        odd = tf.logical_or(tf.logical_or(bad, suspect), self.halted)
        is_time = tf.greater_equal(number, self.next_look)
        due = tf.logical_or(odd, is_time)
        names = [(role, key) for role, key, _ in batches.dense_tensors(batch)]
        shown = [tensor for _, _, tensor in batches.dense_tensors(batch)]
        look_names = list(self.look_names)
        holder = self.holder(seen)

        def weighed_bad() -> tuple[tf.Tensor, tf.Tensor]:
            weights = [weight for weight in map(tf.convert_to_tensor, variables) if weight.dtype.is_floating]
            return tf.logical_not(all_finite(weights)), self.state.went_bad()

        def special() -> tf.Tensor:
            fine = (tf.constant(False), tf.constant(False))
            bad_weight, bad_state = tf.cond(suspect, weighed_bad, lambda: fine)
            if restore is not None:
                restore(tf.logical_or(bad, self.halted))
            after = tf.where(bad_weight, BAD_WEIGHT, tf.where(bad_state, BAD_STATE, 0))
            flag = tf.where(bad, BAD_LOSS_OR_GRADIENT, after)
            news = tf.where(self.reported, 0, flag)  # of a training that goes on the first one is told
            routine = tf.logical_and(is_time, tf.logical_not(self.halted))
            is_bad = tf.greater(flag, 0)
            held = [] if holder is None else [tf.cond(tf.greater(news, 0), holder.hold, nothing)]
            with tf.control_dependencies(held):  # else the look may be taken first
                seen_now = tf.logical_or(tf.greater(news, 0), routine)
                tf.cond(seen_now, lambda: take(news), nothing)
            if self.guard.hold:
                self.halted.assign(tf.logical_or(self.halted, is_bad))
            self.reported.assign(tf.logical_or(self.reported, is_bad))
            return tf.constant(0)

        def take(flag: Tensor) -> tf.Tensor:
            samples = inspection.weight_samples(variables)
            seen = copies_of(tensors)
            given = [number, flag, row, *shown, *seen, *[sample for _, sample in samples]]
            paths = [path for path, _ in samples]

            def report(recorder: StepRecorder, *arrays: Array) -> int:
                return recorder.report_inspection(names, look_names, paths, *arrays)

            apart = call_host(self, report, given, STEPS_AFTER_AN_ERROR, "inspecting a step")
            self.next_look.assign(tf.add(number, apart))
            return tf.constant(0)

        tensorflow_names.keep_whole(tf.cond(due, special, nothing))
        if tf.executing_eagerly():
            self.on_eager_step()

    def holder(self, seen: TracedStep | None) -> Holder | None:
        """What hands over what ``seen`` must hold; None where a step is not compiled."""
        number, tensors = -1, list[Tensor]()
        with self.catch_errors("finding what a step must hold"):
            graph = tensorflow_names.traced_graph()
            if seen is not None and graph is not None:
                targets = held_values.losses_and_gradients(seen)
                tensors = held_values.values_to_hold(graph, targets, seen.guarded_ops)
                known = {tensor.name for tensor in tensors}
                tensors += [each for each in self.held_besides(seen, graph) if each.name not in known]
                number = self.note_trace(Trace(seen, graph))
        if number < 0:
            return None
        names = [tensor.name for tensor in tensors]

        def keep(recorder: StepRecorder, *arrays: Array) -> int:
            recorder.note_ran(number, dict(zip(names, map(np.array, arrays), strict=True)))
            return 0

        def hold() -> tf.Tensor:
            call_host(self, keep, tensors, 0, "holding what a step was given")
            return tf.constant(0)

        return Holder(number, hold)

    def held_besides(self, seen: TracedStep, graph: Graph) -> list[Tensor]:
        """What else a step must hold of which not all has been traced."""
        return []

    def note_trace(self, trace: Trace) -> int:
        """Its number. The oldest are let go of."""
        number = next(TRACES)
        self.traces[number] = trace
        for old in list(self.traces)[: -MOST_TRACES * self.replicas]:
            del self.traces[old]
        return number

    def note_ran(self, number: int, held: Mapping[str, Array]) -> None:
        """On the host, inside the step: it is bad, and of the trace with this number, and ``held`` that."""
        self.ran = number, held

    def bad_step(self) -> RanStep | EagerStep | None:
        """The step that went bad, where its ops can be looked at; None where they cannot."""
        if self.ran is None or self.ran[0] not in self.traces:
            return None
        return RanStep(self.traces[self.ran[0]], self.ran[1])

    def report_inspection(
        self,
        names: Names,
        look_names: Names,
        paths: list[str],
        number: Array,
        flag: Array,
        row: Array,
        *arrays: Array,
    ) -> int:
        """On the host, inside the step. Answers how many steps from here to inspect again.

        ``number`` and ``flag`` are integer scalars, ``row`` is float32, shape (columns,); ``arrays`` are
        those of the batch, then what a look is shown, then samples of the weights, by the names given.
        """
        step = int(number)
        shown, rest = arrays[: len(names)], arrays[len(names) :]
        seen, samples = rest[: len(look_names)], rest[len(look_names) :]
        found = Inspection(
            step,
            int(flag),
            np.array(row),
            {key: np.array(array) for key, array in zip(names, shown, strict=True)},
            [
                SeenArray(role, path, np.asarray(array))
                for (role, path), array in zip(look_names, seen, strict=True)
            ],
            dict(zip(paths, (np.array(sample) for sample in samples), strict=True)),
            ran=self.bad_step() if int(flag) else None,
        )
        return self.on_inspection(found) - step

    # -- on the host ---------------------------------------------------------------------------

    @property
    def own_optimizer(self) -> Optimizer | None:
        """The optimizer that the step is known to have before it is traced."""
        return self.optimizer

    @property
    def optimizer(self) -> Optimizer | None:
        """The optimizer whose rate is recorded."""
        raise NotImplementedError

    def report_to(self, on_inspection: OnInspection, execute: Execute, on_built: OnBuilt) -> None:
        self.on_inspection, self.execute, self.on_built = on_inspection, execute, on_built

    def begin(self, count_labels: bool) -> None:
        """A new fit: forget what halted the last one and look at its first steps."""
        self.counting = count_labels
        self.halted.assign(False)
        self.reported.assign(False)
        self.counter.assign(0)
        self.next_look.assign(0)
        self.state.begin(self.model)
        self.label_counts.begin()
        self.drained = 0
        self.drained_at = time.perf_counter()
        self.ran = None

    def make_up_for_missing_data(self) -> None:
        """A loop of the script's own asks for its batches outside of the step."""

    def is_drain_due(self, steps: int) -> bool:
        """Whether the ring should be drained, after ``steps`` more steps at most."""
        self.steps_since_drain += steps
        return (
            self.steps_since_drain * 2 >= self.ring_rows
            or time.perf_counter() - self.drained_at > DRAIN_SECONDS
        )

    def drain(self) -> tuple[int, Rows]:
        """(number of the first row, rows) that came since the last drain, float64."""
        self.steps_since_drain, self.drained_at = 0, time.perf_counter()
        if self.ring is None:
            return 0, np.zeros((0, 0))
        first, rows = rows_in(self.ring, self.counter, self.ring_rows, self.drained)
        self.drained = first + len(rows)
        return first, rows

    def left_behind(self) -> LeftBehind | None:
        """What stays to be told of this fit when the model is gone; None while there is nothing."""
        layout, ring, counter, ring_rows = self.layout, self.ring, self.counter, self.ring_rows
        if layout is None or ring is None:
            return None
        rows_since = functools.partial(rows_in, ring, counter, ring_rows)
        last_step = functools.partial(step_of_last_row, ring, counter, ring_rows)
        return LeftBehind(layout, self.state, rows_since, last_step, finite_before)

    def steps_done(self) -> int:
        return int(self.counter.numpy())

    def last_step(self) -> Inspection:
        """The last step as its row tells it; of a step that is over there is nothing else."""
        assert self.ring is not None
        return step_of_last_row(self.ring, self.counter, self.ring_rows)

    def finite_before(self, step: int) -> int:
        """The last step before ``step`` after which the weights were seen to be finite; -1: none."""
        return finite_before(step)

    def note_state_is_fine(self) -> None:
        """The host has looked at the state after the last step, and it was finite."""

    def tell_no_more(self) -> None:
        """An incident has been told: those that follow from it are not."""
        self.reported.assign(True)

    def held_batch(self) -> HostBatch:
        """The last batch that entered a step, as NumPy arrays."""
        return {key: variable.numpy() for key, variable in self.last_batch.items()}

    def catch_up(self) -> None:
        """Each step was looked at while it ran."""

    def bad_layers(self) -> None:
        """Its ops can be looked at."""

    def forget_batch(self) -> None:
        """Let go of it: no step will raise before the next fit."""
        with tf.init_scope():
            for held in self.last_batch.values():
                held.assign(tf.zeros([0], held.dtype))


def nothing() -> tf.Tensor:
    """The branch that is taken in a healthy step."""
    return tf.constant(0)


def finite_before(step: int) -> int:
    """The last step before ``step`` after which the weights were summed; -1: none."""
    return step - 1 if step <= inspection.FIRST_LOOKS else (step - 1) // WEIGHTS_EVERY * WEIGHTS_EVERY


def step_of_last_row(ring: tf.Variable, counter: tf.Variable, ring_rows: int) -> Inspection:
    number = int(counter.numpy()) - 1
    return Inspection(number, BAD_STATE, ring[number % ring_rows].numpy(), {}, [], {})


def inspect_no_more(seen: Inspection) -> int:
    """Of a step that nobody watches any more."""
    return seen.step + STEPS_AFTER_AN_ERROR


def call_directly(function: StepFunction, iterator: Iterator[Structure]) -> Structure:
    return function(iterator)
