"""Which number stands where in a step's row."""

from __future__ import annotations

import pytest

from nanwatch.record.notes import NotDense, NotMet
from nanwatch.record.watchpoints import Watchpoint

pytestmark = pytest.mark.tensorflow


def test_the_columns_of_a_row() -> None:
    import keras
    import tensorflow as tf

    from nanwatch.watch.data import batch
    from nanwatch.watch.train_step.row_layout import layout_of

    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(2, name="a"), keras.layers.Dense(1, name="b")],
        name="model",
    )
    split = batch.split_batch(
        (
            {"x": tf.zeros([4, 3]), "ids": tf.zeros([4], tf.int32), "text": tf.constant(["a"])},
            tf.zeros([4, 1]),
            tf.ones(4),
        )
    )
    layout = layout_of(model, model.trainable_variables, split)
    assert layout.columns() == [
        ("rows", "", "value"),
        ("input", "ids", "min"),
        ("input", "ids", "max"),
        ("input", "x", "l2_norm"),
        ("label", "0", "min"),
        ("label", "0", "max"),
        ("sample_weight", "0", "l2_norm"),
        ("learning_rate", "", "value"),
        ("loss", "", "value"),
        *[("activation", f"model/{name}", "l2_norm") for name in "ab"],
        ("output", "output", "l2_norm"),
        *[("gradient", f"model/{name}/{kind}", "l2_norm") for name in "ab" for kind in ("kernel", "bias")],
        *[("weight", f"model/{name}/{kind}", "l2_norm") for name in "ab" for kind in ("kernel", "bias")],
    ]
    assert (layout.of_batch, layout.of_step) == (7, 16)
    assert layout.width == len(layout.columns()) == 20
    assert list(layout.place.values()) == list(range(20))
    assert batch.list_not_dense(split) == [NotDense(Watchpoint("input", "text"), "EagerTensor", "string")]


def test_what_was_not_met_is_told() -> None:
    from nanwatch.watch.train_step.row_layout import Layout

    layout = Layout()
    for key in (
        ("rows", "", "value"),
        ("loss", "", "value"),
        ("gradient", "w", "l2_norm"),
        ("label", "0", "max"),
    ):
        layout.add(*key)
    layout.add("gradient", "w", "l2_norm")  # once is enough
    assert layout.width == 4
    layout.seen.update({("rows", "", "value"), ("label", "0", "max")})
    assert layout.list_unseen() == [NotMet(Watchpoint("gradient", "w"))]
    assert layout.count_watchpoints() == 1
