"""The one file that knows private names of Keras and TensorFlow; all else uses ours."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any

import keras
import tensorflow as tf

OpCallback = Callable[..., None]


def layers_of(model: Any) -> list[tuple[str, Any]]:
    """(path, layer) of every layer below ``model``, in the order they were added; paths unique."""
    found: list[tuple[str, Any]] = []
    taken: set[str] = set()
    for layer in model._flatten_layers(include_self=False, recursive=True):
        if isinstance(layer, keras.metrics.Metric) or layer.__class__.__name__ == "InputLayer":
            continue
        path = base = layer.path or layer.name
        number = 1
        while path in taken:
            number += 1
            path = f"{base}#{number}"
        taken.add(path)
        found.append((path, layer))
    return found


def operations_of(model: Any) -> list[Any]:
    """The operations of a functional graph that are no layers (``ops.sqrt(x)``), nested models' too."""
    owners = (model, *(layer for _, layer in layers_of(model)))
    operations = [operation for owner in owners for operation in getattr(owner, "operations", ()) or ()]
    return [operation for operation in operations if not isinstance(operation, keras.layers.Layer)]


def own_variables(layer: Any) -> list[Any]:
    """The variables that ``layer`` itself holds, not those of layers inside it."""
    return [*layer._trainable_variables, *layer._non_trainable_variables]


def state_variables(model: Any) -> list[Any]:
    """What a forward pass may change: moving statistics, counters, seeds of random layers.

    Weights frozen with ``trainable = False`` are not among them.
    """
    found: dict[int, Any] = {}
    for layer in model._flatten_layers(include_self=True, recursive=True):
        for variable in layer._non_trainable_variables:
            found[id(variable)] = variable
        for generator in layer._seed_generators:
            found[id(generator.state)] = generator.state
    return list(found.values())


def owned_state(model: Any) -> list[tuple[Any, Any]]:
    """(variable, layer that holds it) of what a forward pass may change, but for seeds and metrics."""
    found: dict[int, tuple[Any, Any]] = {}
    for layer in model._flatten_layers(include_self=True, recursive=True):
        if not isinstance(layer, keras.metrics.Metric):
            found |= {id(variable): (variable, layer) for variable in layer._non_trainable_variables}
    return list(found.values())


def metric_variables(model: Any) -> list[Any]:
    return [variable for metric in model.metrics for variable in metric.variables]


def build_metrics(model: Any, y: Any, y_pred: Any) -> None:
    """Make the metrics' variables now, as the first update of the metrics would."""
    for name in ("_compile_metrics", "_compile_loss"):
        compiled = getattr(model, name, None)
        if compiled is not None and not compiled.built:
            compiled.build(y, y_pred)


def losses_of(model: Any) -> list[tuple[str, Any]]:
    """(key of the output, its loss object); empty where they are not resolved yet."""
    compiled = getattr(model, "_compile_loss", None)
    if compiled is None:
        return []
    if getattr(compiled, "_flat_losses", None):
        return [("/".join(map(str, entry.path)) or "0", entry.loss) for entry in compiled._flat_losses]
    return []


def user_losses(model: Any) -> Any:
    compiled = getattr(model, "_compile_loss", None)
    return getattr(compiled, "_user_loss", None)


def loss_arguments(loss: Any) -> dict[str, Any]:
    """The keyword arguments a loss object passes to its function (``from_logits``, ...)."""
    return dict(getattr(loss, "_fn_kwargs", {}))


def output_names(model: Any) -> list[str]:
    names = getattr(model, "output_names", None)
    return [str(name) for name in names] if names else []


def fit_arguments(frame: FrameType | None) -> dict[str, Any] | None:
    """The arguments of the innermost running ``fit`` of Keras, data already split; else None."""
    while frame is not None:
        code = frame.f_code
        if code.co_name == "fit" and "epoch_iterator" in code.co_varnames and "keras" in code.co_filename:
            return dict(frame.f_locals)
        frame = frame.f_back
    return None


def frame_of_fit(frame: FrameType | None) -> FrameType | None:
    """The frame of the innermost running ``fit`` of Keras."""
    while frame is not None:
        if frame.f_code.co_name == "fit" and "epoch_iterator" in frame.f_code.co_varnames:
            return frame
        frame = frame.f_back
    return None


