"""A loss divided by the number of rows that carry a label; a batch without any is 0/0."""

import tensorflow as tf

tf.keras.utils.set_random_seed(60)
x = tf.random.normal((320, 5))
y = x[:, :1] * 2.0
labelled = tf.cast(tf.random.uniform((320, 1)) > 0.4, tf.float32)
labelled = tf.concat([labelled[:192], tf.zeros((32, 1)), labelled[224:]], axis=0)


def masked_error(target, prediction):
    wanted, mask = target[:, :1], target[:, 1:]
    total = tf.reduce_sum(mask * tf.square(wanted - prediction))
    return total / tf.reduce_sum(mask)  # NW405 NW900


model = tf.keras.Sequential(
    [tf.keras.layers.Input((5,)), tf.keras.layers.Dense(8, activation="relu"), tf.keras.layers.Dense(1)]
)
model.compile(optimizer="adam", loss=masked_error)
model.fit(x, tf.concat([y, labelled], axis=1), batch_size=32, epochs=3, shuffle=False, verbose=0)
