"""A ``train_step`` that the script wrote: run for its loss, and asked what a constant answer would cost."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import tensorflow as tf

from nanwatch.replay.attribute import attribute
from nanwatch.watch.data.kept_rows import Rows
from nanwatch.watch.keras_seam import tensorflow_names
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.chosen import keras
from nanwatch.watch.keras_seam.keras_types import Model, Structure, Tensor


class Asked(BaseException):
    """The loss is known, and the rest of the step is not wanted. No handler of the script's may catch it."""


class NoAnswer(ValueError):
    """The step does not ask the model as a whole, or differentiates nothing."""


def run_own_step(model: Model, data: Structure) -> Tensor:
    """One step of ``model`` on ``data``, in the graph of the caller; the loss that it differentiates.

    Where that is out of reach (the step is a ``tf.function`` of its own), the one that it logs.

    Raises:
        NoAnswer: it has none.
    """
    targets: list[Tensor] = []
    for metric in model.metrics:  # whose means over the steps would hide this one's
        metric.reset_state()
    with targets_seen(targets):
        logs = model.train_step(data)
    reached = [
        target for target in targets if getattr(target, "graph", None) is tf.compat.v1.get_default_graph()
    ]
    if reached:
        return reached[0]
    if isinstance(logs, dict) and "loss" in logs:
        logged: Tensor = tf.reduce_mean(tf.convert_to_tensor(logs["loss"]))
        return logged
    raise NoAnswer("the step tells no loss")


def loss_of_own_step(model: Model, rows: Rows) -> Callable[[Structure], Tensor]:
    """What the step of ``model`` makes of answers to ``rows`` that the model has not given.

    Raises (when it is called):
        NoAnswer: the step does not call the model as a whole, or differentiates nothing.
    """
    data = packed(*(as_tensors(part) for part in rows))

    def cost(answers: Structure) -> Tensor:
        targets: list[Tensor] = []
        called: list[bool] = []

        def call(*args: object, **kwargs: object) -> Structure:
            called.append(True)
            return answers

        with (
            contextlib.suppress(Asked),
            tensorflow_names.run_functions_eagerly(),  # what the script has compiled, too
            attribute(model, "call", call),
            targets_seen(targets, True),
        ):
            model.train_step(data)
        if not called or not targets:
            raise NoAnswer("the step does not take its answers from the model")
        return targets[0]

    return cost


@contextmanager
def targets_seen(targets: list[Tensor], stop: bool = False) -> Iterator[None]:
    """Every loss that is differentiated in the block, one number each; with ``stop`` it ends there."""
    differentiate = tf.GradientTape.gradient

    def gradient(tape: Any, target: Structure, *args: Any, **kwargs: Any) -> Any:
        targets.append(tf.add_n([tf.reduce_mean(leaf) for leaf in seam().flatten(target)]))
        if stop:
            raise Asked
        return differentiate(tape, target, *args, **kwargs)

    with attribute(tf.GradientTape, "gradient", gradient):
        yield


def packed(x: Structure, y: Structure, sample_weight: Structure) -> Structure:
    """As ``fit`` hands a batch to ``train_step``."""
    return keras.utils.pack_x_y_sample_weight(x, y, sample_weight)


def as_tensors(part: Structure) -> Structure:
    return seam().map_structure(lambda leaf: None if leaf is None else tf.convert_to_tensor(leaf), part)
