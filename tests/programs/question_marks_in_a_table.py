"""Gaps in a table, read as NaN, and a Normalization that is adapted to them."""

import io

import numpy as np
from tensorflow import keras
from tensorflow.keras import layers

rng = np.random.default_rng(6)


def auto_mpg_csv(n=380):
    rows = []
    for _ in range(n):
        cyl = rng.choice([4, 6, 8])
        disp = cyl * 35 + rng.normal(0, 20)
        hp = cyl * 18 + rng.normal(0, 12)
        wt = cyl * 450 + rng.normal(800, 200)
        acc = rng.normal(15, 2.5)
        yr = rng.integers(70, 83)
        mpg = 48 - 0.0075 * wt + 0.6 * (yr - 76) + rng.normal(0, 1.5)
        hp_s = "?" if rng.random() < 0.015 else f"{hp:.1f}"
        rows.append(f"{mpg:.1f};{cyl};{disp:.1f};{hp_s};{wt:.0f};{acc:.1f};{yr}")
    return "\n".join(rows)


table = np.genfromtxt(io.StringIO(auto_mpg_csv()), delimiter=";")
np.random.default_rng(0).shuffle(table)
train, test = table[:300], table[300:]

x_train, y_train = train[:, 1:], train[:, 0]
x_test, y_test = test[:, 1:], test[:, 0]

norm = layers.Normalization()
norm.adapt(x_train)

model = keras.Sequential(
    [
        keras.Input((6,)),
        norm,
        layers.Dense(64, activation="elu"),
        layers.Dense(64, activation="elu"),
        layers.Dense(1),
    ]
)
model.compile(loss="mse", optimizer=keras.optimizers.RMSprop(0.001), metrics=["mae", "mse"])
model.fit(x_train, y_train, epochs=5, validation_split=0.2, verbose=0)  # NW101
