"""Ways to train a network, and what of it is left at the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tests.same_bits.architectures import ARCHITECTURES, CLASSES, ROWS, rows_of

BATCH, EPOCHS = 16, 2

OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "SGD": lambda: keras.optimizers.SGD(0.01),
    "SGD with a schedule": lambda: keras.optimizers.SGD(
        keras.optimizers.schedules.ExponentialDecay(0.1, 4, 0.5)
    ),
    "SGD with weight decay": lambda: keras.optimizers.SGD(0.01, weight_decay=0.01),
    "SGD with momentum": lambda: keras.optimizers.SGD(0.01, momentum=0.9),
    "Nesterov": lambda: keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True),
    "RMSprop": lambda: keras.optimizers.RMSprop(0.01),
    "RMSprop, centered": lambda: keras.optimizers.RMSprop(0.01, momentum=0.9, centered=True),
    "Adam": lambda: keras.optimizers.Adam(0.01),
    "Adam, clipped and averaged": lambda: keras.optimizers.Adam(0.01, global_clipnorm=1.0, use_ema=True),
    "AMSGrad": lambda: keras.optimizers.Adam(0.01, amsgrad=True),
    "AdamW": lambda: keras.optimizers.AdamW(0.01),
    "Adagrad": lambda: keras.optimizers.Adagrad(0.01),
    "Adadelta": lambda: keras.optimizers.Adadelta(1.0),
    "Adamax": lambda: keras.optimizers.Adamax(0.01),
    "Nadam": lambda: keras.optimizers.Nadam(0.01),
    "Ftrl": lambda: keras.optimizers.Ftrl(0.01),
    "Lion": lambda: keras.optimizers.Lion(0.001),
    "Lamb": lambda: keras.optimizers.Lamb(0.01),
    "Adafactor": lambda: keras.optimizers.Adafactor(0.01),
}
WAYS = ("fit", "fit, eager", "fit, steps_per_execution", "tape", "tape, squares", "tape, eager")


@dataclass(frozen=True)
class Training:
    architecture: str
    optimizer: str
    way: str

    def run(self) -> list[Any]:
        """Every variable of the model and the optimizer, and the losses, at the end."""
        keras.utils.set_random_seed(7)
        shape, make = ARCHITECTURES[self.architecture]
        model, optimizer = make(), OPTIMIZERS[self.optimizer]()
        x, y = rows_of(shape), np.random.RandomState(1).randint(0, CLASSES, ROWS)
        losses = by_fit(model, optimizer, x, y, self.way) if self.way in WAYS[:3] else None
        losses = losses or by_tape(model, optimizer, x, y, self.way)
        variables = [*model.variables, *optimizer.variables]
        return [variable.numpy() for variable in variables] + [np.array(losses)]


def by_fit(model: Any, optimizer: Any, x: Any, y: Any, way: str) -> list[float]:
    model.compile(
        optimizer,
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        run_eagerly=way == "fit, eager",
        steps_per_execution=3 if way == "fit, steps_per_execution" else 1,
    )
    losses: list[float] = model.fit(x, y, batch_size=BATCH, epochs=EPOCHS, verbose=0).history["loss"]
    return losses


def by_tape(model: Any, optimizer: Any, x: Any, y: Any, way: str) -> list[float]:
    measure = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def squares(labels: Any, outputs: Any) -> Any:
        return tf.reduce_mean(tf.square(tf.one_hot(labels, CLASSES) - outputs))

    def step(rows: Any, labels: Any) -> Any:
        with tf.GradientTape() as tape:
            outputs = model(rows, training=True)
            loss = squares(labels, outputs) if way == "tape, squares" else measure(labels, outputs)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    run = step if way == "tape, eager" else tf.function(step)
    return [
        float(run(tf.constant(x[at : at + BATCH]), tf.constant(y[at : at + BATCH])))
        for _ in range(EPOCHS)
        for at in range(0, ROWS, BATCH)
    ]


def largest_difference(bare: list[Any], watched: list[Any]) -> float | None:
    """Between two states, in any element; None where they are the same to the last bit."""
    assert len(bare) == len(watched)
    apart = [
        float(np.abs(np.asarray(one, np.float64) - np.asarray(other, np.float64)).max())
        for one, other in zip(bare, watched, strict=True)
        if one.tobytes() != other.tobytes()
    ]
    return max(apart) if apart else None
