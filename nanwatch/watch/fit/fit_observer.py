"""A model from fit to fit: opens and ends the fits' records, and halts a training that has gone bad."""

from __future__ import annotations

import contextlib
import functools
import math
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from nanwatch.errors import TrainingHalted
from nanwatch.record.events import EpochBegin, EpochEnd, FitBegin, LearningRateChanged, Raised
from nanwatch.record.facts import DataInfo, FitKind, Location, Status
from nanwatch.record.notes import HeldForOthers, LayerOutOfReach, NotWatched
from nanwatch.watch.fit import fit_arguments
from nanwatch.watch.fit.backend_training import BackendTraining
from nanwatch.watch.fit.held_training import HeldTraining, begun_with, can_be_made_again, drawn_again
from nanwatch.watch.fit.idle_metrics import IdleMetrics
from nanwatch.watch.fit.training import LoopTraining, ModelTraining, Training
from nanwatch.watch.incident.description import crash_words, incident_words
from nanwatch.watch.incident.flat_loss import flat_parts
from nanwatch.watch.incident.guilty_rows import FIRST_WEIGHTS_BYTES, size_of_weights
from nanwatch.watch.incident.handler import IncidentHandler, OnIncident, bad_state_at_the_end
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.chosen import is_on_tensorflow
from nanwatch.watch.keras_seam.keras_types import Model, Optimizer, StepFunction, Structure, Weights
from nanwatch.watch.keras_seam.public_tensorflow import is_end_of_data, is_op_error
from nanwatch.watch.launch import user_lines
from nanwatch.watch.model import description
from nanwatch.watch.model.both_modes import BothModes
from nanwatch.watch.model.loss_calls import loss_calls_of
from nanwatch.watch.model.token_inputs import token_inputs
from nanwatch.watch.model.untracked import Untracked, find_untracked
from nanwatch.watch.recording.fit_recorder import FitRecorder
from nanwatch.watch.recording.run_recorder import DROPPED, FrozenTraining, RunRecorder
from nanwatch.watch.train_step.inspection import Inspection, next_step, size_of
from nanwatch.watch.train_step.left_behind import LeftBehind
from nanwatch.watch.train_step.loss_inputs import loss_line_of
from nanwatch.watch.train_step.own_fault import fault_words, is_end, may_be_own
from nanwatch.watch.train_step.step_recorder import BAD_ELSEWHERE, nothing
from nanwatch.watch.train_step.traced_step import TracedStep, suspend_watching

HOLDER = "_nanwatch_observer"  # of the optimizer of a loop, which holds its observer by it


@dataclass(eq=False)
class ToldTo:
    """Whom the steps of a model tell of themselves: each `Watch` passed by hand has a recorder of its own,
    and what was traced under one is not traced anew under the next."""

    recorder: RunRecorder
    is_off: bool = False  # since its last fit nanwatch was turned off

    def catch_errors(self, doing: str) -> contextlib.AbstractContextManager[None]:
        return self.recorder.catch_errors(doing)

    def is_over(self) -> bool:
        """Whether nobody watches the model any more."""
        return self.is_off or self.recorder.ended


