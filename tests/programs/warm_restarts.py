"""A cosine schedule with restarts: the loss climbs at each one and comes down again."""

import keras
from sklearn.datasets import load_digits

keras.utils.set_random_seed(72)
x, y = load_digits(return_X_y=True)
schedule = keras.optimizers.schedules.CosineDecayRestarts(0.3, first_decay_steps=150, t_mul=1.0)
model = keras.Sequential(
    [keras.Input((64,)), keras.layers.Dense(32, "relu"), keras.layers.Dense(10, "softmax")]
)
model.compile(keras.optimizers.SGD(schedule), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x / 16, y, epochs=10, verbose=0)
