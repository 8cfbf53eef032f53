"""A subclassed model trained by train_on_batch, metrics reset in every epoch."""

import numpy as np
import tensorflow as tf
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

tf.keras.utils.set_random_seed(12)
X, y = load_wine(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, stratify=y, random_state=12)
scaler = StandardScaler()
X_train = scaler.fit_transform(X_train).astype("float32")
X_test = scaler.transform(X_test).astype("float32")


class WineNet(tf.keras.Model):
    def __init__(self, n_classes):
        super().__init__()
        self.d1 = tf.keras.layers.Dense(16, activation="tanh")
        self.drop = tf.keras.layers.Dropout(0.1)
        self.out = tf.keras.layers.Dense(n_classes, activation="softmax")

    def call(self, inputs, training=False):
        return self.out(self.drop(self.d1(inputs), training=training))


net = WineNet(3)
net.compile(
    optimizer=tf.keras.optimizers.SGD(0.05, momentum=0.9),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)

batch = 19
n = len(X_train)
for epoch in range(20):
    order = np.random.permutation(n)
    net.reset_metrics()
    for i in range(0, n, batch):
        sel = order[i : i + batch]
        logs = net.train_on_batch(X_train[sel], y_train[sel], return_dict=True)
    if epoch % 4 == 3:
        net.reset_metrics()
        val = net.test_on_batch(X_test, y_test, return_dict=True)
