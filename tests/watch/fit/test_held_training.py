"""What a watched fit leaves for trials: the training that went worst, where it is asked for."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from nanwatch.record.facts import FitInfo
from nanwatch.watch.fit import fit_observer
from nanwatch.watch.fit.callback import Watch
from nanwatch.watch.fit.held_training import HeldTraining
from nanwatch.watch.incident import guilty_rows
from nanwatch.watch.recording.run_recorder import RunRecorder

pytestmark = pytest.mark.tensorflow
RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=(96, 4)).astype("float32")
Y = X[:, :1] * 2


def recorder_in(folder: Path, keeps: bool = True) -> RunRecorder:
    recorder = RunRecorder(folder, "train.py", ("train.py",))
    recorder.keeps_trainings = keeps
    return recorder


def regressor(rate: float = 1e-2) -> Any:
    keras.utils.set_random_seed(2)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4, "relu"), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(rate), "mse")
    return model


def fit(recorder: RunRecorder, model: Any, *data: Any, **arguments: Any) -> None:
    watch = Watch()
    watch.recorder, watch.injected = recorder, True
    model.fit(*data, verbose=0, callbacks=[watch], **{"epochs": 2, **arguments})
    assert recorder.info.errors == ()


def test_arrays_and_how_they_were_gone_through(tmp_path: Path) -> None:
    recorder, model = recorder_in(tmp_path), regressor()
    first = [variable.numpy() for variable in model.trainable_variables]
    fit(recorder, model, X, Y, batch_size=24, shuffle=False)
    kept = recorder.kept
    assert kept is not None
    assert (kept.fit, kept.model, kept.batch_size, kept.shuffled, kept.steps) == (0, model, 24, False, 8)
    assert kept.rate is not None
    assert np.isclose(kept.rate, 1e-2)
    np.testing.assert_array_equal(kept.rows.y, Y)
    for held, value in zip(kept.first_weights, first, strict=True):
        np.testing.assert_array_equal(held, value)


def test_of_a_dataset_the_batches_that_were_looked_at(tmp_path: Path) -> None:
    recorder = recorder_in(tmp_path)
    fit(recorder, regressor(), tf.data.Dataset.from_tensor_slices((X, Y)).batch(16), shuffle=False)
    kept = recorder.kept
    assert kept is not None
    assert (kept.batch_size, kept.shuffled) == (16, False)
    assert kept.rows.length >= 96
    np.testing.assert_array_equal(kept.rows.x[:96], X)


def test_batch_by_batch(tmp_path: Path) -> None:
    recorder, model = recorder_in(tmp_path), regressor()
    fit(recorder, model, X, Y)
    assert recorder.kept is not None


def test_a_model_that_its_first_step_builds_began_with_what_its_initializers_give(tmp_path: Path) -> None:
    keras.utils.set_random_seed(6)
    layers = keras.layers
    model: Any = keras.Sequential(
        [layers.Embedding(9, 4), layers.LSTM(3), layers.BatchNormalization(), layers.Dense(1)]
    )
    model.compile(keras.optimizers.SGD(0.0), "mse")
    recorder = recorder_in(tmp_path)
    fit(recorder, model, RANDOM.integers(0, 9, (96, 5)), Y)
    kept = recorder.kept
    assert kept is not None
    for first, variable in zip(kept.first_weights, model.trainable_variables, strict=True):
        np.testing.assert_array_equal(first, variable.numpy())


def test_a_generator_of_the_scripts_own_is_not_asked_for_weights(tmp_path: Path) -> None:
    generator = keras.random.SeedGenerator(3)
    drawn = keras.initializers.GlorotUniform(seed=generator)
    model: Any = keras.Sequential([keras.layers.Dense(1, kernel_initializer=drawn)])
    model.compile("sgd", "mse")
    recorder = recorder_in(tmp_path)
    fit(recorder, model, X, Y)
    assert recorder.kept is None
    assert generator.state.numpy().tolist() == [3, 1]


def test_of_several_the_one_that_went_worst(tmp_path: Path) -> None:
    recorder = recorder_in(tmp_path)
    models = [regressor(rate) for rate in (1e-2, 50.0, 1e-2)]
    for model in models:
        fit(recorder, model, X, Y)
    assert recorder.kept is not None
    assert (recorder.kept.fit, recorder.kept.model) == (1, models[1])


def test_nothing_where_nobody_asked(tmp_path: Path) -> None:
    recorder = recorder_in(tmp_path, keeps=False)
    fit(recorder, regressor(), X, Y)
    assert recorder.kept is None


class Own(keras.Model):
    """A step of the script's own, and as many optimizers as it likes."""

    def __init__(self, *others: Any) -> None:
        super().__init__()
        self.dense = keras.layers.Dense(1)
        self.other_optimizer = others[0] if others else None

    def call(self, x: Any) -> Any:
        return self.dense(x)

    def train_step(self, data: Any) -> Any:
        return super().train_step(data)


def test_a_step_of_ones_own_is_held_as_that(tmp_path: Path) -> None:
    held = []
    for place, model in enumerate((Own(), regressor())):
        recorder = recorder_in(tmp_path / str(place))
        model.compile("adam", "mse")
        fit(recorder, model, X, Y)
        assert recorder.kept is not None
        held.append(recorder.kept.own_step)
    assert held == [True, False]


def test_a_step_with_two_optimizers_is_not_held(tmp_path: Path) -> None:
    recorder, model = recorder_in(tmp_path), Own(keras.optimizers.SGD(0.1))
    model.compile("adam", "mse")
    fit(recorder, model, X, Y)
    assert recorder.kept is None


def test_of_a_dataset_whose_first_step_raised_the_batch_it_was_given() -> None:
    model = regressor()
    first = [variable.numpy() for variable in model.trainable_variables]
    held = HeldTraining(model, {}, first)
    held.hold({("input", "0"): X[:32], ("label", "0"): Y[:32]})
    record: Any = SimpleNamespace(losses=None)
    assert held.kept((0, 0), FitInfo(0), record) is None
    kept = held.kept((0, 0), FitInfo(0), record, crashed=True)
    assert kept is not None
    assert (kept.rows.length, kept.steps, kept.ended_finite) == (32, 0, False)


def test_a_model_that_was_never_built_is_not_built_by_a_trial() -> None:
    model: Any = keras.Sequential([keras.layers.Dense(1)])
    model.compile("adam", "mse")
    record: Any = SimpleNamespace(losses=None)
    held = HeldTraining(model, {"x": X, "y": Y}, [])
    assert held.kept((0, 0), FitInfo(0), record, crashed=True) is None
    assert not model.built


def test_weights_that_are_too_large_are_not_held(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(guilty_rows, "FIRST_WEIGHTS_BYTES", 8)
    monkeypatch.setattr(fit_observer, "FIRST_WEIGHTS_BYTES", 8)
    recorder = recorder_in(tmp_path)
    fit(recorder, regressor(), X, Y)
    assert recorder.kept is None
    assert recorder.fits[0].weights_not_held == 4 * (4 * 4 + 4 + 4 + 1)


@pytest.mark.parametrize("limit", [10**9, 8])
def test_a_bad_step_is_held_up_to_the_limit_of_a_snapshot(tmp_path: Path, limit: int) -> None:
    recorder, model = recorder_in(tmp_path), regressor()
    recorder.snapshot_limit = limit
    with pytest.raises(RuntimeError):
        fit(recorder, model, X, Y * np.nan)
    assert (recorder.bad_step is not None) == (limit > 8)
    assert recorder.holds_training()