class FitObserver:
    """Watches one training for a recorder, until `release`."""

    def __init__(
        self,
        training: Training,
        recorder: RunRecorder,
        on_incident: OnIncident,
        told: ToldTo | None = None,
    ) -> None:
        self.training = training
        self.watcher = training.watcher
        self.told = told or ToldTo(recorder)
        self.ending = DroppedFit(recorder)
        self.tell(recorder, on_incident)
        self.fit: FitRecorder | None = None
        self.thread = threading.current_thread()  # that trains
        self.is_bare = False  # an op of nanwatch's has failed, and none is in the step any more
        self.alone = False  # a `Watch` passed by hand: the run ends with the fit
        self.pending: Inspection | None = None  # of the bad step that is to be answered
        self.both_modes = BothModes(None)
        self.idle_metrics = IdleMetrics(None)
        self.held: HeldTraining | None = None  # what trials need
        # The arguments of a fit whose model its first step will build.
        self.asked: tuple[FitKind, Mapping[str, Any]] | None = None
        self.described = False
        self.steps_of_epoch = 0
        self.untracked: list[Untracked] = []  # variables that nobody trains, as they were at first
        self.untracked_at = 0  # the steps that had been made then
        self.rate: tuple[int, float | None] | None = None  # epoch, and the rate at its first step
        weakref.finalize(self, DROPPED.append, self.ending.end).atexit = False
        self.watcher.report_to(self.on_inspection, self.execute, self.hold_when_built)

    @property
    def model(self) -> Model | None:
        return self.training.model

    def release(self) -> None:
        self.training.release()

    def tell(self, recorder: RunRecorder, on_incident: OnIncident) -> None:
        """Whom, from the next fit on, and what a bad step is answered with."""
        self.recorder = self.told.recorder = self.ending.recorder = recorder
        self.on_incident: OnIncident = on_incident
        self.handler = IncidentHandler(recorder, self.watcher, on_incident)
        visit = recorder.visit
        self.watcher.on_eager_step = nothing if visit is None else functools.partial(visit, self, True)

    # -- fits ----------------------------------------------------------------------------------

    def begin(self, kind: FitKind, given: Mapping[str, Any], location: Location | None) -> None:
        """A training begins; ``given`` are the arguments of ``fit`` where there is one."""
        if self.fit is not None:
            self.end("finished")
        if not self.recorder.info.devices:  # not earlier: it would end the script's choice of devices
            self.recorder.learn_versions()
        model = self.training.describe()
        info = fit_arguments.fit_info(kind, given, location, self.training, self.recorder.saves_seen)
        record = FitRecorder(info, self.recorder.writer)
        with self.recorder.catch_errors("reading the data of fit"):
            record.whole = fit_arguments.training_data(given)
            validation = fit_arguments.validation_data(given)
            info = info if validation is None else replace(info, validation_data=validation)
        index = self.recorder.add_fit(model, info, record.current_info)
        record.info = replace(info, index=index, model=self.recorder.fits[index].model)
        record.started = time.perf_counter()
        self.fit, self.described, self.pending = record, False, None
        self.ending.record, self.ending.left, self.ending.alone = record, None, self.alone
        self.recorder.open_fits[index] = self
        tried = self.model if kind == "fit" and self.training.makes_again else None
        self.both_modes, self.untracked = BothModes(tried), []
        self.idle_metrics = IdleMetrics(self.model if kind == "fit" else None)
        self.rate = None
        self.handler.begin()
        self.asked = (kind, given) if self.model is not None and not self.model.built else None
        with self.recorder.catch_errors("holding what a trial needs"):
            self.held = self.hold_training(kind, given, self.handler.first_weights)
        self.watcher.begin(count_labels=record.whole is None)
        record.label_counts = self.watcher.label_counts
        if self.training.validation is not None and self.is_validation_unknown():
            self.training.validation.expect()
        self.recorder.add_event(FitBegin(index, kind))
        self.recorder.save()

    def hold_when_built(self) -> None:
        """The first step of the fit has been traced, and has built the model."""
        if self.fit is not None and self.fit.info.kind == "tape":
            self.held = self.hold_loop()
        if self.fit is None or self.asked is None or self.model is None:
            return
        (kind, given), self.asked = self.asked, None
        self.held = self.hold_training(kind, given, drawn_again(self.model))

    def hold_training(
        self, kind: FitKind, given: Mapping[str, Any], first: Weights | None
    ) -> HeldTraining | None:
        """What a trial needs of a fit that begins with the weights ``first``; None where none is made."""
        if not self.recorder.keeps_trainings or kind == "tape" or self.model is None:
            return None
        if not self.training.makes_again:
            return None
        if first is None:
            size = size_of_weights(self.model) if self.model.built else 0
            if self.fit is not None and size > FIRST_WEIGHTS_BYTES:
                self.fit.info = replace(self.fit.info, weights_not_held=size)
            return None
        return HeldTraining(self.model, given, first) if can_be_made_again(self.model) else None

    def hold_loop(self) -> HeldTraining | None:
        """As `hold_training`, of a loop, at its first update."""
        if not self.recorder.keeps_trainings or self.model is None or self.watcher.own_optimizer is None:
            return None
        first = begun_with(self.model)
        return None if first is None else HeldTraining(self.model, {}, first, self.watcher.own_optimizer)

    def begin_epoch(self, number: int) -> None:
        if self.fit is not None:
            self.drain()
            self.fit.epoch = number
            self.steps_of_epoch = 0
            self.fit.info = replace(self.fit.info, epochs=number + 1)
            self.recorder.add_event(EpochBegin(self.fit.info.index, number))

    def end_epoch(self, number: int, logs: Mapping[str, object] | None) -> None:
        if self.fit is not None:
            self.drain()
            self.look_at_metrics(self.fit)
            values = {
                name: float(value) for name, value in (logs or {}).items() if fit_arguments.is_number(value)
            }
            self.recorder.add_event(EpochEnd(self.fit.info.index, number, values, self.fit.info.steps))
            with self.recorder.catch_errors("holding the best point for trials"):
                self.hold_best(self.fit, values)
            self.recorder.save(now=False)

    def look_at_metrics(self, record: FitRecorder) -> None:
        with self.recorder.catch_errors("looking at what the metrics hold"):
            self.idle_metrics.look(record.epoch)
            record.info = replace(record.info, idle_metrics=tuple(sorted(self.idle_metrics.names or ())))

    def hold_best(self, record: FitRecorder, logs: Mapping[str, float]) -> None:
        if self.held is None or record.losses is None or "loss" not in logs:
            return
        before = time.perf_counter()
        self.held.note_epoch(record.info.steps, logs["loss"], record.losses[0])
        record.seconds_watching += time.perf_counter() - before

    def begin_validation(self) -> None:
        """A validation within the fit: the first is seen, where its data were not read before."""
        if self.fit is not None:
            self.look_at_metrics(self.fit)
        validation = self.training.validation
        if validation is not None and self.is_validation_unknown():
            validation.begin()

    def is_validation_unknown(self) -> bool:
        return self.fit is not None and self.fit.info.validation_data == DataInfo() and not self.is_bare

    def end_validation(self) -> None:
        validation = self.training.validation
        if validation is not None and self.fit is not None and validation.seeing:
            found = validation.end()
            if found is not None:
                self.fit.info = replace(self.fit.info, validation_data=found)

    def end(self, status: Status, error: str | None = None) -> None:
        if self.fit is None:
            return
        with self.recorder.catch_errors("ending a validation"):
            self.end_validation()
        record, self.fit = self.fit, None
        self.ending.record = self.ending.left = None
        self.recorder.open_fits.pop(record.info.index, None)
        with self.recorder.catch_errors("ending the record of a fit"):
            if not self.is_bare:
                self.learn_the_end(record, status)
            record.end(status, error)
            self.recorder.end_fit(record.info.index, record.info)
        with self.recorder.catch_errors("closing the record of a fit"):
            record.close()
            self.forget()

    def leave_to_parent(self) -> None:
        """In a process that was forked off: the record is the parent's, and its files are shared."""
        self.fit = self.pending = None
        self.ending.record = self.ending.left = None

    def learn_the_end(self, record: FitRecorder, status: Status) -> None:
        """What the last steps showed, and the weights that they leave."""
        self.drain_into(record)
        if self.pending is not None:
            self.answer_at_the_end(self.pending, record)
        if self.watcher.reads_alone or status == "finished":  # then all workers have come here
            bad_state = self.handler.find_bad_state_at_the_end(record)
            if bad_state is not None:
                self.recorder.add_incident(bad_state)
        self.learn_model(record)
        with self.recorder.catch_errors("looking at variables that nobody trains"):
            self.learn_what_stood_still(record)
        if status == "finished" and not self.training.distributed:
            self.try_both_modes(record)
        with self.recorder.catch_errors("keeping what a trial needs"):
            self.keep_training(record, status == "crashed")

    def learn_what_stood_still(self, record: FitRecorder) -> None:
        """Of the variables that Keras does not know, those that nothing has changed since they were found."""
        if self.untracked and record.info.steps > self.untracked_at:
            still = tuple(each.info for each in self.untracked if not each.has_moved())
            record.info = replace(record.info, untracked=still)

    def keep_training(self, record: FitRecorder, crashed: bool) -> None:
        """Hand over to the recorder what a trial needs; it holds one training, the one that went worst."""
        template, called = self.watcher.template, None
        if isinstance(self.training, LoopTraining):
            template, called = self.training.tape.template_of_batch(), self.training.tape.keras_loss
        held = self.held
        kept = None if held is None else held.kept(template, record.info, record, crashed, called)
        if kept is not None and not record.info.cut_short:
            self.recorder.keep(kept)

    def forget(self) -> None:
        """Between two fits of a model its weights and its data are held by nobody but the script."""
        self.both_modes, self.held, self.asked = BothModes(None), None, None
        self.idle_metrics = IdleMetrics(None)
        self.untracked = []
        self.handler.first_weights = None
        self.watcher.forget_batch()

    def try_both_modes(self, record: FitRecorder) -> None:
        """Last of all, on the weights that the fit leaves."""
        seconds = time.perf_counter() - record.started
        with self.recorder.catch_errors("trying the rows of a batch in both modes"):
            found = self.both_modes.answer(self.watcher.template, record.info, seconds, record.quickest)
            record.info = replace(record.info, inference=found)
            record.seconds_watching += time.perf_counter() - record.started - seconds

    # -- steps ---------------------------------------------------------------------------------

    def execute(self, function: StepFunction, iterator: Iterator[Structure]) -> Structure:
        """One call of the train function: as many steps as Keras puts into one execution."""
        if self.is_bare:
            return self.run_bare(functools.partial(function, iterator))
        if self.fit is None:
            with self.recorder.catch_errors("taking up a training"):
                self.begin("train_on_batch", {}, user_lines.line_here(sys._getframe(1)))
        if self.fit is not None and (self.rate is None or self.rate[0] != self.fit.epoch):
            with self.recorder.catch_errors("looking at the learning rate"):
                self.note_learning_rate(self.fit)
        failed: Exception | None = None
        try:
            logs = function(iterator)
        except Exception as error:
            if is_end_of_data(error):
                with self.recorder.catch_errors("making up for data that ended"):
                    self.watcher.make_up_for_missing_data()
            if is_end(error):
                raise
            if not may_be_own(error):
                self.record_crash(error)
                raise
            failed = error
        if failed is not None:
            return self.go_on_bare(failed, iterator)
        self.training.note_execution()
        self.after_steps(self.training.steps_per_execution)
        self.check_state_in_time()
        return logs

    def go_on_bare(self, failed: Exception, iterator: Iterator[Structure]) -> Structure:
        """The step failed, and nanwatch may be to blame: it is made without, and so is the rest of the fit.

        Raises what the step raises then: that is the script's own.
        """
        self.is_bare = True
        logs = self.run_bare(functools.partial(self.training.go_on_bare, failed, iterator))
        self.note_own_fault(failed)
        return logs

    def note_own_fault(self, failed: Exception) -> None:
        """An op of nanwatch's has failed; nothing is seen of the training any more but its epochs."""
        with self.recorder.catch_errors("leaving a training that cannot be watched"):
            self.stop_watching()
        fit = None if self.fit is None else self.fit.info.index
        self.recorder.note_error(failed, "making a step", fault_words(failed), fit)

    def run_bare(self, call: Callable[[], Structure]) -> Structure:
        """What ``call`` gives, which runs the script's own step; no loop's watch sees it either."""
        try:
            with suspend_watching():
                return call()
        except Exception as error:
            if not is_end(error):
                self.record_crash(error)
            raise

    def stop_watching(self) -> None:
        """Nothing is seen of the fit any more but its epochs."""
        self.pending = None
        if self.fit is not None:
            self.drain_into(self.fit)
            self.fit.info = replace(self.fit.info, unwatched_from=self.fit.info.steps)

    def note_learning_rate(self, record: FitRecorder) -> None:
        """At the first step of an epoch, when every callback has had its turn: has the rate been changed?"""
        before = None if self.rate is None else self.rate[1]
        rate = description.constant_rate(self.watcher.own_optimizer)
        self.rate = record.epoch, rate
        if self.held is not None and rate is not None:
            self.held.note_rate(record.info.steps, rate)
        if before is not None and rate is not None and not is_same(before, rate):
            info = record.info
            self.recorder.add_event(LearningRateChanged(info.index, record.epoch, info.steps, before, rate))

    def begin_loop(self) -> None:
        """A loop of the script's own has come to its first update."""
        if self.fit is None:
            with self.recorder.catch_errors("taking up a loop"):
                self.begin("tape", {}, user_lines.line_here(sys._getframe(1)))

    def after_steps(self, steps: int) -> None:
        """Back on the host, with ``steps`` more steps made: fetch their rows, and answer a bad one.

        Raises:
            TrainingHalted: there was one, and ``on_incident`` wants it.
        """
        if self.recorder.visit is not None:
            self.recorder.visit(self, False)
        with self.recorder.catch_errors("draining the watched numbers"):
            if self.pending is not None or self.watcher.is_drain_due(steps) or self.may_be_dropped():
                before = time.perf_counter()
                self.drain()
                self.recorder.save(now=False)
                if self.fit is not None:
                    self.fit.seconds_watching += time.perf_counter() - before
        if self.pending is not None:
            self.answer()

    def may_be_dropped(self) -> bool:
        """Whether the script may drop the model before anything is known of it: no fit will say its end."""
        if self.described or self.fit is None or self.watcher.layout is None:
            return False
        return self.fit.info.kind != "fit"

    def drain(self) -> None:
        if self.fit is not None and not self.is_bare:
            with self.recorder.catch_errors("draining the watched numbers"):
                self.drain_into(self.fit)

    def drain_into(self, record: FitRecorder) -> None:
        first, rows = self.watcher.drain()
        if self.watcher.layout is not None and self.recorder.ours:
            record.add_rows(first, rows, self.watcher.layout)
            if not self.described:
                self.learn_model(record)
                self.recorder.save()

    def learn_model(self, record: FitRecorder) -> None:
        """What only the first traced step could tell: built layers, heads, what is out of reach."""
        seen, layout = self.watcher.first_seen, self.watcher.layout
        if self.described:
            return
        with self.recorder.catch_errors("looking for what has no slope in the loss"):
            record.info = replace(record.info, flat_parts=flat_parts(self.watcher.loss_graph()))
        if seen is None or layout is None:  # Keras stopped while it traced; the layers may be built by now
            self.recorder.set_model(record.info.index, self.training.describe())
            return
        self.described = True
        self.ending.left = self.watcher.left_behind()
        model = replace(self.training.describe(), outputs=self.training.outputs(seen))
        self.recorder.set_model(record.info.index, model)
        missed: list[NotWatched] = [
            *self.watcher.not_watched,
            *self.out_of_reach(seen),
            *layout.list_unseen(),
        ]
        record.info = replace(
            record.info,
            not_watched=tuple(dict.fromkeys(missed)),
            watched=layout.count_watchpoints(),
            broadcasts=self.watcher.broadcasts,
            input_location=user_lines.call_line_of(self.model) if record.info.kind == "tape" else None,
            loss_location=loss_line_of(seen),
            loss_scaled=self.is_loss_scaled(seen),
            trainable=self.training.count_trainable(),
            no_gradient=tuple(seam().path_of(variable) for grad, variable in seen.gradients if grad is None),
        )
        with self.recorder.catch_errors("looking what losses were given"):
            calls = tuple(loss_calls_of(self.model, seen))
            record.info = replace(record.info, loss_calls=calls)
        if self.model is not None and not self.training.distributed:
            with self.recorder.catch_errors("looking where embeddings get their tokens"):
                found = tuple(token_inputs(self.model, seen))
                record.info = replace(record.info, token_inputs=found)
            with self.recorder.catch_errors("looking for variables that nobody trains"):
                self.untracked, self.untracked_at = find_untracked(seen, self.model), record.info.steps

    def is_loss_scaled(self, seen: TracedStep) -> bool | None:
        """None where no optimizer of the step takes off a scale as it sees fit."""
        applied = [*seen.optimizers, *filter(None, [self.watcher.optimizer])]
        scaling = filter(seam().is_loss_scaling, applied)
        taken_off = any(seam().scale_of_gradients(each) is not None for each in scaling)
        return seen.is_scaled if taken_off else None

    def out_of_reach(self, seen: TracedStep) -> list[LayerOutOfReach]:
        """Layers whose outputs stay inside a loop or a function, so that no sentinel can see them."""
        reached = {id(layer) for layer, _ in seen.activations}
        paths = {id(layer): path for path, layer in seam().layers_of(self.model)} if self.model else {}
        names = [paths.get(id(layer), layer.name) for layer in seen.out_of_reach if id(layer) not in reached]
        return [LayerOutOfReach(name) for name in dict.fromkeys(names)]

    def on_inspection(self, seen: Inspection) -> int:
        """On the host, inside the step, in TensorFlow's thread. Answers the step to inspect next."""
        record = self.fit
        if record is None:
            return seen.step + 1
        before = time.perf_counter()
        if seen.flag and self.pending is None:
            self.pending = seen
        else:
            record.add_inspection(seen)
            self.both_modes.hold(seen.batch)
            if self.held is not None:
                self.held.hold(seen.batch)
        cost = time.perf_counter() - before
        record.seconds_watching += cost
        return next_step(seen.step, cost, record.step_seconds(seen.step))

    # -- a step that went bad, or raised ---------------------------------------------------------

    def answer(self) -> None:
        """The first bad step of a fit: record it, find where it came from, halt if that is wanted."""
        seen, record = self.pending, self.fit
        self.pending = None
        if seen is None or record is None or not self.recorder.ours:
            return
        what = f"a non-finite number at step {seen.step}"
        if seen.flag == BAD_ELSEWHERE:
            self.halt_with_others(seen, record)
            return
        with self.recorder.catch_errors("recording an incident"):
            found = self.handler.investigate(seen, record)
            self.learn_model(record)
            self.recorder.add_incident(found)
            what = incident_words(found)
        if self.on_incident == "continue":
            return
        self.recorder.halted = True
        if self.on_incident == "stop":
            if self.model is not None:
                self.model.stop_training = True
            record.info = replace(record.info, status="halted")
            return
        with self.recorder.catch_errors("keeping the frozen model"):
            self.keep_frozen(seen, record)
        self.halt(f"{what} (epoch {record.epoch + 1})")

    def halt_with_others(self, seen: Inspection, record: FitRecorder) -> None:
        """A step was held back for what another worker saw, who tells of it: no worker goes on alone."""
        if self.on_incident == "continue":
            return
        self.recorder.halted = True
        record.info = replace(record.info, not_watched=(*record.info.not_watched, HeldForOthers(seen.step)))
        if self.on_incident == "stop":
            if self.model is not None:
                self.model.stop_training = True
            record.info = replace(record.info, status="halted")
            return
        self.halt(f"a non-finite number at step {seen.step} in another worker (epoch {record.epoch + 1})")

    def answer_at_the_end(self, seen: Inspection, record: FitRecorder) -> None:
        """A bad step that the host was never asked about: the last function that the script called had it."""
        self.pending = None
        if not self.handler.is_told():
            found = self.handler.investigate(seen, record)
            self.learn_model(record)
            self.recorder.add_incident(found)

    def keep_frozen(self, seen: Inspection, record: FitRecorder) -> None:
        """The model as it stands before the bad step: remedies can be tried on it."""
        told = self.recorder.info.incident
        if told is None or told.fit != record.info.index:  # the remedies will be for the first of a run
            return
        ran = seen.ran if self.recorder.keeps_trainings else None
        if ran is not None and size_of(ran) <= self.recorder.snapshot_limit:
            self.recorder.bad_step = ran
        again = self.watcher.repeatable(seen.batch)
        if again is None or self.model is None:
            return
        if record.info.kind != "tape" and not self.training.distributed:
            self.recorder.frozen = FrozenTraining(self.model, again.data, self.handler.first_weights)

    def halt(self, what: str) -> None:
        """Ends the record of the fit, and raises `TrainingHalted`."""
        self.end("halted")
        if self.alone:
            self.training.detach()
            self.recorder.end("halted", None)
        raise self.halt_of(what)

    def halt_of(self, what: str) -> TrainingHalted:
        if self.recorder.told is not None:
            with self.recorder.catch_errors("telling of a halt"):
                return self.recorder.told.of_halt(self.recorder, what)
        return TrainingHalted(
            f"{what}; the training was halted there. The record is in {self.recorder.folder}"
        )

    def check_state(self) -> None:
        """On the host, between two steps: state that went bad since it was looked at last.

        Raises:
            TrainingHalted: there is some, and ``on_incident`` wants it.
        """
        if self.fit is None or self.pending is not None or self.is_bare:
            return
        if self.has_caught_up_with_bad():
            self.drain()
        else:
            with self.recorder.catch_errors("looking at the state"):
                self.pending = None if self.handler.is_told() else self.handler.find_bad_state()
        self.answer()

    def has_caught_up_with_bad(self) -> bool:
        """Whether one of the steps that nothing has waited for yet was bad."""
        with self.recorder.catch_errors("looking at the steps that were made"):
            self.watcher.catch_up()
        return self.pending is not None

    def check_state_in_time(self) -> None:
        """After the last step of an epoch: before a validation reads the state, or a callback saves it.

        Under a strategy no step looks at the state by itself: then now and then, too.
        """
        if self.fit is None:
            return
        self.steps_of_epoch += self.training.steps_per_execution
        whole = self.fit.info.steps_per_epoch
        is_last = bool(whole) and self.steps_of_epoch >= (whole or 0)
        may_look = self.training.distributed and self.watcher.reads_alone
        if is_last or (may_look and self.handler.is_state_check_due()):
            self.check_state()

    def record_crash(self, error: Exception) -> None:
        """The step raised: keep what it was given."""
        with self.recorder.catch_errors("recording an exception of the step"):
            text = crash_words(error)
            if self.fit is not None:
                self.recorder.add_event(Raised(self.fit.info.index, text))
                if is_op_error(error):
                    with self.recorder.catch_errors("keeping the batch of the step that raised"):
                        self.handler.keep_batch(self.fit)
                        if self.held is not None:
                            self.held.hold(self.watcher.held_batch())
            self.end("crashed", text)
            if self.alone:
                leave_observer(self.model)
                self.recorder.end("crashed", None)


