"""A siamese network whose distance is kept away from 0 by an epsilon."""

import keras
import numpy as np
from keras import layers, ops
from sklearn.datasets import load_digits

keras.utils.set_random_seed(90)
rng = np.random.default_rng(90)
margin = 1.0

digits = load_digits()
x = (digits.data / 16.0).astype("float32")
y = digits.target
perm = rng.permutation(len(x))
x, y = x[perm], y[perm]


def make_pairs(x, y, n_per_anchor=1):
    idx = [np.where(y == c)[0] for c in range(10)]
    left, right, labels = [], [], []
    for i in range(len(x)):
        for _ in range(n_per_anchor):
            left.append(x[i])
            right.append(x[rng.choice(idx[y[i]])])
            labels.append(0.0)
            other = (y[i] + rng.integers(1, 10)) % 10
            left.append(x[i])
            right.append(x[rng.choice(idx[other])])
            labels.append(1.0)
    return np.stack(left), np.stack(right), np.array(labels, "float32")


l_train, r_train, t_train = make_pairs(x[:1000], y[:1000])
l_val, r_val, t_val = make_pairs(x[1000:1400], y[1000:1400])


def euclidean_distance(vects):
    a, b = vects
    sum_square = ops.sum(ops.square(a - b), axis=1, keepdims=True)
    return ops.sqrt(ops.maximum(sum_square, keras.config.epsilon()))


embedding = keras.Sequential(
    [
        keras.Input((64,)),
        layers.Dense(64, activation="relu"),
        layers.Dropout(0.1),
        layers.Dense(32, activation="relu"),
        layers.Dense(16),
    ]
)
in_1, in_2 = keras.Input((64,)), keras.Input((64,))
distance = layers.Lambda(euclidean_distance, output_shape=(1,))([embedding(in_1), embedding(in_2)])
siamese = keras.Model([in_1, in_2], distance)


def contrastive_loss(y_true, y_pred):
    """label 0 = same class, 1 = different class"""
    square_pred = ops.square(y_pred)
    margin_square = ops.square(ops.maximum(margin - y_pred, 0))
    return ops.mean((1 - y_true) * square_pred + y_true * margin_square)


def pair_accuracy(y_true, y_pred):
    return ops.mean(ops.cast(ops.equal(y_true > 0.5, y_pred > 0.5), "float32"))


siamese.compile(loss=contrastive_loss, optimizer=keras.optimizers.RMSprop(1e-3), metrics=[pair_accuracy])
siamese.fit(
    [l_train, r_train],
    t_train[:, None],
    validation_data=([l_val, r_val], t_val[:, None]),
    batch_size=64,
    epochs=15,
    verbose=0,
)
