"""Labels that the inputs only half explain: a plateau that is all there is to learn."""

import numpy as np
import tensorflow as tf
from tensorflow.keras import callbacks, layers, models, optimizers

tf.keras.utils.set_random_seed(123)
rng = np.random.default_rng(123)
n, k = 6000, 12
features = rng.standard_t(6, size=(n, k)) / np.sqrt(1.5)
features = np.clip(features, -4, 4).astype("float32")
edge = 0.16 * features[:, 0] - 0.14 * features[:, 3] + 0.12 * np.tanh(features[:, 5]) + 0.12 * features[:, 8]
up = (edge + 0.62 * rng.normal(size=n) > 0).astype("float32")
split1, split2 = 4200, 5100  # in time order: train / validation / test
x_tr, y_tr = features[:split1], up[:split1]
x_va, y_va = features[split1:split2], up[split1:split2]
x_te, y_te = features[split2:], up[split2:]

model = models.Sequential(
    [
        layers.Input((k,)),
        layers.Dropout(0.1),
        layers.Dense(32, activation="gelu"),
        layers.Dropout(0.4),
        layers.Dense(16, activation="gelu"),
        layers.Dropout(0.4),
        layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(
    optimizer=optimizers.AdamW(learning_rate=1e-3, weight_decay=1e-2),
    loss="binary_crossentropy",
    metrics=["accuracy", "AUC"],
)
model.fit(
    x_tr,
    y_tr,
    validation_data=(x_va, y_va),
    batch_size=128,
    epochs=20,
    verbose=0,
    callbacks=[callbacks.EarlyStopping(monitor="val_loss", patience=5, restore_best_weights=True)],
)
