"""Every private name of Keras 3 that the adapter bets on: it is there, and behaves as assumed."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from nanwatch.watch.keras_seam import keras3
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.either_keras import EitherKeras
from nanwatch.watch.keras_seam.keras3 import Keras3
from nanwatch.watch.keras_seam.protocol import KerasSeam
from tests.watch.keras_seam.private_names import private_names

pytestmark = pytest.mark.tensorflow

X, Y = np.ones((4, 3), "float32"), np.ones((4, 2), "float32")


class Penalty(layers.Layer):
    """Adds a loss of its own in every call."""

    def call(self, x: Any) -> Any:
        self.add_loss(tf.reduce_sum(x))
        return x


def functional() -> Any:
    """Two inner layers in a model of their own, an operation, statistics, a seed; one output."""
    inside = keras.Input((3,), name="inside")
    block = keras.Model(inside, layers.Dense(3, name="hidden")(inside), name="block")
    inputs = keras.Input((3,), name="given")
    x = block(inputs)
    x = layers.Dropout(0.5, name="dropped")(layers.BatchNormalization(name="normed")(x))
    model = keras.Model(inputs, layers.Dense(2, name="head")(keras.ops.exp(x)), name="whole")
    model.compile(
        keras.optimizers.SGD(0.1), keras.losses.BinaryCrossentropy(from_logits=True), metrics=["mae"]
    )
    return model


@pytest.fixture(scope="module")
def trained() -> Any:
    model = functional()
    model.fit(X, Y, verbose=0)
    return model


def sequential() -> Any:
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2), layers.Activation("softmax")])
    model.compile("adam", "mse")
    return model


# -- the private names, each by itself -------------------------------------------------------------


def flatten_layers(model: Any) -> None:
    flat = list(model._flatten_layers(include_self=False, recursive=True))
    assert model not in flat
    assert model in model._flatten_layers(include_self=True, recursive=True)
    assert {"block", "hidden", "normed", "head"} <= {layer.name for layer in flat}


def trainable_variables(model: Any) -> None:
    head = model.get_layer("head")
    assert [variable.name for variable in head._trainable_variables] == ["kernel", "bias"]
    assert model.get_layer("block")._trainable_variables == []
    head.trainable = False
    assert (len(head._trainable_variables), head.trainable_variables) == (2, [])  # frozen, and no state
    head.trainable = True
    assert [each.name for each in model.optimizer._trainable_variables] == [
        each.name for each in model.trainable_variables
    ]


def non_trainable_variables(model: Any) -> None:
    names = [variable.name for variable in model.get_layer("normed")._non_trainable_variables]
    assert names == ["moving_mean", "moving_variance"]
    assert model.get_layer("head")._non_trainable_variables == []
    assert model._non_trainable_variables == []  # those of layers inside it are not among them


def seed_generators(model: Any) -> None:
    (generator,) = model.get_layer("dropped")._seed_generators
    assert isinstance(generator.state, seam().variable_class())
    before = generator.state.numpy().copy()
    model(X, training=True)
    assert (generator.state.numpy() != before).any()


def compile_metrics(model: Any) -> None:
    fresh = functional()
    assert not fresh._compile_metrics.built
    assert seam().metric_variables(fresh) == fresh.metrics[0].variables  # of the loss alone
    fresh._compile_metrics.build(Y, Y)
    assert fresh._compile_metrics.built
    assert len(seam().metric_variables(fresh)) > len(fresh.metrics[0].variables)


def compile_loss(model: Any) -> None:
    value = model._compile_loss(tf.constant(Y), tf.zeros((4, 2)))
    assert float(value) == pytest.approx(np.log(2))
    seen: list[Any] = []
    plain = model._compile_loss.call

    def call(*args: Any, **kwargs: Any) -> Any:
        seen.append(plain(*args, **kwargs))
        return seen[-1]

    vars(model._compile_loss)["call"] = call
    whole = model.compute_loss(X, tf.constant(Y), tf.zeros((4, 2)))
    del vars(model._compile_loss)["call"]
    assert [float(value) for value in seen] == [float(whole)]


def user_loss(model: Any) -> None:
    given = keras.losses.MeanSquaredError()
    fresh = sequential()
    fresh.compile("sgd", given)
    assert fresh._compile_loss._user_loss is given


def flat_losses(model: Any) -> None:
    if hasattr(model._compile_loss, "flat_losses"):  # before Keras 3.7
        (loss,) = model._compile_loss.flat_losses
        assert isinstance(loss, keras.losses.BinaryCrossentropy)
        return
    assert functional()._compile_loss._flat_losses is None  # not resolved yet
    (entry,) = model._compile_loss._flat_losses
    assert isinstance(entry.loss, keras.losses.BinaryCrossentropy)
    assert "/".join(map(str, entry.path)) == ""


def fn_kwargs(model: Any) -> None:
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    assert loss._fn_kwargs["from_logits"] is True
    assert loss.fn is keras.losses.binary_crossentropy


def learning_rate(model: Any) -> None:
    assert isinstance(keras.optimizers.SGD(0.1)._learning_rate, seam().variable_class())
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)
    assert keras.optimizers.SGD(schedule)._learning_rate is schedule


def inbound_nodes(model: Any) -> None:
    (node,) = model.get_layer("normed")._inbound_nodes
    (parent,) = node.parent_nodes
    assert parent.operation is model.get_layer("block")
    (tensor,) = node.input_tensors
    assert tensor is model.get_layer("block")._inbound_nodes[-1].outputs[0]


def keras_history(model: Any) -> None:
    history = model.outputs[0]._keras_history
    assert history.operation is model.get_layer("head")
    assert (history.node_index, history.tensor_index) == (0, 0)


def functional_inside(model: Any) -> None:
    made = sequential()
    assert made._functional.outputs == made.outputs
    assert not hasattr(model, "_functional")


def outputs_struct(model: Any) -> None:
    a, b = keras.Input((1,)), keras.Input((1,))
    named = keras.Model([a, b], {"p": layers.Dense(1)(a), "q": layers.Dense(1)(b)})
    assert set(named._outputs_struct) == {"p", "q"}
    assert model._outputs_struct is model.outputs[0]


def keras_logits(model: Any) -> None:
    inside: list[bool] = []

    @tf.function
    def run(x: Any) -> Any:
        found = keras.activations.softmax(x)
        inside.append(hasattr(found, "_keras_logits"))
        return found

    run(tf.zeros((1, 2)))
    assert inside == [True]
    assert not hasattr(tf.zeros(1), "_keras_logits")


def losses_of_calls(model: Any) -> None:
    layer = Penalty()
    assert (layer._losses, layer._loss_ids) == ([], set())
    layer(tf.ones(2))
    assert [float(value) for value in layer._losses] == [2.0]
    assert list(map(float, layer.losses)) == [2.0]
    with keras.StatelessScope(collect_losses=True) as scope:
        layer(tf.ones(3))
        assert layer._loss_ids == {id(value) for value in scope.losses}
    layer._clear_losses()  # as the call of a model does, in any scope
    assert (layer._losses, layer._loss_ids) == ([], set())


def traceback_utils(model: Any) -> None:
    from keras.src.utils import traceback_utils as tracebacks

    assert seam().tracebacks() is tracebacks
    assert isinstance(tracebacks._EXCLUDED_PATHS, tuple)
    assert "in _EXCLUDED_PATHS" in inspect.getsource(tracebacks)  # read anew for every traceback


def layers_held(model: Any) -> None:
    assert [layer.name for layer in model._layers] == ["given", "block", "normed", "dropped", "head"]
    assert [layer.name for layer in model.get_layer("block")._layers][-1] == "hidden"


BETS: dict[str, Callable[[Any], None]] = {
    "_layers": layers_held,
    "_flatten_layers": flatten_layers,
    "_trainable_variables": trainable_variables,
    "_non_trainable_variables": non_trainable_variables,
    "_seed_generators": seed_generators,
    "_compile_metrics": compile_metrics,
    "_compile_loss": compile_loss,
    "_user_loss": user_loss,
    "_flat_losses": flat_losses,
    "_fn_kwargs": fn_kwargs,
    "_learning_rate": learning_rate,
    "_inbound_nodes": inbound_nodes,
    "_keras_history": keras_history,
    "_functional": functional_inside,
    "_outputs_struct": outputs_struct,
    "_keras_logits": keras_logits,
    "_losses": losses_of_calls,
    "_loss_ids": losses_of_calls,
    "keras.src.utils.traceback_utils": traceback_utils,
}


def test_every_private_name_is_tested() -> None:
    assert private_names(Path(keras3.__file__)) == set(BETS)


@pytest.mark.parametrize("name", BETS)
def test_a_private_name(name: str, trained: Any) -> None:
    BETS[name](trained)


# -- names that are public, and promised nowhere ---------------------------------------------------


def test_the_frame_of_fit(trained: Any) -> None:
    """`epoch_iterator` is a local variable of it; the data stand there as they were split."""
    seen: list[Any] = []

    class Look(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            seen.append(seam().fit_arguments(sys._getframe()))

    trained.fit(X, Y, validation_split=0.5, epochs=2, batch_size=2, verbose=0, callbacks=[Look()])
    given = seen[0]
    assert (given["epochs"], given["batch_size"], given["shuffle"]) == (2, 2, True)
    assert (len(given["x"]), len(given["val_x"]), len(given["val_y"])) == (2, 2, 2)
    assert given["validation_data"] is not None
    assert seam().fit_arguments(sys._getframe()) is None


def test_a_fit_of_the_scripts_own_is_none_of_keras() -> None:
    def fit() -> Any:
        epoch_iterator = None
        return seam().frame_of_fit(sys._getframe()), epoch_iterator

    assert fit() == (None, None)


def test_layers(trained: Any) -> None:
    paths = [path for path, _ in seam().layers_of(trained)]
    assert paths == ["block", "hidden", "normed", "dropped", "head"]
    assert not any(isinstance(layer, layers.InputLayer) for _, layer in seam().layers_of(trained))
    assert [operation.name for operation in seam().operations_of(trained)] == ["exp"]


def test_layers_of_a_nested_model_are_in_its_order() -> None:
    inputs = keras.Input((3,))
    inner = keras.Model(inputs, layers.Dense(2, name="second")(layers.Rescaling(0.5, name="first")(inputs)))
    deepest = keras.Sequential([layers.ReLU(name="third"), layers.Dense(1, name="fourth")])
    model = keras.Sequential([keras.Input((3,)), inner, deepest])
    names = [layer.name for _, layer in seam().layers_of(model) if not isinstance(layer, keras.Model)]
    assert names == ["first", "second", "third", "fourth"]
    flat = model._flatten_layers(include_self=False, recursive=True)
    held = [layer for layer in flat if not isinstance(layer, layers.InputLayer)]
    assert {id(layer) for _, layer in seam().layers_of(model)} == set(map(id, held))


def test_layers_of_one_name_have_paths_of_their_own() -> None:
    class Twice(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.held = [layers.Dense(1, name="same"), layers.Dense(1, name="same")]

    assert [path for path, _ in seam().layers_of(Twice())] == ["same", "same#2"]


def test_state(trained: Any) -> None:
    names = ["moving_mean", "moving_variance"]
    assert [variable.name for variable, _ in seam().owned_state(trained)] == names
    assert [owner.name for _, owner in seam().owned_state(trained)] == ["normed"] * 2
    assert [variable.name for variable in seam().state_variables(trained)] == [*names, "seed_generator_state"]
    trained.get_layer("head").trainable = False
    assert len(seam().state_variables(trained)) == 3
    trained.get_layer("head").trainable = True
    assert [variable.name for variable in seam().own_variables(trained.get_layer("head"))] == [
        "kernel",
        "bias",
    ]


def test_all_variables(trained: Any) -> None:
    found = seam().variables_of(trained)
    assert len({id(variable) for variable in found}) == len(found)
    expected = (*trained.variables, *trained.optimizer.variables)
    assert {id(each) for each in found} == {id(each) for each in expected}
    assert seam().path_of(trained.get_layer("head").kernel) == "head/kernel"


def test_metrics_are_built_as_their_first_update_would(trained: Any) -> None:
    fresh = functional()
    seam().build_metrics(fresh, Y, Y)
    found, expected = seam().metric_variables(fresh), seam().metric_variables(trained)
    assert [tuple(variable.shape) for variable in found] == [tuple(variable.shape) for variable in expected]
    assert fresh._compile_loss.built


def test_losses(trained: Any) -> None:
    assert seam().losses_of(functional()) == []
    ((key, loss),) = seam().losses_of(trained)
    assert (key, seam().loss_arguments(loss)["from_logits"]) == ("0", True)
    assert isinstance(seam().user_losses(trained), keras.losses.BinaryCrossentropy)
    assert seam().loss_functions(trained) == [keras.losses.binary_crossentropy]
    value = seam().data_loss(trained, tf.constant(Y), tf.zeros((4, 2)), None)
    assert float(value) == pytest.approx(np.log(2))
    assert seam().compiled_loss(trained) is trained._compile_loss

    class Own(keras.Model):
        def compute_loss(self, *args: Any, **kwargs: Any) -> Any:
            return 0.0

    own = Own()
    own.compile("sgd", "mse")
    assert seam().compiled_loss(own) is None
    assert seam().losses_of(keras.Model(trained.inputs, trained.outputs)) == []  # never compiled


def test_losses_of_several_outputs() -> None:
    inputs = keras.Input((3,))
    outputs = {"p": layers.Dense(1, name="p")(inputs), "q": layers.Dense(1, name="q")(inputs)}
    model = keras.Model(inputs, outputs)
    model.compile("sgd", {"p": "mse", "q": "mae"})
    model.train_on_batch(X, {"p": Y[:, :1], "q": Y[:, :1]})
    assert [key for key, _ in seam().losses_of(model)] == ["p", "q"]
    assert sorted(seam().output_names(model)) == ["p", "q"]
    assert set(seam().graph_outputs(model)) == {"p", "q"}


def test_optimizers() -> None:
    model = functional()
    model.other, model.more = keras.optimizers.Adam(), [keras.optimizers.Adam()]
    assert seam().optimizers_of(model) == [model.optimizer, model.other, model.more[0]]
    model.train_on_batch(X, Y)
    assert seam().trained_by(model.optimizer) == model.trainable_variables
    assert seam().scale_of_loss(model.optimizer) is None
    assert seam().scale_of_loss(keras.optimizers.SGD(loss_scale_factor=8.0)) == 8.0


def test_an_optimizer_that_scales_the_loss() -> None:
    inner = keras.optimizers.SGD()
    optimizer = keras.optimizers.LossScaleOptimizer(inner, initial_scale=4.0)

    def scale() -> float:
        found: Any = seam().scale_of_loss(optimizer)
        return float(tf.convert_to_tensor(found))

    assert seam().is_loss_scaling(optimizer)
    assert not seam().is_loss_scaling(inner)
    assert seam().scale_of_loss(optimizer) == 4.0  # not built yet
    variable = keras.Variable([1.0])
    optimizer.build([variable])
    assert scale() == 4.0
    assert seam().trained_by(optimizer) == [variable]
    optimizer.apply([tf.constant([np.inf])], [variable])
    assert scale() == 2.0
    assert variable.numpy() == [1.0]


def test_the_graph_of_a_functional_model(trained: Any) -> None:
    head, block = trained.get_layer("head"), trained.get_layer("block")
    made = seam().making_of(trained.outputs[0])
    assert made is not None
    maker, place, (given,) = made
    assert (maker, place) == (head, 0)
    (exp,) = seam().operations_of(trained)
    assert seam().making_of(given)[0] is exp  # type: ignore[index]
    assert seam().making_of(tf.zeros(1)) is None
    assert seam().inbound_operations(head) == [exp]
    assert [each.name for each in seam().inbound_operations(trained.get_layer("normed"))] == [block.name]
    assert seam().graph_outputs(sequential()) is not None
    assert seam().graph_outputs(object()) is None  # type: ignore[arg-type]


def test_a_call_without_effect() -> None:
    inputs = keras.Input((3,))
    x = layers.Dropout(0.5)(layers.BatchNormalization()(Penalty()(inputs)))
    model = keras.Model(inputs, layers.Dense(1, kernel_regularizer="l2")(x))
    model.compile("sgd", "mse")
    model(X, training=True)
    before = [variable.numpy().copy() for variable in (*model.variables, *seam().state_variables(model))]
    losses = list(model.losses)
    with seam().run_without_effect(model):
        for training in (True, False):
            model(X * 3, training=training)
    after = [variable.numpy() for variable in (*model.variables, *seam().state_variables(model))]
    assert all((one == other).all() for one, other in zip(before, after, strict=True))
    assert list(map(float, model.losses)) == list(map(float, losses))


def test_logits_behind_a_softmax() -> None:
    found: list[bool] = []

    @tf.function
    def run(x: Any) -> Any:
        found.extend(map(seam().carries_logits, (keras.ops.softmax(x), tf.nn.sigmoid(x), tf.nn.relu(x))))
        return x

    run(tf.zeros((1, 2)))
    assert found == [True, True, False]
    assert not seam().carries_logits(tf.zeros(1))


def test_xla_and_replicas() -> None:
    for jit in (True, False):
        model = sequential()
        model.compile("sgd", "mse", jit_compile=jit)
        assert seam().is_compiled_by_xla(model) is jit
    assert (seam().replicas_of(sequential()), seam().is_distributed(sequential())) == (1, False)
    with tf.distribute.MirroredStrategy(["/cpu:0"]).scope():
        model = sequential()
    assert (seam().replicas_of(model), seam().is_distributed(model)) == (1, True)


def test_whose_code_it_is() -> None:
    model = sequential()
    assert all(
        map(
            seam().is_keras_own,
            (keras.Model, layers.Dense, keras.losses.binary_crossentropy, model.train_step),
        )
    )
    assert not any(map(seam().is_keras_own, (Penalty, functional, tf.nn.relu, 3)))


def test_what_defines_compile() -> None:
    owner = seam().trainer()
    assert owner in keras.Model.__mro__
    assert "compile" in vars(owner)
    assert "compile" not in vars(keras.Model)


def test_leaves_of_a_structure() -> None:
    assert seam().flat_tensors({"a": [1, None], "b": (2, {"c": 3})}) == [1, 2, 3]


def test_structures() -> None:
    structure = (None, {"b": 1, "a": [2, (3,)]})
    assert seam().flatten(structure) == [None, 2, 3, 1]
    paths = [((0,), None), ((1, "a", 0), 2), ((1, "a", 1, 0), 3), ((1, "b"), 1)]
    assert seam().flatten_with_path(structure) == paths
    assert seam().flatten_with_path(7) == [((), 7)]
    assert seam().map_structure(lambda leaf: leaf is None, structure) == (
        True,
        {"b": False, "a": [False, (False,)]},
    )
    assert seam().pack_sequence_as(structure, list("wxyz")) == ("w", {"b": "z", "a": ["x", ("y",)]})


def test_what_stands_behind_a_variable(trained: Any) -> None:
    own: Any = tf.Variable(1.0)
    assert seam().tensorflow_variable(own) is own
    variables: list[Any] = [*trained.variables, *trained.optimizer.variables, keras.Variable([1.0])]
    for variable in variables:
        assert isinstance(variable, seam().variable_class())
        assert isinstance(seam().tensorflow_variable(variable), tf.Variable)
    assert not isinstance(own, seam().variable_class())


# -- what an older Keras has not -------------------------------------------------------------------


def test_paths_where_keras_tells_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras3, "TREE", tf.nest)
    monkeypatch.setattr(keras3, "TELLS_PATHS", False)
    test_structures()


def test_paths_of_layers_that_have_none(trained: Any) -> None:
    class Without:
        """A layer of Keras 3.3."""

        def __init__(self, layer: Any) -> None:
            self.name, self._trainable_variables = layer.name, layer._trainable_variables
            self._non_trainable_variables = layer._non_trainable_variables

    for name in ("normed", "dropped", "head"):
        layer = trained.get_layer(name)
        assert keras3.path_of_layer(Without(layer)) == keras3.path_of_layer(layer) == name
    made = sequential()
    (dense,) = [layer for _, layer in seam().layers_of(made) if layer.name.startswith("dense")]
    assert keras3.path_of_layer(Without(dense)) == f"{made.name}/{dense.name}"


@dataclass
class FlatLosses:
    """What ``compile`` makes of the losses before Keras 3.7."""

    flat_losses: list[Any]
    _user_loss: Any
    inferred_output_names: list[str] | None = None


@dataclass
class FirstFlatLosses:
    """And before Keras 3.4."""

    flat_losses: list[Any]
    _user_loss: Any
    output_names: list[str] | None = None


@pytest.mark.parametrize(
    ("compiled", "found"),
    [
        (FlatLosses(["mse"], "mse"), [("0", "mse")]),
        (FlatLosses(["mse"], {"p": "mse"}), [("0", "mse")]),
        (FlatLosses(["mse", "mae"], ["mse", "mae"]), [("0", "mse"), ("1", "mae")]),
        (FlatLosses(["mse", None], ["mse", None]), [("0", "mse")]),
        (FlatLosses(["mse", "mae"], {"q": "mae", "p": "mse"}, ["q", "p"]), [("p", "mse"), ("q", "mae")]),
        (FirstFlatLosses(["mae", "mse"], {"p": "mse", "q": "mae"}, ["q", "p"]), [("q", "mae"), ("p", "mse")]),
        (FirstFlatLosses([None, "mse"], {"p": "mse"}, ["q", "p"]), [("p", "mse")]),
        (FirstFlatLosses(["mse", "mae"], {"q": "mae", "p": "mse"}), [("p", "mse"), ("q", "mae")]),
    ],
)
def test_losses_without_paths(compiled: Any, found: list[tuple[str, str]]) -> None:
    class Compiled:
        _compile_loss = compiled

    assert seam().losses_of(Compiled()) == found  # type: ignore[arg-type]


def test_a_dict_of_the_scripts_is_not_changed() -> None:
    """Keras 3.5 takes out of it what has no loss."""
    taken: list[Any] = []

    class Takes:
        built = False

        def build(self, y: Any, y_pred: Any) -> None:
            taken.extend((y.pop("a"), y_pred.pop("a")))

        def __call__(self, y: Any, y_pred: Any, sample_weight: Any) -> None:
            self.build(y, y_pred)

    class Model:
        _compile_metrics, _compile_loss = None, Takes()

    model: Any = Model()
    y, y_pred = {"a": 1, "b": 2}, {"a": 3, "b": 4}
    seam().build_metrics(model, y, y_pred)
    seam().data_loss(model, y, y_pred, None)
    assert (y, y_pred, taken) == ({"a": 1, "b": 2}, {"a": 3, "b": 4}, [1, 3, 1, 3])


def test_the_adapter_answers_all_that_is_asked() -> None:
    asked = {name for name in vars(KerasSeam) if not name.startswith("_")}
    answered = {**vars(EitherKeras), **vars(Keras3)}
    assert asked == {name for name in answered if not name.startswith("_")}
    twice = vars(EitherKeras).keys() & {name for name in vars(Keras3) if not name.startswith("_")}
    assert twice == {"makes_variables"}  # which asks what both have, too
    for name in asked:
        expected, found = (inspect.signature(getattr(cls, name)) for cls in (KerasSeam, Keras3))
        assert list(found.parameters) == list(expected.parameters)
    assert seam() is seam()


def test_the_parts_of_a_loss_of_several_outputs() -> None:
    given = keras.Input((3,))
    outputs = {"one": keras.layers.Dense(1)(given), "other": keras.layers.Dense(1)(given)}
    model = keras.Model(given, outputs)
    model.compile("sgd", {"one": "mse", "other": "mae"}, loss_weights={"one": 1.0, "other": 0.25})
    assert seam().shares_of_loss(model) == {}  # not resolved yet
    x = np.ones((4, 3), "float32")
    y = {"one": np.zeros((4, 1), "float32"), "other": np.ones((4, 1), "float32")}
    logs = model.train_on_batch(x, y, return_dict=True)
    assert seam().shares_of_loss(model) == {"one": ("one_loss", 1.0), "other": ("other_loss", 0.25)}
    assert {"one_loss", "other_loss"} <= logs.keys()
    compiled, answers = seam().compiled_loss(model), model(x)
    before = compiled._flat_losses
    parts = seam().losses_apart(compiled, y, answers, None, {})
    assert compiled._flat_losses is before
    one, other_one = (float(parts[name]) for name in ("one", "other"))
    assert one + 0.25 * other_one == pytest.approx(float(compiled(y, answers, None)))
    other = seam().losses_apart(compiled, y, answers, None, {"other": keras.losses.MeanSquaredError()})
    assert float(other["other"]) != float(parts["other"])
    assert float(other["one"]) == float(parts["one"])


def test_a_loss_that_is_one_has_no_parts() -> None:
    model = functional()
    model.compile("sgd", "mse")
    model.train_on_batch(np.ones((4, 3), "float32"), np.ones((4, 2), "float32"))
    assert seam().shares_of_loss(model) == {}
