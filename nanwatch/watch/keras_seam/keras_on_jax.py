"""What is private in Keras's trainer on JAX: the state of a model in training, and what makes its steps.

While a fit runs, the values of the variables are in a state that goes from one step to the next, and the
variables hold none. A step uses up the state that it is given: that one cannot be read again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from nanwatch.record.notes import Feature
from nanwatch.watch.keras_seam.chosen import keras
from nanwatch.watch.keras_seam.keras_types import Model, Structure
from nanwatch.watch.keras_seam.patches import Patches

# Of the trained variables, the other ones of the model, those of the optimizer and of the metrics.
State = Sequence[Any]
PARTS = ("trainable_variables", "non_trainable_variables", "optimizer_variables", "metrics_variables")
# Of (step function, state, batch): what the step gives, and the state after it.
StepInHost = Callable[[Callable[..., Any], State, Structure], tuple[Structure, State]]


class StateVariables(NamedTuple):
    """The variables whose values are the parts of a state."""

    trainable: Sequence[Any]
    others: Sequence[Any]
    optimizer: Sequence[Any]
    metrics: Sequence[Any]

    def are_empty(self) -> bool:
        """Whether they hold no values now: those are in the state alone."""
        return bool(self.trainable) and self.trainable[0]._value is None

    def put(self, state: State) -> None:
        """Let each hold its value. No copy is made."""
        for variables, values in zip(self, state, strict=True):
            for variable, value in zip(variables, values, strict=True):
                variable._value = value

    def take_away(self) -> None:
        for variables in self:
            for variable in variables:
                variable._value = None


def state_variables(model: Any) -> StateVariables:
    """Of ``model``, in the order of its state."""
    return StateVariables(
        list(model.trainable_variables),
        list(model.non_trainable_variables),
        list(model.optimizer.variables),
        list(model.metrics_variables),
    )


def hand_over(model: Any, state: State) -> None:
    """Give ``model`` the values of ``state`` for its variables: a step is left by an error."""
    model._jax_state = dict(zip(PARTS, state, strict=True))
    model._jax_state_synced = False
    model.jax_state_sync()


def call(model: Any, trained: Sequence[Any], others: Sequence[Any], x: Structure) -> None:
    """Call ``model`` as in training, with these values of its variables; nothing is changed."""
    given = {"training": True} if model._call_has_training_arg else {}
    model.stateless_call(trained, others, x, **given)


def has_steps_on_host(model: Any) -> bool:
    """Whether each step of an execution can be seen from the host: Keras makes several of them in Python."""
    return hasattr(model, "_make_function")


def make_function(model: Any, make: Callable[..., object], step: StepInHost) -> Callable[..., Any]:
    """The train function of ``model``, made by ``make``, each of whose steps goes through ``step``."""

    def with_step(original: Callable[..., Any], function: Callable[..., Any], /, *args: Any) -> Any:
        return original(lambda state, data: step(function, state, data), *args)

    with Patches() as patches:
        if has_steps_on_host(model):
            patches.wrap(model, "_make_function", with_step)
        make(model, force=True)
    made: Callable[..., Any] = model.train_function
    if has_steps_on_host(model):
        return made

    def one_step(state: State, data: Structure) -> tuple[Structure, State]:
        return step(made, state, data)

    return one_step


def not_watched_for(model: Model) -> Feature | None:
    """Why the steps of ``model`` are left alone, in a word; None where they are not."""
    if keras.distribution.distribution() is not None:
        return "distribution"
    is_nnx = getattr(keras.config, "is_nnx_enabled", None)
    if is_nnx is not None and is_nnx():
        return "nnx"
    if not has_steps_on_host(model) and model.steps_per_execution > 1:
        return "steps_per_execution"
    return None
