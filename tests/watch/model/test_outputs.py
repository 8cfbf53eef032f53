"""What a model ends in: the layer with the weights, the activation that counts, the loss."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from nanwatch.record.facts import LossInfo, OutputInfo
from nanwatch.record.run import Run
from nanwatch.watch.model.outputs import loss_info, outputs_built
from tests.side_by_side import MODULE, ended_warm
from tests.watch.model.head_kinds import ENDS, NOT_THAT, chain, compiled, doubled, several
from tests.watch.training import only_run, watch_in

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.filterwarnings("ignore:You are using a softmax over axis -1:UserWarning"),
]


def one_step(model: Any, folder: Path) -> Run:
    x = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
    y = keras.tree.map_structure(lambda tensor: np.full(tensor.shape, 1 / 3, "float32"), model(x))
    model.fit(x, y, verbose=0, callbacks=[watch_in(folder)])
    found = only_run(folder)
    assert found.info.errors == ()
    return found


def end_of(model: Any, folder: Path) -> OutputInfo:
    (output,) = one_step(model, folder).fits[0].model.outputs
    return output


@pytest.mark.parametrize("name", ENDS)
def test_the_end_of_a_model(name: str, tmp_path: Path) -> None:
    make, head, activation, units = ENDS[name]
    found = end_of(make(), tmp_path)
    assert (found.head, found.activation, found.units) == (head, activation, units)


class DropsAtTheEnd(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.head = keras.layers.Dense(3)
        self.last = keras.layers.Dropout(0.5)

    def call(self, x: Any) -> Any:
        return self.last(self.head(x))


@pytest.mark.parametrize(
    ("behind", "dropped"),
    [
        ((keras.layers.Dense(3), keras.layers.Dropout(0.5)), True),
        ((keras.layers.Dense(3), keras.layers.Dropout(0.5), keras.layers.Softmax()), True),
        ((keras.layers.Dropout(0.5), keras.layers.Dense(3)), False),
        ((keras.layers.Dense(3), keras.layers.Dropout(0.5), keras.layers.Dense(3)), False),
    ],
)
def test_a_dropout_behind_the_head(behind: tuple[Any, ...], dropped: bool, tmp_path: Path) -> None:
    found = end_of(compiled(keras.Sequential([keras.Input((4,)), *behind])), tmp_path)
    assert (found.dropout is not None) is dropped


def test_a_dropout_behind_the_head_of_a_subclass(tmp_path: Path) -> None:
    model = compiled(DropsAtTheEnd())
    assert end_of(model, tmp_path).dropout == model.last.path


@pytest.mark.parametrize("name", NOT_THAT)
def test_an_activation_that_does_not_bound_the_output(name: str, tmp_path: Path) -> None:
    make, activation = NOT_THAT[name]
    assert end_of(make(), tmp_path).activation != activation


@pytest.mark.parametrize("name", ["relu", "Softmax", "subclassed, ops"])
@pytest.mark.parametrize("how", ["run_eagerly", "jit_compile"])
def test_however_the_step_is_run(name: str, how: str, tmp_path: Path) -> None:
    """Eager execution shows no ops behind a head, so that what ``call`` does itself is not known."""
    make, head, activation, _ = ENDS[name]
    model = make()
    model.compile("sgd", "mse", **{how: True})
    found = end_of(model, tmp_path)
    known = activation if how == "jit_compile" or "ops" not in name else "unknown"
    assert (found.head, found.activation) in ((head, known), (None, known))


def test_the_layer_that_applies_the_activation(tmp_path: Path) -> None:
    found = end_of(chain(keras.layers.Softmax(name="soft"), keras.layers.Flatten()), tmp_path)
    assert (found.head, found.activation_layer, found.activation) == ("head", "soft", "softmax")


@pytest.mark.parametrize(("axis", "size"), [(-1, 5), (1, 2), (2, 5)])
def test_the_axis_of_a_softmax(axis: int, size: int, tmp_path: Path) -> None:
    ends = (keras.layers.Reshape((2, 5)), keras.layers.Softmax(axis=axis))
    assert end_of(chain(*ends, units=10), tmp_path).softmax_axis_size == size


def test_an_output_for_each_loss(tmp_path: Path) -> None:
    fit = one_step(several(), tmp_path).fits[0]
    outputs = fit.model.outputs
    assert [(item.path, item.head, item.activation, item.units) for item in outputs] == [
        ("p", "p", "softmax", 2),
        ("q", "q", "linear", 1),
    ]
    assert fit.health.paths("output", "size") == ["p", "q"]
    assert [item.path for item in fit.info.data.labels] == ["p", "q"]
    assert [item.loss.name if item.loss else None for item in outputs] == [
        "categorical_crossentropy",
        "mean_squared_error",
    ]


losses = keras.losses


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("mse", LossInfo("mean_squared_error", '"mse"')),
        ("binary_crossentropy", LossInfo("binary_crossentropy", '"binary_crossentropy"', False)),
        (losses.MeanSquaredError(), LossInfo("mean_squared_error", "MeanSquaredError")),
        (
            losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1),
            LossInfo("binary_crossentropy", "BinaryCrossentropy", True, 0.1),
        ),
        (
            losses.SparseCategoricalCrossentropy(ignore_class=255),
            LossInfo("sparse_categorical_crossentropy", "SparseCategoricalCrossentropy", False, 0.0, 255),
        ),
        (
            losses.categorical_crossentropy,
            LossInfo("categorical_crossentropy", "categorical_crossentropy", False),
        ),
        (losses.Huber(), LossInfo("huber", "Huber")),
        ("a_loss_that_is_not", LossInfo("custom", '"a_loss_that_is_not"')),
        (None, None),
    ],
)
def test_a_loss_however_it_was_given(loss: Any, expected: LossInfo | None) -> None:
    found = loss_info(loss)
    if found is None or expected is None:
        assert found is expected
        return
    for field in ("name", "given", "from_logits", "label_smoothing", "ignore_class"):
        assert getattr(found, field) == getattr(expected, field), field


def own(y: Any, y_pred: Any) -> Any:
    return keras.ops.mean(y - y_pred)


class Own(keras.losses.Loss):
    def call(self, y_true: Any, y_pred: Any) -> Any:
        return own(y_true, y_pred)


class Scaled(keras.losses.BinaryCrossentropy):
    def call(self, y_true: Any, y_pred: Any) -> Any:
        return 3 * super().call(y_true, y_pred)


def mean_squared_error(y: Any, y_pred: Any) -> Any:
    """One of the script's own, by the name of Keras's."""
    return own(y, y_pred)


@pytest.mark.parametrize(
    ("loss", "given"),
    [
        (own, "own"),
        (Own(), "Own"),
        (Scaled(), "Scaled"),
        (mean_squared_error, "mean_squared_error"),
        (functools.partial(own, y_pred=None), "partial(own)"),
    ],
)
def test_a_loss_of_the_scripts_own(loss: Any, given: str) -> None:
    found = loss_info(loss)
    assert found is not None
    assert (found.name, found.given, found.from_logits) == ("custom", given, None)


def test_a_partial_of_kerass() -> None:
    given = functools.partial(losses.binary_crossentropy, from_logits=True, label_smoothing=0.1)
    found = loss_info(given)
    assert found is not None
    assert (found.name, found.given, found.from_logits, found.label_smoothing) == (
        "binary_crossentropy",
        "partial(binary_crossentropy)",
        True,
        0.1,
    )


def test_a_class_and_a_sum() -> None:
    found = loss_info(losses.CategoricalCrossentropy)
    assert found is not None
    assert (found.name, found.given, found.from_logits) == (
        "categorical_crossentropy",
        "CategoricalCrossentropy",
        False,
    )
    summed = loss_info(losses.MeanSquaredError(reduction="sum"))
    assert summed is not None
    assert summed.config == {"reduction": "sum"}
    assert found.config.get("reduction") is None


SPARSE, CATEGORICAL, BINARY = (
    losses.sparse_categorical_crossentropy,
    losses.categorical_crossentropy,
    losses.binary_crossentropy,
)


def around(function: Any, **arguments: Any) -> Any:
    """A loss function of the script's own that calls one of Keras's."""

    def closure(y: Any, y_pred: Any) -> Any:
        return function(y, y_pred, **arguments)

    return closure


class AroundClass(keras.losses.Loss):
    def __init__(self) -> None:
        super().__init__()
        self.inner = losses.SparseCategoricalCrossentropy(from_logits=True)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self.inner(y_true, y_pred)


def tensorflows(y: Any, y_pred: Any) -> Any:
    y = tf.cast(tf.reshape(y, [-1]), tf.int64)
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=y_pred))


# name -> (activation of three units, loss, its name, from_logits)
AROUND: dict[str, tuple[Any, Any, str, bool | None]] = {
    "sparse, logits": (None, around(SPARSE, from_logits=True), SPARSE.__name__, True),
    "sparse, probabilities": (doubled, around(SPARSE), SPARSE.__name__, False),
    "sparse, unwrapped": ("softmax", around(SPARSE), SPARSE.__name__, None),
    "sparse, softmax taken for logits": (
        lambda x: 1.0 * keras.ops.softmax(x),
        around(SPARSE, from_logits=True),
        SPARSE.__name__,
        True,
    ),
    "a class": (None, AroundClass(), SPARSE.__name__, True),
    "TensorFlow's": (None, tensorflows, SPARSE.__name__, True),
    "lambda": (None, lambda y, p: SPARSE(y, p, from_logits=True), SPARSE.__name__, True),
    "in a mean": (
        None,
        lambda y, p: keras.ops.mean(SPARSE(y, p, from_logits=True)),
        SPARSE.__name__,
        True,
    ),
    "categorical, logits": (None, around(CATEGORICAL, from_logits=True), CATEGORICAL.__name__, True),
    "categorical, probabilities": ("exponential", around(CATEGORICAL), CATEGORICAL.__name__, False),
    "binary, logits": (None, around(BINARY, from_logits=True), BINARY.__name__, True),
    "binary, probabilities": ("relu", around(BINARY), BINARY.__name__, False),
    "ten times": (None, lambda y, p: 10.0 * SPARSE(y, p, from_logits=True), "custom", None),
    "a sum": (None, lambda y, p: keras.ops.sum(SPARSE(y, p, from_logits=True)), "custom", None),
    "one of two terms": (
        None,
        lambda y, p: SPARSE(y, p, from_logits=True) + keras.ops.mean(p * p, axis=-1),
        "custom",
        None,
    ),
    "of twice the output": (None, lambda y, p: SPARSE(y, 2 * p, from_logits=True), "custom", None),
    "by hand": ("sigmoid", lambda y, p: -keras.ops.mean(y * keras.ops.log(p + 1e-7)), "custom", None),
}


def classes(loss: Any, rows: int = 8) -> Any:
    """Labels for three units under ``loss``."""
    numbers = np.arange(rows) % 3
    return np.eye(3, dtype="float32")[numbers] if loss in (CATEGORICAL.__name__, BINARY.__name__) else numbers


@pytest.mark.parametrize("name", AROUND)
def test_what_a_loss_of_the_scripts_own_comes_to(name: str, tmp_path: Path) -> None:
    activation, loss, expected, from_logits = AROUND[name]
    model = chain(activation=activation, kernel_regularizer="l2", loss=loss)
    x = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
    y = np.eye(3, dtype="float32")[classes("")] if name == "by hand" else classes(expected)
    model.fit(x, y, verbose=0, callbacks=[watch_in(tmp_path)])
    found = only_run(tmp_path).fits[0].model.outputs[0].loss
    assert found is not None
    assert (found.name, found.from_logits) == (expected, from_logits)
    assert found.given == getattr(loss, "__name__", type(loss).__name__)


class OwnStep(keras.Model):
    """Compiled without a loss: the step has its own."""

    def train_step(self, data: Any) -> Any:
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(SPARSE(y, self(x, training=True), from_logits=True))
        self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
        return {"loss": loss}


def test_a_step_with_a_loss_of_its_own(tmp_path: Path) -> None:
    inputs = keras.Input((4,))
    model = OwnStep(inputs, keras.layers.Dense(3)(inputs))
    model.compile("sgd")
    model.fit(np.ones((8, 4), "float32"), classes(""), verbose=0, callbacks=[watch_in(tmp_path)])
    found = only_run(tmp_path).fits[0].model.outputs[0].loss
    assert found == LossInfo(SPARSE.__name__, "", True)


class TakesLogits(OwnStep):
    """TensorFlow's own loss, which looks behind no softmax."""

    def train_step(self, data: Any) -> Any:
        x, y = data
        with tf.GradientTape() as tape:
            given = self(x, training=True)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=given))
        self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
        return {"loss": loss}