def inbound_operations(layer: Any) -> list[Any]:
    """The operations that feed ``layer``, over all its calls."""
    return [
        parent
        for node in getattr(layer, "_inbound_nodes", ())
        for parent in (given.operation for given in node.parent_nodes)
    ]


def function_graph() -> Any:
    """The graph being traced, or None in eager execution."""
    return None if tf.executing_eagerly() else tf.compat.v1.get_default_graph()


@contextlib.contextmanager
def op_callback(callback: OpCallback) -> Iterator[None]:
    """Call ``callback(op_type, inputs, attrs, outputs, op_name, graph)`` for every eager op."""
    from tensorflow.python.framework import op_callbacks

    op_callbacks.add_op_callback(callback)
    try:
        yield
    finally:
        op_callbacks.remove_op_callback(callback)


@contextlib.contextmanager
def run_functions_eagerly() -> Iterator[None]:
    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)


def unscaled_factor(optimizer: Any) -> Any:
    """The factor by which ``optimizer`` scales the loss, or None."""
    if is_loss_scaling(optimizer):
        return optimizer.dynamic_scale if optimizer.built else optimizer.initial_scale
    return getattr(optimizer, "loss_scale_factor", None)


def is_loss_scaling(optimizer: Any) -> bool:
    return isinstance(optimizer, keras.optimizers.LossScaleOptimizer)


def learning_rate_of(optimizer: Any) -> Any:
    """The learning rate as a tensor or variable; schedules are evaluated at the step."""
    return optimizer.learning_rate


def resolve_jit(model: Any) -> bool:
    """Whether Keras compiles the step of ``model`` with XLA."""
    return bool(getattr(model, "jit_compile", False))


def path_of(variable: Any) -> str:
    return str(getattr(variable, "path", None) or getattr(variable, "name", "variable"))


def flat_tensors(structure: Any) -> Sequence[Any]:
    return [item for item in keras.tree.flatten(structure) if item is not None]


def learning_rate_given(optimizer: Any) -> Any:
    """What the optimizer was given as its rate: a variable, or a schedule."""
    return getattr(optimizer, "_learning_rate", None)


def function_class() -> Any:
    """The class of what ``tf.function`` makes."""
    return type(tf.function(lambda: None))


def copy_of_function(function: Any) -> Any:
    """A ``tf.function`` of the same Python and the same options that has not been traced yet."""
    return function._clone(None)


def trained_by(optimizer: Any) -> list[Any]:
    """The variables that ``optimizer`` was built on."""
    return list(getattr(optimizer, "inner_optimizer", optimizer)._trainable_variables)


def optimizers_of(model: Any) -> list[Any]:
    """Every optimizer that ``model`` holds: ``compile``'s, and those of a ``train_step`` of its own."""
    held = [getattr(model, "optimizer", None)]
    for value in list(vars(model).values()):
        inside = value.values() if isinstance(value, dict) else value
        held += inside if isinstance(value, list | tuple | dict) else [value]
    found = {id(thing): thing for thing in held if isinstance(thing, keras.optimizers.Optimizer)}
    return list(found.values())


def variables_of(model: Any) -> list[Any]:
    """The weights and states of ``model``, and the variables of the optimizers that it holds."""
    return [*model.variables, *(variable for each in optimizers_of(model) for variable in each.variables)]


def keep_whole(result: Any) -> Any:
    """``result`` of a ``tf.cond`` whose untaken branch shall cost nothing.

    TensorFlow spreads a cond over the graph by default: every input passes a switch and every op of
    the branch not taken is visited as a dead one. Left whole it is one op that calls one function.
    """
    op = getattr(result, "op", None) if not tf.executing_eagerly() else None
    for _ in range(3):
        if op is None:
            return result
        if op.type in ("If", "StatelessIf"):
            op._set_attr("_lower_using_switch_merge", tf.compat.v1.AttrValue(b=False))
            return result
        op = op.inputs[0].op if op.inputs else None
    return result


