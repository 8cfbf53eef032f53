"""What has no slope in a loss of the script's own: each line once, and nothing of Keras's own doing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from nanwatch.record.facts import FitInfo
from tests.watch.training import only_run, watch_in

pytestmark = pytest.mark.tensorflow
X = np.random.RandomState(0).randn(64, 4).astype("float32")
Y = (X[:, :1] > 0).astype("float32")
ACCURACY = keras.metrics.BinaryAccuracy()


def measured(y: Any, p: Any) -> Any:
    ACCURACY.update_state(y, p)
    return 1 - ACCURACY.result()


def measured_beside(y: Any, p: Any) -> Any:
    ACCURACY.update_state(y, p)
    return keras.losses.binary_crossentropy(y, p) + 1 - ACCURACY.result()


def largest(y: Any, p: Any) -> Any:
    return tf.cast(tf.argmax(tf.concat([1 - p, p], axis=1), axis=1), tf.float32)


def fit_of(folder: Path, loss: Any, refused: bool = False, **compiled: Any) -> FitInfo:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, activation="sigmoid")])
    model.compile("adam", loss, **compiled)
    given = {"verbose": 0, "callbacks": [watch_in(folder)]}
    if refused:
        with pytest.raises(ValueError, match="No gradients provided"):
            model.fit(X, Y, **given)
    else:
        model.fit(X, Y, **given)
    run = only_run(folder)
    assert run.info.errors == ()
    return run.fits[0].info


@pytest.mark.parametrize(
    ("loss", "refused", "kind", "code"),
    [
        (measured, True, "metric", "ACCURACY.update_state(y, p)"),
        (measured_beside, False, "metric", "ACCURACY.update_state(y, p)"),
        (largest, True, "argmax", "return tf.cast(tf.argmax("),
    ],
)
def test_the_lines(loss: Callable[..., Any], refused: bool, kind: str, code: str, tmp_path: Path) -> None:
    (part,) = fit_of(tmp_path, loss, refused).flat_parts
    assert part.kind == kind
    assert part.location is not None
    assert part.location.code.startswith(code)


def test_keras_counts_and_measures_beside_the_loss(tmp_path: Path) -> None:
    assert fit_of(tmp_path, "binary_crossentropy", metrics=["accuracy"]).flat_parts == ()


@pytest.mark.parametrize("loss", [keras.metrics.MeanSquaredError(), keras.metrics.binary_accuracy])
def test_a_metric_given_as_the_loss(loss: Any, tmp_path: Path) -> None:
    fit_of(tmp_path, loss, refused=True)
    (output,) = only_run(tmp_path).fits[0].model.outputs
    assert output.loss is not None
    assert (output.loss.name, output.loss.metric) == ("custom", True)
