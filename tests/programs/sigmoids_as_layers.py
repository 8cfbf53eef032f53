"""Eight hidden layers with sigmoids, each a layer of its own."""

import tensorflow as tf
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

x, y = load_digits(return_X_y=True)
x = x / 16.0
y = tf.keras.utils.to_categorical(y)
x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.2, random_state=3)
n_int, n_hidden, n_output = 128, 8, 10

model = tf.keras.models.Sequential()
model.add(tf.keras.layers.InputLayer(shape=(64,)))
for _ in range(n_hidden):
    model.add(tf.keras.layers.Dense(n_int))
    model.add(tf.keras.layers.Activation("sigmoid"))  # NW303
model.add(tf.keras.layers.Dense(n_output))
model.add(tf.keras.layers.Activation("softmax"))

sgd = tf.keras.optimizers.SGD(learning_rate=0.1, momentum=0.9, nesterov=True)
model.compile(loss="categorical_crossentropy", optimizer=sgd, metrics=["accuracy"])
model.fit(x_train, y_train, batch_size=128, epochs=20, validation_data=(x_test, y_test), verbose=0)
