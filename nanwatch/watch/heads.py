"""The outputs of a model as a traced step shows them: head, activation, loss."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import keras
import tensorflow as tf

from nanwatch.record.facts import LossInfo, OutputInfo, Shape
from nanwatch.watch import keras_names
from nanwatch.watch.model_facts import activation_of
from nanwatch.watch.step import Seen

# Ops that hand their first input on, in another shape or dtype.
PASSING = {
    "Identity",
    "Reshape",
    "Cast",
    "Squeeze",
    "ExpandDims",
    "Transpose",
    "StopGradient",
    "CheckNumerics",
    "PlaceholderWithDefault",
    "EnsureShape",
    "StridedSlice",
}
ACTIVATIONS = {
    "Softmax": "softmax",
    "LogSoftmax": "log_softmax",
    "Sigmoid": "sigmoid",
    "Relu": "relu",
    "Relu6": "relu6",
    "Elu": "elu",
    "LeakyRelu": "leaky_relu",
    "Selu": "selu",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Tanh": "tanh",
    "Exp": "exponential",
}
LINEAR = {
    "BiasAdd",
    "MatMul",
    "BatchMatMulV2",
    "Conv2D",
    "Conv2DBackpropInput",
    "Conv3D",
    "AddV2",
    "Add",
    "Einsum",
    "DepthwiseConv2dNative",
}
# Layers that change the shape of what they get, and nothing else.
SHAPING = {"Reshape", "Flatten", "Dropout", "Permute", "RepeatVector", "Cropping1D", "Cropping2D", "Identity"}


@dataclass(frozen=True)
class Head:
    """Where an output comes from."""

    head: str | None
    activation_layer: str | None
    activation: str
    softmax_axis_size: int | None


def outputs_of(model: Any, seen: Seen) -> tuple[OutputInfo, ...]:
    """One `OutputInfo` for each output that ``seen`` shows, in the model's order."""
    losses = losses_by_key(model)
    paths = {id(layer): path for path, layer in keras_names.layers_of(model)}
    found = []
    for number, (key, tensor) in enumerate(seen.outputs):
        head = head_of(seen, tensor, paths)
        shape = shape_of(tensor)
        loss = losses.get(key) or losses.get(str(number)) or (losses.get("0") if len(losses) == 1 else None)
        found.append(
            OutputInfo(
                path=key,
                head=head.head,
                activation_layer=head.activation_layer,
                activation=head.activation,
                units=shape[-1] if shape else None,
                shape=shape,
                softmax_axis_size=head.softmax_axis_size,
                unwrapped=key in seen.unwrapped,
                loss=loss,
            )
        )
    return tuple(found)


def losses_by_key(model: Any) -> dict[str, LossInfo]:
    """Output key -> its loss, under the name by which the script gave it where that was a string."""
    user = keras_names.user_losses(model)
    resolved = keras_names.losses_of(model)
    if not resolved and user is not None and not isinstance(user, dict | list | tuple):
        resolved = [("0", user)]
    found = {}
    for number, (key, loss) in enumerate(resolved):
        given = user
        if isinstance(user, dict):
            given = user.get(key)
        elif isinstance(user, list | tuple):
            given = user[number] if number < len(user) else None
        info = loss_info(loss)
        if info is not None:
            found[key] = replace(info, given=f'"{given}"') if isinstance(given, str) else info
    return found


def shape_of(tensor: Any) -> Shape | None:
    if tensor.shape.rank is None:
        return None
    return (None, *(None if size is None else int(size) for size in tensor.shape.as_list()[1:]))


