"""Validation data that come batch by batch, seen as they pass through the model's test step."""

from __future__ import annotations

import functools
import itertools
import math
import time
from collections.abc import Callable, Iterator

import numpy as np

from nanwatch.record.facts import DataInfo, TensorSummary
from nanwatch.record.watchpoints import Role
from nanwatch.watch.data import batch as batches
from nanwatch.watch.data.label_counts import LabelCounts
from nanwatch.watch.data.profile import Profile
from nanwatch.watch.keras_seam import tensorflow_names
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.keras_types import Array, Model, StepFunction, Structure, Tensor
from nanwatch.watch.keras_seam.patches import Patches
from nanwatch.watch.keras_seam.public_tensorflow import tf
from nanwatch.watch.train_step.host_call import call_host
from nanwatch.watch.train_step.inspection import STEPS_AFTER_AN_ERROR, Names, first_rows, next_step
from nanwatch.watch.train_step.kept_step import KeptStep, logs_of_step
from nanwatch.watch.train_step.made_by_keras import make_function, steps_in_a_call
from nanwatch.watch.train_step.own_fault import OpFailed, fault_words, is_end, may_be_own, nodes_of
from nanwatch.watch.train_step.own_ops import own_ops
from nanwatch.watch.train_step.traced_step import CatchErrors
from nanwatch.watch.train_step.watched_function import WatchedFunction, bare_of, never


