"""The outputs of a model: head, activation, loss; as a traced step shows them, or as they are built."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from nanwatch.record.facts import LossInfo, OutputInfo, Shape
from nanwatch.watch.data.batch import named_tensors
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.chosen import keras
from nanwatch.watch.keras_seam.keras_types import Model, Tensor
from nanwatch.watch.model.activations import is_library
from nanwatch.watch.model.keras_graph import GraphTensor, KerasGraph, is_graph
from nanwatch.watch.model.loss_ops import crossentropy_of
from nanwatch.watch.model.output_head import OutputHead
from nanwatch.watch.model.traced_graph import TracedGraph, shape_of
from nanwatch.watch.train_step.traced_step import TracedStep

CUSTOM = "custom"


def outputs_of(model: Model, seen: TracedStep) -> tuple[OutputInfo, ...]:
    """One `OutputInfo` for each output that ``seen`` shows, in the model's order."""
    heads = heads_seen(model, seen)
    shapes = [row_shape(shape_of(tensor)) for _, tensor in seen.outputs]
    outputs = describe_outputs(model, [key for key, _ in seen.outputs], heads, shapes)
    total = seen.loss if seen.loss is not None else seen.target
    found = []
    for output, (_, tensor) in zip(outputs, seen.outputs, strict=True):
        loss = loss_seen_in_graph(output.loss, tensor, total)
        as_it_is = loss != output.loss and loss is not None and loss.from_logits is True
        unwrapped = output.path in seen.unwrapped and not as_it_is
        found.append(replace(output, unwrapped=unwrapped, loss=loss))
    return tuple(found)


def outputs_built(model: Model) -> tuple[OutputInfo, ...]:
    """The outputs of a model as its graph tells before a step was traced; empty where it has none."""
    if not is_graph(model):
        return ()
    given = named_tensors(seam().graph_outputs(model))
    keys = [key for key, _ in given]
    names, losses = seam().output_names(model), seam().user_losses(model)
    if len(names) == len(keys) > 1 and isinstance(losses, dict) and set(losses) <= set(names):
        keys = names
    walk = KerasGraph()
    found = [walk.end(GraphTensor(tensor)) for _, tensor in given]
    return describe_outputs(model, keys, found, [row_shape(tuple(tensor.shape)) for _, tensor in given])


def heads_seen(model: Model, seen: TracedStep) -> list[OutputHead]:
    """By the model's graph where it is one, else by the calls and ops of the step."""
    trace = TracedGraph(seen)
    if is_graph(model) and len(model.outputs) == len(seen.outputs):
        walk = KerasGraph(trace)
        return [walk.end(GraphTensor(tensor)) for tensor in model.outputs]
    return [trace.end(tensor) for _, tensor in seen.outputs]


def describe_outputs(
    model: Model, keys: Sequence[str], found: Sequence[OutputHead], shapes: Sequence[Shape | None]
) -> tuple[OutputInfo, ...]:
    paths = {id(layer): path for path, layer in seam().layers_of(model)}
    losses = losses_by_key(model)
    return tuple(
        OutputInfo(
            path=key,
            head=paths.get(id(end.head)),
            activation_layer=paths.get(id(end.layer)),
            activation=end.activation,
            units=shape[-1] if shape else None,
            shape=shape,
            softmax_axis_size=end.softmax_axis_size,
            dropout=paths.get(id(end.dropout)),
            loss=loss_of(losses, key, number, len(keys)),
        )
        for number, (key, end, shape) in enumerate(zip(keys, found, shapes, strict=True))
    )


def loss_of(losses: dict[str, LossInfo], key: str, number: int, outputs: int) -> LossInfo | None:
    """The loss of an output: under its key, its place, or as the only one of an only output."""
    if key in losses or str(number) in losses:
        return losses.get(key) or losses.get(str(number))
    return next(iter(losses.values())) if len(losses) == outputs == 1 else None


def row_shape(shape: Sequence[int | None] | None) -> Shape | None:
    return None if shape is None else (None, *(None if size is None else int(size) for size in shape[1:]))


def losses_by_key(model: Model) -> dict[str, LossInfo]:
    """Output key -> its loss, under the name by which the script gave it."""
    user = seam().user_losses(model)
    resolved = seam().losses_of(model) or unresolved_losses(model, user)
    shares = seam().shares_of_loss(model)
    found = {}
    for number, (key, loss) in enumerate(resolved):
        info = loss_info(loss)
        if info is not None:
            words = given_words(given_for(user, model, key, number))
            logged, weight = shares.get(key, ("", 1.0))
            found[key] = replace(info, given=words or info.given, logged=logged, weight=weight)
    return found


