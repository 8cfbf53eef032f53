"""State that no gradient reaches and that goes bad alone: told, with the steps between which it did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from nanwatch.diagnose.engine import diagnose
from nanwatch.errors import TrainingHalted
from nanwatch.record.events import IncidentSeen
from nanwatch.record.run import Run
from tests.programs.running import report_on
from tests.watch.fit.test_loops import watching
from tests.watch.training import only_run, watch_in

pytestmark = pytest.mark.tensorflow

STEPS = 40  # two epochs of 20
MOVING = "moving_variance"


class Spoil(keras.callbacks.Callback):
    """Puts NaN into a moving statistic, which training does not read."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.step, self.seen = step, 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.seen == self.step:
            self.model.layers[1].moving_variance.assign(np.full(6, np.nan))
        self.seen += 1


class Masked(keras.layers.Layer):
    """Holds a mask of -inf, as attention does, and masks nothing."""

    def build(self, shape: Any) -> None:
        self.mask = self.add_weight(
            shape=(6,), initializer=keras.initializers.Constant(-np.inf), trainable=False
        )

    def call(self, x: Any) -> Any:
        return keras.ops.where(keras.ops.isfinite(self.mask), self.mask, x)


class Least(keras.layers.Layer):
    """Holds the least that it has seen, beginning with infinity."""

    def build(self, shape: Any) -> None:
        self.least = self.add_weight(
            shape=(), initializer=keras.initializers.Constant(np.inf), trainable=False, dtype="float64"
        )

    def call(self, x: Any) -> Any:
        if self.count_of_calls():
            self.least.assign(keras.ops.minimum(self.least, keras.ops.cast(keras.ops.min(x), "float64")))
        return x

    def count_of_calls(self) -> bool:
        return True


class NeverSeen(Least):
    """The same, where nothing is ever seen."""

    def count_of_calls(self) -> bool:
        return False


class Spoiling(keras.layers.Layer):
    """Divides by what is left of a number of steps, and gives on what it got."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps

    def build(self, shape: Any) -> None:
        self.left = self.add_weight(shape=(), initializer="zeros", trainable=False, name="left")
        self.share = self.add_weight(shape=(), initializer="ones", trainable=False, name="share")

    def call(self, x: Any) -> Any:
        self.share.assign(self.share * (self.steps - self.left) / (self.steps - self.left))
        self.left.assign_add(1.0)
        return x


def model_with(*layers: Any, **compiled: Any) -> Any:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(6), *layers, keras.layers.Dense(1)])
    model.compile("sgd", "mse", **compiled)
    return model


def data() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(160, 4)).astype("float32"), rng.normal(size=160).astype("float32")


def fitted(model: Any, folder: Path, *callbacks: Any, on_incident: str = "raise") -> Run:
    x, y = data()
    try:
        model.fit(
            x, y, batch_size=8, epochs=2, verbose=0, callbacks=[watch_in(folder, on_incident), *callbacks]
        )
    except TrainingHalted:
        assert on_incident == "raise"
    return only_run(folder)


def check(run: Run, step: int, finite_after: int | None, path: str = MOVING) -> None:
    incident = run.info.incident
    assert run.info.errors == ()
    assert incident is not None
    assert (incident.role, incident.value, incident.frozen, incident.state) == ("weight", "nan", False, True)
    assert incident.path.endswith(path)
    assert (incident.step, incident.finite_after) == (step, finite_after)
    assert incident.op is None
    assert incident.loss is not None
    assert np.isfinite(incident.loss)


HOW = [{}, {"run_eagerly": True}, {"jit_compile": True}]


@pytest.mark.parametrize("compiled", HOW)
@pytest.mark.parametrize(("spoilt", "step", "before"), [(3, 4, 3), (7, 8, 7), (8, 16, 8), (10, 16, 8)])
def test_a_statistic_that_turns_nan_halts(
    spoilt: int, step: int, before: int, compiled: dict[str, Any], tmp_path: Path
) -> None:
    """Spoilt after the step; the first eight steps are looked at, and every eighth."""
    run = fitted(model_with(keras.layers.BatchNormalization(), **compiled), tmp_path, Spoil(spoilt))
    check(run, step, before)
    assert run.fits[0].info.status == "halted"
    assert run.fits[0].info.steps == step + 1


@pytest.mark.parametrize("compiled", HOW)
def test_a_layer_of_the_scripts_own(compiled: dict[str, Any], tmp_path: Path) -> None:
    check(fitted(model_with(Spoiling(13), **compiled), tmp_path), 16, 8, "/share")


def test_what_becomes_bad_in_the_first_step(tmp_path: Path) -> None:
    check(fitted(model_with(Spoiling(0)), tmp_path), 0, -1, "/share")


def test_the_words_of_the_halt(tmp_path: Path) -> None:
    model = model_with(keras.layers.BatchNormalization())
    with pytest.raises(
        TrainingHalted, match=r"moving_variance became nan between step 8 and step 16 \(epoch 1"
    ):
        model.fit(
            np.ones((160, 4)),
            np.ones(160),
            batch_size=8,
            verbose=0,
            callbacks=[watch_in(tmp_path), Spoil(9)],
        )


class Called(keras.callbacks.Callback):
    """What may save the model, or read it."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.calls.append("epoch")

    def on_test_begin(self, logs: Any = None) -> None:
        self.calls.append("validation")