class ValidationStepRecorder:
    """Wraps ``model.test_step`` from `attach` to `detach`; sees the batches between `begin` and `end`.

    One pass is seen: every label is counted, some batches are looked at in full, as in training.
    A pass that nobody asked to see costs one read of a variable a step.
    """

    def __init__(self, model: Model, catch_errors: CatchErrors, is_over: Callable[[], bool] = never) -> None:
        """``is_over``: whether nobody watches any more; then the model goes on as Keras has it."""
        self.model = model
        self.catch_errors = catch_errors
        self.is_over = is_over
        self.original = model.test_step
        self.jit = False
        self.at_once = 1  # steps in one call of what Keras compiled
        self.open = tensorflow_names.make_variable(False, "nanwatch_validation")
        self.counter = tensorflow_names.make_variable(np.int64(0), "nanwatch_validation_step")
        self.next_look = tensorflow_names.make_variable(np.int64(0), "nanwatch_validation_look")
        self.seeing = False
        self.label_counts = LabelCounts()
        self.profiles: dict[tuple[Role, str], Profile] = {}
        self.looked_at: tuple[int, float] | None = None  # step, and when
        self.quickest = math.inf  # seconds a step took between two looks, at best
        self.made: StepFunction | None = None  # the test function that sees the batches
        self.kept = KeptStep()
        self.is_bare = False  # an op of nanwatch's has failed: nothing is seen any more
        self.patches = Patches()
        self.bare = bare_of(model.test_function)  # Keras's own function, as long as it is good
        model.test_function = None

    def attach(self) -> None:
        """The model is about to be trained."""
        if not self.patches.entries and not self.is_bare:
            self.patches.set(self.model, "test_step", self.test_step)
            self.patches.set(self.model, "make_test_function", self.make_test_function)

    def detach(self) -> None:
        """Nothing of ours stands on the model any more, but the function that Keras keeps."""
        self.patches.undo()

    def release(self) -> None:
        """Leave the model as it was found."""
        self.detach()
        held = self.model.test_function
        self.model.test_function = bare_of(held) if held is self.made else None

    def expect(self) -> None:
        """A validation is to be seen: not by a function that Keras made when nobody was here."""
        held = self.model.test_function
        if held is not self.made:
            self.bare, self.model.test_function = bare_of(held), None

    def make_test_function(self, force: bool = False) -> StepFunction | None:
        """As Keras's; with XLA the user's step alone is compiled by it, for XLA cannot call the host."""
        model = self.model
        self.at_once = steps_in_a_call(model, self.catch_errors)
        if model.test_function is not None and not force:
            return model.test_function
        with self.catch_errors("asking whether XLA compiles the step"):
            self.jit = seam().is_compiled_by_xla(model)
        function = make_function(model, type(model).make_test_function, "test_function", self.catch_errors)
        watched = functools.partial(self.execute, function)
        self.made = model.test_function = WatchedFunction(
            model, "test_function", watched, self.bare, self.is_over, self.detach
        )
        self.bare = None  # of a compilation that comes after this one it would not be
        return self.made

    def execute(self, function: StepFunction, iterator: Iterator[Structure]) -> Structure:
        """One call of the test function: as many steps as Keras puts into one execution."""
        failed: Exception | None = None
        at_once = self.at_once
        try:
            logs = function(iterator)
        except Exception as error:
            if is_end(error) or not may_be_own(error):
                raise
            failed = error
        if failed is not None:
            return self.go_on_bare(failed, iterator, at_once)
        self.kept.note_execution(at_once)
        return logs

    def go_on_bare(self, error: Exception, iterator: Iterator[Structure], at_once: int) -> Structure:
        """An op of nanwatch's has failed, behind the script's own step: that is whole, and has answered."""
        self.is_bare = True
        steps, logs = 0, None
        with self.catch_errors("finding what a step of the validation gave"):
            if nodes_of(error):  # else it failed while it was traced
                steps = max(1, self.kept.steps_begun() - self.kept.known_begun)
                logs = logs_of_step(self.model, self.kept)
        self.release()
        self.model.make_test_function()
        function = self.model.test_function
        assert function is not None
        ahead = list(itertools.islice(iterator, at_once - steps)) if steps else []
        if ahead or not steps:
            logs = function(iter(ahead) if ahead else iterator)
        self.note(error)
        return logs

    def note(self, error: Exception) -> None:
        with self.catch_errors("making a step of the validation"):
            raise OpFailed(fault_words(error))

    def test_step(self, data: Structure) -> Structure:
        core = seam().compile(self.original, jit_compile=True) if self.jit else self.original
        logs = core(data)
        given = [item for item in tf.nest.flatten(logs, expand_composites=True) if tf.is_tensor(item)]
        with own_ops(), tf.control_dependencies(given):  # what fails here fails behind the script's step
            with self.catch_errors("keeping what a step of the validation has given"):
                self.kept.begin(())
                self.kept.end(logs)
            with self.catch_errors("seeing the validation data"):
                self.record(batches.split_batch(data))
        return logs

    def record(self, batch: batches.Batch) -> None:
        names = [(role, key) for role, key, _ in batches.dense_tensors(batch)]
        shown = [tensor for _, _, tensor in batches.dense_tensors(batch)]
        if not shown:
            return

        def count() -> tf.Tensor:
            self.label_counts.count(batch["label"])
            number = tf.subtract(self.counter.assign_add(1, read_value=True), 1)
            is_time = tf.greater_equal(number, self.next_look)
            tf.cond(is_time, lambda: take(number), lambda: tf.constant(0))
            return tf.constant(0)

        def take(number: Tensor) -> tf.Tensor:
            def report(recorder: ValidationStepRecorder, *arrays: Array) -> int:
                return recorder.report_batch(names, *arrays)

            given, doing = [number, *shown], "inspecting the validation data"
            apart = call_host(self, report, given, STEPS_AFTER_AN_ERROR, doing)
            self.next_look.assign(tf.add(number, apart))
            return tf.constant(0)

        tensorflow_names.keep_whole(tf.cond(self.open, count, lambda: tf.constant(0)))

    def report_batch(self, names: Names, number: Array, *arrays: Array) -> int:
        """On the host, inside the step. Answers how many steps from here to inspect again.

        ``number`` is the step, a scalar; ``arrays`` have the shape (rows, ...).
        """
        step, began = int(number), time.perf_counter()
        if self.looked_at is not None and step > self.looked_at[0]:
            apart = (began - self.looked_at[1]) / (step - self.looked_at[0])
            self.quickest = min(self.quickest, apart)
        for (role, key), array in zip(names, arrays, strict=True):
            self.profiles.setdefault((role, key), Profile(role, key)).add(first_rows(np.asarray(array)))
        self.looked_at = (step, time.perf_counter())
        return next_step(step, self.looked_at[1] - began, self.quickest) - step

    def begin(self) -> None:
        """A pass over the validation data begins that is to be seen."""
        self.label_counts.begin()
        self.profiles.clear()
        self.counter.assign(0)
        self.next_look.assign(0)
        self.looked_at, self.quickest = None, math.inf
        self.open.assign(True)
        self.seeing = True

    def end(self) -> DataInfo | None:
        """What the pass showed; None where nothing was seen."""
        self.open.assign(False)
        self.seeing = False
        if not self.profiles:
            return None

        def of(wanted: Role) -> tuple[TensorSummary, ...]:
            return tuple(profile.summary() for (role, _), profile in self.profiles.items() if role == wanted)

        labels, counted = self.label_counts.made_whole(of("label"))
        return DataInfo(of("input"), labels, of("sample_weight"), labels_counted=counted)
