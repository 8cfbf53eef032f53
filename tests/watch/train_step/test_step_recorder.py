"""The numbers of each step, against the same training done by hand in NumPy, and against a tape."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nanwatch.watch.train_step.inspection import FIRST_LOOKS
from nanwatch.watch.train_step.step_recorder import WEIGHTS_EVERY

pytestmark = pytest.mark.tensorflow

RATE, BATCH, EPOCHS = 0.05, 8, 4


def data() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(36, 3)).astype("float32")  # the last batch of an epoch has 4 rows
    return x, (x @ np.array([[1.0], [-2.0], [0.5]]) + 3 + rng.normal(size=(36, 1)) / 10).astype("float32")


def by_hand(kernel: Any, bias: Any) -> list[dict[str, float]]:
    """Stochastic gradient descent on the mean squared error of ``x @ kernel + bias``."""
    x_all, y_all = (array.astype(np.float64) for array in data())
    rows = []
    for _ in range(EPOCHS):
        for first in range(0, len(x_all), BATCH):
            x, y = x_all[first : first + BATCH], y_all[first : first + BATCH]
            output = x @ kernel + bias
            error = output - y
            of_kernel, of_bias = 2 * x.T @ error / len(x), 2 * error.mean(axis=0)
            kernel, bias = kernel - RATE * of_kernel, bias - RATE * of_bias
            rows.append(
                {
                    "rows||value": len(x),
                    "learning_rate||value": RATE,
                    "loss||value": (error**2).mean(),
                    "input|0|l2_norm": np.linalg.norm(x),
                    "label|0|min": y.min(),
                    "label|0|max": y.max(),
                    "output|output|l2_norm": np.linalg.norm(output),
                    "activation|line/line|l2_norm": np.linalg.norm(output),
                    "gradient|line/line/kernel|l2_norm": np.linalg.norm(of_kernel),
                    "gradient|line/line/bias|l2_norm": np.linalg.norm(of_bias),
                    "weight|line/line/kernel|l2_norm": np.linalg.norm(kernel),
                    "weight|line/line/bias|l2_norm": np.linalg.norm(bias),
                }
            )
    return rows


@pytest.fixture(scope="module", params=["graph", "eager", "XLA"])
def line(request: pytest.FixtureRequest, runs: Path) -> tuple[Any, list[dict[str, float]]]:
    """A watched fit of a line, and the same by hand."""
    import keras

    from tests.watch.training import only_run, watch_in

    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, name="line")], name="line")
    how = {"graph": {}, "eager": {"run_eagerly": True}, "XLA": {"jit_compile": True}}[request.param]
    model.compile(keras.optimizers.SGD(RATE), "mse", **how)
    kernel, bias = (array.astype(np.float64) for array in model.get_weights())
    folder = runs / f"line_{request.param}"
    x, y = data()
    model.fit(x, y, batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0, callbacks=[watch_in(folder)])
    return only_run(folder).fits[0], by_hand(kernel, bias)


def summed_at(step: int) -> int:
    """The last step up to ``step`` whose weights were summed."""
    return step if step < FIRST_LOOKS else step - step % WEIGHTS_EVERY


def test_the_columns_of_every_step(line: tuple[Any, list[dict[str, float]]]) -> None:
    fit, expected = line
    for name in expected[0]:
        found = [value for _, value in fit.steps.values(*name.split("|"))]
        at = [summed_at(step) if name.startswith("weight") else step for step in range(len(expected))]
        assert found == pytest.approx([expected[step][name] for step in at], rel=1e-5), name
    assert set(fit.steps.columns) == {*expected[0], "step||value", "epoch||value", "time||value"}


def test_how_far_the_weights_moved(line: tuple[Any, list[dict[str, float]]]) -> None:
    """Between two looks; the first steps are all looked at."""
    fit, expected = line
    for name in ("kernel", "bias"):
        moved = fit.health.values("update", f"line/line/{name}", "l2_norm")[1:8]
        gradients = [RATE * row[f"gradient|line/line/{name}|l2_norm"] for row in expected[1:8]]
        assert [step for step, _ in moved] == list(range(1, 8))
        assert [norm for _, norm in moved] == pytest.approx(gradients, rel=1e-3)
    assert [apart for _, apart in fit.health.values("steps_apart")][1:8] == [1.0] * 7


def test_the_predictions_that_were_seen(line: tuple[Any, list[dict[str, float]]]) -> None:
    fit, expected = line
    norms = [norm for _, norm in fit.health.values("output", "0", "l2_norm")][:8]
    assert norms == pytest.approx([row["output|output|l2_norm"] for row in expected[:8]], rel=1e-5)
    assert [rows for _, rows in fit.health.values("output", "0", "size")][:5] == [8.0, 8.0, 8.0, 8.0, 4.0]


def test_the_time_runs(line: tuple[Any, list[dict[str, float]]]) -> None:
    times = [time for _, time in line[0].steps.values("time")]
    assert times == sorted(times)
    assert 0 < times[-1] <= line[0].info.seconds


class Oracle:
    """Gradients by a tape, batch by batch, of a model that never moves."""

    def __init__(self, model: Any, loss: Any, x: Any, y: Any) -> None:
        import tensorflow as tf

        self.norms: dict[str, list[float]] = {variable.path: [] for variable in model.trainable_variables}
        self.slices: dict[str, list[float]] = {}
        for first in range(0, len(x), BATCH):
            with tf.GradientTape() as tape:
                value = loss(y[first : first + BATCH], model(x[first : first + BATCH], training=True))
            gradients = tape.gradient(value, [variable.value for variable in model.trainable_variables])
            for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
                if isinstance(gradient, tf.IndexedSlices):
                    self.slices.setdefault(variable.path, []).append(float(tf.norm(gradient.values)))
                self.norms[variable.path].append(float(tf.norm(tf.convert_to_tensor(gradient))))


def test_the_gradients_of_a_deep_model(tmp_path: Path) -> None:
    import keras
    from keras import layers

    from tests.watch.training import only_run, watch_in

    keras.utils.set_random_seed(2)
    model = keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            layers.Conv2D(4, 3, activation="tanh"),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dense(8, "relu"),
            layers.Dense(3, "softmax"),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy()
    model.compile(keras.optimizers.SGD(0.0), loss)
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(32, 6, 6, 2)).astype("float32"), rng.integers(0, 3, 32)
    expected = Oracle(model, loss, x, y)
    model.fit(x, y, batch_size=BATCH, shuffle=False, verbose=0, callbacks=[watch_in(tmp_path)])
    steps = only_run(tmp_path).fits[0].steps
    assert len(expected.norms) == 8
    for path, norms in expected.norms.items():
        found = [norm for _, norm in steps.values("gradient", path, "l2_norm")]
        assert found == pytest.approx(norms, rel=1e-4), path


def test_the_gradient_of_an_embedding(tmp_path: Path) -> None:
    """That of the rows as they were looked up: of a row that was looked up twice, both."""
    import keras
    from keras import layers

    from tests.watch.training import only_run, watch_in

    keras.utils.set_random_seed(2)
    model = keras.Sequential(
        [
            keras.Input((4,), dtype="int32"),
            layers.Embedding(9, 5),
            layers.Flatten(),
            layers.Dense(1, name="head"),
        ]
    )
    loss = keras.losses.MeanSquaredError()
    model.compile(keras.optimizers.SGD(0.0), loss)
    rng = np.random.default_rng(4)
    x, y = rng.integers(0, 9, (32, 4)), rng.normal(size=(32, 1)).astype("float32")
    expected = Oracle(model, loss, x, y)
    model.fit(x, y, batch_size=BATCH, shuffle=False, verbose=0, callbacks=[watch_in(tmp_path)])
    steps = only_run(tmp_path).fits[0].steps
    ((path, norms),) = expected.slices.items()
    assert [norm for _, norm in steps.values("gradient", path, "l2_norm")] == pytest.approx(norms, rel=1e-5)
    dense = next(path for path in expected.norms if path.endswith("head/kernel"))
    found = [norm for _, norm in steps.values("gradient", dense, "l2_norm")]
    assert found == pytest.approx(expected.norms[dense], rel=1e-5)


def test_the_gradients_under_loss_scaling_are_unscaled(tmp_path: Path) -> None:
    import keras

    from tests.watch.training import only_run, watch_in

    norms = []
    for number, scale in enumerate((None, 1024.0)):
        keras.utils.set_random_seed(1)
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(RATE, loss_scale_factor=scale), "mse")
        folder = tmp_path / str(number)
        x, y = data()
        model.fit(x, y, batch_size=BATCH, shuffle=False, verbose=0, callbacks=[watch_in(folder)])
        steps = only_run(folder).fits[0].steps
        path = model.trainable_variables[0].path
        norms.append([norm for _, norm in steps.values("gradient", path, "l2_norm")])
    assert norms[1] == pytest.approx(norms[0], rel=1e-5)