@dataclass
class DroppedFit:
    """The end of a fit whose model and optimizer are gone: what was seen last is written down."""

    recorder: RunRecorder
    record: FitRecorder | None = None
    left: LeftBehind | None = None
    alone: bool = False  # the run ends with it

    def end(self) -> None:
        if self.record is None or not self.recorder.ours:
            return
        with self.recorder.catch_errors("ending the record of a model that is gone"):
            self.end_record(self.record, self.left)
        if self.alone:
            self.recorder.end("finished", None)

    def end_record(self, record: FitRecorder, left: LeftBehind | None) -> None:
        if left is not None:
            with self.recorder.catch_errors("fetching what a model that is gone has left behind"):
                record.add_rows(*left.rows_since(record.info.steps), left.layout)
                bad_state = None if self.recorder.info.incident else bad_state_at_the_end(left, record)
                if bad_state is not None:
                    self.recorder.add_incident(bad_state)
        status = record.info.status
        record.end("finished" if status == "running" else status, seconds=record.last_row_time)
        self.recorder.end_fit(record.info.index, record.info)
        record.close()


# By the id of a model, or of the optimizer of a loop.
OBSERVERS: weakref.WeakValueDictionary[int, FitObserver] = weakref.WeakValueDictionary()


def is_same(first: float, second: float) -> bool:
    return first == second or (math.isnan(first) and math.isnan(second))


