"""Several replicas in step: every row goes to the host, and all agree on what is held back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from nanwatch.watch.data import batch as batches
from nanwatch.watch.keras_seam import tensorflow_names
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.keras_types import Array, Model, Tensor, Variable
from nanwatch.watch.keras_seam.public_tensorflow import tf
from nanwatch.watch.train_step import inspection
from nanwatch.watch.train_step.conditional_update import in_any_replica, sum_of_replicas
from nanwatch.watch.train_step.eager_ops import EagerStep, kept_step
from nanwatch.watch.train_step.host_call import call_host
from nanwatch.watch.train_step.inspection import Names, RanStep, SeenArray
from nanwatch.watch.train_step.model_step import ModelStepRecorder
from nanwatch.watch.train_step.row_layout import ROWS, Layout
from nanwatch.watch.train_step.step_recorder import BAD_ELSEWHERE, BAD_LOSS_OR_GRADIENT, BAD_STATE, nothing
from nanwatch.watch.train_step.step_watcher import Rows
from nanwatch.watch.train_step.traced_step import CatchErrors, TracedStep
from nanwatch.watch.train_step.watched_function import never

MOST_WAITING = 100_000  # rows that wait for a drain


class ReplicatedStepRecorder(ModelStepRecorder):
    """`ModelStepRecorder` under a strategy of ``tf.distribute``, whose replicas train in step.

    A variable of nanwatch's own on one device cannot be reached from a replica on another, so
    there is no ring here: each replica hands its row to the host, which keeps that of the first one of
    this process. Whether an earlier step was bad stands in a variable of which every replica has its own
    part. Where other workers train in step, a process sees its own replicas alone, and that another had to
    hold back.
    """

    def __init__(
        self, model: Model, hold: bool, catch_errors: CatchErrors, is_over: Callable[[], bool] = never
    ) -> None:
        super().__init__(model, hold, catch_errors, is_over)
        self.replicas = seam().replicas_of(model)
        self.here = tensorflow_names.replicas_here(model.distribute_strategy)
        self.reads_alone = self.here.are_all
        with model.distribute_strategy.scope():
            self.halted = tf.Variable(
                False,
                trainable=False,
                synchronization=tf.VariableSynchronization.ON_READ,
                aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
                name="nanwatch_halted",
            )
        self.guard.halted = self.halted

    def begin(self, count_labels: bool) -> None:
        super().begin(count_labels)
        self.lock = threading.Lock()
        self.waiting: list[Array] = []  # float64, shape (columns,)
        self.first_waiting = 0
        self.next_step = 0
        self.counts: dict[int, int] = {}
        self.reported_once = False
        self.fine_but_held: dict[int, int] = {}  # by the step, replicas of this process
        self.ran_bad: set[int] = set()  # traces, by their numbers
        self.held_in: dict[int, dict[str, Array]] = {}  # what these held, by the id of their graph
        self.last_row: Array = np.zeros(0)
        self.state_seen = -1  # the last step after which the state was fine

    def remember(self, batch: batches.Batch) -> None:
        """The batch of a replica is not held: it is shown with the row that is bad."""

    def lay_out(
        self,
        batch: batches.Batch,
        seen: TracedStep,
        variables: Sequence[Variable],
        steps_per_execution: int = 1,
    ) -> Layout:
        self.layout = self.layout_for(batch, seen, variables)
        self.state.lay_out(self.model)
        return self.layout

    def batch_cells(self, batch: batches.Batch) -> Tensor:
        """As on one device, but the rows are those of all replicas together."""
        cells = super().batch_cells(batch)
        if self.layout is None or ROWS not in self.layout.place:
            return cells
        rows = sum_of_replicas(cells[0])
        summed: Tensor = tf.concat([[rows], cells[1:]], axis=0)
        return summed

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
        if seen is not None and self.guard.hold:
            if seen.held is None:  # nothing is trained
                seen.held = in_any_replica(tf.logical_or(bad, self.halted))
            if restore is not None:
                restore(seen.held)
            self.halted.assign(seen.held)  # the next step may be in the same execution
        row = tf.concat([self.batch_cells(batch), cells, self.weight_cells(variables)], axis=0)
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        names = [(role, key) for role, key, _ in batches.dense_tensors(batch)]
        shown = [tensor for _, _, tensor in batches.dense_tensors(batch)]
        outputs = [
            (name, tensor)
            for name, tensor in zip(self.look_names, tensors, strict=True)
            if name[0] == "output"
        ]
        output_names = [name for name, _ in outputs]

        holder = self.holder(seen) if self.guard.hold else None
        trace = None if holder is None else holder.trace
        held = [] if holder is None else [tf.cond(bad, holder.hold, nothing)]

        def take(recorder: ReplicatedStepRecorder, *arrays: Array) -> int:
            return recorder.take_row(trace, names, output_names, *arrays)

        is_held = bad if seen is None or seen.held is None else seen.held
        given = [replica, bad, is_held, row, *shown, *[tensor for _, tensor in outputs]]
        with tf.control_dependencies(map(tensorflow_names.keep_whole, held)):
            call_host(self, take, given, 0, "taking the row of a replica")

    def note_ran(self, number: int, held: Mapping[str, Array]) -> None:
        with self.lock:
            if number not in self.ran_bad:  # a later step may be in the same execution
                self.ran_bad.add(number)
                graph = self.traces[number].graph
                self.held_in.setdefault(id(graph), {}).update(held)

    def step_that_ran(self, trace: int | None) -> RanStep | EagerStep | None:
        """The bad step of this number, where its ops can be looked at. All replicas are in one graph, and
        what those hold that are bad, too, may come later."""
        if trace is None or trace not in self.ran_bad or trace not in self.traces:
            return kept_step()
        found = self.traces[trace]
        return RanStep(found, self.held_in[id(found.graph)])

    def take_row(
        self,
        trace: int | None,
        names: Names,
        output_names: Names,
        replica: Array,
        bad: Array,
        is_held: Array,
        row: Array,
        *arrays: Array,
    ) -> int:
        """On the host, in one of TensorFlow's threads: one step of one replica. Answers 0.

        ``trace`` is the number of what was traced for it, ``replica`` its own, ``bad`` whether the step was
        and ``is_held`` whether that of any replica was, scalars; ``row`` is float32, shape (columns,);
        ``arrays`` are those of the batch and then the outputs, by the names given.
        """
        with self.lock:
            number = int(replica) - self.here.first
            step = self.counts[number] = self.counts.get(number, -1) + 1
            if number == 0:
                self.last_row = np.array(row, np.float64)
            if number == 0 and len(self.waiting) < MOST_WAITING:
                self.waiting.append(self.last_row)
            flag = (
                BAD_LOSS_OR_GRADIENT if bad else BAD_ELSEWHERE if self.is_bad_elsewhere(step, is_held) else 0
            )
            wanted = bool(flag) and not self.reported_once
            self.reported_once |= wanted
            due = number == 0 and step >= self.next_step and not self.reported_once
        if wanted or due:
            shown, seen = arrays[: len(names)], arrays[len(names) :]
            found = inspection.Inspection(
                step,
                flag if wanted else 0,
                np.array(row),
                {key: np.array(array) for key, array in zip(names, shown, strict=True)},
                [
                    SeenArray(role, path, np.array(array))
                    for (role, path), array in zip(output_names, seen, strict=True)
                ],
                {},
                replica=int(replica),
                ran=self.step_that_ran(trace) if wanted and self.here.are_all else None,
            )
            self.next_step = max(self.next_step, self.on_inspection(found))
        return 0

    def is_bad_elsewhere(self, step: int, is_held: Array) -> bool:
        """Whether all replicas of this process are fine in a step that is held back; asked for each."""
        if self.here.are_all or not is_held:
            return False
        self.fine_but_held[step] = self.fine_but_held.get(step, 0) + 1
        return self.fine_but_held[step] == self.here.number

    def last_step(self) -> inspection.Inspection:
        with self.lock:
            return inspection.Inspection(self.counts.get(0, 0), BAD_STATE, self.last_row, {}, [], {})

    def left_behind(self) -> None:
        """The rows that wait, at most those of half a second, go with the model."""

    def finite_before(self, step: int) -> int:
        return min(self.state_seen, step - 1)

    def note_state_is_fine(self) -> None:
        with self.lock:
            self.state_seen = self.counts.get(0, -1)

    def tell_no_more(self) -> None:
        self.reported_once = True

    def is_drain_due(self, steps: int) -> bool:
        return bool(self.waiting) and super().is_drain_due(steps)

    def drain(self) -> tuple[int, Rows]:
        with self.lock:
            rows, self.waiting = self.waiting, []
            first, self.first_waiting = self.first_waiting, self.first_waiting + len(rows)
        width = self.layout.width if self.layout else 0
        return first, np.array(rows) if rows else np.zeros((0, width))
