"""Reviews as word numbers, padded with 0 and masked, into an LSTM."""

import numpy as np
from tensorflow import keras

keras.utils.set_random_seed(74)
words = np.random.randint(1, 50, size=(400, 20))
lengths = np.random.randint(5, 21, 400)
words[np.arange(20) >= lengths[:, None]] = 0
good = ((words > 0) & (words < 12)).sum(axis=1) > 2
model = keras.Sequential(
    [
        keras.layers.Input((20,)),
        keras.layers.Embedding(50, 16, mask_zero=True),
        keras.layers.LSTM(16),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
model.fit(words, good.astype("float32"), epochs=4, verbose=0)
