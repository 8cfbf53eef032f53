"""The tokenizer numbers a thousand words, the embedding holds eight hundred."""

import numpy as np
import tensorflow as tf

tf.keras.utils.set_random_seed(91)
texts = np.random.randint(0, 800, size=(320, 12))
texts[200:] = np.random.randint(0, 1000, size=(120, 12))
liked = (texts < 300).sum(axis=1) > 4
model = tf.keras.Sequential(
    [
        tf.keras.layers.Input((12,)),
        tf.keras.layers.Embedding(800, 8),  # NW112
        tf.keras.layers.GlobalAveragePooling1D(),
        tf.keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(optimizer="adam", loss="binary_crossentropy")
model.fit(texts, liked.astype("float32"), epochs=2, verbose=0)
