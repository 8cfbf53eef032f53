"""What is found out after a bad step: the batch is kept, the step taken apart, its guilty rows found."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from nanwatch.record.facts import FitInfo, IncidentInfo
from nanwatch.record.facts import OnIncident as OnIncident
from nanwatch.record.notes import (
    IncidentNote,
    LayersOnly,
    LeftOutOfSnapshot,
    LookedInto,
    NotRepeatable,
    SquaresOverflowed,
    UpdateMayStay,
)
from nanwatch.watch.data.batch import HostBatch
from nanwatch.watch.incident import (
    autopsy,
    description,
    eager_autopsy,
    graph_autopsy,
    graph_rows,
    guilty_rows,
    snapshot,
)
from nanwatch.watch.incident.autopsy import Autopsy
from nanwatch.watch.incident.guilty_rows import GuiltyRows
from nanwatch.watch.incident.snapshot_file import NEEDED
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.chosen import backend
from nanwatch.watch.keras_seam.host_values import is_floating, values_of
from nanwatch.watch.keras_seam.keras_types import Model, Weights
from nanwatch.watch.launch import user_lines
from nanwatch.watch.recording.fit_recorder import FitRecorder
from nanwatch.watch.recording.run_recorder import RunRecorder
from nanwatch.watch.train_step.eager_ops import EagerStep
from nanwatch.watch.train_step.inspection import Inspection, RanStep
from nanwatch.watch.train_step.row_layout import Layout
from nanwatch.watch.train_step.state_check import BadVariable, StateCheck
from nanwatch.watch.train_step.step_recorder import AFTER_THE_STEP, BAD_STATE, BAD_WEIGHT
from nanwatch.watch.train_step.step_watcher import StepWatcher

STATE_SHARE = 0.01  # of the time of a training that looks from the host at its state may take


class IncidentHandler:
    """Investigates the bad steps of one training. It halts nothing: whoever holds it does."""

    def __init__(self, recorder: RunRecorder, watcher: StepWatcher, on_incident: OnIncident) -> None:
        self.recorder = recorder
        self.watcher = watcher
        self.on_incident: OnIncident = on_incident
        self.first_weights: Weights | None = None  # the trainable ones, in the model's order
        self.state_checked = (0.0, 0.0)  # when, and what it took

    @property
    def model(self) -> Model | None:
        return self.watcher.model

    def begin(self) -> None:
        """A fit begins: hold the weights that it begins with."""
        self.first_weights = None
        with self.recorder.catch_errors("holding the first weights"):
            self.first_weights = None if self.model is None else guilty_rows.first_weights_of(self.model)

    def is_told(self) -> bool:
        """Whether there was an incident already: of a run the first one counts."""
        return self.recorder.info.incident is not None or not self.recorder.ours

    def investigate(self, seen: Inspection, record: FitRecorder) -> IncidentInfo:
        """The incident of the bad step ``seen``: what went bad, where it came from, by which rows.

        It is recorded at once, before anything that takes time or room: what is found out comes in later.
        """
        after = seen.flag in AFTER_THE_STEP
        kept = self.on_incident != "continue" and self.watcher.reads_alone
        bad = self.bad_variables(seen)
        fine_after = finite_after(self.watcher, seen.step, bad) if after else None
        given = seen.batch
        if fine_after is not None and fine_after < seen.step - 1:
            seen = replace(seen, batch={}, tensors=[])  # the guilty batch may have been an earlier one
        known: list[IncidentNote] = [UpdateMayStay()] if self.watcher.beyond_recall else []
        with self.recorder.catch_errors("recording an incident"):
            first = self.describe(seen, record, bad, fine_after, None, [*known, LookedInto()])
            self.recorder.add_incident(first)
        notes: list[IncidentNote] = []
        dissected: Autopsy | None = None
        rows: GuiltyRows | None = None
        held = self.hold_step(seen) if kept and not after else []
        if kept:
            with self.recorder.catch_errors("saving the snapshot"):
                notes += self.save_snapshot(given, seen.step, held)
        left_out = {note.part for note in notes if isinstance(note, LeftOutOfSnapshot)}
        if kept and not after:
            with self.recorder.catch_errors("the autopsy"):
                dissected = self.dissect(seen)
            with self.recorder.catch_errors("asking for the guilty rows"):
                rows = self.find_guilty_rows(seen)
        if dissected is not None and dissected.op is None:
            with self.recorder.catch_errors("looking at the arguments of a step"):
                seen = replace(seen, batch={**seen.batch, **bad_arguments(seen)})
        notes += known
        if seen.flag == BAD_WEIGHT:
            with self.recorder.catch_errors("looking at what the optimizer keeps"):
                notes += self.find_overflowed_squares(seen)
        found = self.describe(seen, record, bad, fine_after, dissected, notes)
        step_held = bool(held) and left_out.isdisjoint(NEEDED)
        return with_rows(place_op(replace(found, step_held=step_held), record.info), rows)

    def describe(
        self,
        seen: Inspection,
        record: FitRecorder,
        bad: list[BadVariable],
        fine_after: int | None,
        dissected: Autopsy | None,
        notes: Sequence[IncidentNote],
    ) -> IncidentInfo:
        """The incident as far as it is known: ``dissected`` is None before the autopsy."""
        assert self.watcher.layout is not None
        found = description.describe(
            seen, self.watcher.layout, record.info.index, record.epoch, self.on_incident, bad, dissected
        )
        if found.role == "weight":
            found = replace(found, state=seen.flag == BAD_STATE, finite_after=fine_after)
        return replace(found, notes=(*found.notes, *notes))

    def bad_variables(self, seen: Inspection) -> list[BadVariable]:
        """What was not finite before the bad step, where that is left."""
        if seen.flag == BAD_STATE:
            return self.watcher.state.bad_now()
        after = seen.flag in AFTER_THE_STEP
        if after or self.model is None or self.on_incident == "continue":  # else the update has been applied
            return []
        if not self.watcher.reads_alone:
            return []
        return description.bad_variables(self.model, self.watcher.state)

    def find_overflowed_squares(self, seen: Inspection) -> list[SquaresOverflowed]:
        """The update was made of finite gradients: whether what the optimizer keeps of them is the reason."""
        assert self.watcher.layout is not None
        optimizer = self.watcher.own_optimizer or self.watcher.optimizer
        large = next(description.bad_cells(seen, self.watcher.layout, "gradient"), None)
        if large is None or optimizer is None or seam().is_loss_scaling(optimizer):
            return []
        kept = map(values_of, filter(is_floating, seam().kept_by(optimizer)))
        if all(np.isfinite(values).all() for values in kept):
            return []
        return [SquaresOverflowed(type(optimizer).__name__, large[0])]

    def hold_step(self, seen: Inspection) -> snapshot.Held:
        """What the snapshot must hold for the bad step's ops to be run again in another process."""
        held: list[snapshot.HeldPart] = []
        with self.recorder.catch_errors("holding what a step was given"):
            optimizer = self.watcher.own_optimizer
            named = () if self.model is None else snapshot.variables_by_name(self.model, optimizer)
            held += snapshot.held_parts(seen.ran, self.watcher.traces, [variable for _, variable in named])
        return held

    def save_snapshot(self, batch: HostBatch, step: int, held: snapshot.Held = ()) -> list[LeftOutOfSnapshot]:
        limit, optimizer = self.recorder.snapshot_limit, self.watcher.own_optimizer
        return snapshot.save(self.recorder.folder, self.model, batch, step, limit, optimizer, held)

    def find_guilty_rows(self, seen: Inspection) -> GuiltyRows | None:
        if isinstance(seen.ran, RanStep) and not self.watcher.jit:
            return graph_rows.find_guilty_rows(self.model, seen.ran, seen.batch, self.first_weights)
        again = self.watcher.repeatable(seen.batch)
        if again is None or self.model is None:
            return None
        return guilty_rows.find_guilty_rows(self.model, again, self.first_weights)

    def dissect(self, seen: Inspection) -> Autopsy:
        layers = self.watcher.bad_layers()
        if layers is not None:
            note = LayersOnly(backend())
            return Autopsy(spread=list(layers), reproduced=bool(layers) or None, notes=[note])
        compiled_at = user_lines.compile_line_of(self.model)
        if isinstance(seen.ran, EagerStep):
            return eager_autopsy.perform(self.model, seen.ran, compiled_at)
        if seen.ran is not None:
            return graph_autopsy.perform(self.model, seen.ran, compiled_at, self.watcher.jit)
        again = self.watcher.repeatable(seen.batch)
        if again is None or self.model is None:
            return Autopsy(notes=[NotRepeatable()])
        return autopsy.perform(self.model, again, compiled_at)

    # -- state that no gradient reaches ----------------------------------------------------------

    def find_bad_state(self) -> Inspection | None:
        """On the host, between two steps: the last step, where state went bad since it was looked at last."""
        began = time.perf_counter()
        found = None
        with self.recorder.catch_errors("looking at the state of the layers"):
            if self.watcher.state.bad_now():
                found = self.watcher.last_step()
                self.watcher.tell_no_more()
            else:
                self.watcher.note_state_is_fine()
        self.state_checked = (time.perf_counter(), time.perf_counter() - began)
        return found

    def is_state_check_due(self) -> bool:
        """Whether looks at the state have taken less than `STATE_SHARE` of the time."""
        at, cost = self.state_checked
        return time.perf_counter() - at > cost / STATE_SHARE

    def find_bad_state_at_the_end(self, record: FitRecorder) -> IncidentInfo | None:
        """As `find_bad_state`, of a training without epochs, where nothing can be halted any more."""
        return None if self.is_told() else bad_state_at_the_end(self.watcher, record)

    # -- a step that raised -----------------------------------------------------------------------

    def keep_batch(self, record: FitRecorder) -> None:
        """What the step was given that raised, into the record and the snapshot."""
        batch = self.watcher.held_batch()
        if batch:
            record.info = replace(record.info, last_batch=description.data_of(batch))
            self.save_snapshot(batch, self.watcher.steps_done())