def replicas_of(model: Any) -> int:
    """How many replicas the model's strategy keeps in step."""
    strategy = getattr(model, "distribute_strategy", None)
    return int(getattr(strategy, "num_replicas_in_sync", 1))


def is_distributed(model: Any) -> bool:
    """Whether ``model`` was made under a strategy of ``tf.distribute``, be it for one replica."""
    strategy = getattr(model, "distribute_strategy", None)
    if strategy is None:
        return False
    with strategy.scope():
        return bool(tf.distribute.has_strategy())


@contextlib.contextmanager
def filter_frames(filenames: frozenset[str]) -> Iterator[None]:
    """Leave the frames of these files out of what TensorFlow notes of an op's making, in this thread."""
    from tensorflow.python.util import tf_stack

    class Filter(tf_stack.StackTraceFilter):  # type: ignore[misc]
        names = filenames

        def get_filtered_filenames(self) -> frozenset[str]:
            above = self.parent.get_filtered_filenames() if self.parent is not None else frozenset()
            return frozenset(self.names | above)

    found = Filter().__enter__()
    stack = found._stack_dict[found._thread_key]
    try:
        yield
    finally:
        found.names = frozenset()
        for above in stack[stack.index(found) + 1 :]:
            above.parent = found.parent if above.parent is found else above.parent
            above.update()
        stack.remove(found)


def carries_logits(tensor: Any) -> bool:
    """Whether a loss that wants logits finds them behind this output of a softmax or sigmoid."""
    if hasattr(tensor, "_keras_logits"):
        return True
    op = None if tf.executing_eagerly() else getattr(tensor, "op", None)
    return op is not None and op.type in ("Softmax", "Sigmoid")


def behind_reshapes(tensor: Any) -> Any:
    """The tensor of the same graph that ``tensor`` has its elements from; itself in eager execution."""
    while not tf.executing_eagerly() and tensor.op.type == "Reshape":
        tensor = tensor.op.inputs[0]
    return tensor


def data_loss(model: Any, y: Any, y_pred: Any, sample_weight: Any) -> Any:
    """What ``compile``'s loss makes of ``y_pred``, without the penalties of the layers."""
    return model._compile_loss(y, y_pred, sample_weight)


@contextlib.contextmanager
def run_without_effect(model: Any) -> Iterator[None]:
    """Calls of ``model`` in this block change no variable, and leave the layers' lists of losses."""
    layers = list(model._flatten_layers(include_self=True, recursive=True))
    before = [(layer, list(layer._losses), set(layer._loss_ids)) for layer in layers]
    try:
        with keras.StatelessScope():
            yield
    finally:
        for layer, losses, ids in before:
            layer._losses[:] = losses
            layer._loss_ids.clear()
            layer._loss_ids.update(ids)


def is_keras_own(thing: Any) -> bool:
    """Whether the code of a class or function is Keras's, so that it is known what it does."""
    return str(getattr(thing, "__module__", "")).split(".")[0] == "keras"


def loss_functions(model: Any) -> list[Any]:
    """The functions behind the losses of ``compile``, where a loss wraps one; else the loss's class."""
    found = []
    for _, loss in losses_of(model):
        found.append(getattr(loss, "fn", None) or type(loss))
    return found


def making_of(tensor: Any) -> tuple[Any, int, list[Any]] | None:
    """Of a tensor of a model's graph: what made it, as which of its outputs, and from what."""
    history = getattr(tensor, "_keras_history", None)
    if history is None:
        return None
    node = history.operation._inbound_nodes[history.node_index]
    return history.operation, int(history.tensor_index), list(node.input_tensors)


def graph_outputs(model: Any) -> Any:
    """The outputs of a model's own graph, in the structure it returns them; None where there is none."""
    graph = getattr(model, "_functional", model)
    return getattr(graph, "_outputs_struct", None)


def compiled_loss(model: Any) -> Any:
    """What ``compile`` made of the losses; its ``call`` is what ``compute_loss`` takes of the data.

    None where ``compute_loss`` is not Keras's: a script's own may make anything of it.
    """
    return getattr(model, "_compile_loss", None) if is_keras_own(type(model).compute_loss) else None
