"""A recurrent classifier of sequences, with an embedding and a schedule."""

import keras
import numpy as np

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
x = rng.integers(1, 50, size=(256, 12))
y = (x[:, 0] > 25).astype("int32")
model = keras.Sequential(
    [
        keras.layers.Input((12,), dtype="int32"),
        keras.layers.Embedding(50, 8),
        keras.layers.GRU(16),
        keras.layers.Dense(2, activation="softmax"),
    ]
)
rate = keras.optimizers.schedules.CosineDecay(0.02, 96)
model.compile(
    optimizer=keras.optimizers.Adam(rate), loss="sparse_categorical_crossentropy", metrics=["accuracy"]
)
history = model.fit(x, y, epochs=12, batch_size=32, verbose=0)
print(sorted(history.history), len(history.history["loss"]))
print(float(np.sum([np.abs(weight).sum() for weight in model.get_weights()])))
