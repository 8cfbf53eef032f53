"""State that no gradient reaches: moving statistics and the like, which may go bad behind a finite loss."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nanwatch.record.facts import Nonfinite
from nanwatch.watch.data.nonfinite import commonest_nonfinite
from nanwatch.watch.keras_seam import tensorflow_names
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.host_values import is_floating, values_of
from nanwatch.watch.keras_seam.keras_types import Layer, Model, Tensor, Variable
from nanwatch.watch.keras_seam.public_tensorflow import tf
from nanwatch.watch.train_step.sentinels import all_finite, half_square_sum


class BadVariable(NamedTuple):
    """A variable that is not finite, and the commonest such number in it."""

    path: str
    value: Nonfinite


class StateCheck:
    """Whether every state variable of a model is still finite, wherever its weights are summed.

    What a layer of the script's own holds that is not finite before the first step is how the
    script made it (a mask of -inf, a minimum so far), and is never told. No layer of Keras's has a
    use for such a number.
    """

    def __init__(self) -> None:
        self.variables: list[Variable] = []
        self.judged: tf.Variable | None = None  # bool, shape (variables,): to be told once it is not finite
        self.fine_before: dict[int, bool] = {}  # id -> finite before the first step

    def begin(self, model: Model | None) -> None:
        """Before the first step of a fit; what is not built yet is looked at when it is laid out."""
        self.fine_before = {id(variable): is_finite(variable) for variable, _ in state_of(model)}
        if self.judged is not None:
            self.judged.assign(self.to_be_judged(model))

    def lay_out(self, model: Model | None) -> None:
        """Find the state variables of ``model``, None for a loop that shows no model."""
        self.variables = [variable for variable, _ in state_of(model)]
        if self.variables:
            with tf.init_scope():
                judged = np.array(self.to_be_judged(model))
            self.judged = tensorflow_names.make_variable(judged, "nanwatch_state")

    def to_be_judged(self, model: Model | None) -> list[bool]:
        for variable in self.variables:
            if id(variable) not in self.fine_before:
                self.fine_before[id(variable)] = is_finite(variable)
        owners = {id(variable): layer for variable, layer in state_of(model)}
        return [
            self.fine_before[id(variable)] or seam().is_keras_own(type(owners.get(id(variable))))
            for variable in self.variables
        ]

    def suspicious(self) -> Tensor:
        """Ops: whether a sum over a variable is not finite; a bool scalar."""
        if self.judged is None:
            nothing: Tensor = tf.constant(False)
            return nothing
        sums = tf.stack([half_square_sum(tf.convert_to_tensor(variable)) for variable in self.variables])
        found: Tensor = tf.reduce_any(tf.logical_and(self.judged, tf.logical_not(tf.math.is_finite(sums))))
        return found

    def went_bad(self) -> Tensor:
        """Ops: as `suspicious`, element by element."""
        if self.judged is None:
            nothing: Tensor = tf.constant(False)
            return nothing
        now = tf.stack([all_finite([tf.convert_to_tensor(variable)]) for variable in self.variables])
        found: Tensor = tf.reduce_any(tf.logical_and(self.judged, tf.logical_not(now)))
        return found

    def bad_now(self) -> list[BadVariable]:
        """The variables that went bad; on the host."""
        if self.judged is None:
            return []
        return [
            BadVariable(seam().path_of(variable), commonest_nonfinite(values_of(variable)))
            for variable, judged in zip(self.variables, self.judged.numpy(), strict=True)
            if judged and not is_finite(variable)
        ]

    def as_made(self) -> set[int]:
        """Ids of the variables that the script made with a number that is not finite."""
        if self.judged is None:
            return set()
        pairs = zip(self.variables, self.judged.numpy(), strict=True)
        return {id(variable) for variable, judged in pairs if not judged}

    def was_bad_before(self, path: str) -> bool:
        """Whether the variable was not finite before the first step."""
        known = {seam().path_of(variable): id(variable) for variable in self.variables}
        return path in known and not self.fine_before.get(known[path], True)


def state_of(model: Model | None) -> list[tuple[Variable, Layer]]:
    """(floating state variable, layer that holds it)."""
    owned = [] if model is None else seam().owned_state(model)
    return [pair for pair in owned if is_floating(pair[0])]


def is_finite(variable: Variable) -> bool:
    return bool(np.isfinite(values_of(variable)).all())