def observer_of(owner: object) -> FitObserver | None:
    """The observer of a model, or of the optimizer of a loop."""
    found = OBSERVERS.get(id(owner))
    return found if found is not None and found.training.owner is owner else None


def observe_model(model: Model, recorder: RunRecorder, on_incident: OnIncident) -> FitObserver:
    """The observer of ``model``, which tells ``recorder`` from now on, put on it until `detach_observer`.

    It is held by the function that Keras keeps of the watched step, and so by the model, on which nothing
    else of ours stands between two fits: while there is no function, whoever asks for the observer must
    hold it. One whose function Keras has thrown away, or that has another step compiled, gives way.
    """
    held = observer_of(model)
    if held is not None and not can_go_on(held, model, recorder, on_incident):
        held.end("finished")
        release_observer(model)
        held = None
    if held is None:
        told = ToldTo(recorder)
        held = OBSERVERS[id(model)] = FitObserver(
            training_of(model, on_incident != "continue", told), recorder, on_incident, told
        )
    elif held.recorder is not recorder or held.on_incident != on_incident:
        held.end("finished")
        held.tell(recorder, on_incident)
    held.told.is_off = False
    assert isinstance(held.training, ModelTraining | BackendTraining)
    held.training.attach()
    return held


def training_of(model: Model, hold: bool, told: ToldTo) -> ModelTraining | BackendTraining:
    if is_on_tensorflow():
        return ModelTraining(model, hold, told.catch_errors, told.is_over)
    return BackendTraining(model, hold, told.catch_errors)


