"""An Optuna study whose objective trains a model. needs: optuna."""

import sys

import keras
import numpy as np
import optuna

rng = np.random.default_rng(1)
x = rng.normal(size=(256, 6)).astype("float32")
y = x @ rng.normal(size=(6, 1)).astype("float32")
if "sick" in sys.argv:
    x[70, 2] = np.nan


def objective(trial):
    keras.utils.set_random_seed(trial.number)
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(16, activation="tanh")])
    model.add(keras.layers.Dense(1))
    model.compile(keras.optimizers.Adam(trial.suggest_float("rate", 1e-3, 1e-2, log=True)), "mse")
    history = model.fit(x, y, epochs=10, verbose=0)  # NW101
    return history.history["loss"][-1]


optuna.logging.set_verbosity(optuna.logging.WARNING)
study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
study.optimize(objective, n_trials=2)
