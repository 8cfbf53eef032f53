"""A model from fit to fit: opens and ends the fits' records."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import tensorflow as tf

from nanwatch.record.events import EpochBegin, EpochEnd, FitBegin, LearningRateChanged
from nanwatch.record.facts import DataInfo, FitInfo, ModelInfo
from nanwatch.watch.data import fit_arrays
from nanwatch.watch.incident import guilty_rows
from nanwatch.watch.incident.handler import IncidentHandler, OnIncident
from nanwatch.watch.keras_seam import keras_names
from nanwatch.watch.launch import user_lines
from nanwatch.watch.model import description, outputs
from nanwatch.watch.model.both_modes import BothModes
from nanwatch.watch.recording.fit_recorder import FitRecorder
from nanwatch.watch.recording.run_recorder import RunRecorder
from nanwatch.watch.train_step.inspection import Inspection, next_step
from nanwatch.watch.train_step.model_step import ModelStepRecorder
from nanwatch.watch.train_step.replicated_step import ReplicatedStepRecorder
from nanwatch.watch.train_step.traced_step import TracedStep
from nanwatch.watch.train_step.validation_step import ValidationStepRecorder

ATTRIBUTE = "_nanwatch_observer"
# How a data set or an iterator says that it has come to its end: no fault of anybody's.
ENDS = (StopIteration, tf.errors.OutOfRangeError, GeneratorExit)


class FitObserver(IncidentHandler):
    """Watches one model for a recorder."""

    validation: ValidationStepRecorder | None = None  # of data that come batch by batch

    def __init__(self, model: Any, recorder: RunRecorder, on_incident: OnIncident) -> None:
        self.model = model
        self.recorder = recorder
        self.on_incident: OnIncident = on_incident
        self.fit: FitRecorder | None = None
        self.alone = False  # a `Watch` passed by hand: the run ends with the fit
        self.pending: Inspection | None = None
        self.last_look = BothModes(None)
        self.first_weights: list[Any] | None = None
        self.replicas = keras_names.replicas_of(model)
        kind = ReplicatedStepRecorder if self.replicas > 1 else ModelStepRecorder
        self.watch = kind(model, on_incident != "continue", self.on_look, recorder.catch_errors)
        self.watch.execute = self.execute
        if self.replicas == 1:
            self.validation = ValidationStepRecorder(model, recorder.catch_errors)
        self.described = False
        self.steps_of_epoch = 0
        self.rate: tuple[int, float | None] | None = None  # epoch, and the rate at its first step
        vars(model)[ATTRIBUTE] = self

    def release(self) -> None:
        self.watch.release()
        if self.validation is not None:
            self.validation.release()
        vars(self.model).pop(ATTRIBUTE, None)

    # -- fits ----------------------------------------------------------------------------------

    def begin(self, kind: Any, given: dict[str, Any], location: Any) -> None:
        """A training begins; ``given`` are the arguments of ``fit`` where there is one."""
        if self.fit is not None:
            self.end("finished")
        if not self.recorder.info.devices:  # not earlier: it would end the script's choice of devices
            self.recorder.learn_versions()
        model = self.describe()
        info = FitInfo(
            index=0,
            kind=kind,
            epochs_asked=given.get("epochs"),
            steps_per_epoch=given.get("steps"),
            batch_size=given.get("batch_size"),
            class_weight=class_weights(given.get("class_weight")),
            validation=given.get("validation_data") is not None,
            validation_split=float(given.get("validation_split") or 0.0),
            shuffle=as_bool(given.get("shuffle")),
            location=location,
            trainable=self.trainable(),
            replicas=self.replicas,
            saves_seen=self.recorder.saves_seen,
        )
        record = FitRecorder(info, self.recorder.writer)
        with self.recorder.catch_errors("reading the data of fit"):
            record.whole = fit_arrays.data_of(given.get("x"), given.get("y"), given.get("sample_weight"))
            validation = fit_arrays.data_of(
                given.get("val_x"), given.get("val_y"), given.get("val_sample_weight")
            )
            if validation is not None:
                info = replace(info, validation_data=validation)
        index = self.recorder.add_fit(model, info, record.current)
        record.info = replace(info, index=index, model=self.recorder.fits[index].model)
        record.started = time.perf_counter()
        self.fit, self.described, self.pending = record, False, None
        self.recorder.open_fits[index] = self.end
        self.first_weights = self.rate = None
        self.last_look = BothModes(self.model)
        with self.recorder.catch_errors("holding the first weights"):
            self.first_weights = None if self.model is None else guilty_rows.first_weights_of(self.model)
        self.watch.begin()
        self.watch.counting = record.whole is None
        record.census = self.watch.census
        self.recorder.add_event(FitBegin(index, kind))
        self.recorder.save()

    def describe(self) -> ModelInfo:
        compiled = vars(self.model).get("_nanwatch_compile")
        return description.describe(self.model, compiled)

    def outputs(self, seen: TracedStep) -> Any:
        return outputs.outputs_of(self.model, seen)

    def trainable(self) -> int | None:
        return len(self.model.trainable_variables) if self.model.built else None

    def epoch(self, number: int) -> None:
        if self.fit is not None:
            self.drain()
            self.fit.epoch = number
            self.steps_of_epoch = 0
            self.fit.info = replace(self.fit.info, epochs=number + 1)
            self.recorder.add_event(EpochBegin(self.fit.info.index, number))

    def epoch_end(self, number: int, logs: dict[str, Any] | None) -> None:
        if self.fit is not None:
            self.drain()
            values = {name: float(value) for name, value in (logs or {}).items() if is_number(value)}
            self.recorder.add_event(EpochEnd(self.fit.info.index, number, values, self.fit.info.steps))
            self.recorder.save(now=False)

    def validation_begin(self) -> None:
        """A validation within the fit: the first is seen, where its data were not read before."""
        if self.validation is None or self.fit is None:
            return
        if self.fit.info.validation_data == DataInfo():
            self.validation.begin()

    def validation_end(self) -> None:
        if self.validation is not None and self.fit is not None and self.validation.seeing:
            found = self.validation.end()
            if found is not None:
                self.fit.info = replace(self.fit.info, validation_data=found)

    def end(self, status: Any, error: str | None = None) -> None:
        if self.fit is None:
            return
        with self.recorder.catch_errors("ending a validation"):
            self.validation_end()
        record, self.fit = self.fit, None
        self.recorder.open_fits.pop(record.info.index, None)
        with self.recorder.catch_errors("ending the record of a fit"):
            self.drain_into(record)
            self.look_at_state(record)
            self.learn_model(record)
            if status == "finished" and self.replicas == 1:
                self.try_both_modes(record)
            record.end(status, error)
            self.recorder.end_fit(record.info.index, record.info)
            record.close()

    def try_both_modes(self, record: FitRecorder) -> None:
        """Last of all, on the weights that the fit leaves."""
        seconds = time.perf_counter() - record.started
        with self.recorder.catch_errors("trying the rows of a batch in both modes"):
            template = getattr(self.watch, "template", None)
            found = self.last_look.answer(template, record.info, seconds, record.quickest)
            record.info = replace(record.info, inference=found)
            record.seconds_watching += time.perf_counter() - record.started - seconds

    # -- steps ---------------------------------------------------------------------------------

    def execute(self, function: Callable[..., Any], iterator: Any) -> Any:
        """One call of the train function: as many steps as Keras puts into one execution."""
        if self.fit is None:
            with self.recorder.catch_errors("taking up a training"):
                self.begin("train_on_batch", {}, user_lines.line_here(sys._getframe(1)))
        with self.recorder.catch_errors("looking at the learning rate"):
            self.note_learning_rate()
        try:
            logs = function(iterator)
        except ENDS:
            raise
        except Exception as error:
            self.crashed(error)
            raise
        if self.pending is not None or self.watch.due(int(self.model.steps_per_execution)):
            before = time.perf_counter()
            self.drain()
            self.recorder.save(now=False)
            if self.fit is not None:
                self.fit.seconds_watching += time.perf_counter() - before
        if self.pending is not None:
            self.answer()
        self.check_state_in_time()
        return logs

    def note_learning_rate(self) -> None:
        """At the first step of an epoch, when every callback has had its turn: has the rate been changed?"""
        if self.fit is None or (self.rate is not None and self.rate[0] == self.fit.epoch):
            return
        before = None if self.rate is None else self.rate[1]
        rate = description.constant_rate(self.optimizer())
        self.rate = self.fit.epoch, rate
        if before is not None and rate is not None and not is_same(before, rate):
            info = self.fit.info
            self.recorder.add_event(LearningRateChanged(info.index, self.fit.epoch, info.steps, before, rate))

    def check_state_in_time(self) -> None:
        """After the last step of an epoch: before a validation reads the state, or a callback saves it."""
        if self.fit is None:
            return
        self.steps_of_epoch += int(self.model.steps_per_execution)
        whole = self.fit.info.steps_per_epoch
        if whole and self.steps_of_epoch >= whole:
            self.check_state()
        elif self.replicas > 1:
            self.check_state_now_and_then()

    def drain(self) -> None:
        if self.fit is not None:
            with self.recorder.catch_errors("draining the watched numbers"):
                self.drain_into(self.fit)

    def drain_into(self, record: FitRecorder) -> None:
        first, rows = self.watch.drain()
        if self.watch.layout is not None and self.recorder.ours:
            record.add_rows(first, rows, self.watch.layout)
            if not self.described:
                self.learn_model(record)
                self.recorder.save()

    def learn_model(self, record: FitRecorder) -> None:
        """What only the first traced step could tell: built layers, heads, what is out of reach."""
        seen, layout = self.watch.first_seen, self.watch.layout
        if self.described:
            return
        if seen is None or layout is None:  # Keras stopped while it traced; the layers may be built by now
            self.recorder.set_model(record.info.index, self.describe())
            return
        self.described = True
        model = replace(self.describe(), outputs=self.outputs(seen))
        self.recorder.set_model(record.info.index, model)
        missed = [*self.watch.not_watched, *self.out_of_reach(seen), *layout.list_unseen()]
        record.info = replace(
            record.info,
            not_watched=tuple(dict.fromkeys(missed)),
            watched=layout.watched(),
            broadcasts=getattr(self.watch, "met", None),
            trainable=self.trainable(),
            no_gradient=tuple(
                keras_names.path_of(variable) for grad, variable in seen.gradients if grad is None
            ),
        )

    def out_of_reach(self, seen: TracedStep) -> list[str]:
        """Layers whose outputs stay inside a loop or a function, so that no sentinel can see them."""
        reached = {id(layer) for layer, _ in seen.activations}
        paths = {id(layer): path for path, layer in keras_names.layers_of(self.model)} if self.model else {}
        names = [paths.get(id(layer), layer.name) for layer in seen.out_of_reach if id(layer) not in reached]
        return [f"{name}: called inside a loop or a function of its own" for name in dict.fromkeys(names)]

    def on_look(self, seen: Inspection) -> int:
        """Called inside the step, in TensorFlow's thread."""
        record = self.fit
        if record is None:
            return seen.step + 1
        before = time.perf_counter()
        try:
            if seen.flag and self.pending is None:
                self.pending = seen
            else:
                record.add_look(seen)
                self.last_look.hold(seen.batch)
        except Exception as error:
            self.recorder.note_error(error, "looking at a step")
        cost = time.perf_counter() - before
        record.seconds_watching += cost
        return next_step(seen.step, cost, record.step_seconds(seen.step))


def observer_of(model: Any) -> FitObserver | None:
    found = vars(model).get(ATTRIBUTE)
    return found if isinstance(found, FitObserver) else None


def class_weights(given: Any) -> dict[str, float] | None:
    if not isinstance(given, dict):
        return None
    return {str(name): float(value) for name, value in given.items() if is_number(value)}


def is_same(first: float, second: float) -> bool:
    return first == second or (math.isnan(first) and math.isnan(second))


def is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def as_bool(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None
