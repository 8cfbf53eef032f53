"""One model under watch: its training step is wrapped, on the instance."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from nanwatch.record.facts import BroadcastInfo
from nanwatch.watch import batch as batches
from nanwatch.watch import keras_names, look
from nanwatch.watch.meetings import meetings
from nanwatch.watch.step import Forgiving, Guard, Seen, loss_seen, observing
from nanwatch.watch.step_recorder import StepRecorder

GUARD = "_nanwatch_guard"


class ModelWatch(StepRecorder):
    """Wraps ``model.train_step`` and the functions made of it, until `release`."""

    def __init__(
        self, model: Any, hold: bool, on_look: Callable[[look.Look], int], forgiving: Forgiving
    ) -> None:
        super().__init__(hold, on_look, forgiving)
        self.model = model
        self.keep_guard(hold)
        self.original = model.train_step
        self.jit = False
        self.template: Any = None  # the structure of a batch
        self.variables: list[Any] = []
        self.met: tuple[BroadcastInfo, ...] | None = None
        self.seen: Seen | None = None  # of the step being traced
        self.execute: Callable[[Callable[..., Any], Any], Any] = lambda function, iterator: function(iterator)
        self.undo = [
            keras_names.replace_attribute(model, "train_step", self.train_step),
            keras_names.replace_attribute(model, "make_train_function", self.make_train_function),
        ]
        model.train_function = None

    @property
    def optimizer(self) -> Any:
        return self.model.optimizer

    def keep_guard(self, hold: bool) -> None:
        """One guard for the life of a model: a ``train_step`` that is a tf.function keeps the first."""
        kept = vars(self.model).get(GUARD)
        if isinstance(kept, Guard) and kept.hold == hold:
            kept.forgiving = self.forgiving
            self.guard, self.halted = kept, kept.halted
        vars(self.model)[GUARD] = self.guard

    def release(self) -> None:
        """Leave the model as it was found."""
        self.halted.assign(False)
        for put_back in self.undo:
            put_back()
        self.undo.clear()
        self.model.train_function = None

    def make_train_function(self, force: bool = False) -> Any:
        """As Keras's, but what it makes goes through ``self.execute``.

        With XLA the outer function is left to TensorFlow and the user's step compiled inside it:
        XLA can neither call the host nor keep a batch of unknown size.
        """
        model = self.model
        if model.train_function is not None and not force:
            return model.train_function
        self.jit = keras_names.resolve_jit(model)
        # An output of an XLA function is one that cannot be fused away.
        self.shows_activations = not self.jit
        model.jit_compile, before = False if self.jit else model.jit_compile, model.jit_compile
        try:
            type(model).make_train_function(model, force=force)
        finally:
            model.jit_compile = before
        function = model.train_function
        self.layout = None  # what is trainable may have changed since the last tracing
        model.train_function = functools.partial(self.execute, function)
        return model.train_function

    def train_step(self, data: Any) -> Any:
        """The watched step: the user's own, then one row for the ring, then perhaps a look."""
        batch: dict[str, batches.Named] = {role: [] for role in batches.ROLES}
        with self.forgiving("reading the batch"):
            batch = batches.split(data)
            self.template = keras.tree.map_structure(lambda leaf: None if leaf is None else 0, data)
            self.remember(batch)
        core = self.core
        if self.jit:
            core = tf.function(self.core, jit_compile=True, autograph=False)
        logs, watched = core(data)
        if watched is not None:
            with self.forgiving("recording the step"):
                cells, bad, tensors = watched
                restore = None if self.jit or self.seen is None or not self.guard.hold else self.seen.restore
                self.record(batch, cells, bad, tensors, self.variables, restore)
        self.seen = None
        return logs

    def core(self, data: Any) -> tuple[Any, tuple[Any, Any, list[Any]] | None]:
        """The user's step with its sentinels; everything here may be compiled by XLA."""
        with observing(self.model, self.guard) as seen:
            logs = self.original(data)
            watched = None
            with self.forgiving("watching the step"):
                watched = self.watched(data, seen)
        return logs, watched

    def watched(self, data: Any, seen: Seen) -> tuple[Any, Any, list[Any]]:
        """(cells of the row, whether the step is bad, tensors for a look) of the step just traced."""
        loss = loss_seen(seen, self.model.optimizer)
        bad = seen.bad
        if bad is None and self.guard.posted:
            mail = self.guard.mail
            seen.gradients = self.guard.posted
            bad, loss = tf.convert_to_tensor(mail.bad), tf.convert_to_tensor(mail.loss)
            seen.sums = tf.unstack(tf.convert_to_tensor(mail.sums))[: len(seen.gradients)]
        if bad is None:
            bad = tf.constant(False) if loss is None else tf.logical_not(tf.math.is_finite(loss))
        if self.guard.hold and self.jit:
            seen.restore(tf.logical_or(bad, self.halted))
        self.variables = [variable for _, variable in seen.gradients]
        self.seen = seen
        batch = batches.split(data)
        self.name_outputs(seen, [key for key, _ in batch["label"]])
        if self.layout is None:
            self.lay_out(batch, seen, self.variables, int(self.model.steps_per_execution))
            with self.forgiving("looking where labels meet predictions"):
                self.met = meetings(batch["label"], seen.outputs)
        cells = self.cells(seen, loss, self.variables)
        return cells, bad, [tensor for _, _, tensor in self.chosen(seen)]

    def name_outputs(self, seen: Seen, labels: list[str]) -> None:
        """Call the outputs of a list by their names where the labels are."""
        names = keras_names.output_names(self.model)
        keys = {key for key, _ in seen.outputs}
        if len(names) == len(seen.outputs) > 1 and set(names) == set(labels) and not keys & set(names):
            seen.outputs = [(name, tensor) for name, (_, tensor) in zip(names, seen.outputs, strict=True)]