def can_go_on(held: FitObserver, model: Model, recorder: RunRecorder, on_incident: OnIncident) -> bool:
    """Whether what was traced for ``held`` is what this fit of ``model`` wants; on another backend than
    TensorFlow it tells one recorder alone."""
    training = held.training
    if model.train_function is None:
        return False
    if not isinstance(training, ModelTraining):
        return held.recorder is recorder and held.on_incident == on_incident
    same = training.hold == (on_incident != "continue")
    return same and (held.is_bare or training.is_watched())


def detach_observer(model: Model) -> None:
    """A model has been trained, for now."""
    held = observer_of(model)
    if held is not None:
        held.training.detach()


def leave_observer(model: Model | None) -> None:
    """The watch of a model is over: Keras keeps what was traced, and the model goes on without us."""
    held = observer_of(model)
    if held is None:
        return
    if held.is_bare or not isinstance(held.training, ModelTraining):
        release_observer(model)
    else:
        held.training.detach()


def turn_off(model: Model) -> None:
    """What follows is not watched, though the run goes on."""
    held = observer_of(model)
    if held is not None:
        held.told.is_off = True


def observe_loop(optimizer: Optimizer, recorder: RunRecorder, on_incident: OnIncident) -> FitObserver:
    """A new observer of the loop that ``optimizer`` is applied in, held by that."""
    training = LoopTraining(optimizer, on_incident != "continue", recorder.catch_errors)
    observer = FitObserver(training, recorder, on_incident)
    OBSERVERS[id(optimizer)] = vars(optimizer)[HOLDER] = observer
    return observer


def release_observer(owner: object) -> None:
    """Leave a model, or the optimizer of a loop, as it was found."""
    held = observer_of(owner)
    if held is not None:
        held.release()
        del OBSERVERS[id(owner)]
        vars(owner).pop(HOLDER, None)
