"""A loop of the script's own made again as ``fit`` would make it, if its first step shows that it can be."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf

from nanwatch.record.facts import LossInfo
from nanwatch.replay.course import Setup, made_again
from nanwatch.replay.making import NotPossible, called
from nanwatch.replay.own_step import as_tensors
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.chosen import keras
from nanwatch.watch.keras_seam.keras_types import Model
from nanwatch.watch.recording.run_recorder import FirstStep

# Of the first step's loss, and of its gradients' norm: what other kernels and orders of sums make of them.
SAME = 0.01
SAME_BUT_FOR_CHANCE = 0.5  # the same, where layers draw in training what they let through
PLAIN = ("mean_squared_error", "mean_absolute_error")
CROSSENTROPIES = ("binary_crossentropy", "categorical_crossentropy", "sparse_categorical_crossentropy")
REFUSED = (tf.errors.OpError, ValueError, TypeError, AttributeError, IndexError)


def of_loop(setup: Setup, first: FirstStep) -> tuple[Setup, LossInfo | None]:
    """``setup`` with the loss that the first step of the loop showed, and with penalties if it had them; and
    what that loss is, where the script has written it by hand.

    Raises:
        NotPossible: the step does more, or something else, than a step of ``fit`` with any loss known.
    """
    for known, loss in losses_to_try(setup.loss):
        for penalised in (False, True):
            tried = replace(setup, loss=loss, penalised=penalised)
            with contextlib.suppress(*REFUSED):
                if is_same(tried, first):
                    return tried, known
    raise NotPossible("the loop does more in a step than can be made again")


def losses_to_try(given: Any) -> Iterator[tuple[LossInfo | None, Callable[..., Any]]]:
    """The Keras loss that the loop called; of one that was written by hand those that it may come to."""
    if given is not None:
        yield None, given
        return
    for name in PLAIN:
        yield LossInfo(name), called(keras.losses.get(name))
    for name in CROSSENTROPIES:
        kind = getattr(keras.losses, "".join(word.capitalize() for word in name.split("_")))
        for from_logits in (False, True):
            yield LossInfo(name, from_logits=from_logits), called(kind(from_logits=from_logits))


def is_same(setup: Setup, first: FirstStep) -> bool:
    """Whether the first batch on the first weights costs, and moves, what it did in the loop."""
    x, y, _ = (as_tensors(part) for part in setup.rows.take(slice(0, first.rows)))
    with made_again(setup) as model:
        slack = SAME_BUT_FOR_CHANCE if draws(model) else SAME
        with tf.GradientTape() as tape:
            total = setup.loss(y, model(x, training=True), None)
            if setup.penalised and model.losses:
                total += tf.add_n(model.losses)
        gradients = tape.gradient(total, list(map(seam().tensorflow_variable, model.trainable_variables)))
    dense = [tf.convert_to_tensor(each) for each in gradients if each is not None]
    squares = [float(np.asarray(tf.reduce_sum(tf.square(each)))) for each in dense]
    loss, norm = float(np.asarray(total)), math.sqrt(sum(squares))
    return is_near(loss, first.loss, slack) and is_near(norm, first.norm, slack)


def is_near(found: float, wanted: float, slack: float) -> bool:
    return abs(found - wanted) <= slack * abs(wanted)


def draws(model: Model) -> bool:
    """Whether a layer of ``model`` draws at random while it is trained."""
    return len(seam().state_variables(model)) > len(seam().owned_state(model))
