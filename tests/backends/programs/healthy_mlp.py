"""A classifier that learns, with a validation and callbacks."""

import keras
import numpy as np

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
x = rng.normal(size=(512, 20)).astype("float32")
y = (x[:, 0] + x[:, 1] > 0).astype("int32")
model = keras.Sequential(
    [
        keras.layers.Input((20,)),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dropout(0.2),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(optimizer=keras.optimizers.Adam(0.01), loss="binary_crossentropy", metrics=["accuracy"])
callbacks = [
    keras.callbacks.ReduceLROnPlateau(monitor="loss", patience=1),
    keras.callbacks.EarlyStopping(monitor="loss", patience=5),
]
history = model.fit(x, y, epochs=8, batch_size=32, validation_split=0.25, callbacks=callbacks, verbose=0)
print(sorted(history.history), len(history.history["loss"]))
print(float(np.sum([np.abs(weight).sum() for weight in model.get_weights()])))
