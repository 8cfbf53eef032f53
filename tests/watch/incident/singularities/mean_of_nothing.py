"""Mean of nothing."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(1)
rng = np.random.default_rng(0)
x = rng.normal(size=(320, 8)).astype("float32")
y = (x[:, 0] > 0).astype("float32")[:, None]
ids = rng.integers(1, 20, (320, 6))
ids[70] = 0
m = keras.Sequential(
    [
        layers.Embedding(20, 8, mask_zero=True),
        layers.GlobalAveragePooling1D(),  # op: RealDiv forward
        layers.Dense(1, "sigmoid"),
    ]
)
m.compile("adam", "binary_crossentropy")
m.fit(ids, y, shuffle=False, verbose=0)
