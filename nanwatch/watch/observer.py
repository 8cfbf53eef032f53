"""A model from fit to fit: opens and ends the fits' records, and answers an incident."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import tensorflow as tf

from nanwatch.errors import TrainingHalted
from nanwatch.record.facts import FitInfo, ModelInfo
from nanwatch.watch import (
    autopsy,
    fit_data,
    heads,
    incident,
    keras_names,
    model_facts,
    origin,
    snapshot,
    suspects,
)
from nanwatch.watch.fit_record import FitRecord
from nanwatch.watch.look import Look, next_step
from nanwatch.watch.model_watch import ModelWatch
from nanwatch.watch.replicas import ReplicatedWatch
from nanwatch.watch.step import Seen
from nanwatch.watch.step_recorder import BAD_WEIGHT
from nanwatch.watch.witness import Witness

OnIncident = Literal["raise", "stop", "continue"]
ATTRIBUTE = "_nanwatch_observer"
MOST_OF_A_MESSAGE = 300  # characters of an exception's text that are kept
# How a data set or an iterator says that it has come to its end: no fault of anybody's.
ENDS = (StopIteration, tf.errors.OutOfRangeError, GeneratorExit)


class Observer:
    """Watches one model for a witness."""

    def __init__(self, model: Any, witness: Witness, on_incident: OnIncident) -> None:
        self.model = model
        self.witness = witness
        self.on_incident: OnIncident = on_incident
        self.fit: FitRecord | None = None
        self.alone = False  # a `Watch` passed by hand: the run ends with the fit
        self.pending: Look | None = None
        self.first_weights: list[Any] | None = None
        self.replicas = keras_names.replicas_of(model)
        kind = ReplicatedWatch if self.replicas > 1 else ModelWatch
        self.watch = kind(model, on_incident != "continue", self.on_look, witness.forgiving)
        self.watch.execute = self.execute
        self.described = False
        vars(model)[ATTRIBUTE] = self

    def release(self) -> None:
        self.watch.release()
        vars(self.model).pop(ATTRIBUTE, None)

    # -- fits ----------------------------------------------------------------------------------

    def begin(self, kind: Any, given: dict[str, Any], location: Any) -> None:
        """A training begins; ``given`` are the arguments of ``fit`` where there is one."""
        if self.fit is not None:
            self.end("finished")
        if not self.witness.info.devices:  # not earlier: it would end the script's choice of devices
            self.witness.learn_versions()
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
            saves_seen=self.witness.saves_seen,
        )
        record = FitRecord(info, self.witness.writer)
        with self.witness.forgiving("reading the data of fit"):
            record.whole = fit_data.data_of(given.get("x"), given.get("y"), given.get("sample_weight"))
            validation = fit_data.data_of(
                given.get("val_x"), given.get("val_y"), given.get("val_sample_weight")
            )
            if validation is not None:
                info = replace(info, validation_data=validation)
        index = self.witness.add_fit(model, info, record.current)
        record.info = replace(info, index=index, model=self.witness.fits[index].model)
        record.started = time.perf_counter()
        self.fit, self.described, self.pending = record, False, None
        self.witness.open_fits[index] = self.end
        self.first_weights = None
        with self.witness.forgiving("holding the first weights"):
            self.first_weights = None if self.model is None else suspects.first_weights_of(self.model)
        self.watch.begin()
        self.witness.event("fit_begin", fit=index, kind=kind)
        self.witness.save()

    def describe(self) -> ModelInfo:
        compiled = vars(self.model).get("_nanwatch_compile")
        return model_facts.describe(self.model, compiled)

    def outputs(self, seen: Seen) -> Any:
        return heads.outputs_of(self.model, seen)

    def trainable(self) -> int | None:
        return len(self.model.trainable_variables) if self.model.built else None

    def epoch(self, number: int) -> None:
        if self.fit is not None:
            self.drain()
            self.fit.epoch = number
            self.fit.info = replace(self.fit.info, epochs=number + 1)
            self.witness.event("epoch_begin", fit=self.fit.info.index, epoch=number)

    def epoch_end(self, number: int, logs: dict[str, Any] | None) -> None:
        if self.fit is not None:
            self.drain()
            values = {name: float(value) for name, value in (logs or {}).items() if is_number(value)}
            self.witness.event(
                "epoch_end", fit=self.fit.info.index, epoch=number, logs=values, step=self.fit.info.steps
            )
            self.witness.save(now=False)

    def end(self, status: Any, error: str | None = None) -> None:
        if self.fit is None:
            return
        record, self.fit = self.fit, None
        self.witness.open_fits.pop(record.info.index, None)
        with self.witness.forgiving("ending the record of a fit"):
            self.drain_into(record)
            self.learn_model(record)
            record.end(status, error)
            self.witness.end_fit(record.info.index, record.info)
            record.close()

    # -- steps ---------------------------------------------------------------------------------

    def execute(self, function: Callable[..., Any], iterator: Any) -> Any:
        """One call of the train function: as many steps as Keras puts into one execution."""
        if self.fit is None:
            with self.witness.forgiving("taking up a training"):
                self.begin("train_on_batch", {}, origin.here(sys._getframe(1)))
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
            self.witness.save(now=False)
            if self.fit is not None:
                self.fit.seconds_watching += time.perf_counter() - before
        if self.pending is not None:
            self.answer()
        return logs

    def drain(self) -> None:
        if self.fit is not None:
            with self.witness.forgiving("draining the watched numbers"):
                self.drain_into(self.fit)

    def drain_into(self, record: FitRecord) -> None:
        first, rows = self.watch.drain()
        if self.watch.layout is not None and self.witness.ours:
            record.add_rows(first, rows, self.watch.layout)
            if not self.described:
                self.learn_model(record)
                self.witness.save()

    def learn_model(self, record: FitRecord) -> None:
        """What only the first traced step could tell: built layers, heads, what is out of reach."""
        seen, layout = self.watch.first_seen, self.watch.layout
        if seen is None or layout is None or self.described:
            return
        self.described = True
        model = replace(self.describe(), outputs=self.outputs(seen))
        self.witness.set_model(record.info.index, model)
        missed = [*self.watch.not_watched, *self.out_of_reach(seen), *layout.unseen()]
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

    def out_of_reach(self, seen: Seen) -> list[str]:
        """Layers whose outputs stay inside a loop or a function, so that no sentinel can see them."""
        reached = {id(layer) for layer, _ in seen.activations}
        paths = {id(layer): path for path, layer in keras_names.layers_of(self.model)} if self.model else {}
        names = [paths.get(id(layer), layer.name) for layer in seen.out_of_reach if id(layer) not in reached]
        return [f"{name}: called inside a loop or a function of its own" for name in dict.fromkeys(names)]

    def on_look(self, seen: Look) -> int:
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
        except Exception as error:
            self.witness.note_error(error, "looking at a step")
        cost = time.perf_counter() - before
        record.seconds_watching += cost
        return next_step(seen.step, cost, record.step_seconds(seen.step))

    # -- what goes wrong -----------------------------------------------------------------------

    def answer(self) -> None:
        """The first bad step of a fit: record it, find where it came from, halt if that is wanted."""
        seen, record = self.pending, self.fit
        self.pending = None
        if seen is None or record is None or not self.witness.ours:
            return
        found = None
        with self.witness.forgiving("recording an incident"):
            found = self.record_incident(seen, record)
        if self.on_incident == "continue":
            return
        self.witness.halted = True
        if self.on_incident == "stop":
            self.model.stop_training = True
            record.info = replace(record.info, status="halted")
            return
        with self.witness.forgiving("keeping the frozen model"):
            again = self.repeatable(seen)
            if again is not None and record.info.kind != "tape" and self.replicas == 1:
                self.witness.frozen = (self.model, again[1], self.first_weights)
        self.end("halted")
        if self.alone:
            self.witness.end("halted", None)
        what = "a non-finite number" if found is None else words(found)
        raise TrainingHalted(
            f"{what} at step {seen.step} (epoch {record.epoch + 1}); the training was halted "
            f"there. The record is in {self.witness.folder}"
        )

    def record_incident(self, seen: Look, record: FitRecord) -> Any:
        assert self.watch.layout is not None
        before = [] if seen.flag == BAD_WEIGHT or self.model is None else incident.bad_variables(self.model)
        if self.on_incident == "continue":
            before = []  # the update has been applied: the weights of before are gone
        dissected, asked = None, None
        notes: list[str] = []
        if self.on_incident != "continue":
            with self.witness.forgiving("saving the snapshot"):
                notes = snapshot.save(
                    self.witness.folder,
                    self.model,
                    seen.batch,
                    seen.step,
                    self.witness.snapshot_limit,
                    self.optimizer(),
                )
        if seen.flag != BAD_WEIGHT and self.on_incident != "continue":
            with self.witness.forgiving("the autopsy"):
                dissected = self.dissect(seen)
            with self.witness.forgiving("asking for the guilty rows"):
                asked = self.question(seen)
        found = incident.describe(
            seen, self.watch.layout, record.info.index, record.epoch, self.on_incident, before, dissected
        )
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
        self.witness.add_incident(found)
        return found

    def optimizer(self) -> Any:
        return self.model.optimizer

    def repeatable(self, seen: Look) -> tuple[Callable[[Any], Any], Any] | None:
        """(the step, its data) to be run again; None where a part of them cannot be had."""
        data = incident.rebuilt(self.watch.template, seen.batch)
        return None if data is None else (self.watch.original, data)

    def question(self, seen: Look) -> suspects.Suspects | None:
        again = self.repeatable(seen)
        if again is None:
            return None
        return suspects.question(self.model, *again, self.optimizer(), self.first_weights)

    def dissect(self, seen: Look) -> autopsy.Autopsy | None:
        again = self.repeatable(seen)
        if again is None:
            return autopsy.Autopsy(
                notes=["no autopsy: the step or its batch is not one that can be repeated"]
            )
        return autopsy.perform(
            self.model,
            *again,
            vars(self.model).get("_nanwatch_compile"),
            optimizer=self.optimizer(),
            jit=getattr(self.watch, "jit", False),
        )

    def crashed(self, error: Exception) -> None:
        """The step raised: keep what it was given."""
        with self.witness.forgiving("recording an exception of the step"):
            text = one_line(error)
            if self.fit is not None:
                self.witness.event("exception", fit=self.fit.info.index, message=text)
                if isinstance(error, tf.errors.OpError):
                    with self.witness.forgiving("keeping the batch of the step that raised"):
                        self.keep_batch(self.fit)
            self.end("crashed", text)
            if self.alone:
                self.release()
                self.witness.end("crashed", None)

    def keep_batch(self, record: FitRecord) -> None:
        batch = self.watch.batch_held()
        if not batch:
            return
        record.info = replace(record.info, last_batch=incident.data_of(batch))
        step = int(self.watch.counter.numpy())
        snapshot.save(
            self.witness.folder, self.model, batch, step, self.witness.snapshot_limit, self.optimizer()
        )


def observer_of(model: Any) -> Observer | None:
    found = vars(model).get(ATTRIBUTE)
    return found if isinstance(found, Observer) else None


def words(found: Any) -> str:
    what = found.role if not found.path or found.role == "loss" else f"{found.role} {found.path}"
    return f"The {what} became {found.value}"


def one_line(error: BaseException) -> str:
    """The exception's type and the line of its message that says the most."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if "Received a label value" in line or "is not in [" in line]
    text = (telling or lines or [""])[0]
    return f"{type(error).__name__}: {text[:MOST_OF_A_MESSAGE]}"


def class_weights(given: Any) -> dict[str, float] | None:
    if not isinstance(given, dict):
        return None
    return {str(name): float(value) for name, value in given.items() if is_number(value)}


def is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def as_bool(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None
