"""What may be asked of the watch of a step, on the host, between two steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from nanwatch.record.facts import BroadcastInfo, SpreadEntry
from nanwatch.record.notes import NotWatched
from nanwatch.watch.data.batch import HostBatch
from nanwatch.watch.data.label_counts import LabelCounts
from nanwatch.watch.keras_seam.keras_types import Graph, Model, Optimizer, StepFunction, Structure
from nanwatch.watch.train_step.eager_ops import EagerStep
from nanwatch.watch.train_step.inspection import Inspection, RanStep, Trace
from nanwatch.watch.train_step.left_behind import LeftBehind
from nanwatch.watch.train_step.left_behind import Rows as Rows
from nanwatch.watch.train_step.repeatable_step import RepeatableStep
from nanwatch.watch.train_step.row_layout import Layout
from nanwatch.watch.train_step.state_check import StateCheck
from nanwatch.watch.train_step.traced_step import TracedStep

# Called inside the running step, in one of TensorFlow's threads; answers the step to inspect next.
OnInspection = Callable[[Inspection], int]
OnBuilt = Callable[[], None]
# Called in the place of Keras's train function, with that function and its iterator.
Execute = Callable[[StepFunction, Iterator[Structure]], Structure]


class StepWatcher(Protocol):
    """The watch of one model's step, or of the step of one optimizer's own loop."""

    layout: Layout | None  # of a row; None until a step has been traced
    state: StateCheck
    label_counts: LabelCounts
    first_seen: TracedStep | None  # the step as it was traced, with what it showed
    not_watched: list[NotWatched]
    broadcasts: tuple[BroadcastInfo, ...] | None  # where labels met predictions of another rank
    template: Structure  # the structure of a batch, 0 for each tensor; None while it is not known
    jit: bool  # the step is compiled with XLA
    reads_alone: bool  # the state can be read here without other workers reading it, too
    beyond_recall: bool  # an update may stay that was made before the one that was bad
    on_eager_step: Callable[[], object]  # called at the end of one, while its ops are still held
    traces: dict[int, Trace]  # the latest of a compiled step, by their numbers

    @property
    def model(self) -> Model | None:
        """The model whose step this is; None while a loop has not shown one."""

    @property
    def optimizer(self) -> Optimizer | None:
        """The optimizer whose rate is recorded."""

    @property
    def own_optimizer(self) -> Optimizer | None:
        """The optimizer that the step is known to have before it is traced: ``compile``'s, or the loop's."""

    def loss_graph(self) -> Graph | None:
        """The graph that a loss was traced in last, be it that the trace has failed; None in eager steps."""

    def report_to(self, on_inspection: OnInspection, execute: Execute, on_built: OnBuilt) -> None:
        """Whom to tell of an inspected step, who calls what Keras compiled, and whom to tell of a step
        that has been traced, so that the model is built, and has not run yet."""

    def begin(self, count_labels: bool) -> None:
        """A new fit: forget what halted the last one, and inspect its first steps."""

    def release(self) -> None:
        """Leave the model, or the optimizer, as it was found."""

    def make_up_for_missing_data(self) -> None:
        """The step was called for a batch that did not come: write what it writes when nobody watches."""

    def is_drain_due(self, steps: int) -> bool:
        """Whether the rows should be fetched, after ``steps`` more steps at most."""

    def drain(self) -> tuple[int, Rows]:
        """(number of the first row, rows) that came since the last drain; float64, shape (steps, columns)."""

    def left_behind(self) -> LeftBehind | None:
        """What stays to be told of this fit when the model is gone; None while there is nothing."""

    def steps_done(self) -> int:
        """How many steps of this fit have been counted."""

    def last_step(self) -> Inspection:
        """The last step as its row tells it: of a step that is over there is nothing else."""

    def finite_before(self, step: int) -> int:
        """The last step before ``step`` after which the weights were seen to be finite; -1: none."""

    def note_state_is_fine(self) -> None:
        """The host has looked at the state after the last step, and it was finite."""

    def tell_no_more(self) -> None:
        """An incident has been told: those that follow from it are not."""

    def held_batch(self) -> HostBatch:
        """The last batch that entered a step."""

    def bad_step(self) -> RanStep | EagerStep | None:
        """The step that went bad, or the eager one that is under way, where its ops can be looked at."""

    def catch_up(self) -> None:
        """Look at the steps that were made, and not looked at yet because nothing was to wait for them."""

    def bad_layers(self) -> Sequence[SpreadEntry] | None:
        """Of the bad step, where only its layers can be looked at: those whose output was not finite, in the
        order in which they were called. None where its ops can be looked at, or nothing at all."""

    def forget_batch(self) -> None:
        """Let go of that batch: no step will raise before the next fit."""

    def repeatable(self, batch: HostBatch) -> RepeatableStep | None:
        """The step with this batch, to be run again; None where a part of it cannot be had."""
