"""Two replicas on two logical CPUs: what one sees holds back the update of both."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.side_by_side import MODULE, ended

pytestmark = pytest.mark.tensorflow
SCRIPT = """
import json, sys
import keras, numpy as np, tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
rows, batch = (65, 64) if "empty" in sys.argv else (128, 32)
keras.utils.set_random_seed(1)
x = np.random.default_rng(0).normal(size=(rows, 8)).astype("float32")
y = (x[:, :1] > 0).astype("float32")
if "nan" in sys.argv:
    x[int(sys.argv[-1]), 3] = np.nan


class TwoOptimizers(keras.Model):  # the second one's loss alone weighs the rows with the last column
    def __init__(self):
        super().__init__()
        self.first, self.second = keras.layers.Dense(4), keras.layers.Dense(1)
        self.seen = keras.metrics.Mean(name="seen")

    def build(self, shape):
        self.first.build((None, 7))
        self.second.build((None, 4))

    def call(self, x):
        return self.second(self.first(x[:, :-1]))

    def train_step(self, data):
        x, y = data
        for layer, optimizer, weight in (
            (self.first, self.optimizer, 1.0),
            (self.second, self.other, tf.abs(x[:, -1:]) + 0.5),
        ):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.square(y - self(x)) * weight) / 2
            optimizer.apply(tape.gradient(loss, layer.trainable_weights), layer.trainable_weights)
            self.seen.update_state(loss)
        return {"seen": self.seen.result()}


with tf.distribute.MirroredStrategy(["CPU:0"] if "alone" in sys.argv else ["CPU:0", "CPU:1"]).scope():
    if "two" in sys.argv:
        model = TwoOptimizers()
        model.build((None, 8))
        model.other = keras.optimizers.RMSprop(1e-2)
    else:
        model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(16, "relu"),
                                  keras.layers.BatchNormalization(), keras.layers.Dense(1, "sigmoid")])
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"],
                  steps_per_execution=4 if "four" in sys.argv else 1, run_eagerly="eager" in sys.argv)
steps = {"three": 3, "one": 1}.get(sys.argv[-1])
try:
    model.fit(x, y, batch_size=batch, epochs=1, verbose=0, shuffle=False, steps_per_epoch=steps)
finally:
    kept = [*model.variables, *model.optimizer.variables]
    kept += model.other.variables if "two" in sys.argv else [v for m in model.metrics for v in m.variables]
    held = [np.asarray(v.numpy()).ravel().tolist() for v in kept]
    print(json.dumps(held))
"""


Held = list[list[float]]
Bare = Callable[..., tuple[int, Held]]


def trained(folder: Path, *arguments: str, script: str = SCRIPT) -> tuple[int, Held]:
    """(exit status, the variables at the end) under nanwatch."""
    return ended_with(folder, [*MODULE, "run", "--quiet", "train.py", *arguments], script)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Bare:
    """The same under ``python``, once for the same arguments."""

    @functools.cache
    def trained_bare(*arguments: str, script: str = SCRIPT) -> tuple[int, Held]:
        return ended_with(tmp_path_factory.mktemp("bare"), [sys.executable, "train.py", *arguments], script)

    return trained_bare


def ended_with(folder: Path, command: list[str], script: str) -> tuple[int, Held]:
    (folder / "train.py").write_text(script)
    done = ended(folder, *command)  # the replicas have threads of their own, which a fork may not suit
    assert done.stdout, done.stderr.decode()
    return done.status, json.loads(done.stdout.splitlines()[-1])


def record(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(next((folder / "logs").glob("*/run.json")).read_text())
    return found


def fit_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(next((folder / "logs").glob("*/fit-0.json")).read_text())
    return found


def test_a_healthy_training_is_the_same(bare: Bare, tmp_path: Path) -> None:
    assert trained(tmp_path, "healthy") == bare("healthy")
    assert fit_of(tmp_path)["replicas"] == 2
    assert fit_of(tmp_path)["steps"] == 4
    assert record(tmp_path).get("errors", []) == []


@pytest.mark.parametrize(("row", "replica"), [("100", 0), ("116", 1)])
def test_both_replicas_stand_where_they_stood_before_the_bad_step(
    row: str, replica: int, bare: Bare, tmp_path: Path
) -> None:
    status, held = trained(tmp_path, "nan", row)
    _, before = bare("healthy", "three")
    assert status == 3
    assert held == before
    incident = record(tmp_path)["incident"]
    assert (incident["step"], incident["role"], incident["replica"]) == (3, "input", replica)


def test_a_strategy_with_one_replica(bare: Bare, tmp_path: Path) -> None:
    """As on a machine with one device: an update crosses to the strategy all the same."""
    assert trained(tmp_path, "alone", "healthy") == bare("alone", "healthy")
    assert record(tmp_path).get("errors", []) == []
    assert fit_of(tmp_path)["steps"] == 4


def test_the_only_replica_stands_where_it_stood_before_the_bad_step(bare: Bare, tmp_path: Path) -> None:
    status, held = trained(tmp_path, "alone", "nan", "100")
    _, before = bare("alone", "healthy", "three")
    assert (status, held) == (3, before)


LOOP = """
import json
import keras, numpy as np, tensorflow as tf

