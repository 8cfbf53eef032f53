"""Healthy trainings of each kind, one after the other, and what became of their weights."""

import sys

import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(3)
x = np.random.normal(size=(64, 4)).astype("float32")
y = (x.sum(axis=1, keepdims=True) > 0).astype("float32")


def network():
    given = keras.Input((4,))
    hidden = keras.layers.BatchNormalization()(keras.layers.Dense(8, activation="tanh")(given))
    hidden = keras.layers.Dropout(0.1)(hidden)
    return keras.Model(given, keras.layers.Dense(1, activation="sigmoid")(hidden))


def show(kind, model):
    print(kind, *(float(np.abs(value).sum()) for value in model.get_weights()))


class OwnStep(keras.Model):
    def __init__(self):
        super().__init__()
        self.inner = network()

    def call(self, x, training=False):
        return self.inner(x, training=training)

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = self.compute_loss(x, y, self(x, training=True))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        return {"loss": loss}


model = network()
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
history = model.fit(x, y, batch_size=16, epochs=4, validation_split=0.25, verbose=0)
print(sorted(history.history.items()))
show("fit", model)
model.train_on_batch(x, y)
show("train_on_batch", model)

own = OwnStep()
own.compile("sgd", "mse")
own.fit(x, y, batch_size=16, epochs=2, verbose=0)
show("train_step", own)

for compiled in (False, True):
    model, optimizer, loss_of = network(), keras.optimizers.SGD(0.1), keras.losses.BinaryCrossentropy()

    def step(x, y, model=model, optimizer=optimizer, loss_of=loss_of):
        with tf.GradientTape() as tape:
            loss = loss_of(y, model(x, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    step = tf.function(step) if compiled else step
    for _ in range(6):
        step(tf.constant(x), tf.constant(y))
    show("loop", model)

sys.exit(7)
