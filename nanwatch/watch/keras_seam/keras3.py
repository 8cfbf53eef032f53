"""The adapter for Keras 3, and all private names of its."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FrameType, ModuleType
from typing import Any

import keras
import numpy as np

from nanwatch.watch.keras_seam.chosen import is_on_tensorflow
from nanwatch.watch.keras_seam.either_keras import EitherKeras
from nanwatch.watch.keras_seam.keras_types import (
    Array,
    KerasTensor,
    Layer,
    Model,
    Operation,
    Optimizer,
    P,
    R,
    StepFunction,
    Structure,
    Tensor,
    Variable,
)
from nanwatch.watch.keras_seam.patches import Patches, Wrapper
from nanwatch.watch.keras_seam.places import Place
from nanwatch.watch.keras_seam.public_tensorflow import tf
from nanwatch.watch.keras_seam.structures import paths_in

FILES_OF_CALLS = frozenset(map(str, map(inspect.getsourcefile, (keras.layers.Layer, keras.Operation))))
# Keras's own tells no paths in 3.3 to 3.6, and is not there before.
TELLS_PATHS = hasattr(getattr(keras, "tree", None), "flatten_with_path")
TREE: Any = keras.tree if TELLS_PATHS or not is_on_tensorflow() else tf.nest
# In 3.0 to 3.6 a layer's weights are no ``keras.Variable``, but of a class that this one is made from.
VARIABLE: type[Any] = [cls for cls in keras.Variable.__mro__ if cls.__module__.startswith("keras.")][-1]
FILE_OF_TRAINER = str(inspect.getsourcefile(keras.Model.__mro__[1]))


class Keras3(EitherKeras):
    """`KerasSeam` for Keras 3; what its methods promise is said there."""

    # -- layers and variables

    def layers_of(self, model: Any) -> list[tuple[str, Layer]]:
        found: list[tuple[str, Layer]] = []
        taken: set[str] = set()
        for layer in layers_inside(model, {id(model)}):
            if isinstance(layer, keras.metrics.Metric) or layer.__class__.__name__ == "InputLayer":
                continue
            path = base = path_of_layer(layer)
            number = 1
            while path in taken:
                number += 1
                path = f"{base}#{number}"
            taken.add(path)
            found.append((path, layer))
        return found

    def operations_of(self, model: Model) -> list[Operation]:
        owners = (model, *(layer for _, layer in self.layers_of(model)))
        operations = [operation for owner in owners for operation in getattr(owner, "operations", ()) or ()]
        return [operation for operation in operations if not isinstance(operation, keras.layers.Layer)]

    def wrap_call(self, patches: Patches, layer: Operation, wrapper: Wrapper) -> None:
        patches.wrap(layer, "call", wrapper)

    def files_of_calls(self) -> frozenset[str]:
        return FILES_OF_CALLS

    def file_of_trainer(self) -> str:
        return FILE_OF_TRAINER

    def own_variables(self, layer: Any) -> list[Variable]:
        return [*layer._trainable_variables, *layer._non_trainable_variables]

    def state_variables(self, model: Any) -> list[Variable]:
        found: dict[int, Variable] = {}
        for layer in model._flatten_layers(include_self=True, recursive=True):
            for variable in layer._non_trainable_variables:
                found[id(variable)] = variable
            for generator in layer._seed_generators:
                found[id(generator.state)] = generator.state
        return list(found.values())

    def owned_state(self, model: Any) -> list[tuple[Variable, Layer]]:
        found: dict[int, tuple[Variable, Layer]] = {}
        for layer in model._flatten_layers(include_self=True, recursive=True):
            if not isinstance(layer, keras.metrics.Metric):
                found |= {id(variable): (variable, layer) for variable in layer._non_trainable_variables}
        return list(found.values())

    def variables_of(self, model: Model) -> list[Variable]:
        of_optimizers = (variable for each in self.optimizers_of(model) for variable in self.kept_by(each))
        return [*model.variables, *of_optimizers]

    def weights_of(self, model: Model) -> Sequence[Variable]:
        return model.weights

    def path_of(self, variable: Variable) -> str:
        return str(getattr(variable, "path", None) or getattr(variable, "name", "variable"))

    def tensorflow_variable(self, variable: Any) -> Any:
        return variable.value if isinstance(variable, VARIABLE) else variable

    def variable_class(self) -> type[Any]:
        return VARIABLE

    def name_in_layer(self, variable: Variable) -> str:
        return variable.name

    def draw_again(self, initializer: Any, shape: Sequence[int]) -> Array | None:
        if not isinstance(getattr(initializer, "seed", 0), int):  # a generator of the script's would move on
            return None
        return np.array(initializer(tuple(shape)))

    # -- what ``compile`` made

    def build_metrics(self, model: Model, y: Structure, y_pred: Structure) -> None:
        for name in ("_compile_metrics", "_compile_loss"):
            compiled = getattr(model, name, None)
            if compiled is not None and not compiled.built:
                compiled.build(copied(y), copied(y_pred))

    def user_losses(self, model: Model) -> object:
        return getattr(getattr(model, "_compile_loss", None), "_user_loss", None)

    def losses_of(self, model: Model) -> list[tuple[str, object]]:
        compiled = getattr(model, "_compile_loss", None)
        if hasattr(compiled, "flat_losses"):
            return losses_without_paths(compiled)
        entries = getattr(compiled, "_flat_losses", None) or ()
        return [(key_of(entry), entry.loss) for entry in entries]

    def shares_of_loss(self, model: Model) -> dict[str, tuple[str, float]]:
        entries = getattr(getattr(model, "_compile_loss", None), "_flat_losses", None) or ()
        names = [entry.name for entry in entries]
        found = {
            key_of(entry): (
                "_".join((entry.name, "loss")) if names.count(entry.name) == 1 else "",
                weight_of(entry),
            )
            for entry in entries
        }
        return found if len(found) == len(names) > 1 else {}

    def losses_apart(
        self,
        compiled: Any,
        y: Structure,
        y_pred: Structure,
        sample_weight: Structure,
        instead: Mapping[str, Any],
    ) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}

        def seen(key: str, loss: Any) -> Any:
            def call(*arguments: Any) -> Tensor:
                found[key] = keras.ops.cast(loss(*arguments), compiled.dtype)
                return found[key]

            return call

        before = compiled._flat_losses
        compiled._flat_losses = [
            entry._replace(loss=seen(key_of(entry), instead.get(key_of(entry), entry.loss)))
            for entry in before
        ]
        try:
            compiled(y, y_pred, sample_weight)
        finally:
            compiled._flat_losses = before
        return found

    def loss_arguments(self, loss: object) -> dict[str, Any]:
        return dict(getattr(loss, "_fn_kwargs", {}))

    def data_loss(self, model: Any, y: Structure, y_pred: Structure, sample_weight: Structure) -> Tensor:
        loss: Tensor = model._compile_loss(copied(y), copied(y_pred), sample_weight)
        return loss

    def compiled_loss(self, model: Any) -> Any:
        return getattr(model, "_compile_loss", None) if self.is_keras_own(type(model).compute_loss) else None

    def penalty(self, model: Model) -> Tensor | None:
        return None

    def make_without_xla(self, model: Model, make: Callable[..., object], which: str) -> StepFunction:
        model.jit_compile, before = False, model.jit_compile
        try:
            make(model, force=True)
        finally:
            model.jit_compile = before
        function: StepFunction = getattr(model, which)
        return function

    def steps_per_execution(self, model: Model) -> int:
        return int(model.steps_per_execution)

    # -- optimizers

    def optimizers_of(self, model: Model) -> list[Optimizer]:
        held = [getattr(model, "optimizer", None)]
        for value in list(vars(model).values()):
            inside = value.values() if isinstance(value, dict) else value
            held += inside if isinstance(value, list | tuple | dict) else [value]
        found = {id(thing): thing for thing in held if isinstance(thing, keras.optimizers.Optimizer)}
        return list(found.values())

    def kept_by(self, optimizer: Optimizer) -> Sequence[Variable]:
        return optimizer.variables

    def is_built(self, optimizer: Optimizer) -> bool:
        return optimizer.built

    def makes_variables(self, model: Model) -> bool:
        metrics = getattr(model, "_compile_metrics", None)
        return (metrics is not None and not metrics.built) or super().makes_variables(model)

    def build(self, optimizer: Optimizer, variables: Sequence[Variable]) -> None:
        optimizer.build(variables)

    def trained_by(self, optimizer: Any) -> list[Variable]:
        return list(getattr(optimizer, "inner_optimizer", optimizer)._trainable_variables)

    def learning_rate_given(self, optimizer: Optimizer) -> object:
        return getattr(optimizer, "_learning_rate", None)

    def is_loss_scaling(self, optimizer: Optimizer) -> bool:
        return isinstance(optimizer, keras.optimizers.LossScaleOptimizer)

    def scale_of_loss(self, optimizer: Any) -> Variable | float | None:
        scale: Variable | float | None = getattr(optimizer, "loss_scale_factor", None)
        if self.is_loss_scaling(optimizer):
            scale = optimizer.dynamic_scale if optimizer.built else optimizer.initial_scale
        return scale

    def scale_of_gradients(self, optimizer: Optimizer) -> Variable | float | None:
        return self.scale_of_loss(optimizer)

    def wrap_updates(self, patches: Patches, optimizer: Optimizer, see: Callable[..., object]) -> None:
        patches.wrap(optimizer, "apply", functools.partial(see, optimizer))

    def scale_loss(self, optimizer: Optimizer, loss: Tensor) -> Tensor:
        scaled: Tensor = optimizer.scale_loss(loss)
        return scaled

    def unscaled(self, optimizer: Optimizer, grads: Sequence[Tensor | None]) -> Sequence[Tensor | None]:
        return grads

    def config_with_rate(self, optimizer: Optimizer, rate: float | None) -> dict[str, Any]:
        return optimizer.get_config() | ({} if rate is None else {"learning_rate": rate})

    def apply(
        self, optimizer: Optimizer, grads: Sequence[Tensor | None], variables: Sequence[Variable]
    ) -> object:
        return optimizer.apply(grads, variables)

    # -- functions

    def compile(
        self, function: Callable[P, R], jit_compile: bool | None = None, reduce_retracing: bool | None = None
    ) -> Callable[P, R]:
        compiled: Callable[P, R] = tf.function(
            function, jit_compile=jit_compile, autograph=False, reduce_retracing=reduce_retracing
        )
        return compiled

    # -- the graph of a functional model

    def inbound_operations(self, layer: Layer) -> list[Operation]:
        nodes = getattr(layer, "_inbound_nodes", ())
        return [given.operation for node in nodes for given in node.parent_nodes]

    def making_of(self, tensor: KerasTensor) -> tuple[Operation, int, list[KerasTensor]] | None:
        history = getattr(tensor, "_keras_history", None)
        if history is None:
            return None
        node = history.operation._inbound_nodes[history.node_index]
        return history.operation, int(history.tensor_index), list(node.input_tensors)

    def graph_outputs(self, model: Model) -> Structure:
        graph = getattr(model, "_functional", model)  # of a Sequential
        return getattr(graph, "_outputs_struct", None)

    # -- a training as it runs

    def frame_of_fit(self, frame: FrameType | None) -> FrameType | None:
        while frame is not None:
            code, module = frame.f_code, str(frame.f_globals.get("__name__"))
            if code.co_name == "fit" and "epoch_iterator" in code.co_varnames and module.startswith("keras."):
                return frame
            frame = frame.f_back
        return None

    def carries_logits(self, tensor: Tensor) -> bool:
        if not is_on_tensorflow():  # the losses of the other backends take what they are given
            return False
        if hasattr(tensor, "_keras_logits"):
            return True
        op = None if tf.executing_eagerly() else getattr(tensor, "op", None)
        return op is not None and op.type in ("Softmax", "Sigmoid")

    @contextlib.contextmanager
    def run_without_effect(self, model: Any) -> Iterator[None]:
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

    # -- structures of tensors

    def flatten(self, structure: Structure) -> list[Any]:
        return list(TREE.flatten(structure))

    def flatten_with_path(self, structure: Structure) -> list[tuple[tuple[Any, ...], Any]]:
        if not TELLS_PATHS:
            return list(zip(paths_in(structure), TREE.flatten(structure), strict=True))
        return [(tuple(path), leaf) for path, leaf in TREE.flatten_with_path(structure)]

    def map_structure(self, function: Callable[..., Any], *structures: Structure) -> Structure:
        return TREE.map_structure(function, *structures)

    def pack_sequence_as(self, structure: Structure, leaves: Sequence[Any]) -> Structure:
        return TREE.pack_sequence_as(structure, leaves)

    # -- Keras itself

    def is_keras_own(self, thing: object) -> bool:
        return str(getattr(thing, "__module__", "")).split(".")[0] == "keras"

    def trainer(self) -> type:
        classes: tuple[type, ...] = keras.Model.__mro__
        return next(owner for owner in classes if "compile" in vars(owner))

    def tracebacks(self) -> ModuleType:
        from keras.src.utils import traceback_utils

        found: ModuleType = traceback_utils
        return found

    def places(self, owner: str, name: str) -> Sequence[Place] | None:
        return None


def key_of(entry: Any) -> str:
    """Of a part of the compiled loss: that of the output that it is of."""
    return "/".join(map(str, entry.path)) or "0"


def weight_of(entry: Any) -> float:
    """Of a part of the compiled loss; 1 where it is no number, as one that the script turns up in time."""
    try:
        return 1.0 if entry.loss_weights is None else float(entry.loss_weights)
    except (TypeError, ValueError):
        return 1.0


def layers_inside(owner: Any, met: set[int]) -> Iterator[Layer]:
    """What Keras's ``_flatten_layers`` gives, but those of a nested model in its own order, not backwards."""
    for layer in owner._layers:
        if id(layer) not in met:
            met.add(id(layer))
            yield layer
            yield from layers_inside(layer, met)


def path_of_layer(layer: Any) -> str:
    """A layer's own; before Keras 3.4 it has none, and the paths of its variables tell it."""
    if hasattr(layer, "path"):
        return str(layer.path or layer.name)
    variables = [*layer._trainable_variables, *layer._non_trainable_variables]
    return (variables[0].path.rpartition("/")[0] if variables else "") or str(layer.name)


def losses_without_paths(compiled: Any) -> list[tuple[str, object]]:
    """`losses_of` before Keras 3.7, by the places of the outputs; None stands where one has no loss."""
    losses, given = list(compiled.flat_losses), compiled._user_loss
    keys: Sequence[object] = range(len(losses))
    if isinstance(given, dict) and len(losses) > 1:
        by_output = not hasattr(compiled, "inferred_output_names")  # before Keras 3.4
        keys = (by_output and compiled.output_names) or sorted(given)
    return [(str(key), loss) for key, loss in zip(keys, losses, strict=False) if loss is not None]


def copied(structure: Structure) -> Structure:
    """Of the same leaves: Keras 3.5 takes out of a dict of the caller's what has no loss."""
    return TREE.map_structure(lambda leaf: leaf, structure)
