"""What the adapter for Keras 2 bets on and answers, and trainings of Keras 2 under watch."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nanwatch
from nanwatch.errors import TrainingHalted
from nanwatch.record.notes import NotMet
from nanwatch.record.read import read_run
from nanwatch.record.run import Run
from nanwatch.watch.keras_seam import chosen
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.either_keras import EitherKeras
from nanwatch.watch.keras_seam.protocol import KerasSeam
from nanwatch.watch.keras_seam.seams import SEAMS, is_there, places_of
from tests.watch.keras_seam.private_names import private_names

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.skipif(importlib.util.find_spec("tf_keras") is None, reason="there is no Keras 2"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # Keras 2 on the NumPy and Python of today
]

ROWS, BATCH, BAD = 320, 32, 6  # the batch with a NaN


@pytest.fixture(autouse=True)
def keras_2() -> Iterator[Any]:
    """Keras 2 is the one that is chosen, in this test."""
    before = chosen.Settled.kind
    chosen.settle(2)
    import tf_keras

    tf_keras.utils.set_random_seed(3)
    yield tf_keras
    tf_keras.mixed_precision.set_global_policy("float32")
    chosen.Settled.kind = before


def data(bad: bool) -> tuple[Any, Any]:
    x = np.random.default_rng(0).normal(size=(ROWS, 8)).astype("float32")
    y = (x[:, :1] > 0).astype("float32")
    if bad:
        x[BAD * BATCH + 7, 3] = np.nan
    return x, y


def model_of(keras: Any, optimizer: Any = "adam", cls: Any = None, **compiled: Any) -> Any:
    """A block of its own, statistics, a penalty, dropout and an op that is no layer."""
    import tensorflow as tf

    inputs = keras.layers.Input((8,), name="given")
    inside = keras.layers.Input((8,), name="inside")
    block = keras.Model(
        inside, keras.layers.Dense(16, kernel_regularizer="l2", name="hidden")(inside), name="block"
    )
    x = keras.layers.BatchNormalization(name="normed")(block(inputs))
    x = keras.layers.Dropout(0.1, name="dropped")(tf.sqrt(tf.abs(x) + 1.0))
    x = keras.layers.Bidirectional(keras.layers.LSTM(2), name="both")(tf.expand_dims(x, 1))
    outputs = keras.layers.Dense(1, activation="sigmoid", dtype="float32", name="head")(x)
    model = (cls or keras.Model)(inputs, outputs, name="whole")
    model.compile(optimizer, "binary_crossentropy", metrics=["accuracy"], **compiled)
    return model


def fit(model: Any, callbacks: Any = (), bad: bool = False, **given: Any) -> Any:
    x, y = data(bad)
    known = {"batch_size": BATCH, "epochs": 2, "shuffle": False, "verbose": 0}
    return model.fit(x, y, callbacks=list(callbacks), **{**known, **given})


def only_run(folder: Path) -> Run:
    (place,) = (entry for entry in folder.iterdir() if entry.is_dir())
    return read_run(place)


# -- private names ---------------------------------------------------------------------------------


def test_every_private_name_is_there(keras_2: Any) -> None:
    import tensorflow as tf

    from nanwatch.watch.keras_seam import keras2

    keras_2.mixed_precision.set_global_policy("float32")
    model = model_of(keras_2, keras_2.optimizers.legacy.Adam())
    fit(model, epochs=1)
    head, dropped = model.get_layer("head"), model.get_layer("dropped")
    scaling = keras_2.mixed_precision.LossScaleOptimizer(keras_2.optimizers.Adam())
    soft = keras_2.activations.softmax(tf.constant([[1.0, 2.0]]))
    drawing = keras_2.initializers.GlorotUniform()
    drawing(shape=(2, 2))
    holders: dict[str, Any] = {
        "_built": keras_2.optimizers.Adam(),
        "_conform_to_outputs": model.compiled_loss,
        "_create_all_weights": model.optimizer,
        "_eager_losses": head,
        "_flatten_layers": model,
        "_fn_kwargs": model.compiled_loss._losses[0],
        "_generator": dropped._random_generator,
        "_hyper": model.optimizer,
        "_inbound_nodes": head,
        "_jit_compile": model,
        "_keras_history": model.outputs[0],
        "_keras_logits": soft,
        "_learning_rate": keras_2.optimizers.Adam(),
        "_loss_scale": scaling,
        "_loss_weights": model.compiled_loss,
        "_losses": model.compiled_loss,
        "_name": model.optimizer,
        "_nested_outputs": model,
        "_non_trainable_weights": head,
        "_output_names": model.compiled_loss,
        "_random_generator": dropped,
        "_should_use_autograph": head,
        "_steps_per_execution": model,
        "_trainable_weights": head,
        "_used": drawing,
        "_user_losses": model.compiled_loss,
    }
    built = holders["_built"]
    built.build(model.trainable_variables)
    modules = {name for name in private_names(Path(keras2.__file__)) if name.startswith("tf_keras.src")}
    assert private_names(Path(keras2.__file__)) - modules == set(holders)
    assert [name for name, holder in holders.items() if not hasattr(holder, name)] == []


def test_both_adapters_answer_the_same_questions() -> None:
    from nanwatch.watch.keras_seam.keras2 import Keras2

    asked = {name for name in vars(KerasSeam) if not name.startswith("_")}
    answered = {**vars(EitherKeras), **vars(Keras2)}
    assert asked == {name for name in answered if not name.startswith("_")}
    for name in asked:
        expected, found = (inspect.signature(getattr(cls, name)) for cls in (KerasSeam, Keras2))
        assert list(expected.parameters) == list(found.parameters)


def test_no_row_of_the_table_leads_to_keras_3(keras_2: Any) -> None:
    """Which would be imported for it, and what it imports with it."""
    of_keras = [seam for seam in SEAMS if seam.owner.startswith("keras.")]
    owners = [place.owner for seam in of_keras if is_there(seam) for place in places_of(seam)]
    modules = {getattr(owner, "__module__", None) or owner.__name__ for owner in owners}
    assert len(owners) > len(of_keras) / 2
    assert {name.partition(".")[0] for name in modules} == {"tf_keras"}


# -- what it answers -------------------------------------------------------------------------------


def test_the_layers_of_a_model(keras_2: Any) -> None:
    model = model_of(keras_2)
    paths = [path for path, _ in seam().layers_of(model)]
    assert [path for path in paths if "lstm" not in path] == [
        "block", "hidden", "normed", "dropped", "both", "head",
    ]  # fmt: skip
    assert any(path.startswith("both/forward_lstm") for path in paths)
    assert len(set(paths)) == len(paths)
    assert len(seam().operations_of(model)) == 4  # abs, +, sqrt, expand_dims
    assert {seam().path_of(each) for each in seam().own_variables(model.get_layer("head"))} == {
        "head/kernel", "head/bias",
    }  # fmt: skip


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("scaling", [False, True])
def test_the_variables_of_an_optimizer(keras_2: Any, old: bool, scaling: bool) -> None:
    optimizer = keras_2.optimizers.legacy.Adam(0.25) if old else keras_2.optimizers.Adam(0.25)
    if scaling:
        optimizer = keras_2.mixed_precision.LossScaleOptimizer(optimizer)
    model = model_of(keras_2, optimizer)
    seam().build(optimizer, model.trainable_variables)
    kept = seam().kept_by(optimizer)
    slots = 2 * len(model.trainable_variables)
    assert len(kept) >= slots + 1
    assert any(each is optimizer.iterations for each in kept)
    assert float(np.asarray(seam().learning_rate_given(optimizer))) == 0.25
    assert seam().is_loss_scaling(optimizer) is scaling
    assert seam().scale_of_gradients(optimizer) is None
    again = type(optimizer).from_config(seam().config_with_rate(optimizer, 0.5))
    assert float(np.asarray(seam().learning_rate_given(again))) == 0.5


def test_the_loss_of_the_data_and_the_penalty(keras_2: Any) -> None:
    model = model_of(keras_2)
    import tensorflow as tf

    x, y = map(tf.constant, data(False))
    fit(model, epochs=1)
    y_pred = model(x[:32])
    whole = model.compute_loss(x[:32], y[:32], y_pred, None)
    of_data, penalty = seam().data_loss(model, y[:32], y_pred, None), seam().penalty(model)
    assert penalty is not None
    assert float(penalty) > 0
    assert float(whole) == pytest.approx(float(of_data) + float(penalty))


def test_weights_that_are_not_made_yet(keras_2: Any) -> None:
    model = keras_2.Sequential([keras_2.layers.Dense(3)])
    assert seam().weights_of(model) == []
    kernel = keras_2.initializers.GlorotUniform()
    first = np.asarray(kernel(shape=(4, 3)))
    assert (np.asarray(seam().draw_again(kernel, (4, 3))) == first).all()


def test_paths_of_a_structure(keras_2: Any) -> None:
    structure = {"b": [1, None], "a": (2, {"c": 3})}
    assert [leaf for _, leaf in seam().flatten_with_path(structure)] == seam().flatten(structure)
    assert seam().flatten_with_path(structure)[1] == (("a", 1, "c"), 3)
    assert seam().flatten_with_path(7) == [((), 7)]


# -- trainings -------------------------------------------------------------------------------------


def trained(keras: Any, kind: str, callbacks: Any, bad: bool) -> Any:
    """One training of a kind; the model."""
    keras.utils.set_random_seed(3)
    old = keras.optimizers.legacy
    optimizers = {
        "old": old.Adam,
        "old sgd": lambda: old.SGD(0.01, momentum=0.9),
        "sgd": keras.optimizers.SGD,
        "mixed, old": old.Adam,
    }
    if kind.startswith("mixed"):
        keras.mixed_precision.set_global_policy("mixed_float16")
    optimizer = optimizers.get(kind, keras.optimizers.Adam)()
    compiled: dict[str, dict[str, Any]] = {
        "xla": {"jit_compile": True},
        "five": {"steps_per_execution": 5},
        "eager": {"run_eagerly": True},
    }
    cls = own_step(keras) if kind.startswith("own step") else None
    model = model_of(keras, optimizer, cls, **compiled.get(kind, {}))
    fit(model, callbacks, bad)
    return model


def is_cell(note: Any) -> bool:
    """Keras 2 does not call the cell of an LSTM: it computes with what that holds."""
    return isinstance(note, NotMet) and note.watchpoint.path.endswith("lstm_cell")


def own_step(keras: Any) -> Any:
    import tensorflow as tf

    class Own(keras.Model):
        def train_step(self, data: Any) -> Any:
            x, y = data
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(keras.losses.binary_crossentropy(y, self(x, training=True)))
            gradients = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
            return {"loss": loss}

    return Own


KINDS = ["new", "sgd", "old", "old sgd", "mixed", "mixed, old", "five", "eager", "own step"]


@pytest.mark.parametrize("kind", KINDS)
def test_watched_it_trains_as_it_does_bare(keras_2: Any, kind: str, tmp_path: Path) -> None:
    bare = trained(keras_2, kind, [], False).get_weights()
    watched = trained(keras_2, kind, [nanwatch.Watch(tmp_path)], False).get_weights()
    assert all((one == other).all() for one, other in zip(bare, watched, strict=True))
    run = only_run(tmp_path)
    assert run.info.errors == ()
    assert [fit.info.steps for fit in run.fits] == [2 * ROWS // BATCH]
    missed = [note for note in run.fits[0].info.not_watched if not is_cell(note)]
    assert missed == []


@pytest.mark.parametrize("kind", [*KINDS, "xla"])
def test_a_bad_step_is_held_back(keras_2: Any, kind: str, tmp_path: Path) -> None:
    seen: list[Any] = []

    class Keeps(keras_2.callbacks.Callback):
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            seen[:] = [self.model.get_weights()]

    watch = nanwatch.Watch(tmp_path)
    with pytest.raises(TrainingHalted, match=f"step {BAD}"):
        trained(keras_2, kind, [Keeps(), watch], True)
    assert all(np.isfinite(weight).all() for weight in seen[0])
    run = only_run(tmp_path)
    assert run.info.errors == ()
    incident = run.info.incident
    assert incident is not None
    assert (incident.step, incident.frozen) == (BAD, True)


def test_a_layer_of_the_scripts_own_goes_through_autograph(keras_2: Any, tmp_path: Path) -> None:
    import tensorflow as tf

    class Branchy(keras_2.layers.Layer):
        def call(self, x: Any) -> Any:
            if tf.reduce_sum(x) > 1e9:
                x = x * 2.0
            return x

    model = keras_2.Sequential([keras_2.layers.Input((8,)), Branchy(), keras_2.layers.Dense(1)])
    model.compile("sgd", "mse")
    fit(model, [nanwatch.Watch(tmp_path)], epochs=1)
    assert only_run(tmp_path).info.errors == ()


@pytest.mark.parametrize("old", [False, True])
def test_a_strategy(keras_2: Any, old: bool, tmp_path: Path) -> None:
    import tensorflow as tf

    with tf.distribute.MirroredStrategy(["/cpu:0"]).scope():
        inputs = keras_2.layers.Input((8,))
        model = keras_2.Model(inputs, keras_2.layers.Dense(1, activation="sigmoid")(inputs))
        model.compile(keras_2.optimizers.legacy.Adam() if old else "adam", "binary_crossentropy")
    with pytest.raises(TrainingHalted):
        fit(model, [nanwatch.Watch(tmp_path)], bad=True)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    info = only_run(tmp_path).info
    assert (info.errors, info.not_watched) == ((), ())


def test_a_watch_takes_the_keras_of_its_model(keras_2: Any, tmp_path: Path) -> None:
    chosen.Settled.kind = 3
    model = model_of(keras_2)
    fit(model, [nanwatch.Watch(tmp_path)], epochs=1)
    assert chosen.chosen() == 2
    assert only_run(tmp_path).fits[0].info.steps == ROWS // BATCH


def test_nothing_is_left_on_a_model(keras_2: Any, tmp_path: Path) -> None:
    model = model_of(keras_2)
    before = set(vars(model)) | set(vars(model.optimizer))
    fit(model, [nanwatch.Watch(tmp_path)], epochs=1)
    left = (set(vars(model)) | set(vars(model.optimizer))) - before
    assert not {name for name in left if "nanwatch" in name}
    assert "tf_keras" in sys.modules
    assert "apply_gradients" not in vars(model.optimizer)
    assert "call" not in vars(model.get_layer("head"))
