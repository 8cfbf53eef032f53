"""One row in fifty is positive: class weights, and an output bias from the frequencies."""

import numpy as np
import tensorflow as tf
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from tensorflow import keras

tf.keras.utils.set_random_seed(3)

X, y = make_classification(
    n_samples=4000,
    n_features=20,
    n_informative=8,
    n_redundant=2,
    n_clusters_per_class=1,
    weights=[0.96],
    class_sep=1.6,
    flip_y=0.002,
    random_state=11,
)
train_x, test_x, train_y, test_y = train_test_split(X, y, test_size=0.2, stratify=y, random_state=1)
train_x, val_x, train_y, val_y = train_test_split(
    train_x, train_y, test_size=0.2, stratify=train_y, random_state=1
)

scaler = StandardScaler()
train_x = scaler.fit_transform(train_x)
val_x = scaler.transform(val_x)
test_x = scaler.transform(test_x)
train_x, val_x, test_x = (np.clip(a, -5, 5).astype("float32") for a in (train_x, val_x, test_x))

neg, pos = np.bincount(train_y)
total = neg + pos
initial_bias = float(np.log(pos / neg))
class_weight = {0: total / (2.0 * neg), 1: total / (2.0 * pos)}

METRICS = [
    keras.metrics.Precision(name="precision"),
    keras.metrics.Recall(name="recall"),
    keras.metrics.AUC(name="auc"),
    keras.metrics.AUC(name="prc", curve="PR"),
]


def make_model(output_bias):
    model = keras.Sequential(
        [
            keras.layers.Input((train_x.shape[-1],)),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(
                1,
                activation="sigmoid",
                bias_initializer=keras.initializers.Constant(output_bias),
            ),
        ]
    )
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate=2e-3),
        loss=keras.losses.BinaryCrossentropy(),
        metrics=METRICS,
    )
    return model


model = make_model(initial_bias)
model.fit(
    train_x,
    train_y,
    batch_size=128,
    epochs=30,
    validation_data=(val_x, val_y),
    class_weight=class_weight,
    callbacks=[
        keras.callbacks.EarlyStopping(monitor="val_prc", patience=10, mode="max", restore_best_weights=True)
    ],
    verbose=0,
)