def head_of(seen: Seen, tensor: Any, paths: dict[int, str]) -> Head:
    """Follow ``tensor`` back to the layer with the weights, by the layers' own inputs and outputs."""
    layer = maker_of(seen, tensor)
    activation_layer = activation = None
    head, size = None, None
    walked = tensor
    for _ in range(16):  # a head is a few layers deep at most
        if layer is None:
            break
        kind = type(layer).__name__
        name = activation_of(layer)
        if activation is None and name is not None and name != "linear":
            activation, activation_layer = name, layer
            if name == "softmax":
                axis = getattr(layer, "axis", -1)
                size = axis_size(walked, axis)
        if layer.weights and kind not in SHAPING and "Normalization" not in kind:
            head = layer
            break
        inputs: list[Any] = next(
            (
                given
                for made, given, out in reversed(seen.calls)
                if made is layer and any(item is walked for item in out)
            ),
            [],
        )
        if not inputs or (activation is None and kind not in SHAPING and name is None):
            break
        walked = inputs[0]
        layer = maker_of(seen, walked)
    if activation is None or activation == "custom":
        by_op, op_size = activation_by_op(tensor)
        if by_op is not None:
            activation, size = by_op, op_size
        elif layer is not None and head is not None and activation is None:
            activation = "linear" if activation_of(layer) in ("linear", None) else activation
    return Head(paths.get(id(head)), paths.get(id(activation_layer or head)), activation or "unknown", size)


def maker_of(seen: Seen, tensor: Any) -> Any:
    """The innermost layer that gave out ``tensor`` itself, or what an op handed on; None without one."""
    for wanted in (tensor, op_input(tensor)):
        for layer, _, outputs in seen.calls:
            if wanted is not None and any(item is wanted for item in outputs):
                return layer
    return None


def op_input(tensor: Any) -> Any:
    """What lies behind an op that only hands its input on, or applies an activation."""
    op = op_of(tensor)
    if op is None or not op.inputs or op.type not in (PASSING | set(ACTIVATIONS)):
        return None
    return op.inputs[0]


def op_of(tensor: Any) -> Any:
    return None if tf.is_tensor(tensor) and hasattr(tensor, "numpy") else getattr(tensor, "op", None)


def activation_by_op(tensor: Any) -> tuple[str | None, int | None]:
    """The activation as the graph's own op tells, with the size of a softmax's axis."""
    op = op_of(tensor)
    for _ in range(16):
        if op is None:
            return None, None
        if op.type in ACTIVATIONS:
            size = axis_size(op.outputs[0], -1) if op.type == "Softmax" else None
            return ACTIVATIONS[op.type], size
        if op.type in LINEAR:
            return "linear", None
        if op.type not in PASSING or not op.inputs:
            return None, None
        op = op.inputs[0].op
    return None, None


def axis_size(tensor: Any, axis: Any) -> int | None:
    if tensor.shape.rank is None or not isinstance(axis, int):
        return None
    size = tensor.shape[axis]
    return None if size is None else int(size)


def loss_info(loss: Any) -> LossInfo | None:
    """A loss in the record's words, however it was given: string, class instance, function."""
    if loss is None:
        return None
    given = f'"{loss}"' if isinstance(loss, str) else type(loss).__name__
    if isinstance(loss, str):
        try:
            loss = keras.losses.get(loss)
        except ValueError:
            return LossInfo("custom", given)
    arguments = keras_names.loss_arguments(loss)
    if not isinstance(loss, keras.losses.Loss):
        given = getattr(loss, "__name__", given)
    return LossInfo(
        name=canonical_name(loss),
        given=given,
        from_logits=arguments.get("from_logits", False) if takes_logits(loss) else None,
        label_smoothing=float(arguments.get("label_smoothing", 0.0) or 0.0),
        ignore_class=arguments.get("ignore_class"),
        config={
            key: value for key, value in arguments.items() if isinstance(value, int | float | str | bool)
        },
    )


def canonical_name(loss: Any) -> str:
    """Keras's name of the loss function ("binary_crossentropy"); "custom" for a user's own."""
    function = getattr(loss, "fn", loss)
    name = getattr(function, "__name__", "")
    if name and getattr(keras.losses, name, None) is function:
        return str(name)
    return "custom"


def takes_logits(loss: Any) -> bool:
    return "crossentropy" in canonical_name(loss)
