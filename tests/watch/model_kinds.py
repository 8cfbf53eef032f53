"""Models of many kinds with their data, small enough to be trained in a moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

ROWS, BATCH, EPOCHS = 64, 8, 2
STEPS = ROWS // BATCH * EPOCHS


@dataclass
class Kind:
    """A compiled model, and what its ``fit`` is given."""

    model: Any
    x: Any
    y: Any = None
    given: dict[str, Any] = field(default_factory=dict)


def table() -> Any:
    return np.random.default_rng(5).normal(size=(ROWS, 8)).astype("float32")


def classes() -> Any:
    return (table()[:, 0] > 0).astype("float32")


def layers_of_mlp() -> list[Any]:
    return [
        layers.Dense(16, "relu"),
        layers.BatchNormalization(),
        layers.Dropout(0.2),
        layers.Dense(1, "sigmoid"),
    ]


def mlp(optimizer: Any = "adam", **compiled: Any) -> Any:
    model = keras.Sequential([keras.Input((8,)), *layers_of_mlp()])
    model.compile(optimizer, "binary_crossentropy", metrics=["accuracy"], **compiled)
    return model


class Subclassed(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.first = layers.Dense(8, "relu")
        self.blocks = [layers.Dense(8, "tanh") for _ in range(2)]
        self.norm = layers.BatchNormalization()
        self.dropout = layers.Dropout(0.3)
        self.head = layers.Dense(1, "sigmoid")

    def call(self, x: Any, training: bool = False) -> Any:
        x = self.first(x)
        for block in self.blocks:
            x = x + block(x)
        return self.head(self.dropout(self.norm(x, training=training), training=training))


class OwnStep(keras.Model):
    def train_step(self, data: Any) -> Any:
        x, y = data
        with tf.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(x=x, y=y, y_pred=y_pred)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
            else:
                metric.update_state(y, y_pred)
        return {metric.name: metric.result() for metric in self.metrics}


class OwnCompiledStep(OwnStep):
    @tf.function
    def train_step(self, data: Any) -> Any:
        return super().train_step(data)


class OwnLoss(keras.Model):
    """A step that never calls ``compute_loss``, with a tracker of its own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.tracker = keras.metrics.Mean(name="loss")

    @property
    def metrics(self) -> list[Any]:
        return [self.tracker]

    def train_step(self, data: Any) -> Any:
        x, y = data
        with tf.GradientTape() as tape:
            error = tf.reshape(y, [-1, 1]) - self(x, training=True)
            loss = tf.reduce_mean(tf.square(error))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        self.tracker.update_state(loss)
        return {"loss": self.tracker.result()}


def own(cls: Any, **compiled: Any) -> Any:
    inputs = keras.Input((8,))
    x = inputs
    for layer in layers_of_mlp():
        x = layer(x)
    model = cls(inputs, x)
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"], **compiled)
    return model


def compiled(model: Any, loss: Any = "binary_crossentropy", optimizer: Any = "adam") -> Any:
    model.compile(optimizer, loss)
    return model


def plain(model: Any, **given: Any) -> Kind:
    return Kind(model, table(), classes(), given)


def subclassed() -> Kind:
    return plain(compiled(Subclassed()))


def functional() -> Kind:
    inputs = keras.Input((8,), name="features")
    hidden = layers.Dense(8, "relu")(inputs)
    added = layers.Add()([hidden, layers.Dense(8, "relu")(hidden)])
    return plain(compiled(keras.Model(inputs, layers.Dense(1, "sigmoid")(added))))


def several_ends() -> Kind:
    left, right = keras.Input((4,), name="left"), keras.Input((4,), name="right")
    hidden = layers.Concatenate()([layers.Dense(4)(left), layers.Dense(4)(right)])
    model = keras.Model(
        {"left": left, "right": right},
        {"p": layers.Dense(1, "sigmoid", name="p")(hidden), "q": layers.Dense(1, name="q")(hidden)},
    )
    model.compile(
        "adam",
        {"p": "binary_crossentropy", "q": "mse"},
        loss_weights={"p": 1.0, "q": 0.5},
        metrics={"q": ["mae"]},
    )
    x = table()
    return Kind(model, {"left": x[:, :4], "right": x[:, 4:]}, {"p": classes()[:, None], "q": x[:, :1]})


def words() -> Any:
    return np.random.default_rng(6).integers(0, 20, (ROWS, 4))


def recurrent() -> Kind:
    model = keras.Sequential(
        [layers.Embedding(20, 4, mask_zero=True), layers.LSTM(3), layers.Dense(1, "sigmoid")]
    )
    return Kind(compiled(model), words(), classes())


def in_time() -> Kind:
    model = keras.Sequential(
        [
            keras.Input((2, 8)),
            layers.TimeDistributed(layers.Dense(4, "relu")),
            layers.Bidirectional(layers.SimpleRNN(3)),
            layers.Dense(1, "sigmoid"),
        ]
    )
    return Kind(compiled(model), np.repeat(table()[:, None], 2, axis=1), classes())


