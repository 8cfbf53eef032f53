"""What is asked of a run that has ended: guesses, and rows in inference mode."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from nanwatch.record.read import read_run
from nanwatch.record.run import Fit
from nanwatch.replay.held_run import HeldRun
from nanwatch.watch.fit.callback import Watch
from nanwatch.watch.recording.run_recorder import RunRecorder

pytestmark = pytest.mark.tensorflow

X = np.random.default_rng(6).normal(2.0, 3.0, size=(256, 4)).astype("float32")
Y = (X[:, 0] > 2.0).astype("float32")


@keras.saving.register_keras_serializable("test_held_run")
class Block(keras.layers.Layer):
    """A layer of the script's own that normalises, and talks."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.norm = keras.layers.Dense(8), keras.layers.BatchNormalization(momentum=0.9999)

    def build(self, shape: Any) -> None:
        self.inner.build(shape)
        self.norm.build((None, 8))

    def call(self, x: Any, training: bool = False) -> Any:
        print("called")
        return self.norm(self.inner(x), training=training)


def ended(folder: Path, model: Any, y: Any = Y) -> RunRecorder:
    recorder = RunRecorder(folder, "train.py", ("train.py",))
    recorder.keeps_trainings = True
    watch = Watch()
    watch.recorder, watch.injected = recorder, True
    model.fit(X, y, epochs=3, verbose=0, callbacks=[watch])
    recorder.end("finished", 0)
    return recorder


def model_with(*layers: Any, loss: Any = "binary_crossentropy") -> Any:
    keras.utils.set_random_seed(5)
    model = keras.Sequential([keras.Input((4,)), *layers, keras.layers.Dense(1, "sigmoid")])
    model.compile("adam", loss)
    return model


def test_a_layer_of_the_script_s_own_is_called_in_both_modes_when_the_script_has_ended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = model_with(Block())
    recorder = ended(tmp_path, model)
    before = [variable.numpy() for variable in model.variables]
    assert read_run(recorder.folder).fits[0].info.inference is None
    capsys.readouterr()
    HeldRun(recorder, 10.0).ask_inference([0])
    found = read_run(recorder.folder).fits[0].info.inference
    assert found is not None
    assert found.rows == 256
    assert found.loss_inference > found.loss_training  # its statistics have hardly begun to follow
    assert capsys.readouterr().out == ""
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)


def test_what_guessing_costs_is_put_down_when_the_script_has_ended(tmp_path: Path) -> None:
    recorder = ended(tmp_path, model_with(loss=lambda y, p: keras.ops.mean(keras.ops.abs(y - p))))
    assert read_run(recorder.folder).fits[0].info.guess_loss is None
    HeldRun(recorder, 10.0).ask_guess([1])
    assert read_run(recorder.folder).fits[0].info.guess_loss is None
    HeldRun(recorder, 10.0).ask_guess([0])
    share = min(float(Y.mean()), 1 - float(Y.mean()))
    assert read_run(recorder.folder).fits[0].info.guess_loss == pytest.approx(share, rel=1e-3)
    assert recorder.info.errors == ()


def asked(model: Any, y: Any, folder: Path) -> Fit:
    """The record of a fit of ``model`` that was asked what guessing costs."""
    recorder = ended(folder, model, y)
    HeldRun(recorder, 10.0).ask_guess([0])
    assert recorder.info.errors == ()
    return read_run(recorder.folder).fits[0]


def test_what_guessing_costs_each_of_several_outputs_is_put_down(tmp_path: Path) -> None:
    keras.utils.set_random_seed(5)
    dense, given = keras.layers.Dense, keras.Input((4,))
    model = keras.Model(given, [dense(1, "sigmoid", name="kind")(given), dense(1, name="price")(given)])
    model.compile("adam", ["binary_crossentropy", "mse"], loss_weights=[1.0, 0.5])
    fit = asked(model, [Y, X[:, :1]], tmp_path)
    share = float(Y.mean())
    entropy = -share * np.log(share) - (1 - share) * np.log(1 - share)
    assert fit.info.guess_losses == pytest.approx({"0": entropy, "1": float(X[:, 0].var())}, rel=1e-4)
    assert fit.info.guess_loss == pytest.approx(entropy + 0.5 * float(X[:, 0].var()), rel=1e-4)
    assert fit.info.output_losses == {}  # the logs tell
    losses = [output.loss for output in fit.model.outputs if output.loss]
    assert [(loss.logged, loss.weight) for loss in losses] == [("kind_loss", 1.0), ("price_loss", 0.5)]


def test_outputs_without_names_in_the_logs_are_asked_what_they_came_to(tmp_path: Path) -> None:
    class Both(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.other = keras.layers.Dense(1), keras.layers.Dense(1)

        def call(self, x: Any) -> Any:
            return [self.one(x), self.other(x)]

    keras.utils.set_random_seed(5)
    model = Both()
    model.compile("adam", "mse")
    fit = asked(model, [X[:, :1], X[:, 1:2]], tmp_path)
    assert [output.loss.logged for output in fit.model.outputs if output.loss] == ["", ""]
    one, other = (np.asarray(part) for part in model(X, training=False))
    expected = [float(np.square(one - X[:, :1]).mean()), float(np.square(other - X[:, 1:2]).mean())]
    assert list(fit.info.output_losses.values()) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("error", [ValueError("no more"), KeyError("no more"), AttributeError("no more")])
def test_a_loss_that_raises_is_no_error_of_ours(tmp_path: Path, error: Exception) -> None:
    calls: list[int] = []

    def once(y: Any, p: Any) -> Any:
        calls.append(1)
        if len(calls) > 4:
            raise error
        return keras.ops.mean(keras.ops.square(y - p))

    recorder = ended(tmp_path, model_with(loss=once))
    calls.extend([1] * 4)
    HeldRun(recorder, 10.0).ask_guess([0])
    assert recorder.info.errors == ()
    assert read_run(recorder.folder).fits[0].info.guess_loss is None
