"""What follows a bad step: the batch is kept, the step taken apart, and the training halted."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import tensorflow as tf

from nanwatch.errors import TrainingHalted
from nanwatch.record.events import Raised
from nanwatch.watch.data.batch import rebuild_batch
from nanwatch.watch.incident import autopsy, description, guilty_rows, snapshot
from nanwatch.watch.recording.fit_recorder import FitRecorder
from nanwatch.watch.recording.run_recorder import RunRecorder
from nanwatch.watch.train_step.inspection import Inspection
from nanwatch.watch.train_step.step_recorder import AFTER_THE_STEP, BAD_STATE

OnIncident = Literal["raise", "stop", "continue"]
STATE_SHARE = 0.01  # of the time of a training that looks from the host at its state may take
MOST_OF_A_MESSAGE = 300  # characters of an exception's text that are kept


class IncidentHandler:
    """The half of an `Observer` that answers an incident."""

    model: Any
    recorder: RunRecorder
    on_incident: OnIncident
    fit: FitRecorder | None
    alone: bool  # a `Watch` passed by hand: the run ends with the fit
    pending: Inspection | None
    first_weights: list[Any] | None
    replicas: int
    state_checked: tuple[float, float] = (0.0, 0.0)  # when, and what it took
    watch: Any  # the `StepRecorder` of the model, or of the loop

    def end(self, status: Any, error: str | None = None) -> None:
        raise NotImplementedError

    def release(self) -> None:
        raise NotImplementedError

    def learn_model(self, record: FitRecorder) -> None:
        raise NotImplementedError

    def answer(self) -> None:
        """The first bad step of a fit: record it, find where it came from, halt if that is wanted."""
        seen, record = self.pending, self.fit
        self.pending = None
        if seen is None or record is None or not self.recorder.ours:
            return
        found = None
        with self.recorder.catch_errors("recording an incident"):
            found = self.record_incident(seen, record)
        if self.on_incident == "continue":
            return
        self.recorder.halted = True
        if self.on_incident == "stop":
            self.model.stop_training = True
            record.info = replace(record.info, status="halted")
            return
        with self.recorder.catch_errors("keeping the frozen model"):
            again = self.repeatable(seen)
            if again is not None and record.info.kind != "tape" and self.replicas == 1:
                self.recorder.frozen = (self.model, again[1], self.first_weights)
        self.end("halted")
        if self.alone:
            self.recorder.end("halted", None)
        what = f"a non-finite number at step {seen.step}" if found is None else incident_words(found)
        raise TrainingHalted(
            f"{what} (epoch {record.epoch + 1}); the training was halted "
            f"there. The record is in {self.recorder.folder}"
        )

    def check_state(self) -> None:
        """On the host, between two steps: state that went bad since it was looked at last.

        Raises:
            TrainingHalted: there is some, and ``on_incident`` wants it.
        """
        if self.fit is None or self.pending is not None or self.told():
            return
        began = time.perf_counter()
        with self.recorder.catch_errors("looking at the state of the layers"):
            if self.watch.state.bad_now():
                self.pending = self.watch.last_step()
                self.watch.tell_no_more()
            else:
                self.watch.state_fine()
        self.state_checked = (time.perf_counter(), time.perf_counter() - began)
        self.answer()

    def check_state_now_and_then(self) -> None:
        """`check_state` where no step looks at it by itself, in `STATE_SHARE` of the time at most."""
        at, cost = self.state_checked
        if time.perf_counter() - at > cost / STATE_SHARE:
            self.check_state()

    def told(self) -> bool:
        """Whether there was an incident already: of a run the first one counts."""
        return self.recorder.info.incident is not None or not self.recorder.ours

    def record_incident(self, seen: Inspection, record: FitRecorder) -> Any:
        assert self.watch.layout is not None
        after = seen.flag in AFTER_THE_STEP
        before = (
            [] if after or self.model is None else description.bad_variables(self.model, self.watch.state)
        )
        if self.on_incident == "continue":
            before = []  # the update has been applied: the weights of before are gone
        if seen.flag == BAD_STATE:
            before = self.watch.state.bad_now()
        dissected, asked = None, None
        notes: list[str] = []
        if self.on_incident != "continue":
            with self.recorder.catch_errors("saving the snapshot"):
                notes = snapshot.save(
                    self.recorder.folder,
                    self.model,
                    seen.batch,
                    seen.step,
                    self.recorder.snapshot_limit,
                    self.optimizer(),
                )
        if not after and self.on_incident != "continue":
            with self.recorder.catch_errors("the autopsy"):
                dissected = self.dissect(seen)
            with self.recorder.catch_errors("asking for the guilty rows"):
                asked = self.question(seen)
        finite_after = self.finite_after(seen.step, before) if after else None
        if finite_after is not None and finite_after < seen.step - 1:
            seen = replace(seen, batch={}, tensors=[])  # the guilty batch may have been an earlier one
        found = description.describe(
            seen, self.watch.layout, record.info.index, record.epoch, self.on_incident, before, dissected
        )
        if getattr(self.watch, "beyond_recall", False):
            notes.append("the step makes updates in functions of its own: one before the bad one may stay")
        if found.role == "weight":
            found = replace(found, state=seen.flag == BAD_STATE, finite_after=finite_after)
        found = replace(found, notes=(*found.notes, *notes))
        if found.op is not None and found.op.location is None and found.op.layer is None:
            # neither a layer's nor the loss's: what Keras does with the data on its way in
            found = replace(found, op=replace(found.op, location=record.info.location))
        if asked is not None:
            found = replace(
                found,
                bad_rows=asked.bad_rows,
                rows_tried=asked.rows_tried,
                finite_on_first_weights=asked.finite_on_first_weights,
                notes=(*found.notes, *asked.notes),
            )
        self.learn_model(record)
        self.recorder.add_incident(found)
        return found

    def finite_after(self, step: int, bad: list[tuple[str, str]]) -> int | None:
        """The last step after which the weights were finite; None: they were not before the first."""
        if any(self.watch.state.was_bad_before(path) for path, _ in bad):
            return None
        return int(self.watch.finite_before(step))

    def look_at_state(self, record: FitRecorder) -> None:
        """`check_state` at the end of a training without epochs, where nothing can be halted any more."""
        if self.told() or self.watch.layout is None:
            return
        for path, value in self.watch.state.bad_now()[:1]:
            seen = self.watch.last_step()
            found = description.describe(
                seen, self.watch.layout, record.info.index, record.epoch, "continue", [(path, value)], None
            )
            finite_after = self.finite_after(seen.step, [(path, value)])
            self.recorder.add_incident(replace(found, state=True, finite_after=finite_after))

    def optimizer(self) -> Any:
        return self.model.optimizer

    def optimizers(self) -> list[Any]:
        """Every optimizer that a step was seen to apply."""
        found = [self.optimizer(), *getattr(self.watch, "optimizers", ())]
        return [optimizer for optimizer in found if optimizer is not None]

    def repeatable(self, seen: Inspection) -> tuple[Callable[[Any], Any], Any] | None:
        """(the step, its data) to be run again; None where a part of them cannot be had."""
        data = rebuild_batch(self.watch.template, seen.batch)
        return None if data is None else (self.watch.original, data)

    def question(self, seen: Inspection) -> guilty_rows.GuiltyRows | None:
        again = self.repeatable(seen)
        if again is None:
            return None
        several = self.watch.guard.several
        return guilty_rows.find_guilty_rows(
            self.model, *again, self.optimizers(), self.first_weights, several
        )

    def dissect(self, seen: Inspection) -> autopsy.Autopsy | None:
        again = self.repeatable(seen)
        if again is None:
            return autopsy.Autopsy(
                notes=["no autopsy: the step or its batch is not one that can be repeated"]
            )
        return autopsy.perform(
            self.model,
            *again,
            vars(self.model).get("_nanwatch_compile"),
            optimizers=self.optimizers(),
            jit=getattr(self.watch, "jit", False),
            several=self.watch.guard.several,
        )

    def crashed(self, error: Exception) -> None:
        """The step raised: keep what it was given."""
        with self.recorder.catch_errors("recording an exception of the step"):
            text = one_line(error)
            if self.fit is not None:
                self.recorder.add_event(Raised(self.fit.info.index, text))
                if isinstance(error, tf.errors.OpError):
                    with self.recorder.catch_errors("keeping the batch of the step that raised"):
                        self.keep_batch(self.fit)
            self.end("crashed", text)
            if self.alone:
                self.release()
                self.recorder.end("crashed", None)

    def keep_batch(self, record: FitRecorder) -> None:
        batch = self.watch.batch_held()
        if not batch:
            return
        record.info = replace(record.info, last_batch=description.data_of(batch))
        step = int(self.watch.counter.numpy())
        snapshot.save(
            self.recorder.folder, self.model, batch, step, self.recorder.snapshot_limit, self.optimizer()
        )


def incident_words(found: Any) -> str:
    what = found.role if not found.path or found.role == "loss" else f"{found.role} {found.path}"
    when = f"at step {found.step}"
    if found.finite_after is not None and found.finite_after < found.step - 1:
        when = f"by step {found.step}"
        if found.finite_after >= 0:
            when = f"between step {found.finite_after} and step {found.step}"
    return f"The {what} became {found.value} {when}"


def one_line(error: BaseException) -> str:
    """The exception's type and the line of its message that says the most."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if "Received a label value" in line or "is not in [" in line]
    text = (telling or lines or [""])[0]
    return f"{type(error).__name__}: {text[:MOST_OF_A_MESSAGE]}"
