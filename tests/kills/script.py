"""The script that is killed: it counts its own steps, and marks where it is, in a file of its own.

Of nanwatch it only marks when a stage begins; what that stage does is done as ever.
"""

SCRIPT = """
import os, sys, time
EPOCHS, SLEEP = int(sys.argv[1]), float(sys.argv[2])
progress = os.open("progress", os.O_WRONLY | os.O_CREAT | os.O_APPEND)


def mark(what):
    os.write(progress, f"{what} {time.time()!r}\\n".encode())


mark(f"pid-{os.getpid()}")
import keras
import numpy as np
from nanwatch.replay import held_run, trial
from nanwatch.watch.incident.handler import IncidentHandler


def marked(place, name, what):
    original = getattr(place, name)

    def call(*args, **kwargs):
        mark(what)
        return original(*args, **kwargs)

    setattr(place, name, call)


marked(IncidentHandler, "save_snapshot", "snapshot")
marked(IncidentHandler, "dissect", "autopsy")
marked(IncidentHandler, "find_guilty_rows", "rows")
for place in (held_run, trial):
    if hasattr(place, "try_proposals"):
        marked(place, "try_proposals", "trials")


class Tell(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        mark("fit")

    def on_train_batch_end(self, batch, logs=None):
        mark("step")
        time.sleep(SLEEP)

    def on_epoch_end(self, epoch, logs=None):
        mark("epoch")

    def on_test_begin(self, logs=None):
        mark("validation")


keras.utils.set_random_seed(1)
rng = np.random.default_rng(1)
x = rng.normal(size=(32, 4)).astype("float32")
y = (x[:, :1] > 0).astype("float32")
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4, "relu"), keras.layers.Dense(1, "sigmoid")])
model.compile("adam", "binary_crossentropy")
model.fit(x, y, batch_size=8, epochs=EPOCHS, verbose=0, validation_data=(x, y), callbacks=[Tell()])
x[20] = np.nan
mark("bad")
model.fit(x, y, batch_size=8, epochs=1, verbose=0, shuffle=False, callbacks=[Tell()])
"""