def pictures() -> Kind:
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.RandomFlip(),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(3, "softmax"),
        ]
    )
    x = np.random.default_rng(7).integers(0, 256, (ROWS, 8, 8, 1), dtype="uint8")
    return Kind(compiled(model, "sparse_categorical_crossentropy"), x, words()[:, 0] % 3)


def nested() -> Kind:
    inner = keras.Sequential([keras.Input((8,)), *layers_of_mlp()[:3]], name="inner")
    return plain(
        compiled(keras.Sequential([keras.Input((8,)), layers.Dense(8), inner, layers.Dense(1, "sigmoid")]))
    )


def half() -> Kind:
    """At the first loss scale, 2**15, a gradient overflows and the step is skipped: that is health."""
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        model = mlp()
    finally:
        keras.mixed_precision.set_global_policy("float32")
    return Kind(model, table() * 20, classes())


def frozen() -> Kind:
    model = mlp()
    for layer in model.layers[:-1]:
        layer.trainable = False
    return plain(compiled(model))


def all_frozen() -> Kind:
    model = mlp()
    model.trainable = False
    return plain(compiled(model))


def no_gradient() -> Kind:
    """The second model of the pair has no part in the loss."""
    inputs = keras.Input((8,))
    idle = layers.Dense(1, name="idle")(inputs)
    head = layers.Dense(1, "sigmoid", name="head")(inputs)
    model = keras.Model(inputs, [head, idle])
    model.compile("adam", ["binary_crossentropy", None])
    return Kind(model, table(), classes()[:, None])


def accumulating() -> Kind:
    return plain(mlp(keras.optimizers.Adam(gradient_accumulation_steps=3, use_ema=True, clipnorm=1.0)))


def scheduled() -> Kind:
    rate = keras.optimizers.schedules.ExponentialDecay(0.1, 4, 0.5)
    return plain(mlp(keras.optimizers.SGD(rate, momentum=0.9, nesterov=True)))


def as_data_set() -> Kind:
    data = tf.data.Dataset.from_tensor_slices((table(), classes(), np.linspace(0, 1, ROWS, dtype="float32")))
    return Kind(mlp(), data.shuffle(ROWS, seed=1).batch(BATCH), None, {"shuffle": False})


def penalised() -> Kind:
    model = keras.Sequential(
        [
            keras.Input((8,)),
            layers.Dense(8, "relu", kernel_regularizer="l2", activity_regularizer="l1"),
            layers.GaussianNoise(0.1),
            layers.Dense(3),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return Kind(compiled(model, loss, keras.optimizers.AdamW(1e-2)), table(), words()[:, 0] % 3)


KINDS: dict[str, Callable[[], Kind]] = {
    "Sequential": lambda: plain(mlp()),
    "Sequential, built by its first batch": lambda: plain(compiled(keras.Sequential(layers_of_mlp()))),
    "functional": functional,
    "subclassed": subclassed,
    "several inputs and outputs": several_ends,
    "Embedding and LSTM": recurrent,
    "TimeDistributed and Bidirectional": in_time,
    "convolutions and augmentation": pictures,
    "nested": nested,
    "mixed_float16": half,
    "half frozen": frozen,
    "all frozen": all_frozen,
    "a variable without gradient": no_gradient,
    "accumulation, EMA and clipnorm": accumulating,
    "schedule and momentum": scheduled,
    "penalties and noise": penalised,
    "sample weights": lambda: plain(mlp(), sample_weight=np.linspace(0, 2, ROWS, dtype="float32")),
    "class weights and validation": lambda: plain(
        mlp(), class_weight={0: 1.0, 1: 3.0}, validation_split=0.25
    ),
    "tf.data": as_data_set,
    "own step": lambda: plain(own(OwnStep)),
    "own step, a tf.function": lambda: plain(own(OwnCompiledStep)),
    "own step without compute_loss": lambda: plain(own(OwnLoss)),
    "run_eagerly": lambda: plain(mlp(run_eagerly=True)),
    "steps_per_execution": lambda: plain(mlp(steps_per_execution=3)),
    "XLA": lambda: plain(mlp(jit_compile=True)),
    "XLA, steps_per_execution": lambda: plain(mlp(jit_compile=True, steps_per_execution=3)),
    "XLA, own step": lambda: plain(own(OwnStep, jit_compile=True)),
}


def steps_of(kind: Kind) -> int:
    """How many steps ``fit`` takes."""
    rows = ROWS * 3 // 4 if "validation_split" in kind.given else ROWS
    return rows // BATCH * EPOCHS


def state_of(model: Any) -> list[Any]:
    """Every number that training changes but metrics: weights, statistics, seeds, optimizer slots."""
    return [variable.numpy() for variable in (*model.variables, *model.optimizer.variables)]


def metrics_of(model: Any) -> list[Any]:
    return [variable.numpy() for metric in model.metrics for variable in metric.variables]
