"""One model under watch: its training step is wrapped, on the instance."""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from nanwatch.watch.data import batch as batches
from nanwatch.watch.data.batch import HostBatch, rebuild_batch
from nanwatch.watch.data.broadcasts import find_broadcasts
from nanwatch.watch.keras_seam import tensorflow_names
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.keras_types import (
    Model,
    Optimizer,
    StepFunction,
    Structure,
    Tensor,
    Variable,
)
from nanwatch.watch.keras_seam.patches import Patches
from nanwatch.watch.keras_seam.public_tensorflow import tf
from nanwatch.watch.train_step import bare_batch, loss_inputs
from nanwatch.watch.train_step.conditional_update import KeptValue, is_in_replica
from nanwatch.watch.train_step.eager_ops import (
    EagerStep,
    call_step,
    hold_ops_of_step,
    kept_step,
    note_seen,
)
from nanwatch.watch.train_step.inspection import RanStep
from nanwatch.watch.train_step.kept_step import KeptStep, counters_of, logs_of_step
from nanwatch.watch.train_step.made_by_keras import make_function, steps_in_a_call
from nanwatch.watch.train_step.own_fault import nodes_of
from nanwatch.watch.train_step.own_ops import OpOutOfPlace, find_out_of_place, own_ops
from nanwatch.watch.train_step.repeatable_step import RepeatableStep
from nanwatch.watch.train_step.step_observation import observe_step
from nanwatch.watch.train_step.step_recorder import StepRecorder
from nanwatch.watch.train_step.traced_step import CatchErrors, TracedStep
from nanwatch.watch.train_step.update_guard import loss_of_step
from nanwatch.watch.train_step.watched_function import WatchedFunction, bare_of, never


class StepNumbers(NamedTuple):
    """What a step tells of itself."""

    cells: Tensor  # of its row, float32, shape (columns,): all but the batch's and the weights'
    bad: Tensor  # bool scalar: a loss or a gradient is not finite
    tensors: list[Tensor]  # for a look


class BegunExecution(NamedTuple):
    """Of an execution that has failed: what was done of it."""

    steps: int = 0  # that had got their batch
    ahead: Sequence[Structure] = ()  # the batch of the last one, if it is to be made again
    logs: Structure = None  # of the last one, if it came to its end