@pytest.mark.filterwarnings("ignore:.*produced by a Softmax activation:UserWarning")
@pytest.mark.parametrize(("kind", "unwrapped"), [(TakesLogits, False), (OwnStep, True)])
def test_only_keras_looks_behind_a_softmax(kind: Any, unwrapped: bool, tmp_path: Path) -> None:
    inputs = keras.Input((4,))
    model = kind(inputs, keras.layers.Dense(3, activation="softmax")(inputs))
    model.compile("sgd")
    model.fit(np.ones((8, 4), "float32"), classes(""), verbose=0, callbacks=[watch_in(tmp_path)])
    found = only_run(tmp_path).fits[0].model.outputs[0]
    assert (found.activation, found.unwrapped) == ("softmax", unwrapped)


@pytest.mark.filterwarnings("ignore:Gradients do not exist for variables")
@pytest.mark.parametrize("kind", [list, tuple, dict])
def test_losses_in_every_container(kind: Any, tmp_path: Path) -> None:
    inputs = keras.Input((4,))
    heads = [keras.layers.Dense(1, name=name)(inputs) for name in "abc"]
    model = keras.Model(inputs, heads)
    given = ["mae", None, losses.Huber()]
    model.compile("sgd", dict(zip("abc", given, strict=True)) if kind is dict else kind(given))
    zeros = np.zeros((8, 1), "float32")
    built = [output.loss for output in outputs_built(model)]
    model.fit(np.ones((8, 4), "float32"), [zeros] * 3, verbose=0, callbacks=[watch_in(tmp_path)])
    traced = [output.loss for output in only_run(tmp_path).fits[0].model.outputs]
    for found in (built, traced):
        assert [loss and (loss.name, loss.given) for loss in found] == [
            ("mean_absolute_error", '"mae"'),
            None,
            ("huber", "Huber"),
        ]