def test_an_epoch_is_not_over_before_it_is_told(tmp_path: Path) -> None:
    """Spoilt in the last step but one of the first epoch: no callback saves it, no validation reads it."""
    called = Called()
    model, (x, y) = model_with(Spoiling(18)), data()
    with pytest.raises(TrainingHalted, match="between step 16 and step 19"):
        model.fit(
            x,
            y,
            batch_size=8,
            verbose=0,
            validation_data=(x, y),
            callbacks=[called, watch_in(tmp_path)],
        )
    assert called.calls == []
    check(only_run(tmp_path), 19, 16, "/share")


@pytest.mark.parametrize("spoilt", [19, STEPS - 1])
def test_what_a_callback_spoils_after_the_last_step_of_an_epoch(spoilt: int, tmp_path: Path) -> None:
    run = fitted(model_with(keras.layers.BatchNormalization()), tmp_path, Spoil(spoilt))
    check(run, spoilt, (spoilt - 1) // 8 * 8)
    assert run.fits[0].info.status == "halted"


@pytest.mark.filterwarnings("ignore:Your input ran out of data:UserWarning")
def test_a_data_set_whose_length_nobody_knows(tmp_path: Path) -> None:
    x, y = data()
    rows = tf.data.Dataset.from_tensor_slices((x, y)).filter(lambda x, y: True).batch(8)
    model, called = model_with(Spoiling(18)), Called()
    with pytest.raises(TrainingHalted, match="between step 16 and step 19"):
        model.fit(
            rows, verbose=0, shuffle=False, validation_data=rows, callbacks=[watch_in(tmp_path), called]
        )
    assert called.calls == []


@pytest.mark.parametrize("spoilt", [10, 19, STEPS - 1])
def test_a_training_that_goes_on_tells_it_once(spoilt: int, tmp_path: Path) -> None:
    model = model_with(keras.layers.BatchNormalization())
    run = fitted(model, tmp_path, Spoil(spoilt), on_incident="continue")
    assert run.info.incident is not None
    assert (run.info.incident.action, run.info.incident.state) == ("continue", True)
    assert run.fits[0].info.steps == STEPS
    assert len([event for event in run.fits[0].events if isinstance(event, IncidentSeen)]) == 1


def test_stop_lets_fit_end(tmp_path: Path) -> None:
    model = model_with(keras.layers.BatchNormalization())
    run = fitted(model, tmp_path, Spoil(10), on_incident="stop")
    check(run, 16, 8)
    assert run.fits[0].info.status == "halted"
    assert model.stop_training


def test_a_statistic_that_is_bad_from_the_start(tmp_path: Path) -> None:
    """From a checkpoint, say. No layer of Keras's begins with NaN."""
    model = model_with(keras.layers.BatchNormalization())
    model.layers[1].moving_mean.assign(np.full(6, np.nan))
    run = fitted(model, tmp_path)
    check(run, 0, None, "moving_mean")
    assert [diagnosis.code for diagnosis in diagnose(run).diagnoses] == ["NW603"]


@pytest.mark.parametrize("layer", [keras.layers.BatchNormalization, Masked, Least, NeverSeen])
@pytest.mark.parametrize("compiled", HOW)
def test_sound_state_and_infinities_of_the_scripts_own_are_none(
    layer: Any, compiled: dict[str, Any], tmp_path: Path
) -> None:
    run = fitted(model_with(layer(), **compiled), tmp_path)
    assert run.info.incident is None
    assert run.info.errors == ()
    assert run.fits[0].info.steps == STEPS


def test_such_infinities_are_not_the_cause_of_another_incident(tmp_path: Path) -> None:
    x, y = data()
    y[100] = np.nan
    with pytest.raises(TrainingHalted, match="label 0 became nan at step 12 "):
        model_with(NeverSeen()).fit(
            x, y, batch_size=8, shuffle=False, verbose=0, callbacks=[watch_in(tmp_path)]
        )


def test_train_on_batch(tmp_path: Path) -> None:
    """The last steps before the end of the script: told, though nothing can be halted any more."""
    x, y = data()
    with watching(tmp_path):
        model = model_with(Spoiling(10))
        for _ in range(13):
            model.train_on_batch(x[:8], y[:8])
    run = only_run(tmp_path)
    check(run, 12, 8, "/share")
    assert run.info.incident is not None
    assert run.info.incident.action == "continue"


@pytest.mark.parametrize("compiled", [False, True])
def test_a_loop(compiled: bool, tmp_path: Path) -> None:
    x, y = map(tf.constant, data())
    model, optimizer = model_with(Spoiling(10)), keras.optimizers.SGD()

    def step() -> None:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(y - model(x, training=True)[:, 0]))
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)

    def loop() -> None:
        run_step = tf.function(step) if compiled else step
        for _ in range(20):
            run_step()

    with watching(tmp_path), pytest.raises(TrainingHalted, match="between step 8 and step 16"):
        loop()
    check(only_run(tmp_path), 16, 8, "/share")


SCRIPT = """import keras
import numpy as np

model = keras.Sequential([
    keras.Input((4,)),
    keras.layers.Dense(6),
    keras.layers.BatchNormalization(name="norm"),
    keras.layers.Dense(1),
])
model.compile("sgd", "mse")


class Spoil(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch == 12:
            self.model.get_layer("norm").moving_mean.assign(np.full(6, np.nan))


rng = np.random.default_rng(0)
model.fit(rng.normal(size=(160, 4)), rng.normal(size=160), batch_size=8, verbose=0, callbacks=[Spoil()])
"""


def test_the_report(tmp_path: Path) -> None:
    """The variable, its layer with the line, and the steps."""
    (tmp_path / "train.py").write_text(SCRIPT)
    found = report_on(tmp_path / "train.py", tmp_path / "logs")
    assert found["own_errors"] == []
    assert (found["incident"]["step"], found["incident"]["finite_after"]) == (16, 8)
    (diagnosis,) = found["diagnoses"]
    assert diagnosis["code"] == "NW900"
    assert "between step 8 and step 16" in diagnosis["message"]
    assert "norm/moving_mean" in diagnosis["message"]
    assert (diagnosis["location"]["line"], diagnosis["location"]["layer"]) == (7, "sequential/norm")
