"""Changes of what ``compile`` is given: the loss, and the optimizer's arguments."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import tensorflow as tf

from nanwatch.record.interventions import Intervention
from nanwatch.replay.attribute import attribute
from nanwatch.replay.course import Setup
from nanwatch.replay.making import NotPossible, as_number, called, is_sparse, layer_at
from nanwatch.replay.output_losses import OutputLosses, key_of, made_by
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.chosen import keras

CROSSENTROPIES = {"sigmoid": "binary_crossentropy", "softmax": "categorical_crossentropy"}

# -- the loss


@contextmanager
def set_loss(setup: Setup, change: Intervention) -> Iterator[Setup]:
    """Another loss by its name; of several outputs for the one that the change names."""
    yield with_loss(setup, change.target, keras.losses.get(str(change.value)))


@contextmanager
def turn_loss(setup: Setup, change: Intervention) -> Iterator[Setup]:
    """The loss taken from what the change tells: what cost the most costs the least."""
    most, loss = as_number(change), setup.loss
    if isinstance(loss, OutputLosses):
        raise NotPossible("the model has several losses")
    yield replace(setup, loss=lambda *given: tf.subtract(most, loss(*given)))


@contextmanager
def set_probabilities(setup: Setup, change: Intervention) -> Iterator[Setup]:
    """Another activation on the layer at the end, and the cross-entropy that goes with it: of single numbers
    a sigmoid's, of a row a softmax's."""
    loss = CROSSENTROPIES.get(str(change.value))
    layer: Any = layer_at(setup.model, change.target)
    if loss is None or not hasattr(layer, "activation"):
        raise NotPossible(f"{change.target} has no activation, or {change.value} is none of those")
    changed = with_loss(setup, made_by(layer, setup.model), keras.losses.get(loss))
    with attribute(layer, "activation", keras.activations.get(change.value)):
        yield changed


@contextmanager
def set_from_logits(setup: Setup, change: Intervention) -> Iterator[Setup]:
    loss: Any = loss_at(setup, change.target)
    try:
        config = loss.get_config() if hasattr(loss, "get_config") else {}
        again = type(loss).from_config({**config, "from_logits": bool(change.value)})
    except (TypeError, ValueError) as error:
        raise NotPossible("the loss is not of Keras's") from error
    yield with_loss(setup, change.target, again)


@contextmanager
def set_ignore_class(setup: Setup, change: Intervention) -> Iterator[Setup]:
    """A sparse cross-entropy that leaves out the places that have this label."""
    before = loss_at(setup, change.target)
    if not is_sparse(before):
        raise NotPossible("the loss is no sparse cross-entropy")
    from_logits = bool(seam().loss_arguments(before).get("from_logits"))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits, ignore_class=int(as_number(change)))
    yield with_loss(setup, change.target, loss)


def loss_at(setup: Setup, output: str) -> object:
    """The loss of ``output``, or the only one that there is."""
    losses = seam().losses_of(setup.model)
    if len(losses) == 1:
        return losses[0][1]
    if isinstance(setup.loss, keras.losses.Loss) and not losses:  # of a loop
        return setup.loss
    return dict(losses)[key_at(losses_of(setup), setup, output)]


def with_loss(setup: Setup, output: str, loss: Any) -> Setup:
    """``setup`` with ``loss`` on ``output``, or in the place of the only one that there is."""
    if len(seam().losses_of(setup.model)) < 2:
        return replace(setup, loss=called(loss))
    losses = losses_of(setup)
    return replace(setup, loss=losses.with_loss(key_at(losses, setup, output), called(loss)))


def key_at(losses: OutputLosses, setup: Setup, output: str) -> str:
    """Raises NotPossible where it is not known which of ``losses`` is that of ``output``."""
    key = key_of(output, setup.model, losses)
    if key is None:
        raise NotPossible(f"the loss of {output} is not known")
    return key


def losses_of(setup: Setup) -> OutputLosses:
    if isinstance(setup.loss, OutputLosses):
        return setup.loss
    raise NotPossible("the model has several losses")


# -- the optimizer


@contextmanager
def set_learning_rate(setup: Setup, change: Intervention) -> Iterator[Setup]:
    """This rate from the first step to the last, whatever callbacks or a schedule made of it."""
    yield replace(with_config(setup, learning_rate=as_number(change)), rates=())


@contextmanager
def set_clipnorm(setup: Setup, change: Intervention) -> Iterator[Setup]:
    yield with_config(setup, clipnorm=as_number(change), clipvalue=None, global_clipnorm=None)


@contextmanager
def set_clipvalue(setup: Setup, change: Intervention) -> Iterator[Setup]:
    yield with_config(setup, clipvalue=as_number(change), clipnorm=None, global_clipnorm=None)


@contextmanager
def set_epsilon(setup: Setup, change: Intervention) -> Iterator[Setup]:
    yield with_config(setup, epsilon=as_number(change))


@contextmanager
def set_weight_decay(setup: Setup, change: Intervention) -> Iterator[Setup]:
    wanted = as_number(change)
    try:
        changed = with_config(setup, weight_decay=wanted or None)
        setup.optimizer.from_config(changed.config)
    except ValueError:  # of those that are named for it 0 is none
        changed = with_config(setup, weight_decay=wanted)
    yield changed


def with_config(setup: Setup, **changes: float | None) -> Setup:
    """Other arguments of the optimizer, of the inner one where it scales the loss."""
    config = dict(setup.config)
    inner = config.get("inner_optimizer")
    if isinstance(inner, dict) and isinstance(inner.get("config"), dict):
        config["inner_optimizer"] = {**inner, "config": {**inner["config"], **changes}}
        config.pop("learning_rate", None)
    elif changes.keys() <= config.keys():
        config |= changes
    else:
        raise NotPossible("the optimizer has no such argument")
    return replace(setup, config=config)
