"""Padded sequences, masked, through a bidirectional LSTM."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(27)
rng = np.random.default_rng(27)

VOCAB, MAXLEN, N = 60, 20, 1500
sequences, labels = [], []
for _ in range(N):
    length = rng.integers(5, MAXLEN + 1)
    s = rng.integers(1, VOCAB, length)
    label = rng.integers(0, 3)
    k = max(2, length // 4)
    pos = rng.choice(length, k, replace=False)
    s[pos] = 1 + label * 4 + rng.integers(0, 4, k)
    sequences.append(s.tolist())
    labels.append(label)
x = keras.utils.pad_sequences(sequences, maxlen=MAXLEN, padding="post", truncating="post")
y = np.array(labels)

model = keras.Sequential(
    [
        keras.Input((MAXLEN,), dtype="int32"),
        layers.Embedding(VOCAB, 24, mask_zero=True),
        layers.Bidirectional(layers.LSTM(24)),
        layers.Dense(24, activation="relu"),
        layers.Dense(3, activation="softmax"),
    ]
)
model.compile(
    optimizer=keras.optimizers.Adam(2e-3, clipnorm=1.0),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
model.fit(x[:1200], y[:1200], epochs=6, batch_size=32, validation_data=(x[1200:], y[1200:]), verbose=0)