class Ended(Protocol):
    """The watch of steps that are over."""

    @property
    def layout(self) -> Layout | None: ...
    @property
    def state(self) -> StateCheck: ...
    @property
    def last_step(self) -> Callable[[], Inspection]: ...
    @property
    def finite_before(self) -> Callable[[int], int]: ...


def bad_state_at_the_end(steps: Ended, record: FitRecorder) -> IncidentInfo | None:
    """The incident of a state that is bad after the last step; None where it is not."""
    if steps.layout is None:
        return None
    bad = steps.state.bad_now()[:1]
    if not bad:
        return None
    seen = steps.last_step()
    found = description.describe(seen, steps.layout, record.info.index, record.epoch, "continue", bad, None)
    return replace(found, state=True, finite_after=finite_after(steps, seen.step, bad))


def finite_after(steps: Ended, step: int, bad: Sequence[BadVariable]) -> int | None:
    """The last step after which the weights were finite; None: they were not before the first."""
    if any(steps.state.was_bad_before(path) for path, _ in bad):
        return None
    return steps.finite_before(step)


def place_op(found: IncidentInfo, fit: FitInfo) -> IncidentInfo:
    """Neither a layer's op nor the loss's: it is what Keras does with the data on its way in."""
    op = found.op
    if op is None or op.location is not None or op.layer is not None:
        return found
    return replace(found, op=replace(op, location=fit.location))


def bad_arguments(seen: Inspection) -> HostBatch:
    """What a compiled step was given besides the batch that is known, and what of it is not finite."""
    if not isinstance(seen.ran, RanStep):
        return {}
    known = list(seen.batch.values())
    return {
        ("input", name): array
        for name, array in graph_autopsy.arguments_of(seen.ran).items()
        if array.dtype.kind == "f"
        and not np.isfinite(array).all()
        and not any(
            np.array_equal(array, other, equal_nan=True) for other in known if other.dtype.kind == "f"
        )
    }


def with_rows(found: IncidentInfo, rows: GuiltyRows | None) -> IncidentInfo:
    if rows is None:
        return found
    return replace(
        found,
        bad_rows=rows.bad_rows,
        rows_tried=rows.rows_tried,
        finite_on_first_weights=rows.finite_on_first_weights,
        notes=(*found.notes, *rows.notes),
    )
