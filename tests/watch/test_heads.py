"""What a model ends in: the layer with the weights, the activation that counts, the loss."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from nanwatch.record.facts import LossInfo, OutputInfo
from nanwatch.record.run import Run
from nanwatch.watch.heads import loss_info
from tests.watch.head_kinds import ENDS, NOT_THAT, chain, several
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


class Own(losses.Loss):
    def call(self, y_true: Any, y_pred: Any) -> Any:
        return own(y_true, y_pred)


def mean_squared_error(y: Any, y_pred: Any) -> Any:
    """One of the script's own, by the name of Keras's."""
    return own(y, y_pred)


@pytest.mark.parametrize(
    ("loss", "given"),
    [
        (own, "own"),
        (Own(), "Own"),
        (mean_squared_error, "mean_squared_error"),
        (functools.partial(losses.binary_crossentropy, from_logits=True), "partial"),
    ],
)
def test_a_loss_of_the_scripts_own(loss: Any, given: str) -> None:
    found = loss_info(loss)
    assert found is not None
    assert (found.name, found.given, found.from_logits) == ("custom", given, None)