@pytest.mark.parametrize("name", ENDS)
def test_what_is_built_tells_the_same_or_nothing(name: str) -> None:
    """Without a traced step: a graph shows all but what layers of the script's own do."""
    make, head, activation, units = ENDS[name]
    model = make()
    found = outputs_built(model)
    if name.startswith(("subclassed", "backwards", "bare")):
        assert found == ()
        return
    (output,) = found
    assert output.units == units
    if name in OPAQUE:
        assert output.activation == "unknown"
    else:
        assert (output.head, output.activation) == (head, activation)


OPAQUE = ("own layer", "a lambda around Keras's", "Lambda, TensorFlow's", "layers in a layer")


def crashed(model: Any, y: Any, folder: Path) -> OutputInfo:
    x = np.ones((8, 4), "float32")
    with pytest.raises(ValueError, match="shape"):
        model.fit(x, y, verbose=0, callbacks=[watch_in(folder)])
    fit = only_run(folder).fits[0]
    assert fit.info.status == "crashed"
    (output,) = fit.model.outputs
    return output


@pytest.mark.parametrize("built", [True, False])
def test_the_end_where_keras_stops_at_the_first_step(built: bool, tmp_path: Path) -> None:
    inputs = [keras.Input((4,))] if built else []
    model = keras.Sequential([*inputs, keras.layers.Dense(3, "softmax", name="head")])
    model.compile("sgd", "categorical_crossentropy")
    found = crashed(model, np.zeros((8, 1), "float32"), tmp_path)
    assert found.head is not None
    assert found.head.endswith("head")
    assert (found.activation, found.units) == ("softmax", 3)
    assert found.loss == LossInfo("categorical_crossentropy", '"categorical_crossentropy"', False)


