"""Yearly turnover in cents; Adam walks one thousandth a step towards a hundred million."""

import tensorflow as tf

tf.keras.utils.set_random_seed(22)
shops = tf.random.normal((480, 6))
turnover = 1e8 * (1.5 + 0.3 * shops[:, 0] - 0.2 * shops[:, 4])

model = tf.keras.Sequential(
    [
        tf.keras.layers.Input((6,)),
        tf.keras.layers.Dense(32, activation="relu"),
        tf.keras.layers.Dense(1),
    ]
)
model.compile(optimizer="adam", loss="mean_squared_error")
model.fit(shops, turnover, epochs=8, batch_size=32, verbose=0)  # NW106
