"""An eager loop: the slope of a root at 0, in a layer of the script's own."""

import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(1)
x = np.random.normal(size=(96, 4)).astype("float32")
x[40] = 0.0


class Length(keras.layers.Layer):
    def call(self, rows):
        return tf.sqrt(tf.reduce_sum(tf.square(rows), axis=1))  # op: SqrtGrad backward


net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, use_bias=False), Length()])
optimizer = keras.optimizers.SGD(0.01)
for rows in x.reshape(3, 32, 4):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(net(rows) - 1.0))
    gradients = tape.gradient(loss, net.trainable_variables)
    optimizer.apply_gradients(zip(gradients, net.trainable_variables, strict=True))
