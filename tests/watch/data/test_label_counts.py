"""Labels counted on the device, against the same counts in NumPy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from nanwatch.record.facts import TensorSummary
from nanwatch.watch.data.label_counts import LabelCounts
from nanwatch.watch.data.profile import MOST_CLASSES, Profile
from tests.watch.training import only_run, watch_in

pytestmark = pytest.mark.tensorflow
STEPS = 60  # more than are looked at in full
BATCH = 16


def counted(*batches: Any) -> TensorSummary:
    """What is known of a label whose first batch alone was looked at."""
    census, profile = LabelCounts(), Profile("label", "0")
    add = tf.function(lambda labels: census.count([("0", labels)]))
    for batch in batches:
        add(tf.constant(batch))
    profile.add(np.asarray(batches[0]))
    (found,), _ = census.made_whole((profile.summary(),))
    return found


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8", "float32"])
@pytest.mark.parametrize("column", [False, True])
def test_whole_numbers(dtype: str, column: bool) -> None:
    labels = np.random.default_rng(0).integers(0, 7, (5, BATCH)).astype(dtype)
    labels[0] = 1
    batches = labels[..., np.newaxis] if column else labels
    found = counted(*batches)
    values, counts = np.unique(labels, return_counts=True)
    assert found.classes == {str(int(value)): count for value, count in zip(values, counts, strict=True)}
    assert (found.rows, found.min, found.max) == (labels.size, labels.min(), labels.max())
    assert found.mean == pytest.approx(float(labels.mean()))
    assert found.std == pytest.approx(float(labels.std()))


def test_rows_of_one_hot() -> None:
    classes = np.random.default_rng(1).integers(0, 5, (4, BATCH))
    found = counted(*np.eye(5, dtype=np.float32)[classes])
    shares = np.bincount(classes.ravel(), minlength=5) / classes.size
    assert [column.mean for column in found.columns] == pytest.approx(list(shares))
    assert (found.rows, found.size) == (classes.size, classes.size * 5)


@pytest.mark.parametrize(("value", "integral"), [(2.0, True), (2.5, False), (np.nan, False)])
def test_a_fraction_in_a_later_batch(value: float, integral: bool) -> None:
    later = np.ones(BATCH, np.float32)
    later[3] = value
    found = counted(np.ones(BATCH, np.float32), later)
    assert found.integral is integral
    assert bool(found.classes) is integral


@pytest.mark.parametrize(("value", "told"), [(MOST_CLASSES - 1, True), (MOST_CLASSES, False), (-1, False)])
def test_a_label_beyond_what_is_counted(value: int, told: bool) -> None:
    census, profile = LabelCounts(), Profile("label", "0")
    profile.add(np.array([0, 1]))
    census.count([("0", tf.constant([0, 1, value]))])
    (found,), whole = census.made_whole((profile.summary(),))
    assert whole is told
    assert (str(value) in found.classes) is told


def test_rows_that_are_one_hot_in_the_first_batch_alone() -> None:
    both = np.ones((BATCH, 3), np.float32)
    found = counted(np.eye(3, dtype=np.float32)[np.zeros(BATCH, int)], both)
    assert found.rows == BATCH  # the looks' own


def test_a_label_of_another_kind_is_counted_anew() -> None:
    census = LabelCounts()
    census.count([("0", tf.constant([0, 1]))])
    census.begin()
    hot = np.eye(2, dtype=np.float32)
    census.count([("0", tf.constant(hot))])
    profile = Profile("label", "0")
    profile.add(hot)
    (found,), whole = census.made_whole((profile.summary(),))
    assert whole
    assert [column.mean for column in found.columns] == [0.5, 0.5]


def classifier() -> Any:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def sorted_labels() -> Any:
    return np.repeat([0, 1, 2], STEPS * BATCH // 3)


def as_dataset(labels: Any) -> Any:
    x = np.random.default_rng(0).normal(size=(len(labels), 4)).astype("float32")
    return tf.data.Dataset.from_tensor_slices((x, labels)).batch(BATCH)


def as_generator(labels: Any) -> Any:
    def batches() -> Any:
        while True:
            yield from as_dataset(labels).as_numpy_iterator()

    return batches()


class AsSequence(keras.utils.PyDataset):
    def __init__(self, labels: Any) -> None:
        super().__init__()
        self.batches = list(as_dataset(labels).as_numpy_iterator())

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> Any:
        return self.batches[index]


@pytest.mark.parametrize("kind", [as_dataset, as_generator, AsSequence])
@pytest.mark.parametrize("jit", [False, True])
def test_the_labels_of_a_fit_and_of_its_validation(kind: Any, jit: bool, tmp_path: Path) -> None:
    model = classifier()
    model.compile("adam", "sparse_categorical_crossentropy", jit_compile=jit)
    labels, others = sorted_labels(), np.repeat([1, 2], 20 * BATCH)
    model.fit(
        kind(labels),
        steps_per_epoch=STEPS,
        epochs=2,
        validation_data=kind(others),
        validation_steps=40,
        callbacks=[watch_in(tmp_path)],
        verbose=0,
        shuffle=False,
    )
    (fit,) = only_run(tmp_path).fits
    (trained,), (validated,) = fit.info.data.labels, fit.info.validation_data.labels
    assert trained.classes == dict.fromkeys("012", 2 * STEPS * BATCH // 3)
    assert validated.classes == dict.fromkeys("12", 20 * BATCH)
    assert fit.info.data.labels_counted
    assert fit.info.validation_data.labels_counted
    assert fit.info.validation_data.inputs[0].rows >= 8 * BATCH
    assert only_run(tmp_path).info.errors == ()


def test_a_later_evaluation_is_not_taken_for_the_validation(tmp_path: Path) -> None:
    model = classifier()
    data, other = as_dataset(sorted_labels()), as_dataset(np.ones(40))
    watch = watch_in(tmp_path)
    model.fit(data, validation_data=other, callbacks=[watch], verbose=0, shuffle=False)
    before = only_run(tmp_path).fits[0].info.validation_data
    model.evaluate(as_dataset(np.zeros(40)), verbose=0)
    assert only_run(tmp_path).fits[0].info.validation_data == before
    assert before.labels[0].classes == {"1": 40}


def test_a_fit_of_arrays_is_read_as_before(tmp_path: Path) -> None:
    model = classifier()
    labels = sorted_labels()
    x = np.zeros((len(labels), 4), np.float32)
    model.fit(x, labels, validation_split=0.1, callbacks=[watch_in(tmp_path)], verbose=0, shuffle=False)
    data = only_run(tmp_path).fits[0].info.data
    assert (data.whole, data.labels_counted) == (True, False)


def test_the_validation_gives_what_it_gives_bare(tmp_path: Path) -> None:
    histories = []
    for watches in ([], [watch_in(tmp_path)]):
        keras.utils.set_random_seed(5)
        model = classifier()
        data = as_dataset(sorted_labels())
        found = model.fit(
            data, validation_data=data.take(9), epochs=2, callbacks=watches, verbose=0, shuffle=False
        )
        histories.append(found.history)
    assert histories[0] == histories[1]


def test_the_model_is_left_as_it_was(tmp_path: Path) -> None:
    model = classifier()
    data = as_dataset(sorted_labels())
    model.fit(data, validation_data=data.take(9), callbacks=[watch_in(tmp_path)], verbose=0, shuffle=False)
    assert not {"test_step", "make_test_function"} & set(vars(model))
