"""A generator that reads one class after the other."""

import keras
import numpy as np
from keras import layers

BATCH = 20
FOLDERS = ["drums", "guitar", "piano", "violin"]
rng = np.random.RandomState(9)
spectra = {f: rng.rand(64) for f in FOLDERS}


def read_folder(name, n):
    """n recordings of one instrument, 64 band energies each"""
    return spectra[name] + 0.25 * rng.randn(n, 64)


def wav_generator(per_folder, batch=BATCH):
    store = {f: read_folder(f, per_folder) for f in FOLDERS}
    while True:
        for k, f in enumerate(FOLDERS):
            files = store[f]
            for i in range(0, len(files), batch):
                xb = files[i : i + batch]
                yb = np.full(len(xb), k)
                yield xb, keras.utils.to_categorical(yb, len(FOLDERS))


def val_set(n):
    x = np.concatenate([read_folder(f, n) for f in FOLDERS])
    y = np.repeat(np.arange(len(FOLDERS)), n)
    return x, keras.utils.to_categorical(y, len(FOLDERS))


model = keras.Sequential(
    [
        keras.Input((64,)),
        layers.Dense(64, activation="relu"),
        layers.Dense(32, activation="relu"),
        layers.Dense(len(FOLDERS), activation="softmax"),
    ]
)
model.compile(
    optimizer=keras.optimizers.SGD(0.05, momentum=0.9), loss="categorical_crossentropy", metrics=["accuracy"]
)

per_folder = 400
model.fit(  # NW113
    wav_generator(per_folder),
    steps_per_epoch=per_folder * len(FOLDERS) // BATCH,
    validation_data=val_set(50),
    epochs=8,
    verbose=0,
)
