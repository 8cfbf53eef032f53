"""A mixture of three densities on a narrow curve: the likelihood ends far below 0; nothing is wrong."""

import keras
import numpy as np
from keras import ops

keras.utils.set_random_seed(603)
x = np.random.uniform(-1, 1, (900, 1)).astype("float32")
y = (np.sin(3 * x) + np.random.normal(0, 0.01, x.shape)).astype("float32")


def likelihood(y, out):
    logits, mean, scale = ops.split(out, 3, axis=-1)
    log_scale = ops.clip(scale, -7.0, 3.0)
    parts = -0.5 * ops.square((y - mean) * ops.exp(-log_scale)) - log_scale
    return -ops.logsumexp(ops.log_softmax(logits) + parts, axis=-1)


inputs = keras.Input((1,))
h = keras.layers.Dense(48, "tanh")(inputs)
h = keras.layers.Dense(48, "tanh")(h)
model = keras.Model(inputs, keras.layers.Dense(9)(h))
model.compile(keras.optimizers.Adam(4e-3), likelihood)
model.fit(x, y, epochs=40, batch_size=60, verbose=0)
