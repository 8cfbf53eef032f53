"""The adapter for Keras 2 (``tf_keras``), and all private names of its."""

from __future__ import annotations

import contextlib
import copy
import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType, ModuleType
from typing import Any

import numpy as np
import tf_keras
from tf_keras.src.engine import base_layer
from tf_keras.src.layers.core import tf_op_layer
from tf_keras.src.mixed_precision import loss_scale_optimizer
from tf_keras.src.saving import saving_api
from tf_keras.src.utils import losses_utils, traceback_utils

from nanwatch.watch.keras_seam import tensorflow_names
from nanwatch.watch.keras_seam.either_keras import EitherKeras
from nanwatch.watch.keras_seam.keras_types import (
    Apply,
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
from nanwatch.watch.keras_seam.patches import Patches, Wrapper, left_alone
from nanwatch.watch.keras_seam.places import Place
from nanwatch.watch.keras_seam.public_tensorflow import tf
from nanwatch.watch.keras_seam.structures import paths_in

FILES_OF_CALLS = frozenset({str(inspect.getsourcefile(base_layer))})
FILE_OF_TRAINER = str(inspect.getsourcefile(tf_keras.Model))
# What a graph has of ``tf.sqrt(x)``, ``x[:, 0]`` and ``x + y``.
OPERATIONS = (
    tf_op_layer.TFOpLambda,
    tf_op_layer.SlicingOpLambda,
    tf_op_layer.ClassMethod,
    tf_op_layer.InstanceMethod,
    tf_op_layer.InstanceProperty,
)
SCALING = (loss_scale_optimizer.LossScaleOptimizer, loss_scale_optimizer.LossScaleOptimizerV3)
OLD, NEW = tf_keras.optimizers.legacy.Optimizer, tf_keras.optimizers.Optimizer


class Keras2(EitherKeras):
    """`KerasSeam` for Keras 2; what its methods promise is said there."""

    # -- layers and variables

    def layers_of(self, model: Any) -> list[tuple[str, Layer]]:
        found: list[tuple[str, Layer]] = []
        taken: set[str] = set()
        for above, layer in layers_inside(model, "", {id(model)}):
            if isinstance(layer, (tf_keras.layers.InputLayer, *OPERATIONS)):
                continue
            path = base = above + layer.name
            number = 1
            while path in taken:
                number += 1
                path = f"{base}#{number}"
            taken.add(path)
            found.append((path, layer))
        return found

    def operations_of(self, model: Model) -> list[Operation]:
        return [layer for _, layer in layers_inside(model, "", {id(model)}) if isinstance(layer, OPERATIONS)]

    def wrap_call(self, patches: Patches, layer: Operation, wrapper: Wrapper) -> None:
        def call(original: Callable[..., Any], /, *args: object, **kwargs: object) -> Any:
            return wrapper(as_keras_calls(layer, original), *args, **kwargs)

        patches.wrap(layer, "call", call)

    def files_of_calls(self) -> frozenset[str]:
        return FILES_OF_CALLS

    def file_of_trainer(self) -> str:
        return FILE_OF_TRAINER

    def own_variables(self, layer: Any) -> list[Variable]:
        return [*layer._trainable_weights, *layer._non_trainable_weights]

    def state_variables(self, model: Any) -> list[Variable]:
        found: dict[int, Variable] = {}
        for layer in model._flatten_layers(include_self=True, recursive=True):
            for variable in layer._non_trainable_weights:
                found[id(variable)] = variable
            drawing = getattr(getattr(layer, "_random_generator", None), "_generator", None)
            if drawing is not None:
                found[id(drawing.state)] = drawing.state
        return list(found.values())

    def owned_state(self, model: Any) -> list[tuple[Variable, Layer]]:
        found: dict[int, tuple[Variable, Layer]] = {}
        for layer in model._flatten_layers(include_self=True, recursive=True):
            if not isinstance(layer, tf_keras.metrics.Metric):
                found |= {id(variable): (variable, layer) for variable in layer._non_trainable_weights}
        return list(found.values())

    def variables_of(self, model: Model) -> list[Variable]:
        held = [variable for each in self.optimizers_of(model) for variable in self.kept_by(each)]
        return [*self.weights_of(model), *held]

    def weights_of(self, model: Model) -> Sequence[Variable]:
        try:
            return model.weights
        except ValueError:  # of a model that is not built
            return []

    def path_of(self, variable: Variable) -> str:
        return str(getattr(variable, "name", "variable")).partition(":")[0]

    def tensorflow_variable(self, variable: Any) -> Any:
        return variable

    def variable_class(self) -> type[Any]:
        found: type[Any] = tf.Variable
        return found

    def name_in_layer(self, variable: Variable) -> str:
        return self.path_of(variable).rpartition("/")[2]

    def draw_again(self, initializer: Any, shape: Sequence[int]) -> Array | None:
        seed = getattr(initializer, "seed", None)
        if seed is not None and not isinstance(seed, int):
            return None
        again = copy.copy(initializer)
        again._used = False  # else Keras warns of an initializer that is asked twice without a seed
        return np.array(again(tuple(shape)))

    # -- what ``compile`` made

    def build_metrics(self, model: Any, y: Structure, y_pred: Structure) -> None:
        if model.compiled_loss is not None and not model.compiled_loss.built:
            model.compiled_loss.build(y_pred)
        if model.compiled_metrics is not None and not model.compiled_metrics.built:
            model.compiled_metrics.build(y_pred, y)

    def user_losses(self, model: Model) -> object:
        return getattr(getattr(model, "compiled_loss", None), "_user_losses", None)

    def losses_of(self, model: Any) -> list[tuple[str, object]]:
        container = getattr(model, "compiled_loss", None)
        if container is None or not container.built:
            return []
        names = container._output_names or [str(place) for place in range(len(container._losses))]
        alone = len(container._losses) == 1
        named = zip(["0"] if alone else names, container._losses, strict=False)
        return [(name, loss) for name, loss in named if loss is not None]

    def shares_of_loss(self, model: Model) -> dict[str, tuple[str, float]]:
        return {}  # its sum is not taken apart

    def losses_apart(
        self,
        compiled: Any,
        y: Structure,
        y_pred: Structure,
        sample_weight: Structure,
        instead: Mapping[str, Any],
    ) -> dict[str, Tensor]:
        return {}

    def loss_arguments(self, loss: object) -> dict[str, Any]:
        return dict(getattr(loss, "_fn_kwargs", {}))

    def data_loss(self, model: Any, y: Structure, y_pred: Structure, sample_weight: Structure) -> Tensor:
        return DataLoss(model.compiled_loss)(y, y_pred, sample_weight)

    def compiled_loss(self, model: Any) -> Any:
        container = getattr(model, "compiled_loss", None)
        own = container is None or not self.is_keras_own(type(model).compute_loss)
        return None if own else DataLoss(container)

    def penalty(self, model: Any) -> Tensor | None:
        if not model.losses or not self.is_keras_own(type(model).compute_loss):
            return None
        added = tf.add_n(losses_utils.cast_losses_to_common_dtype(model.losses))
        found: Tensor = losses_utils.scale_loss_for_distribution(added)
        return found

    def make_without_xla(self, model: Any, make: Callable[..., object], which: str) -> StepFunction:
        make(model, force=True)
        function: StepFunction = getattr(model, which)
        if not model._jit_compile:
            return function

        def call(iterator: Iterator[Structure]) -> Structure:
            # It is asked for while the function is traced; to set the property would throw that away.
            before, model._jit_compile = model._jit_compile, False
            try:
                return function(iterator)
            finally:
                model._jit_compile = before

        return call

    def steps_per_execution(self, model: Any) -> int:
        held = getattr(model, "_steps_per_execution", None)
        with tf.init_scope():
            return 1 if held is None else int(held.numpy())

    # -- optimizers

    def optimizers_of(self, model: Model) -> list[Optimizer]:
        held = [getattr(model, "optimizer", None)]
        for value in list(vars(model).values()):
            inside = value.values() if isinstance(value, dict) else value
            held += inside if isinstance(value, list | tuple | dict) else [value]
        found = {id(thing): thing for thing in held if isinstance(thing, OLD | NEW)}
        return list(found.values())

    def kept_by(self, optimizer: Any) -> list[Variable]:
        inner = optimizer.inner_optimizer if self.is_loss_scaling(optimizer) else optimizer
        held = inner.variables() if isinstance(inner, OLD) else inner.variables
        scale = optimizer._loss_scale if inner is not optimizer and optimizer.dynamic else None
        rest = [] if scale is None else [scale.current_loss_scale, scale.counter]
        return list({id(each): each for each in (*held, *rest)}.values())

    def is_built(self, optimizer: Any) -> bool:
        inner = optimizer.inner_optimizer if self.is_loss_scaling(optimizer) else optimizer
        # An old one makes what it needs for a variable when it meets it.
        return not isinstance(inner, OLD) and bool(getattr(inner, "_built", False))

    def makes_variables(self, model: Model) -> bool:
        return not isinstance(model.optimizer, OLD) and super().makes_variables(model)

    def build(self, optimizer: Any, variables: Sequence[Variable]) -> None:
        inner = optimizer.inner_optimizer if self.is_loss_scaling(optimizer) else optimizer
        if isinstance(inner, OLD):
            with tf.name_scope(inner._name), tf.init_scope():
                inner._create_all_weights(variables)
        else:
            with tf.name_scope(inner.name), tf.init_scope():
                inner.build(variables)

    def trained_by(self, optimizer: Any) -> list[Variable]:
        return []  # it is given its variables with the gradients

    def learning_rate_given(self, optimizer: Any) -> object:
        optimizer = optimizer.inner_optimizer if self.is_loss_scaling(optimizer) else optimizer
        if isinstance(optimizer, OLD):
            return optimizer._hyper.get("learning_rate")
        return getattr(optimizer, "_learning_rate", None)

    def is_loss_scaling(self, optimizer: Optimizer) -> bool:
        return isinstance(optimizer, SCALING)

    def scale_of_loss(self, optimizer: Any) -> Variable | float | None:
        scale: Variable | float | None = optimizer.loss_scale if self.is_loss_scaling(optimizer) else None
        return scale

    def scale_of_gradients(self, optimizer: Optimizer) -> Variable | float | None:
        return None  # it is taken off before they are applied

    def wrap_updates(self, patches: Patches, optimizer: Optimizer, see: Callable[..., object]) -> None:
        def apply_gradients(original: Callable[..., object], /, *args: Any, **kwargs: Any) -> object:
            return in_pairs(functools.partial(see, optimizer), original, counter, *args, **kwargs)

        def counter() -> object:
            return optimizer.iterations

        patches.wrap(optimizer, "apply_gradients", apply_gradients)

    def scale_loss(self, optimizer: Any, loss: Tensor) -> Tensor:
        scaled: Tensor = optimizer.get_scaled_loss(loss) if self.is_loss_scaling(optimizer) else loss
        return scaled

    def unscaled(self, optimizer: Any, grads: Sequence[Tensor | None]) -> Sequence[Tensor | None]:
        found: Sequence[Tensor | None] = grads
        if self.is_loss_scaling(optimizer):
            found = optimizer.get_unscaled_gradients(grads)
        return found

    def config_with_rate(self, optimizer: Optimizer, rate: float | None) -> dict[str, Any]:
        config = optimizer.get_config()
        if rate is not None:
            inner = config["inner_optimizer"]["config"] if self.is_loss_scaling(optimizer) else config
            inner["learning_rate"] = rate
        return config

    def apply(self, optimizer: Any, grads: Sequence[Tensor | None], variables: Sequence[Variable]) -> object:
        return optimizer.apply_gradients(zip(grads, variables, strict=True))

    # -- functions

    def compile(
        self, function: Callable[P, R], jit_compile: bool | None = None, reduce_retracing: bool | None = None
    ) -> Callable[P, R]:
        inner = left_alone(function)

        def run(*args: Any, **kwargs: Any) -> Any:  # AutoGraph goes through it, and so is on in what it calls
            return inner(*args, **kwargs)

        compiled: Callable[P, R] = tf.function(
            run, jit_compile=jit_compile, reduce_retracing=reduce_retracing
        )
        return compiled

    # -- the graph of a functional model

    def inbound_operations(self, layer: Layer) -> list[Operation]:
        nodes = getattr(layer, "_inbound_nodes", ())
        return [given.layer for node in nodes for given in node.parent_nodes]

    def making_of(self, tensor: KerasTensor) -> tuple[Operation, int, list[KerasTensor]] | None:
        history = getattr(tensor, "_keras_history", None)
        if history is None:
            return None
        node = history.layer._inbound_nodes[history.node_index]
        given = [] if node.is_input else list(node.keras_inputs)
        return history.layer, int(history.tensor_index), given

    def graph_outputs(self, model: Model) -> Structure:
        return getattr(model, "_nested_outputs", None)

    # -- a training as it runs

    def frame_of_fit(self, frame: FrameType | None) -> FrameType | None:
        while frame is not None:
            code, module = frame.f_code, str(frame.f_globals.get("__name__"))
            if (
                code.co_name == "fit"
                and "data_handler" in code.co_varnames
                and module.startswith("tf_keras.")
            ):
                return frame
            frame = frame.f_back
        return None

    def carries_logits(self, tensor: Tensor) -> bool:
        if hasattr(tensor, "_keras_logits"):
            return True
        op = None if tf.executing_eagerly() else getattr(tensor, "op", None)
        return op is not None and op.type in ("Softmax", "Sigmoid")

    @contextlib.contextmanager
    def run_without_effect(self, model: Any) -> Iterator[None]:
        layers = list(model._flatten_layers(include_self=True, recursive=True))
        losses = [(layer, list(layer._losses), list(layer._eager_losses)) for layer in layers]
        variables = [*self.weights_of(model), *self.state_variables(model)]
        before = [(variable, tf.convert_to_tensor(variable)) for variable in variables]
        try:
            yield
        finally:
            for variable, value in before:
                variable.assign(value)
            for layer, symbolic, eager in losses:
                layer._losses[:] = symbolic
                layer._eager_losses[:] = eager

    # -- structures of tensors

    def flatten(self, structure: Structure) -> list[Any]:
        return list(tf.nest.flatten(structure))

    def flatten_with_path(self, structure: Structure) -> list[tuple[tuple[Any, ...], Any]]:
        return list(zip(paths_in(structure), self.flatten(structure), strict=True))

    def map_structure(self, function: Callable[..., Any], *structures: Structure) -> Structure:
        return tf.nest.map_structure(function, *structures)

    def pack_sequence_as(self, structure: Structure, leaves: Sequence[Any]) -> Structure:
        return tf.nest.pack_sequence_as(structure, list(leaves))

    # -- Keras itself

    def is_keras_own(self, thing: object) -> bool:
        return str(getattr(thing, "__module__", "")).split(".")[0] == "tf_keras"

    def trainer(self) -> type:
        found: type = tf_keras.Model
        return found

    def tracebacks(self) -> ModuleType:
        found: ModuleType = traceback_utils
        return found

    def places(self, owner: str, name: str) -> list[Place] | None:
        return PLACES.get(f"{owner}.{name}")


def layers_inside(owner: Any, above: str, met: set[int]) -> Iterator[tuple[str, Any]]:
    """(what stands before its name in its path, layer) of every layer below ``owner``.

    A layer of a model has its name alone, and one inside another layer that one's before it.
    """
    for layer in owner._flatten_layers(recursive=False, include_self=False):
        if id(layer) in met or isinstance(layer, tf_keras.metrics.Metric):
            continue
        met.add(id(layer))
        yield above, layer
        inside = "" if isinstance(layer, tf_keras.Model) else f"{above}{layer.name}/"
        yield from layers_inside(layer, inside, met)


def as_keras_calls(layer: Any, call: Callable[..., Any]) -> Callable[..., Any]:
    """``call`` as Keras would call it: a layer of the script's own goes through AutoGraph."""
    if tf.executing_eagerly() or not layer._should_use_autograph():
        return call
    status = tf.__internal__.autograph.control_status_ctx()
    converted: Callable[..., Any] = tf.__internal__.autograph.tf_convert(call, status)
    return converted


@dataclass(frozen=True)
class DataLoss:
    """What ``compile``'s loss makes of the data alone, past the metrics that Keras keeps of it."""

    container: Any

    def __call__(self, y: Structure, y_pred: Structure, sample_weight: Structure = None) -> Tensor:
        container = self.container
        if not container.built:
            container.build(y_pred)
        y = container._conform_to_outputs(y_pred, y)
        weights = container._conform_to_outputs(y_pred, sample_weight)
        parts = zip(
            *map(tf.nest.flatten, (y, y_pred, weights)),
            container._losses,
            container._loss_weights,
            strict=False,
        )
        found = [
            weighed(loss, factor, *matched(*given))
            for *given, loss, factor in parts
            if given[0] is not None and loss is not None
        ]
        total: Tensor = tf.add_n(losses_utils.cast_losses_to_common_dtype(found))
        return total

    def call(self, y: Structure, y_pred: Structure, sample_weight: Structure = None) -> Tensor:
        return self(y, y_pred, sample_weight)


def matched(*given: Any) -> tuple[Tensor, Tensor, Tensor | None]:
    """Labels, predictions and weights as Keras makes them fit each other before it calls a loss."""
    from tf_keras.src.engine.compile_utils import match_dtype_and_rank

    tensors = [each if each is None or tf.is_tensor(each) else tf.convert_to_tensor(each) for each in given]
    y, y_pred, weight = match_dtype_and_rank(*tensors)
    return y, y_pred, losses_utils.apply_mask(y_pred, weight, losses_utils.get_mask(y_pred))


def weighed(loss: Any, factor: Any, y: Tensor, y_pred: Tensor, weight: Tensor | None) -> Tensor:
    value = loss(y, y_pred, sample_weight=weight)
    if factor is not None:
        value *= factor
    if loss.reduction in (losses_utils.ReductionV2.SUM_OVER_BATCH_SIZE, losses_utils.ReductionV2.AUTO):
        value = losses_utils.scale_loss_for_distribution(value)
    found: Tensor = value
    return found


def in_pairs(
    wrapper: Callable[..., object],
    original: Callable[..., object],
    counter: Callable[[], object],
    grads_and_vars: Any,
    *args: object,
    **kwargs: object,
) -> object:
    """In the place of ``apply_gradients``, which takes pairs, what is written for Keras 3's ``apply``.

    Answers what that would have, or ``counter()``, what it counts its updates by.
    """
    pairs = list(grads_and_vars)
    graph = tensorflow_names.traced_graph()
    given: list[object] = []  # what the update answers here; in a branch of a cond it is that one's

    def apply(grads: Sequence[Tensor | None], variables: Sequence[Variable]) -> object:
        answer = original(zip(grads, variables, strict=True), *args, **kwargs)
        if tensorflow_names.traced_graph() is graph:
            given[:] = [answer]
        return answer

    wrapper(apply, [grad for grad, _ in pairs], [variable for _, variable in pairs])
    return given[0] if given else counter()


def as_apply(wrapper: Wrapper) -> Wrapper:
    """A wrapper of the classes' ``apply`` as one of their ``apply_gradients``."""

    def apply_gradients(
        original: Callable[..., object], optimizer: Optimizer, /, *args: Any, **kwargs: Any
    ) -> object:
        def see(apply: Apply, grads: Any, variables: Any) -> object:
            def on_optimizer(_: object, grads: Any, variables: Any) -> object:
                return apply(grads, variables)

            return wrapper(on_optimizer, optimizer, grads, variables)

        def own(*given: Any, **more: Any) -> object:
            return original(optimizer, *given, **more)

        def counter() -> object:
            return optimizer.iterations

        return in_pairs(see, own, counter, *args, **kwargs)

    return apply_gradients


LAYER, MODEL = tf_keras.layers.Layer, tf_keras.Model
SCHEDULE = tf_keras.optimizers.schedules.LearningRateSchedule
UPDATES = [Place(cls, "apply_gradients", as_apply) for cls in (OLD, NEW)]
SCALED_UPDATES = [Place(cls, "apply_gradients", as_apply) for cls in SCALING]
# Where Keras 2 has what the table of seams calls by Keras 3's names.
PLACES = {
    "keras.layers.Layer.__new__": [Place(LAYER, "__new__")],
    "keras.layers.Layer.trainable": [Place(LAYER, "trainable")],
    "keras.Operation.__new__": [],  # it has layers alone
    "keras.optimizers.Optimizer.__new__": [Place(OLD, "__new__"), Place(NEW, "__new__")],
    "keras.optimizers.schedules.LearningRateSchedule.__new__": [Place(SCHEDULE, "__new__")],
    "keras.losses.Loss.__call__": [Place(tf_keras.losses.Loss, "__call__")],
    **{
        f"keras.Model.{name}": [Place(MODEL, name)]
        for name in ("fit", "train_on_batch", "evaluate", "export", "__call__")
    },
    **{
        f"keras.saving.{name}": [Place(saving_api, name)]
        for name in ("save_model", "save_weights", "load_model", "load_weights")
    },
    **{
        f"keras.callbacks.BackupAndRestore.{name}": [Place(tf_keras.callbacks.BackupAndRestore, name)]
        for name in ("on_train_begin", "on_train_end")
    },
    "keras.optimizers.Optimizer.apply": UPDATES,
    "keras.optimizers.LossScaleOptimizer.apply": SCALED_UPDATES,
    "keras.optimizers.LossScaleOptimizer.scale_loss": [Place(cls, "get_scaled_loss") for cls in SCALING],
}