strategy = tf.distribute.MirroredStrategy(["CPU:0"])
keras.utils.set_random_seed(1)
with strategy.scope():
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])
    optimizer = keras.optimizers.Adam(0.01)


def step(x, y):
    with tf.GradientTape() as tape:
        loss = tf.nn.compute_average_loss(tf.square(y - model(x, training=True)))
    optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
    return loss


@tf.function
def distributed(x, y):
    return strategy.reduce("SUM", strategy.run(step, args=(x, y)), axis=None)


x = np.random.default_rng(0).normal(size=(128, 8)).astype("float32")
data = tf.data.Dataset.from_tensor_slices((x, x[:, :1])).batch(32)
for batch in strategy.experimental_distribute_dataset(data):
    distributed(*batch)
print(json.dumps([np.asarray(v).ravel().tolist() for v in [*model.variables, *optimizer.variables]]))
"""


def test_a_loop_under_a_strategy_with_one_replica(bare: Bare, tmp_path: Path) -> None:
    assert trained(tmp_path, script=LOOP) == bare(script=LOOP)


def test_several_steps_in_one_execution(bare: Bare, tmp_path: Path) -> None:
    """Those behind the bad one do nothing.

    Eagerly, because Keras 3.15 with TensorFlow 2.21 has no graph for it on CPUs: it raises by itself.
    """
    status, held = trained(tmp_path, "nan", "eager", "four", "56")
    _, before = bare("healthy", "eager", "one")
    assert status == 3
    assert held == before
    incident = record(tmp_path)["incident"]
    assert (incident["step"], incident["role"], incident["replica"]) == (1, "input", 1)


def test_a_healthy_training_of_several_steps_in_one_is_the_same(bare: Bare, tmp_path: Path) -> None:
    how = ("healthy", "eager", "four")
    assert trained(tmp_path, *how) == bare(*how)
    assert record(tmp_path).get("errors", []) == []


@pytest.mark.parametrize("how", [[], ["four"]])
def test_the_first_of_two_updates_is_taken_back(how: list[str], bare: Bare, tmp_path: Path) -> None:
    """A NaN in the last column: the loss of the first optimizer never sees it.

    Eagerly: with two updates a step the replicas' collectives fail in a graph on CPUs, bare too.
    """
    script = SCRIPT.replace("x[int(sys.argv[-1]), 3]", "x[int(sys.argv[-1]), 7]")
    status, held = trained(tmp_path, "two", "nan", "eager", *how, "56", script=script)
    _, before = bare("two", "healthy", "eager", "one")
    assert status == 3
    assert held == before
    found = record(tmp_path)
    assert found.get("errors", []) == []
    assert (found["incident"]["step"], found["incident"]["replica"]) == (1, 1)


def test_a_moving_statistic_that_goes_bad(tmp_path: Path) -> None:
    """Behind finite losses; no step looks at it, the host does at the end of an epoch at the latest."""
    spoilt = SCRIPT.replace("model.fit(", "model.fit(callbacks=[Spoil()], x=").replace("epochs=1", "epochs=9")
    spoil = """
class Spoil(keras.callbacks.Callback):
    def on_train_batch_begin(self, batch, logs=None):
        if self.model.optimizer.iterations == 6:
            self.model.layers[1].moving_mean.assign(np.full(16, np.nan))

try:"""
    status, _ = trained(
        tmp_path, "healthy", script=spoilt.replace("try:", spoil).replace("x=x, y,", "x=x, y=y,")
    )
    assert status == 3
    found = record(tmp_path)
    assert found.get("errors", []) == []
    incident = found["incident"]
    assert incident["path"].endswith("moving_mean")
    assert (incident["role"], incident["state"], incident["step"] < 8) == ("weight", True, True)
    assert incident["finite_after"] < 6


def test_a_row_that_cannot_be_taken_costs_the_training_nothing(bare: Bare, tmp_path: Path) -> None:
    fault = """
from nanwatch.watch.train_step.replicated_step import ReplicatedStepRecorder

def fails(*given):
    raise ArithmeticError("a fault of our own")

ReplicatedStepRecorder.take_row = fails
try:"""
    status, held = trained(tmp_path, "healthy", script=SCRIPT.replace("try:", fault))
    assert (status, held) == bare("healthy")
    assert "a fault of our own" in str(record(tmp_path)["errors"])


def test_an_empty_replica(tmp_path: Path) -> None:
    status, _ = trained(tmp_path, "empty")
    assert status == 3
    assert record(tmp_path)["incident"]["replica"] == 1