class ModelStepRecorder(StepRecorder):
    """Wraps ``model.train_step`` from `attach` to `detach`; the function made of it stays until `release`."""

    model: Model

    def __init__(
        self, model: Model, hold: bool, catch_errors: CatchErrors, is_over: Callable[[], bool] = never
    ) -> None:
        """``is_over``: whether nobody watches any more; then the model goes on as Keras has it."""
        super().__init__(hold, catch_errors)
        self.model = model
        self.is_over = is_over
        self.original = model.train_step
        self.guard.several = not seam().is_keras_own(self.original)
        self.kept = KeptStep()
        self.at_once = 1  # steps in one call of what Keras compiled
        self.applied: list[Optimizer] = []  # by the step that was traced last
        self.optimizers: list[Optimizer] = []  # that the step was seen to apply
        self.variables: list[Variable] = []
        self.seen: TracedStep | None = None  # of the step being traced
        self.patches = Patches()
        self.bare = bare_of(model.train_function)  # Keras's own function, as long as it is good
        self.made: StepFunction | None = None  # that of the watched step
        self.is_traced = False  # since that was made
        model.train_function = None

    @property
    def optimizer(self) -> Optimizer | None:
        """The one whose rate is recorded: the model's, unless the step applies others only."""
        held = self.model.optimizer
        return held if not self.optimizers or held in self.optimizers else self.optimizers[0]

    @property
    def own_optimizer(self) -> Optimizer | None:
        return self.model.optimizer

    def repeatable(self, batch: HostBatch) -> RepeatableStep | None:
        data = rebuild_batch(self.template, batch)
        if data is None:
            return None
        held = [self.own_optimizer, *self.optimizers]
        optimizers = [optimizer for optimizer in held if optimizer is not None]
        return RepeatableStep(self.original, data, optimizers, self.jit, self.guard.several)

    def attach(self) -> None:
        """The model is about to be trained."""
        if not self.patches.entries:
            self.patches.set(self.model, "train_step", self.train_step)
            self.patches.set(self.model, "make_train_function", self.make_train_function)

    def detach(self) -> None:
        """Nothing of ours stands on the model, but the function that Keras keeps for its next fit."""
        self.patches.undo()

    def is_made(self) -> bool:
        """Whether Keras still holds the function of the watched step."""
        return self.made is not None and self.model.train_function is self.made

    def release(self) -> None:
        """Leave the model as it was found."""
        self.halted.assign(False)
        self.detach()
        self.model.train_function = bare_of(self.made) if self.is_made() else None

    def begin(self, count_labels: bool) -> None:
        super().begin(count_labels)
        self.kept.begin_fit()

    def forget_batch(self) -> None:
        super().forget_batch()
        self.kept.let_go()

    def make_up_for_missing_data(self) -> None:
        """XLA compiles a step that waits for its batch as a whole; so does an execution of several."""
        if not self.jit and self.at_once == 1:
            self.guard.make_up_for_missing_data()

    def make_train_function(self, force: bool = False) -> StepFunction:
        """As Keras's, but what it makes goes through ``self.execute``.

        With XLA the outer function is left to TensorFlow and the user's step compiled inside it:
        XLA can neither call the host nor keep a batch of unknown size.
        """
        model = self.model
        self.at_once = steps_in_a_call(model, self.catch_errors)
        if model.train_function is not None and not force:
            return model.train_function
        with self.catch_errors("asking whether XLA compiles the step"):
            self.jit = seam().is_compiled_by_xla(model)
        # An output of an XLA function is one that cannot be fused away.
        self.shows_activations = not self.jit
        self.guard.kept = None if self.jit else self.kept
        function = make_function(model, type(model).make_train_function, "train_function", self.catch_errors)
        self.is_traced = False
        self.layout = None  # what is trainable may have changed since the last tracing
        watched = functools.partial(self.execute, function)
        self.made = model.train_function = WatchedFunction(
            model, "train_function", watched, self.bare, self.is_over, self.detach
        )
        self.bare = None  # of a compilation that comes after this one it would not be
        return self.made

    def train_step(self, data: Structure) -> Structure:
        """The watched step: the user's own, then one row for the ring, then perhaps a look."""
        if self.is_traced_for_variables():
            return self.step_for_variables(data)
        with hold_ops_of_step() if tf.executing_eagerly() else contextlib.nullcontext():
            return self.watched_step(data)

    def is_traced_for_variables(self) -> bool:
        """Whether this trace of Keras's own step is the one that makes its variables: TensorFlow throws it
        away and traces a second, which is the one that runs. Nothing needs to be seen in the first."""
        if tf.executing_eagerly() or is_in_replica() or self.guard.several or self.is_traced:
            return False
        found = [False]
        with self.catch_errors("asking whether a step makes variables"):
            found.append(seam().makes_variables(self.model))
        return found[-1]

    def step_for_variables(self, data: Structure) -> Structure:
        """The step as it is, of which the places alone are noted: where it raises, they are asked for."""
        self.is_traced = True
        with self.catch_errors("reading the batch"):
            self.template = template_of(data)
        before = self.number_of_variables()
        with observe_step(self.model, self.guard, is_kept=False):
            logs = call_step(self.original, data, self.catch_errors)
        with self.catch_errors("holding what a step has built"), tf.init_scope():
            self.on_built()
        with self.catch_errors("having a step traced again"):
            if self.number_of_variables() == before:  # then it would be run
                tensorflow_names.trace_again()
        return logs

    def watched_step(self, data: Structure) -> Structure:
        self.is_traced = True
        batch: batches.Batch = {role: [] for role in batches.ROLES}
        with self.catch_errors("reading the batch"), own_ops():
            batch = batches.split_batch(data)
            self.template = template_of(data)
            self.remember(batch)
        with self.catch_errors("keeping what a step begins with"), own_ops():
            self.begin_step(data)
        core = self.core
        if self.jit:
            core = seam().compile(self.core, jit_compile=True)
        before = self.number_of_variables()
        logs, watched = core(data)
        if not tf.executing_eagerly():  # an eager step has moved by now what it has built
            with self.catch_errors("holding what a step has built"), tf.init_scope():
                self.on_built()
        with self.catch_errors("keeping what a step has built"):
            # What a function of the script's own has built in the step was not there to be kept before it.
            if self.number_of_variables() > before:
                tensorflow_names.trace_again()
        with self.catch_errors("keeping what a step has given"), own_ops():
            self.end_step(logs)
        if watched is not None:
            with self.catch_errors("recording the step"), own_ops(), self.kept.wait():
                cells, bad, tensors = watched
                restore = None if self.jit or self.seen is None or not self.guard.hold else self.seen.restore
                self.record(batch, cells, bad, tensors, self.variables, restore, self.seen)
        self.seen = None
        self.look_at_own_ops()
        return logs

    def bad_step(self) -> RanStep | EagerStep | None:
        return kept_step() or super().bad_step()

    def look_at_own_ops(self) -> None:
        """A step is not to be run in which an op of nanwatch's would fail.

        Raises:
            OpOutOfPlace: there is one.
        """
        graph, found = tensorflow_names.traced_graph(), None
        if graph is not None:
            with self.catch_errors("looking where the ops stand that were added"):
                found = find_out_of_place(graph, is_in_replica())
        if found is not None:
            raise OpOutOfPlace(found)

    def begin_step(self, data: Structure) -> None:
        """Put by what the step is given, and what it counts."""
        self.kept.begin(data)
        counters = [item for each in self.known_optimizers() for item in counters_of(each)]
        self.kept.keep(KeptValue(counter, tf.convert_to_tensor(counter)) for counter in counters)

    def end_step(self, logs: Structure) -> None:
        """Put by what the step gives, and what it may have changed besides its weights.

        XLA runs the whole of the script's step, or nothing of it.
        """
        if self.seen is not None:
            # a function of the script's own is traced once, and called again
            self.applied = list(self.optimizers) if self.guard.posted else self.seen.optimizers
        if self.seen is not None and not self.jit:
            late = [kept for key, kept in self.seen.saved.items() if key not in self.seen.put_by]
            self.kept.keep([*late, *self.seen.earlier])
        self.kept.end(logs)

    def known_optimizers(self) -> list[Optimizer]:
        """Those of the model, and those that the step was seen to apply."""
        held = [*seam().optimizers_of(self.model), *self.optimizers]
        return list({id(each): each for each in held}.values())

    # -- on the host, where an op of nanwatch's has failed

    def go_on_bare(self, error: Exception, iterator: Iterator[Structure]) -> Structure:
        """What the execution that failed with ``error`` would have given, nothing of nanwatch's in it.

        From here on the model's step is the script's alone.
        """
        begun = BegunExecution()
        with self.catch_errors("finding what a step began with"):
            begun = self.go_back(nodes_of(error))
        left = self.at_once - begun.steps
        self.release()
        function = self.bare_function()
        if not begun.steps:
            return function(iterator)
        if begun.ahead and not left and isinstance(iterator, tf.data.Iterator):
            return function(bare_batch.as_iterator(begun.ahead[0], iterator.element_spec))
        ahead = [*begun.ahead, *itertools.islice(iterator, left)]
        return function(iter(ahead)) if ahead else begun.logs

    def go_back(self, failed: list[str]) -> BegunExecution:
        """To the beginning of the step in which the ops ``failed``, unless it has come to its end."""
        lost = self.kept.has_failed_at_once(failed)
        steps = max(self.kept.steps_begun() - self.kept.known_begun, lost)
        if steps and self.kept.is_whole(self.applied):
            return BegunExecution(steps, [], logs_of_step(self.model, self.kept))
        if not failed:  # it was being traced
            return BegunExecution()
        self.kept.put_back(failed)
        return BegunExecution(steps, [self.batch_of_step(lost)]) if steps else BegunExecution()

    def bare_function(self) -> StepFunction:
        """Keras's own train function; it goes through ``self.execute`` all the same."""
        self.model.make_train_function()
        function = self.model.train_function
        assert function is not None
        self.model.train_function = functools.partial(self.execute, function)
        return function

    def batch_of_step(self, lost: bool) -> Structure:
        """What the last step was given; ``lost``: it failed while that was put by."""
        held = rebuild_batch(self.template, self.held_batch()) if lost else None
        found = self.kept.batches() if held is None else [held]
        if not seam().is_distributed(self.model):
            return found[0]
        strategy = self.model.distribute_strategy
        return strategy.experimental_distribute_values_from_function(
            lambda context: found[context.replica_id_in_sync_group]
        )

    def number_of_variables(self) -> int:
        """Of the model, its metrics and every optimizer that is known; 0 where a step is not traced alone."""
        model, number = self.model, 0
        if tf.executing_eagerly() or is_in_replica():
            return number
        with self.catch_errors("counting what is there before a step"):
            number = len([*seam().variables_of(model), *seam().metric_variables(model)])
            inside = seam().optimizers_of(model)
            number += sum(len(seam().kept_by(each)) for each in self.optimizers if each not in inside)
        return number

    def fused_activations(self, seen: TracedStep) -> set[str]:
        """Under XLA the last bits may differ as it is, and a look is shown no activation."""
        return set() if self.jit else super().fused_activations(seen)

    def core(self, data: Structure) -> tuple[Structure, StepNumbers | None]:
        """The user's step with its sentinels; everything here may be compiled by XLA."""
        with observe_step(self.model, self.guard) as seen:
            logs = call_step(self.original, data, self.catch_errors)
            watched = None
            with self.catch_errors("watching the step"), own_ops(), self.guard.wait():
                watched = self.numbers_of_step(data, seen)
        return logs, watched

    def numbers_of_step(self, data: Structure, seen: TracedStep) -> StepNumbers:
        """Of the step just traced."""
        self.optimizers += [each for each in seen.optimizers if each not in self.optimizers]
        loss, bad = loss_of_step(seen, self.optimizer), seen.bad
        if self.guard.posted:
            bad_there, loss_there = self.guard.collect(seen)
            bad = bad_there if bad is None else tf.logical_or(bad, bad_there)
            loss = loss_there if loss is None else loss
        if bad is None:
            bad = tf.constant(False) if loss is None else tf.logical_not(tf.math.is_finite(loss))
        if self.guard.several:
            seen.reserve_written(self.guard.out_of_hand)
        if self.guard.several and self.guard.hold:
            self.beyond_recall = self.guard.out_of_hand and not all(map(seen.holds, self.optimizers))
        if self.guard.hold and self.jit:
            seen.restore(tf.logical_or(bad, self.halted))
        trained = {id(variable): variable for _, variable in seen.gradients}
        self.variables = list(trained.values()) or list(self.model.trainable_variables)
        self.seen = seen
        note_seen(seen)
        batch = batches.split_batch(data)
        if not seen.outputs:  # the step calls parts of the model, and not the model
            seen.outputs = loss_inputs.find_outputs(seen, batch["label"])
        self.name_outputs(seen, [key for key, _ in batch["label"]])
        if self.layout is None:
            self.without = ["loss"] if loss is None else []
            if not seen.gradients and self.variables:
                self.without.append("gradient")
            self.lay_out(batch, seen, self.variables, self.at_once)
            with self.catch_errors("looking where labels meet predictions"):
                self.broadcasts = find_broadcasts(batch["label"], seen.outputs)
        cells = self.cells(seen, loss, self.variables)
        return StepNumbers(cells, bad, [tensor for _, _, tensor in self.inspected_tensors(seen)])

    def name_outputs(self, seen: TracedStep, labels: list[str]) -> None:
        """Call the outputs of a list by their names where the labels are."""
        names = seam().output_names(self.model)
        keys = {key for key, _ in seen.outputs}
        if len(names) == len(seen.outputs) > 1 and set(names) == set(labels) and not keys & set(names):
            seen.outputs = [(name, tensor) for name, (_, tensor) in zip(names, seen.outputs, strict=True)]


def template_of(data: Structure) -> Structure:
    """The structure of a batch, 0 for each tensor."""
    return seam().map_structure(lambda leaf: None if leaf is None else 0, data)
