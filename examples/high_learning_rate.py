"""How far has diabetes progressed after a year? A linear model and scikit-learn's data."""

import keras
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

keras.utils.set_random_seed(1)

x, y = load_diabetes(return_X_y=True)
x = StandardScaler().fit_transform(x)
y = StandardScaler().fit_transform(y.reshape(-1, 1))
x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.2, random_state=1)

model = keras.Sequential([keras.Input((10,)), keras.layers.Dense(1)])
optimizer = keras.optimizers.SGD(learning_rate=1.0)  # NW501
model.compile(optimizer=optimizer, loss="mse", metrics=["mae"])
model.fit(x_train, y_train, epochs=12, batch_size=32, validation_data=(x_test, y_test), verbose=2)
