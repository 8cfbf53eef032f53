"""AdamW with a weight decay of 100: what a step gives, the decay takes."""

import keras
import numpy as np

keras.utils.set_random_seed(308)
x = np.random.normal(size=(900, 6)).astype("float32")
y = (x[:, :2].sum(1) > 0).astype("float32")
model = keras.Sequential(
    [keras.Input((6,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(1, activation="sigmoid")]
)
model.compile(
    optimizer=keras.optimizers.AdamW(learning_rate=2e-3, weight_decay=100.0),  # NW506
    loss="binary_crossentropy",
    metrics=["accuracy"],
)
model.fit(x, y, epochs=12, verbose=0)
