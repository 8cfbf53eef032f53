"""Rows of a batch in both modes at the end of a fit: right, without effect, and not at any price."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from nanwatch.diagnose.engine import diagnose
from nanwatch.record.facts import FitInfo
from nanwatch.watch.model import both_modes
from nanwatch.watch.model.both_modes import BothModes, accuracy, can_be_tried, in_both_modes
from tests.watch.training import only_run, watch_in

pytestmark = pytest.mark.tensorflow

FIT = FitInfo(0, steps=100)
ROWS = 32


def table(rows: int, seed: int = 5) -> tuple[Any, Any]:
    x = np.random.default_rng(seed).normal(4.0, 3.0, (rows, 8)).astype("float32")
    return x, (x[:, :1] + x[:, 1:2] > 8).astype("float32")


def net(
    momentum: float = 0.9, dropout: float = 0.0, behind: Any = None, penalty: Any = None, **compiled: Any
) -> Any:
    """Two hidden layers, each normalised."""
    model = keras.Sequential([keras.Input((8,))])
    for _ in range(2):
        model.add(layers.Dense(32, "relu", activity_regularizer=penalty))
        model.add(layers.BatchNormalization(momentum=momentum))
    model.add(layers.Dropout(dropout))
    if behind is not None:
        model.add(behind)
    model.add(layers.Dense(1, "sigmoid"))
    given = {"loss": "binary_crossentropy", "metrics": ["accuracy", keras.metrics.AUC()], **compiled}
    model.compile("adam", **given)
    return model


def held(model: Any, rows: int = ROWS) -> BothModes:
    x, y = table(rows)
    found = BothModes(model)
    found.hold({("input", "0"): x, ("label", "0"): y})
    return found


# -- what it answers ---------------------------------------------------------------------------------


def test_the_variances_of_the_averages_and_of_the_rows() -> None:
    keras.utils.set_random_seed(3)
    model = net()
    x, y = table(ROWS)
    model.fit(x, y, epochs=3, verbose=0)
    training, inference = in_both_modes(model, (tf.constant(x), tf.constant(y)), float("inf"))
    normalising = [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]
    hidden = model.layers[0](x).numpy()
    assert [each.layer for each in training.variances] == [layer.path for layer in normalising]
    assert training.variances[0].moving == pytest.approx(np.median(normalising[0].moving_variance.numpy()))
    assert training.variances[0].batch == pytest.approx(np.median(hidden.var(axis=0)), rel=1e-3)
    assert inference.variances == ()


def test_the_losses_of_both_modes() -> None:
    keras.utils.set_random_seed(3)
    model = net(penalty="l2")
    x, y = table(ROWS)
    model.fit(x, y, epochs=3, verbose=0)
    before = [variable.numpy() for variable in model.variables]
    found = in_both_modes(model, (tf.constant(x), tf.constant(y)), float("inf"))
    assert [variable.numpy().tobytes() for variable in model.variables] == [item.tobytes() for item in before]
    assert found[1].loss == pytest.approx(loss_in(model, x, y, False))
    assert found[1].accuracy == right_in(model, x, y, False)
    assert found[0].loss == pytest.approx(loss_in(model, x, y, True))
    assert found[0].accuracy == right_in(model, x, y, True)
    assert found[0][0] != pytest.approx(found[1][0], rel=0.01)


def loss_in(model: Any, x: Any, y: Any, training: bool) -> float:
    return float(keras.losses.BinaryCrossentropy()(y, model(x, training=training)))


def right_in(model: Any, x: Any, y: Any, training: bool) -> float:
    before = model.get_weights()  # the moving statistics among them
    answers = model(x, training=training).numpy() > 0.5
    model.set_weights(before)
    return float((answers == y).mean())


def test_weights_of_samples_count() -> None:
    keras.utils.set_random_seed(3)
    model = net()
    x, y = table(ROWS)
    weights = np.where(np.arange(ROWS) < 16, 1.0, 0.0).astype("float32")
    model.fit(x, y, verbose=0)
    data = tuple(tf.constant(array) for array in (x, y, weights))
    bare = keras.losses.BinaryCrossentropy()
    expected = float(bare(y, model(x, training=False), sample_weight=weights))
    assert expected != pytest.approx(loss_in(model, x, y, False), rel=0.01)
    assert in_both_modes(model, data, float("inf"))[1][0] == pytest.approx(expected)


class Compiled:
    """Of a model, what its loss tells."""

    def __init__(self, loss: Any) -> None:
        self.model = keras.Sequential([keras.Input((3,)), layers.Dense(3)])
        self.model.compile("sgd", loss)
        self.model.fit(np.zeros((2, 3)), LABELS[getattr(loss, "name", "mse")][:2], verbose=0)


ANSWERS = [[0.6, 0.3, 0.1], [0.3, 0.4, 0.3], [-1.0, 0.4, 2.0], [0.1, 0.0, 0.0]]
LABELS: dict[str, Any] = {
    "sparse_categorical_crossentropy": np.array([0, 1, 1, 2]),
    "categorical_crossentropy": np.eye(3)[[0, 1, 1, 2]],
    "binary_crossentropy": np.array([[1, 0, 0], [0, 0, 1], [0, 1, 1], [1, 1, 1]]),
    "mse": np.zeros((4, 3)),
}


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (keras.losses.SparseCategoricalCrossentropy(), 0.5),
        (keras.losses.CategoricalCrossentropy(), 0.5),
        (keras.losses.BinaryCrossentropy(), 7 / 12),
        (keras.losses.BinaryCrossentropy(from_logits=True), 6 / 12),
        ("mse", None),
    ],
)
def test_accuracy(loss: Any, expected: float | None) -> None:
    labels = LABELS[getattr(loss, "name", "mse")]
    assert accuracy(Compiled(loss).model, tf.constant(labels), tf.constant(ANSWERS)) == expected


def test_labels_of_another_size_tell_no_accuracy() -> None:
    loss = keras.losses.BinaryCrossentropy()
    assert accuracy(Compiled(loss).model, tf.constant([[1], [0], [0], [1]]), tf.constant(ANSWERS)) is None


def test_several_inputs_and_outputs_in_half_precision() -> None:
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        inputs = {name: keras.Input((8,), name=name) for name in "ab"}
        both = layers.BatchNormalization()(layers.Concatenate()(list(inputs.values())))
        heads = {name: layers.Dense(1, dtype="float32", name=name)(both) for name in "cd"}
        model = keras.Model(inputs, heads)
        model.compile("adam", {"c": "mse", "d": "mae"})
    finally:
        keras.mixed_precision.set_global_policy("float32")
    x, y = table(ROWS)
    given, wanted = {"a": x, "b": x + 1}, {"c": y, "d": 1 - y}
    model.fit(given, wanted, verbose=0)
    assert can_be_tried(model)
    expected = model.evaluate(given, wanted, verbose=0, return_dict=True)["loss"]
    found = in_both_modes(model, (given, wanted), float("inf"))
    assert found[1].loss == pytest.approx(expected, rel=1e-3)
    assert found[1].accuracy is None
    assert found[0][0] != pytest.approx(expected, rel=0.01)


# -- without effect ----------------------------------------------------------------------------------


def draws() -> list[float]:
    """The next number of each generator that a script may have seeded."""
    return [
        random.random(),
        float(np.random.random()),
        float(tf.random.normal([])),
        float(keras.random.normal([])),
    ]


def drawn_after(action: Callable[[], Any]) -> list[float]:
    keras.utils.set_random_seed(9)
    action()
    return draws()


def test_nothing_changes() -> None:
    model = net(dropout=0.5, behind=layers.GaussianNoise(0.5), penalty="l2")
    x, y = table(ROWS)
    model.fit(x, y, epochs=2, verbose=0)
    data = tf.constant(x), tf.constant(y)
    generators = [layer.seed_generator.state for layer in model.layers if hasattr(layer, "seed_generator")]
    variables = [*model.variables, *model.optimizer.variables, *model.metrics_variables, *generators]
    assert len(generators) == 2
    model(x, training=True)
    values, penalties = [variable.numpy() for variable in variables], model.losses
    in_both_modes(model, data, float("inf"))
    assert [variable.numpy().tobytes() for variable in variables] == [value.tobytes() for value in values]
    assert len(penalties) == 2
    assert [id(loss) for loss in model.losses] == [id(loss) for loss in penalties]
    without = drawn_after(lambda: None)
    assert drawn_after(lambda: in_both_modes(model, data, float("inf"))) == without
    assert drawn_after(lambda: np.random.random()) != without


def test_it_is_given_up_half_way() -> None:
    x, y = table(ROWS)
    assert in_both_modes(net(), (tf.constant(x), tf.constant(y)), 0.0) == []


# -- which models, which rows, at what price ---------------------------------------------------------


def own_loss(y: Any, y_pred: Any) -> Any:
    return keras.losses.binary_crossentropy(y, y_pred)


class OwnLayer(layers.Layer):
    def call(self, x: Any) -> Any:
        return x


class OwnModel(keras.Model):
    def train_step(self, data: Any) -> Any:
        return super().train_step(data)


def frozen() -> Any:
    model = net()
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False
    model.compile("adam", "binary_crossentropy")
    return model


def of_own_class() -> Any:
    bare = net()
    model = OwnModel(bare.inputs, bare.outputs)
    model.compile("adam", "binary_crossentropy")
    return model


def without_normalisation() -> Any:
    model = keras.Sequential([keras.Input((8,)), layers.Dropout(0.5), layers.Dense(1, "sigmoid")])
    model.compile("adam", "binary_crossentropy")
    return model


def dropout_behind_it() -> Any:
    model = keras.Sequential([keras.Input((8,)), layers.Dense(1, "sigmoid"), layers.Dropout(0.5)])
    model.compile("adam", "binary_crossentropy")
    return model


MODELS: dict[str, tuple[Callable[[], Any], bool]] = {
    "Keras's own": (net, True),
    "a loss object of Keras's": (lambda: net(loss=keras.losses.BinaryFocalCrossentropy()), True),
    "an activation of Keras's": (lambda: net(behind=layers.Activation("gelu")), True),
    "no normalisation": (without_normalisation, False),
    "no normalisation, but dropout on the output": (dropout_behind_it, True),
    "a frozen one": (frozen, False),
    "a loss of the script's": (lambda: net(loss=own_loss), False),
    "an activation of the script's": (lambda: net(behind=layers.Activation(own_loss)), False),
    "a Lambda": (lambda: net(behind=layers.Lambda(lambda x: x)), False),
    "a layer of the script's": (lambda: net(behind=OwnLayer()), False),
    "a model of the script's": (of_own_class, False),
    "run_eagerly": (lambda: net(run_eagerly=True), False),
}


@pytest.mark.parametrize("name", MODELS)
def test_only_code_whose_effects_are_known_is_run(name: str) -> None:
    make, tried = MODELS[name]
    model = make()
    x, y = table(ROWS)
    model.build((None, 8))
    if name not in ("an activation of the script's",):
        model.fit(x, y, verbose=0)
    assert can_be_tried(model) is tried


def test_the_largest_batch_is_held() -> None:
    model = net()
    model.fit(*table(ROWS), verbose=0)
    found = held(model)
    for rows, expected in ((both_modes.LEAST_ROWS, 32), (40, 40), (1, 40), (40, 40)):
        x, y = table(rows, seed=rows)
        found.hold({("input", "0"): x, ("label", "0"): y})
        assert found.whole_rows == len(found.batch["input", "0"]) == expected


@pytest.mark.parametrize(("rows", "kept"), [(7, 0), (8, 8), (256, 256), (257, 256)])
def test_how_many_rows_are_held(rows: int, kept: int) -> None:
    model = net()
    model.fit(*table(ROWS), verbose=0)
    found = held(model, rows)
    assert len(found.batch.get(("input", "0"), ())) == kept


@pytest.mark.parametrize(("features", "kept"), [(2**17, 8), (2**17 + 1, 0), (2**16, 16)])
def test_large_inputs_are_not_held(features: int, kept: int) -> None:
    found = BothModes(None, wanted=True)
    x = np.zeros((20, features), np.float32)
    found.hold({("input", "0"): x, ("label", "0"): np.zeros((20, 1), np.float32)})
    assert len(found.batch.get(("input", "0"), ())) == kept


@pytest.fixture(scope="module")
def trained() -> BothModes:
    model = net()
    model.fit(*table(ROWS), verbose=0)
    return held(model)


@pytest.mark.parametrize(
    ("seconds", "step_seconds", "rows"),
    [
        (1.0, 1e-3, 32),  # 50 ms, 17.8 of them for Keras's own work on 6 layers: 32.2 for the rows
        (1.0, 0.1, 10),
        (1.0, 0.128, 8),
        (1.0, 0.129, None),  # of 7 rows
        (60.0, 0.2, 32),  # a hundredth of a minute is 600 ms
    ],
)
def test_the_price_is_a_hundredth_of_the_fit(
    trained: BothModes, seconds: float, step_seconds: float, rows: int | None
) -> None:
    found = trained.answer((0, 0), FitInfo(0, steps=1), seconds, step_seconds)
    assert (found.rows if found else None) == rows


@pytest.mark.parametrize(
    "given", [{"kind": "train_on_batch"}, {"kind": "tape"}, {"cut_short": True}, {"steps": 0}]
)
def test_other_trainings_are_not_tried(trained: BothModes, given: dict[str, Any]) -> None:
    assert trained.answer((0, 0), FitInfo(0, **{"steps": 100, **given}), 60.0, 1e-3) is None
    assert trained.answer((0, 0), FIT, 60.0, 1e-3) is not None


def test_a_batch_that_cannot_be_put_together_is_not_tried(trained: BothModes) -> None:
    assert trained.answer((0, 0, 0), FIT, 60.0, 1e-3) is None


# -- real trainings ----------------------------------------------------------------------------------


def trained_in(folder: Path, model: Any, rows: int = 640, **given: Any) -> tuple[Any, list[tuple[str, str]]]:
    """(what was tried at the end, the diagnoses) of ten epochs of ``model``."""
    x, y = table(rows, seed=1)
    model.fit(x, y, **{"epochs": 10, "verbose": 0, "callbacks": [watch_in(folder)], **given})
    run = only_run(folder)
    assert run.info.errors == ()
    found = [(one.code, one.level) for one in diagnose(run).diagnoses]
    return run.fits[0].info.inference, [
        each for each in found if each != ("NW509", "note")
    ]  # ten epochs are few


def test_averages_that_do_not_follow(tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    tried, said = trained_in(tmp_path, net(momentum=0.999))
    assert tried is not None
    assert tried.rows == ROWS
    assert tried.loss_inference > 2 * tried.loss_training
    assert tried.accuracy_training > 0.9 > 0.7 > tried.accuracy_inference
    assert said == [("NW308", "error")]


def test_a_last_batch_of_one_row(tmp_path: Path) -> None:
    keras.utils.set_random_seed(2)
    tried, said = trained_in(tmp_path, net(momentum=0.01), rows=641)
    assert tried is not None
    assert tried.rows == ROWS
    assert ("NW308", "error") in said


@pytest.mark.parametrize("make", [net, lambda: net(dropout=0.5), lambda: net(momentum=0.99)])
def test_averages_that_follow(make: Callable[[], Any], tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    tried, said = trained_in(tmp_path, make())
    assert tried is not None
    assert said == []


def test_dropout_alone(tmp_path: Path) -> None:
    assert trained_in(tmp_path, without_normalisation()) == (None, [])


def test_a_fit_stopped_early(tmp_path: Path) -> None:
    stop = keras.callbacks.EarlyStopping("loss", min_delta=10.0, patience=1, restore_best_weights=True)
    tried, _ = trained_in(tmp_path, net(), callbacks=[stop, watch_in(tmp_path)])
    assert tried is not None


def test_a_fit_that_is_left_by_an_exception(tmp_path: Path) -> None:
    class Leaves(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            raise KeyboardInterrupt

    model, watch = net(), watch_in(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        model.fit(*table(640), verbose=0, callbacks=[watch, Leaves()])
    watch.recorder.end("killed", None)
    assert only_run(tmp_path).fits[0].info.inference is None
