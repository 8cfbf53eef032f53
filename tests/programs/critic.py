"""The critic of a Wasserstein GAN: its loss is negative and falls, as it should."""

import keras
import numpy as np
from keras import ops

keras.utils.set_random_seed(66)
real = np.random.normal(1.0, 0.5, size=(320, 2)).astype("float32")
fake = np.random.normal(0.0, 0.5, size=(320, 2)).astype("float32")
x = np.concatenate([real, fake])
sign = np.concatenate([np.ones(320), -np.ones(320)]).astype("float32")


def wasserstein(sign, score):
    return -ops.mean(sign * score)


clip = keras.constraints.UnitNorm()
model = keras.Sequential(
    [
        keras.Input((2,)),
        keras.layers.Dense(16, "relu", kernel_constraint=clip),
        keras.layers.Dense(1, kernel_constraint=clip),
    ]
)
model.compile(optimizer=keras.optimizers.RMSprop(1e-3), loss=wasserstein)
model.fit(x, sign[:, None], epochs=8, verbose=0)
