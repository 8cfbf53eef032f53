"""Every public way of saving leaves an event, and one alone; deletions that Keras and TensorFlow make too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from nanwatch.diagnose.engine import diagnose
from nanwatch.record.events import Deleted, Saved
from nanwatch.record.read import read_run
from nanwatch.watch.recording.run_recorder import RunRecorder
from nanwatch.watch.recording.saves import are_finite
from tests.programs.running import seams

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # Keras's own saving
]


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[RunRecorder]:
    """Of a run in which every training goes on, whatever becomes of it."""
    found = RunRecorder(tmp_path / "logs", "train.py", ())
    with seams(keras, found, "continue"):
        yield found
    found.end("finished", 0)


def model_of(value: float = 0.5) -> Any:
    """One Dense layer whose weights are all ``value``."""
    given = keras.initializers.Constant(value)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, kernel_initializer=given)])
    model.compile("sgd", "mse")
    return model


def train(model: Any, callbacks: tuple[Any, ...] = (), broken: bool = False, epochs: int = 3) -> None:
    """Two steps an epoch; if ``broken``, the loss is NaN from the second epoch on."""
    x, y = np.ones((8, 3), "float32"), np.ones((8, 2), "float32")
    breaking = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: model.optimizer.learning_rate.assign(np.nan if epoch else 0.01)
    )
    first = (breaking,) if broken else ()
    model.fit(x, y, batch_size=4, epochs=epochs, verbose=0, callbacks=[*first, *callbacks])


def told(recorder: RunRecorder) -> list[tuple[str, int, str, Any]]:
    """(event, step, file name, finite) of what was saved and deleted."""
    events = [event for fit in read_run(recorder.folder).fits for event in fit.events]
    chosen = [event for event in events if isinstance(event, Saved | Deleted)]
    return [
        (event.kind, event.step, Path(event.path).name, event.finite if isinstance(event, Saved) else None)
        for event in chosen
    ]


def said(recorder: RunRecorder) -> list[tuple[str, str, str]]:
    found = diagnose(read_run(recorder.folder)).diagnoses
    return [(one.code, one.part, one.message) for one in found if one.code == "NW606"]


def own_subclass(model: Any, path: str) -> None:
    class Own(keras.Model):
        def save(self, filepath: Any, **given: Any) -> Any:
            return super().save(filepath, **given)

    Own(model.inputs, model.outputs).save(path)


WAYS: dict[str, tuple[Callable[[Any, str], Any], str, str]] = {
    "model.save": (lambda model, path: model.save(path), "m.keras", "m.keras"),
    "by keyword": (lambda model, path: model.save(filepath=path), "m.keras", "m.keras"),
    "a save of one's own": (own_subclass, "m.keras", "m.keras"),
    "save_weights": (lambda model, path: model.save_weights(path), "m.weights.h5", "m.weights.h5"),
    "keras.saving.save_model": (
        lambda model, path: keras.saving.save_model(model, path),
        "m.keras",
        "m.keras",
    ),
    "all by keyword": (
        lambda model, path: keras.saving.save_model(model=model, filepath=path),
        "m.keras",
        "m.keras",
    ),
    "keras.models.save_model": (
        lambda model, path: keras.models.save_model(model, path),
        "m.keras",
        "m.keras",
    ),
    "tf.keras.models.save_model": (
        lambda model, path: tf.keras.models.save_model(model, path),
        "m.keras",
        "m.keras",
    ),
    "keras.saving.save_weights": (
        lambda model, path: keras.saving.save_weights(model, path),
        "m.weights.h5",
        "m.weights.h5",
    ),
    "export": (lambda model, path: model.export(path, verbose=False), "m", "m"),
    "tf.saved_model.save": (lambda model, path: tf.saved_model.save(model, path), "m", "m"),
    "Checkpoint.save": (lambda model, path: tf.train.Checkpoint(model=model).save(path), "m", "m-1"),
    "Checkpoint.write": (lambda model, path: tf.train.Checkpoint(net=[model]).write(path), "m", "m"),
    "Checkpoint of a root": (lambda model, path: tf.train.Checkpoint(model).write(path), "m", "m"),
    "CheckpointManager": (
        lambda model, path: tf.train.CheckpointManager(tf.train.Checkpoint(model=model), path, 1).save(),
        "m",
        "ckpt-1",
    ),
}


@pytest.mark.parametrize("value", [0.5, np.inf])
@pytest.mark.parametrize("name", WAYS)
def test_every_way_leaves_one_event(name: str, value: float, recorder: RunRecorder, tmp_path: Path) -> None:
    way, given, seen = WAYS[name]
    trained = model_of()
    train(trained)
    way(model_of(value), str(tmp_path / given))
    assert told(recorder) == [("save", 6, seen, bool(np.isfinite(value)))]


def test_checkpoints_of_callbacks(recorder: RunRecorder, tmp_path: Path) -> None:
    """The steps are those that were trained, whether they have been drained or not."""
    kept = keras.callbacks.ModelCheckpoint(str(tmp_path / "m-{epoch}.keras"))
    weights = keras.callbacks.ModelCheckpoint(str(tmp_path / "m.weights.h5"), save_weights_only=True)
    train(model_of(), (kept, weights))
    assert told(recorder) == [
        entry
        for epoch in (1, 2, 3)
        for entry in (
            ("save", 2 * epoch, f"m-{epoch}.keras", True),
            ("save", 2 * epoch, "m.weights.h5", True),
        )
    ]
    assert said(recorder) == []


def test_nan_saved_over_good_weights(recorder: RunRecorder, tmp_path: Path) -> None:
    train(model_of(), (keras.callbacks.ModelCheckpoint(str(tmp_path / "m.keras")),), broken=True)
    assert [entry[3] for entry in told(recorder)] == [True, False, False]
    ((_, part, message),) = said(recorder)
    assert part == "consequence"
    assert message.startswith("Weights that are not finite were saved 2 times, first at step 4 to ")
    assert message.endswith("; no good one is left.")


def test_good_weights_under_another_name(recorder: RunRecorder, tmp_path: Path) -> None:
    train(model_of(), (keras.callbacks.ModelCheckpoint(str(tmp_path / "m-{epoch}.keras")),), broken=True)
    ((_, _, message),) = said(recorder)
    assert message.endswith("m-1.keras, of step 2.")


def test_a_backup_that_is_deleted(recorder: RunRecorder, tmp_path: Path) -> None:
    backup = keras.callbacks.BackupAndRestore(str(tmp_path / "backup"))
    train(model_of(), (backup, keras.callbacks.TerminateOnNaN()), broken=True)
    assert [entry[0] for entry in told(recorder)][-1] == "delete"
    assert len(said(recorder)) == 1


def test_a_backup_that_a_healthy_training_deletes(recorder: RunRecorder, tmp_path: Path) -> None:
    train(model_of(), (keras.callbacks.BackupAndRestore(str(tmp_path / "backup")),))
    assert told(recorder) == [
        ("save", 2, "latest.weights.h5", True),
        ("save", 4, "latest.weights.h5", True),
        ("save", 6, "latest.weights.h5", True),
        ("delete", 6, "latest.weights.h5", None),
    ]
    assert said(recorder) == []


def test_a_backup_that_is_kept(recorder: RunRecorder, tmp_path: Path) -> None:
    train(model_of(), (keras.callbacks.BackupAndRestore(str(tmp_path / "backup"), delete_checkpoint=False),))
    assert [entry[0] for entry in told(recorder)] == ["save"] * 3


@pytest.mark.parametrize(
    ("epochs", "left"), [(2, "latest.weights.h5.bkp, of step 4."), (3, "no good one is left.")]
)
def test_two_backups(epochs: int, left: str, recorder: RunRecorder, tmp_path: Path) -> None:
    """The backup of the epoch before is still good when the first bad one is saved, not after that."""
    backup = keras.callbacks.BackupAndRestore(
        str(tmp_path / "backup"), delete_checkpoint=False, double_checkpoint=True
    )
    train(model_of(), (backup,), broken=True, epochs=epochs)
    ((_, _, message),) = said(recorder)
    assert message.endswith(left)


def test_a_manager_deletes_what_is_old(recorder: RunRecorder, tmp_path: Path) -> None:
    model = model_of()
    manager = tf.train.CheckpointManager(tf.train.Checkpoint(model=model), str(tmp_path / "m"), 2)
    train(model)
    for _ in range(3):
        manager.save()
    assert [entry[0::2] for entry in told(recorder)] == [
        ("save", "ckpt-1"),
        ("save", "ckpt-2"),
        ("save", "ckpt-3"),
        ("delete", "ckpt-1"),
    ]


def test_what_is_no_weight_is_not_noted(recorder: RunRecorder, tmp_path: Path) -> None:
    train(model_of())
    tf.train.Checkpoint(step=tf.Variable(np.nan)).write(str(tmp_path / "m"))
    with pytest.raises(ValueError, match="Invalid filepath"):
        model_of().save(str(tmp_path / "m.txt"))
    assert told(recorder) == []
    assert read_run(recorder.folder).info.errors == ()


def test_which_numbers_are_not_finite() -> None:
    """Of what is not trained, a mask may be infinite on purpose; NaN is none."""
    for value, trained, finite in (
        (np.inf, True, False),
        (np.inf, False, True),
        (np.nan, False, False),
        (3.0, True, True),
    ):
        assert are_finite([keras.Variable([1.0, value], trainable=trained)]) is finite
    assert are_finite([keras.Variable([1, 2], dtype="int32")])
