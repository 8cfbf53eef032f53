"""Variables that no optimizer is to move: an annealed weight, random features, a frozen net, a target."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

keras.utils.set_random_seed(406)
rng = np.random.RandomState(406)
x = rng.randn(960, 8).astype("float32")
y = x[:, :3].argmax(1)
frozen = keras.Sequential([keras.Input((8,)), layers.Dense(16, activation="relu")])
frozen.trainable = False


class Annealed(layers.Layer):
    def __init__(self):
        super().__init__()
        self.beta = tf.Variable(0.0)
        self.features = tf.Variable(tf.random.normal((8, 8)), trainable=False)
        self.shift = tf.Variable(np.linspace(-1, 1, 8, dtype="float32"))
        self.inner = layers.Dense(16)

    def call(self, x):
        h = self.inner(tf.concat([x + self.shift, tf.sin(x @ self.features), frozen(x)], axis=1))
        self.add_loss(1e-3 * self.beta * tf.reduce_mean(h**2))
        return h


class Anneal(keras.callbacks.Callback):
    def __init__(self, weight):
        super().__init__()
        self.weight = weight

    def on_epoch_begin(self, epoch, logs=None):
        self.weight.assign(min(1.0, epoch / 3))


first = Annealed()
model = keras.Sequential([keras.Input((8,)), first, layers.ReLU(), layers.Dense(3, activation="softmax")])
model.compile(keras.optimizers.Adam(0.01), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=8, verbose=0, callbacks=[Anneal(first.beta)])

far = keras.Sequential([keras.Input((8,)), layers.Dense(32)])


def perceptual(y_true, y_pred):
    return tf.reduce_mean((far(y_true) - far(y_pred)) ** 2)


copier = keras.Sequential([keras.Input((8,)), layers.Dense(8)])
copier.compile(keras.optimizers.Adam(0.01), loss=perceptual)
copier.fit(x, x, epochs=5, verbose=0)
