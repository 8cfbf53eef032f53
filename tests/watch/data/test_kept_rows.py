"""Rows that are kept for trials: copied, thinned, put together again."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from nanwatch.watch.data import kept_rows
from nanwatch.watch.data.kept_rows import KeptBatches, Rows, batches_of, rows_of_arrays

pytestmark = pytest.mark.tensorflow
X = np.arange(40, dtype=np.float64).reshape(20, 2)
Y = np.arange(20)


def test_arrays_are_copied_as_keras_sees_them() -> None:
    x = X.copy()
    rows = rows_of_arrays({"a": x}, Y, None)
    assert rows is not None
    x[:] = -1
    assert (rows.length, rows.x["a"].dtype, rows.y.dtype, rows.sample_weight) == (
        20,
        np.float32,
        Y.dtype,
        None,
    )
    np.testing.assert_array_equal(rows.x["a"], X)


def test_of_too_much_every_so_many_rows_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_rows, "MOST_BYTES", (X.nbytes + Y.nbytes) // 3)
    rows = rows_of_arrays(X, Y, None)
    assert rows is not None
    np.testing.assert_array_equal(rows.y, Y[::3])
    monkeypatch.setattr(kept_rows, "MOST_BYTES", X.nbytes + Y.nbytes)
    whole = rows_of_arrays(X, Y, None)
    assert whole is not None
    assert whole.length == 20


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (X, None),
        (iter([X]), Y),
        (X, Y[:5]),
        (np.array(["a"] * 20), Y),
        (X[:0], Y[:0]),
        (None, Y),
    ],
)
def test_what_is_no_table_is_not_kept(x: object, y: object) -> None:
    assert rows_of_arrays(x, y, None) is None


def test_tensors_are_tables_too() -> None:
    rows = rows_of_arrays(tf.constant(X, tf.float32), tf.constant(Y), None)
    assert rows is not None
    assert isinstance(rows.x, np.ndarray)


def test_batches_of_looks_become_one_table() -> None:
    kept = KeptBatches()
    for first in (0, 8, 16):
        kept.hold({("input", "0"): X[first : first + 8], ("label", "0"): Y[first : first + 8]})
    rows = kept.rows((0, 0))
    assert rows is not None
    np.testing.assert_array_equal(rows.x, X)
    np.testing.assert_array_equal(rows.y, Y)
    assert kept.rows((0,)) is None
    assert KeptBatches().rows((0, 0)) is None


def test_batches_of_another_width_are_left_out() -> None:
    kept = KeptBatches()
    kept.hold({("input", "0"): X, ("label", "0"): Y})
    kept.hold({("input", "0"): X[:, :1], ("label", "0"): Y})
    rows = kept.rows((0, 0))
    assert rows is not None
    assert rows.length == 20


def test_what_is_held_of_batches_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_rows, "MOST_BYTES", 2 * (X.nbytes + Y.nbytes))
    kept = KeptBatches()
    for _ in range(3):
        kept.hold({("input", "0"): X, ("label", "0"): Y})
    assert len(kept.batches) == 2


def test_an_epoch_has_every_row_once_and_the_order_is_the_seeds() -> None:
    rows = Rows(X, Y, None)

    def epochs(shuffled: bool, seed: int) -> list[list[int]]:
        found = itertools.islice(batches_of(rows, 8, shuffled, seed), 6)
        return [batch.y.tolist() for batch in found]

    assert epochs(False, 0)[:3] == [list(range(8)), list(range(8, 16)), list(range(16, 20))]
    mixed = epochs(True, 0)
    for epoch in (mixed[:3], mixed[3:]):
        assert sorted(row for batch in epoch for row in batch) == list(range(20))
    assert mixed[:3] != mixed[3:]
    assert epochs(True, 0) == mixed != epochs(True, 1)


def test_weights_are_multiplied() -> None:
    rows = Rows(X, Y, None).with_weights(np.full(20, 2.0))
    assert rows.with_weights(np.full(20, 3.0)).sample_weight.tolist() == [6.0] * 20
