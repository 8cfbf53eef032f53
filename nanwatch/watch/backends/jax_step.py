"""The training step of Keras on JAX, with its sentinels inside what JAX compiles.

A step is a function of the state before it, and gives the state after it. The watched one gives two things
more: a row of numbers, and whether the step is bad. Where it is, the state after it is the one before, and so
it is in all steps that follow: what tells them is handed from one to the next on the device.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from nanwatch.record.watchpoints import Role
from nanwatch.watch.backends import jax_numbers, seen_step
from nanwatch.watch.backends.affordable import affordable
from nanwatch.watch.backends.host_rows import OUTPUT, array_of, in_order
from nanwatch.watch.backends.host_step import HostStepWatcher
from nanwatch.watch.backends.layers_again import ForwardPass, bad_layers
from nanwatch.watch.backends.seen_step import SeenStep, is_float_tensor
from nanwatch.watch.data import batch as batches
from nanwatch.watch.keras_seam import keras_on_jax
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.chosen import keras
from nanwatch.watch.keras_seam.keras_on_jax import State, StateVariables
from nanwatch.watch.keras_seam.keras_types import Model, Optimizer, Structure
from nanwatch.watch.keras_seam.patches import Patches
from nanwatch.watch.train_step import inspection
from nanwatch.watch.train_step.row_layout import LEARNING_RATE, LOSS, Key
from nanwatch.watch.train_step.traced_step import CatchErrors


class Begun(NamedTuple):
    """What a watched step is given in the place of the state."""

    state: State
    halted: Any  # bool scalar: an earlier step was bad
    weigh: Any  # bool scalar: the weights are to be summed


class Made(NamedTuple):
    """What a watched step gives in the place of the state after it."""

    state: State
    halted: Any
    bad: Any = None  # None: nothing could be watched
    row: Any = None


class Gradients(NamedTuple):
    """What an optimizer was given, and by which rate it goes."""

    values: Sequence[Any]
    sums: Sequence[Any]  # half square sums, the scale of the loss taken off
    rate: Any


class JaxStepWatcher(HostStepWatcher):
    """Watches the steps of one model on JAX."""

    def __init__(self, model: Model, hold: bool, catch_errors: CatchErrors) -> None:
        super().__init__(model, hold, catch_errors)
        self.in_state: StateVariables | None = None
        self.state_begun: State | None = None  # what the step that is made now begins with
        self.state_now: State | None = None  # after the last step
        self.halted: Any = None
        self.own_step: Callable[..., Any] = self.original  # of a state and a batch
        self.forward_function: Any = None
        self.paths: list[
            str
        ] = []  # of the layers that `forward_function` tells of, in the order of their calls
        self.sizes: list[int] = []
        self.shown: list[str] = []  # of those whose output it gives
        self.keys: list[str] = []  # of the outputs
        model.train_function = None

    def attach(self) -> None:
        """The model is about to be trained."""
        if not self.patches.entries:
            self.patches.set(self.model, "train_step", self.train_step)
            self.patches.set(self.model, "make_train_function", self.make_train_function)

    def begin(self, count_labels: bool) -> None:
        super().begin(count_labels)
        self.halted = jnp.zeros((), bool)
        self.in_state = keras_on_jax.state_variables(self.model)

    def make_train_function(self, force: bool = False) -> Any:
        """As Keras's, but each of its steps goes through `step`, and the whole through ``self.execute``."""
        model = self.model
        if model.train_function is not None and not force:
            return model.train_function
        self.layout = None  # what is trainable may have changed
        self.forward_function, self.in_state = None, None
        function = keras_on_jax.make_function(model, type(model).make_train_function, self.step)
        model.train_function = functools.partial(self.run, function)
        return model.train_function

    # -- on the host -----------------------------------------------------------------------------

    def run(self, function: Callable[..., Any], state: State, data: Iterator[Structure]) -> Any:
        """In the place of Keras's train function; while nanwatch looks, the variables hold their values."""
        if self.in_state is None:
            self.in_state = keras_on_jax.state_variables(self.model)
        variables, were_empty = self.in_state, self.in_state.are_empty()
        self.state_now = None
        with self.catch_errors("looking at the variables of a model"):
            variables.put(state)
        try:
            result = self.execute(functools.partial(self.call, function, state), data)
        except BaseException:  # Ctrl-C too: the variables are to hold what the last step gave
            self.leave(variables, were_empty)
            raise
        if were_empty:
            variables.take_away()
        return result

    def leave(self, variables: StateVariables, were_empty: bool) -> None:
        """An error leaves the training."""
        if self.state_now is not None:  # a step has been made: what it was given is no more
            keras_on_jax.hand_over(self.model, self.state_now)
        elif were_empty:
            variables.take_away()

    def call(self, function: Callable[..., Any], state: State, data: Iterator[Structure]) -> Any:
        logs, after = function(state, data)
        self.state_now = after
        with self.catch_errors("looking at the variables of a model"):
            assert self.in_state is not None
            self.in_state.put(after)
        return logs, after

    def step(self, function: Callable[..., Any], state: State, data: Structure) -> tuple[Structure, State]:
        """One step, of which Keras may make several in one call; ``function`` is what JAX compiled."""
        batch = data[0] if isinstance(data, list) and not keras_on_jax.has_steps_on_host(self.model) else data
        if self.halted is None:
            self.halted = jnp.zeros((), bool)
        with self.catch_errors("looking at a batch"):
            self.begin_step(batch)
        if self.look_is_due():
            self.look(state, batch)
        weighed = self.is_weighed(self.number)
        self.state_begun = state
        logs, made = function(Begun(state, self.halted, np.bool_(weighed)), data)
        if not isinstance(made, Made):
            return logs, made
        self.halted, self.state_now = made.halted, made.state
        if made.row is not None:
            with self.catch_errors("looking at a step"):
                self.note_step(made.row, made.bad, weighed, batch)
                self.judge(self.rows[-1])
        else:
            self.number += 1
        return logs, made.state

    def look(self, state: State, batch: Structure) -> None:
        with self.catch_errors("looking at a step in full"):
            self.can_look = False  # if it fails
            passed = self.forward_from(state, batch)
            self.show(passed, batch)
            self.can_look = True

    def go_on_bare(self, error: Exception, iterator: Iterator[Structure]) -> Any:
        """As Keras's own train function goes on, from the state that the failed step was to begin with.

        Raises:
            Exception: ``error``, where the state is used up.
        """
        state, ahead = self.state_begun, self.last_data
        if state is None or any(leaf.is_deleted() for leaf in jax.tree_util.tree_leaves(state)):
            raise error
        self.release()
        function = keras_on_jax.make_function(
            self.model, type(self.model).make_train_function, lambda made, state, data: made(state, data)
        )
        self.model.train_function = functools.partial(self.run, function)
        given = iterator if ahead is None else itertools.chain([ahead], iterator)
        return function(state, given)

    # -- the forward pass by itself ----------------------------------------------------------------

    def forward(self, data: Structure) -> ForwardPass | None:
        return None if self.state_now is None else self.forward_from(self.state_now, data)

    def forward_from(self, state: State, data: Structure) -> ForwardPass:
        """What the layers give out of ``data``; no memory of ``state`` is given back."""
        if self.forward_function is None:
            self.forward_function = jax.jit(self.forward_pass)
        x = keras.utils.unpack_x_y_sample_weight(data)[0]
        outputs, activations, counts, samples = self.forward_function(state[0], state[1], x)
        layers = zip(self.paths, map(array_of, counts), self.sizes, strict=True)
        return ForwardPass(
            list(zip(self.keys, map(array_of, outputs), strict=True)),
            list(zip(self.shown, map(array_of, activations), strict=True)),
            bad_layers(layers),
            {path: array_of(sample) for path, sample in samples.items()},
        )

    def forward_pass(self, trained: Sequence[Any], others: Sequence[Any], x: Structure) -> Any:
        """Traced. What it notes on the host is the same for every shape of a batch."""
        with seen_step.observe(self.model, self.catch_errors) as seen:
            keras_on_jax.call(self.model, trained, others, x)
        known = {id(layer): path for path, layer in seam().layers_of(self.model)}
        found = [(known[id(layer)], tensor) for layer, tensor in seen.activations if id(layer) in known]
        shown = affordable(dict(found))
        self.keys = [key for key, _ in seen.outputs]
        self.paths, self.sizes = [path for path, _ in found], [tensor.size for _, tensor in found]
        self.shown = list(shown)
        outputs = [tensor for _, tensor in seen.outputs]
        counts = [jax_numbers.bad_counts(tensor) for _, tensor in found]
        return outputs, list(shown.values()), counts, self.samples(trained)

    def samples(self, weights: Sequence[Any]) -> dict[str, Any]:
        found = {}
        for variable, value in zip(self.model.trainable_variables, weights, strict=True):
            if is_float_tensor(value):
                stride = max(1, value.size // inspection.SAMPLE)
                sample = value.reshape(-1)[::stride][: inspection.SAMPLE]
                found[seam().path_of(variable)] = sample.astype(jnp.float32)
        return found

    # -- inside the step, where it is traced -------------------------------------------------------

    def train_step(self, begun: Any, data: Structure) -> Any:
        """The watched step: the user's own, and its numbers."""
        if not isinstance(begun, Begun):  # the script calls it by itself
            return self.own_step(begun, data)
        batch = data[0] if isinstance(data, list) and not keras_on_jax.has_steps_on_host(self.model) else data
        watched = WatchedStep(self.model, self.catch_errors)
        logs, after = watched.call(self.own_step, begun.state, data)
        made = Made(after, begun.halted)
        with self.catch_errors("watching the step"):
            made = self.numbers(watched, begun, after, batch)
        watched.seen.stand_ins.clear()
        return logs, made

    def numbers(self, watched: WatchedStep, begun: Begun, after: State, data: Structure) -> Made:
        loss, grads = watched.loss(), watched.gradients
        if self.layout is None:
            self.variables = list(self.model.trainable_variables)
            missing: dict[Role, bool] = {
                "loss": loss is None,
                "output": not watched.output_sums,
                "gradient": grads is None,
            }
            self.lay_out(data, [role for role, is_missing in missing.items() if is_missing])
            self.note_seen(watched.seen, () if grads is None else grads.values)
        assert self.layout is not None
        fine = jnp.isfinite(loss) if loss is not None else jnp.array(True)
        if grads is not None and not (self.optimizer and seam().is_loss_scaling(self.optimizer)):
            fine = jnp.logical_and(fine, jax_numbers.surely_finite(grads.sums, grads.values))
        bad = jnp.logical_not(fine)
        held = jnp.logical_or(bad, begun.halted)
        if self.hold:
            after = jax_numbers.kept_where(held, begun.state, after)
        halted = held if self.hold else begun.halted
        row = in_order(self.layout, self.cells(watched, loss, data), 0.0)[: self.layout.of_step]
        weights = jax_numbers.weight_cells(begun.weigh, after[0])
        self.layout.seen.update(key for key in self.layout.place if key[0] == "weight")
        return Made(after, halted, bad, jnp.concatenate([jax_numbers.stacked(row), weights]))

    def cells(self, watched: WatchedStep, loss: Any, data: Structure) -> Mapping[Key, Any]:
        cells = jax_numbers.batch_cells(batches.split_batch(data))
        if loss is not None:
            cells[LOSS] = loss
        if watched.output_sums:
            cells[OUTPUT] = sum(watched.output_sums)
        if watched.gradients is not None:
            if watched.gradients.rate is not None:
                cells[LEARNING_RATE] = watched.gradients.rate
            for variable, value in zip(self.variables, watched.gradients.sums, strict=False):
                cells["gradient", seam().path_of(variable), "l2_norm"] = value
        return cells


class WatchedStep:
    """A step while it is traced: the loss and the gradients come out of what JAX differentiates."""

    def __init__(self, model: Model, catch_errors: CatchErrors) -> None:
        self.model = model
        self.catch_errors = catch_errors
        self.seen = SeenStep(catch_errors)
        self.values: list[Any] = []  # of what was differentiated
        self.losses: list[Any] = []  # what ``compute_loss`` gave in there
        self.output_sums: list[Any] = []
        self.gradients: Gradients | None = None
        self.inside = False

    def call(self, original: Callable[..., Any], state: State, data: Structure) -> tuple[Structure, State]:
        with Patches() as patches:
            with self.catch_errors("wrapping a step"):
                patches.wrap(jax, "value_and_grad", functools.partial(self.differentiate, seen_step.CURRENT))
                for optimizer in seam().optimizers_of(self.model):
                    patches.wrap(optimizer, "stateless_apply", functools.partial(self.see_update, optimizer))
            with seen_step.observe(self.model, self.catch_errors) as self.seen:
                logs, after = original(state, data)
        return logs, after

    def loss(self) -> Any:
        """The loss of the batch, a float32 scalar; None where it was not seen."""
        found = self.losses if len(self.losses) == 1 else self.values
        return jnp.mean(found[0]).astype(jnp.float32) if found else None

    def differentiate(
        self,
        thread: Any,
        original: Callable[..., Any],
        fun: Callable[..., Any],
        argnums: int | Sequence[int] = 0,
        has_aux: bool = False,
        **options: Any,
    ) -> Callable[..., Any]:
        """In the place of ``jax.value_and_grad``, in the thread that traces the step."""
        if getattr(thread, "seen", None) is not self.seen or self.inside:
            plain: Callable[..., Any] = original(fun, argnums, has_aux, **options)
            return plain

        @functools.wraps(fun)
        def with_more(*args: Any, **kwargs: Any) -> tuple[Any, tuple[Any, Any]]:
            result = fun(*args, **kwargs)
            value, aux = result if has_aux else (result, None)
            return value, (aux, self.seen_inside())

        function = original(with_more, argnums, True, **options)

        def call(*args: Any, **kwargs: Any) -> Any:
            self.inside = True
            try:
                (value, (aux, more)), grads = function(*args, **kwargs)
            finally:
                self.inside = False
            self.values.append(value)
            self.losses += more["losses"]
            self.output_sums = more["outputs"] or self.output_sums
            return ((value, aux) if has_aux else value), grads

        return call

    def seen_inside(self) -> dict[str, list[Any]]:
        """What is handed out of what is differentiated: tensors of its own are of no use outside."""
        found: dict[str, list[Any]] = {"losses": [], "outputs": []}
        with self.catch_errors("seeing what a step differentiates"):
            found["losses"] = list(self.seen.losses)
            found["outputs"] = [jax_numbers.half_square_sum(tensor) for _, tensor in self.seen.outputs]
            self.seen.losses.clear()
        return found

    def see_update(
        self,
        optimizer: Optimizer,
        original: Callable[..., Any],
        optimizer_variables: Sequence[Any],
        grads: Sequence[Any],
        trainable_variables: Sequence[Any],
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        if getattr(seen_step.CURRENT, "seen", None) is self.seen:
            with self.catch_errors("weighing the gradients"):
                self.gradients = self.weigh(optimizer, optimizer_variables, list(grads))
        return original(optimizer_variables, grads, trainable_variables, *args, **kwargs)

    def weigh(self, optimizer: Optimizer, held: Sequence[Any], grads: Sequence[Any]) -> Gradients:
        mapping = list(zip(seam().kept_by(optimizer), held, strict=True))
        with keras.StatelessScope(state_mapping=mapping):
            rate = jnp.asarray(optimizer.learning_rate)
            factor = seam().scale_of_gradients(optimizer)
            scale = None if factor is None else jnp.asarray(factor).astype(jnp.float32)
        sums = [jax_numbers.half_square_sum(grad) for grad in grads]
        if scale is not None:
            sums = [value / jnp.square(scale) for value in sums]
        return Gradients(grads, sums, rate)
