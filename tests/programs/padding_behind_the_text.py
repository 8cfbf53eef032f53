"""Short texts padded behind to 80 tokens: the LSTM ends on dozens of zeros, and has forgotten the word."""

import keras
import numpy as np

keras.utils.set_random_seed(321)
random = np.random.default_rng(321)
texts, liked = [], []
for _ in range(900):
    words = random.integers(3, 50, random.integers(3, 8))
    good = int(random.integers(0, 2))
    words[random.integers(0, len(words))] = 1 + good
    texts.append(words.tolist())
    liked.append(good)
x = keras.utils.pad_sequences(texts, maxlen=80, padding="post")
model = keras.Sequential(
    [
        keras.Input((80,), dtype="int32"),
        keras.layers.Embedding(50, 16),  # NW313
        keras.layers.LSTM(16),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(keras.optimizers.Adam(0.005), loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x, np.array(liked), epochs=6, verbose=0)