def unresolved_losses(model: Model, user: object) -> list[tuple[str, object]]:
    """(key, loss) as ``compile`` was told, for each output, where Keras has not met the data yet."""
    if user is None:
        return []
    if isinstance(user, dict):
        return [(str(key), loss) for key, loss in user.items()]
    if isinstance(user, list | tuple):
        return [(str(number), loss) for number, loss in enumerate(user)]
    return [(str(number), user) for number in range(max(1, len(seam().output_names(model))))]


def given_for(user: object, model: Model, key: str, number: int) -> object:
    """What the script gave as the loss of one output."""
    if isinstance(user, dict):
        names = seam().output_names(model)
        name = names[int(key)] if key.isdigit() and int(key) < len(names) else key
        return user.get(key, user.get(name))
    if isinstance(user, list | tuple):
        place = int(key) if key.isdigit() else number
        return user[place] if place < len(user) else None
    return user


def given_words(given: object) -> str:
    """How the script gave a loss: ``"mse"``, a class's or a function's name."""
    if given is None or isinstance(given, dict | list | tuple):
        return ""
    if isinstance(given, str):
        return f'"{given}"'
    if isinstance(given, functools.partial):
        return f"partial({given_words(given.func)})"
    if inspect.isclass(given) or not isinstance(given, keras.losses.Loss):
        return str(getattr(given, "__name__", type(given).__name__))
    return type(given).__name__


def loss_info(loss: object) -> LossInfo | None:
    """A loss in the record's words, however it was given: string, class, instance, function, partial."""
    if loss is None:
        return None
    given = given_words(loss)
    if isinstance(loss, str) or inspect.isclass(loss):
        try:
            loss = keras.losses.get(loss)
        except Exception:  # a class of the script's own may want arguments
            return LossInfo(CUSTOM, given)
    arguments = seam().loss_arguments(loss)
    function = getattr(loss, "fn", loss)
    while isinstance(function, functools.partial) and not function.args:
        arguments = {**function.keywords, **arguments}
        function = function.func
    name = canonical_name(loss, function)
    if is_metric(loss, function):
        return LossInfo(CUSTOM, given, metric=True)
    if name == CUSTOM:
        return LossInfo(CUSTOM, given)
    return LossInfo(
        name=name,
        given=given,
        from_logits=bool(arguments.get("from_logits", False)) if "crossentropy" in name else None,
        label_smoothing=float(arguments.get("label_smoothing", 0.0) or 0.0),
        ignore_class=arguments.get("ignore_class"),
        config=config_of(loss, arguments),
    )


def is_metric(loss: object, function: object) -> bool:
    """One of Keras's metrics, or a function of theirs that is no loss as well."""
    if isinstance(loss, keras.metrics.Metric) or isinstance(function, keras.metrics.Metric):
        return True
    name = getattr(function, "__name__", "")
    return bool(name) and getattr(keras.metrics, name, None) is function and not hasattr(keras.losses, name)


def config_of(loss: object, arguments: dict[str, Any]) -> dict[str, int | float | str | bool]:
    """The arguments of the loss that are plain values, and how it reduces its rows if not to their mean."""
    found = {key: value for key, value in arguments.items() if isinstance(value, int | float | str | bool)}
    reduction = getattr(loss, "reduction", None)
    if isinstance(reduction, str) and reduction != "sum_over_batch_size":
        found["reduction"] = reduction
    return found


def canonical_name(loss: object, function: object) -> str:
    """Keras's name of the loss function ("binary_crossentropy"); "custom" for a user's own."""
    if isinstance(loss, keras.losses.Loss) and not is_library(type(loss).call):
        return CUSTOM
    name = getattr(function, "__name__", "")
    return str(name) if name and getattr(keras.losses, name, None) is function else CUSTOM


def loss_seen_in_graph(loss: LossInfo | None, output: Tensor, total: Tensor | None) -> LossInfo | None:
    """``loss``; where it is the script's own, the cross-entropy that it comes to in the traced step."""
    if total is None or (loss is not None and loss.name != CUSTOM):
        return loss
    found = crossentropy_of(output, total)
    if found is None:
        return loss
    return replace(loss or LossInfo(CUSTOM), name=found.name, from_logits=found.from_logits, metric=False)
