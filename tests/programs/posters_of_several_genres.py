"""Rows with several labels, under a softmax and categorical cross-entropy."""

import keras
import numpy as np
from keras import layers

GENRES = ["action", "comedy", "drama", "horror", "romance", "scifi"]


class Posters(keras.utils.PyDataset):
    def __init__(self, x, y, batch_size=32, shuffle=True, **kwargs):
        super().__init__(**kwargs)
        self.x, self.y = x, y
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.idx = np.arange(len(x))

    def __len__(self):
        return int(np.ceil(len(self.x) / self.batch_size))

    def __getitem__(self, k):
        ids = self.idx[k * self.batch_size : (k + 1) * self.batch_size]
        return self.x[ids], self.y[ids]

    def on_epoch_end(self):
        if self.shuffle:
            np.random.shuffle(self.idx)


rng = np.random.RandomState(1)
protos = rng.rand(len(GENRES), 16, 12, 3)


def posters(n):
    y = (rng.rand(n, len(GENRES)) < 0.4).astype("float32")
    y[y.sum(1) == 0, 2] = 1
    x = np.tensordot(y, protos, axes=1) / 3 + 0.15 * rng.rand(n, 16, 12, 3)
    return x.astype("float32"), y


x, y = posters(900)
xv, yv = posters(200)

net = keras.Sequential(
    [
        keras.Input((16, 12, 3)),
        layers.Conv2D(16, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(64, activation="relu"),
        layers.Dense(len(GENRES), activation="softmax"),
    ]
)
net.compile(  # NW110
    "adam",
    loss="categorical_crossentropy",
    metrics=[keras.metrics.BinaryAccuracy(name="bin_acc"), keras.metrics.Recall(name="recall")],
)
net.fit(Posters(x, y), validation_data=Posters(xv, yv, shuffle=False), epochs=10, verbose=0)
