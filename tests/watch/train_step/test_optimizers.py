"""Every optimizer of Keras's ends with the same weights, bit for bit, watched or not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.tensorflow
OPTIMIZERS: dict[str, Callable[[Any], Any]] = {
    "AdamW": lambda made: made.AdamW(weight_decay=0.01),
    "RMSprop": lambda made: made.RMSprop(centered=True, momentum=0.9),
    "Adagrad": lambda made: made.Adagrad(),
    "Adadelta": lambda made: made.Adadelta(),
    "Ftrl": lambda made: made.Ftrl(),
    "Lion": lambda made: made.Lion(),
    "Adafactor": lambda made: made.Adafactor(),
    "Lamb": lambda made: made.Lamb(),
    "accumulating": lambda made: made.Adam(gradient_accumulation_steps=3, use_ema=True, clipnorm=1.0),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_weights_and_slots_are_the_same(name: str, tmp_path: Path) -> None:
    bare = trained(OPTIMIZERS[name], None)
    watched = trained(OPTIMIZERS[name], tmp_path)
    assert len(bare) == len(watched)
    for one, other in zip(bare, watched, strict=True):
        np.testing.assert_array_equal(one, other)


def trained(optimizer: Callable[[Any], Any], log_dir: Path | None) -> list[Any]:
    """All variables after 8 steps."""
    import keras

    import nanwatch

    keras.utils.set_random_seed(3)
    x = np.random.default_rng(0).normal(size=(256, 8)).astype("float32")
    model = keras.Sequential(
        [keras.Input((8,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(1, "sigmoid")]
    )
    model.compile(optimizer(keras.optimizers), "binary_crossentropy")
    callbacks = [] if log_dir is None else [nanwatch.Watch(log_dir)]
    model.fit(x, (x[:, :1] > 0).astype("float32"), verbose=0, callbacks=callbacks)
    return [np.asarray(variable.numpy()) for variable in [*model.variables, *model.optimizer.variables]]
