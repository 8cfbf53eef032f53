"""Adam with an epsilon of 10, from a paper about other gradients: every step is divided by it."""

import keras
import numpy as np

keras.utils.set_random_seed(305)
x = np.random.randint(1, 50, (960, 12))
y = ((x < 25).sum(1) > 6).astype("float32")
model = keras.Sequential(
    [
        keras.Input((12,), dtype="int32"),
        keras.layers.Embedding(50, 8),
        keras.layers.GlobalAveragePooling1D(),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
adam = keras.optimizers.Adam(0.01, epsilon=10.0)  # NW502
model.compile(adam, loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=12, verbose=0)
