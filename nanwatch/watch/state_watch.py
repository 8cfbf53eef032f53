"""State that no gradient reaches: moving statistics and the like, which may go bad behind a finite loss."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from nanwatch.watch import keras_names
from nanwatch.watch.sentinel import all_finite


class StateWatch:
    """Asks now and then whether every state variable of a model is still finite.

    What is not finite in the first step is how the script made it (a mask of -inf, say), and is
    never told.
    """

    def __init__(self) -> None:
        self.variables: list[Any] = []
        self.fine: tf.Variable | None = None  # bool, shape (variables,): finite in the first step

    def lay_out(self, model: Any) -> None:
        """Find the floating state variables of ``model``, None for a loop that shows no model."""
        state = [] if model is None else keras_names.state_variables(model)
        self.variables = [variable for variable in state if tf.as_dtype(variable.dtype).is_floating]
        if self.variables:
            with tf.init_scope():
                fine = tf.fill([len(self.variables)], True)
                self.fine = tf.Variable(fine, trainable=False, name="nanwatch_state")

    def went_bad(self, number: Any) -> Any:
        """Ops: whether a variable that was finite is not, after step ``number``; a bool scalar."""
        if self.fine is None:
            return tf.constant(False)
        fine, now = self.fine, self.finite_now()

        def remember() -> tf.Tensor:
            fine.assign(now)
            return tf.constant(False)

        return tf.cond(
            tf.equal(number, 0), remember, lambda: tf.reduce_any(tf.logical_and(fine, tf.logical_not(now)))
        )

    def bad_now(self) -> list[tuple[str, Any]]:
        """(path, value) of the variables that went bad; on the host."""
        if self.fine is None:
            return []
        pairs = zip(self.variables, self.fine.numpy(), self.finite_now().numpy(), strict=True)
        return [
            (keras_names.path_of(variable), variable.numpy())
            for variable, before, now in pairs
            if before and not now
        ]

    def finite_now(self) -> Any:
        return tf.stack([all_finite([tf.convert_to_tensor(variable)]) for variable in self.variables])