class Prints(keras.layers.Dense):
    def get_config(self) -> Any:
        print("asked")
        return super().get_config()


def test_nobody_is_asked_or_warned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Keras warns of a lambda where a layer is asked for its config; warnings are errors here."""
    inputs = keras.Input((4,))
    ends = [Prints(3), keras.layers.Dense(3, activation=lambda x: x), keras.layers.Dense(3, "relu")]
    model = keras.Sequential([inputs, *ends])
    model.compile("sgd", "mse")
    fit = one_step(model, tmp_path).fits[0]
    assert capsys.readouterr().out == ""
    assert [layer.config.get("units") for layer in fit.model.layers] == [None, 3, 3]


LOOP = """
import keras
import numpy as np
import tensorflow as tf

losses = keras.losses
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="head")])
optimizer, x, y = keras.optimizers.SGD(), np.ones((8, 4), "float32"), np.arange(8) % 3

@tf.function
def step():
    with tf.GradientTape() as tape:
        loss = LOSS
    optimizer.apply_gradients(zip(tape.gradient(loss, model.variables), model.variables))

for _ in range(3):
    step()
"""


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (
            "tf.reduce_mean(losses.sparse_categorical_crossentropy(y, model(x), from_logits=True))",
            LossInfo(SPARSE.__name__, "", True),
        ),
        (
            "losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=2)(y, model(x))",
            LossInfo(SPARSE.__name__, "SparseCategoricalCrossentropy", True, 0.0, 2),
        ),
    ],
)
def test_the_loss_of_a_loop(written: str, expected: LossInfo, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(LOOP.replace("LOSS", written))
    result = ended_warm(tmp_path, *MODULE, "run", "--quiet", "train.py")
    assert result.status == 0, result.stderr.decode()
    (output,) = only_run(tmp_path / "logs").fits[0].model.outputs
    assert output.activation == "linear"
    assert output.loss is not None
    assert replace(output.loss, config={}) == expected
