"""Weights & Biases, offline, with its callback for metrics. needs: wandb."""

import os
import sys
import tempfile

os.environ |= {"WANDB_MODE": "offline", "WANDB_DIR": tempfile.mkdtemp(), "WANDB_SILENT": "true"}
import keras
import numpy as np
import wandb
from wandb.integration.keras import WandbMetricsLogger

keras.utils.set_random_seed(1)
rng = np.random.default_rng(1)
x = rng.normal(size=(256, 6)).astype("float32")
y = (x[:, 0] > 0).astype("float32")
LAST = "softmax" if "sick" in sys.argv else "sigmoid"
run = wandb.init(project="p")
model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(16, activation="tanh")])
model.add(keras.layers.Dense(1, activation=LAST))  # NW202
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=10, verbose=0, callbacks=[WandbMetricsLogger(log_freq=5)])
run.finish()
