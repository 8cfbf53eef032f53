"""``nanwatch check``, end to end: what it trains, what it leaves alone, and its exit status."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nanwatch.record.read import read_run
from tests.side_by_side import MODULE, Ended, ended, ended_warm

DEADLINE = 6  # seconds, where it is to come; the least there is is 5

FITS = """
import os
import numpy as np
import tensorflow as tf
from tensorflow import keras

keras.utils.set_random_seed(1)
random = np.random.default_rng(1)
x = random.normal(size=(2000, 8)).astype("float32")
y = (x[:, 0] > 0).astype("float32")


def model(activation, units=1):
    with tf.device("/GPU:0"):
        made = keras.Sequential([
            keras.Input((8,)),
            keras.layers.Dense(8, "relu"),
            keras.layers.Dense(units, activation),  # nanwatch: ignore[NW204] not this one
        ])
    made.compile("adam", "binary_crossentropy", metrics=["accuracy"], steps_per_execution=16)
    return made


class Seen(keras.callbacks.Callback):
    trained = tested = 0

    def on_train_batch_end(self, batch, logs=None):
        self.trained = batch + 1

    def on_test_batch_end(self, batch, logs=None):
        self.tested += 1


first, seen = model("sigmoid"), Seen()
best = keras.callbacks.ModelCheckpoint("best.keras", save_freq=1000)
history = first.fit(x, y, epochs=9, validation_split=0.5, validation_freq=3, verbose=2, callbacks=[
    seen, best, keras.callbacks.CSVLogger("log.csv"), keras.callbacks.TensorBoard("board"),
    keras.callbacks.BackupAndRestore("backup"),
])
print("first", len(history.history["loss"]), len(history.history["val_loss"]), seen.trained, seen.tested)
print("given back", first.steps_per_execution)
again = keras.models.load_model("best.keras")
print("same", np.array_equal(again.predict(x[:64], verbose=0), first.predict(x[:64], verbose=0)))
seen = Seen()
print("evaluated", len(again.evaluate(x, y, verbose=0, callbacks=[seen])), seen.tested)
first.save_weights("last.weights.h5")
first.load_weights("last.weights.h5")
first.save("model.keras")
tf.train.Checkpoint(model=first).save("points/point")
print("files", sorted(os.listdir()))
second = model("softmax")
second.fit(x, y, epochs=50, verbose=0)
print("second done")
print(history.history["loss"][8])
"""
HELD = (
    "CSVLogger (log.csv)",
    "TensorBoard (board)",
    "BackupAndRestore (backup)",
    "best.keras (",
    "last.weights.h5 (",
    "model.keras (",
    "points/point (",
    "failed with IndexError",
)

LOOP = """
import numpy as np
import tensorflow as tf
import keras

x = np.random.default_rng(1).normal(size=(320, 4)).astype("float32")
y = x[:, :1] * 2
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
optimizer = keras.optimizers.Adam()


@tf.function
def train(x, y):
    with tf.GradientTape() as tape:
        loss = keras.losses.MeanSquaredError()(y, model(x, training=True))
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
    return loss


other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
other.compile("sgd", "mse")
for _ in range(7):  # fewer than a check may take: the script goes on behind them
    other.train_on_batch(x[:32], y[:32])
try:
    for epoch in range(100):
        for start in range(0, 320, 32):
            try:
                train(x[start : start + 32], y[start : start + 32])
            except Exception:
                print("caught")
            print("step", int(optimizer.iterations))
finally:
    print("left in order")
print("not reached")
"""


def check(
    folder: Path, *arguments: str, by: Callable[..., Ended] = ended, **more: str
) -> subprocess.CompletedProcess[str]:
    command = (*MODULE, "check", *arguments)
    done = by(folder, *command, **more)
    return subprocess.CompletedProcess(command, done.status, done.stdout.decode(), done.stderr.decode())


def script(folder: Path, text: str) -> Path:
    path = folder / "train.py"
    path.write_text(text)
    return path


def report(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "found.json").read_text())
    return found


# -- with training -----------------------------------------------------------------------------


@pytest.mark.tensorflow
def test_every_fit_is_cut_short_and_nothing_is_overwritten(tmp_path: Path) -> None:
    script(tmp_path, FITS)
    (tmp_path / "model.keras").write_text("a model of last week's")
    (tmp_path / "pyproject.toml").write_text('[tool.nanwatch]\nignore = ["NW502"]\nmax-steps = 10\n')
    done = check(
        tmp_path, "--format", "json:found.json", "--format", "sarif", "train.py", NANWATCH_MAX_STEPS="20"
    )
    said = [line for line in done.stderr.splitlines() if line]
    assert done.returncode == 3, done.stderr
    assert "first 1 1 20 1" in said
    assert "given back 16" in said
    assert "same True" in said
    assert "evaluated 2 1" in said
    assert "files ['logs', 'model.keras', 'pyproject.toml', 'train.py']" in said
    assert "second done" in said
    assert (tmp_path / "model.keras").read_text() == "a model of last week's"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "found.json", "logs", "model.keras", "pyproject.toml", "train.py"
    ]  # fmt: skip
    (run,) = (entry for entry in (tmp_path / "logs").iterdir() if entry.is_dir())
    assert not (run / "held-back").exists()
    assert json.loads(done.stdout)["version"] == "2.1.0"  # nothing of the script's is on stdout
    found = report(tmp_path)
    assert (found["run"]["steps"], found["run"]["outcome"]) == (40, "at-chance")
    assert found["diagnoses"][0]["code"] == "NW202"
    assert [fit.info.cut_short for fit in read_run(run).fits] == [True, True]
    held = " ".join(found["cost"]["held_back"])
    for name in HELD:
        assert name in held, name
    accepts(tmp_path)


def accepts(folder: Path) -> None:
    """A baseline of the script's findings is written, and the next check lives with it."""
    written = check(folder, "--write-baseline", "accepted.json", "train.py", by=ended_warm)
    assert written.returncode == 0, written.stderr
    known = check(folder, "--baseline", "accepted.json", "train.py", by=ended_warm, GITHUB_ACTIONS="")
    assert known.returncode == 0, known.stderr
    assert "left out: NW202 single-unit-softmax at train.py:" in known.stdout
    assert "No rule explains it" not in known.stdout


CERTAIN = """
import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(5)
x = np.random.uniform(size=(640, 32, 32, 3)).astype("float32")
y = keras.utils.to_categorical(x[:, :16].mean((1, 2, 3)) > 0.5, 2)
model = keras.Sequential([keras.Input((32, 32, 3))])
for filters in (8, 16):
    model.add(layers.Conv2D(filters, 3, padding="same", activation="relu"))
    model.add(layers.Conv2D(filters, 3, padding="same", activation="relu"))
    model.add(layers.MaxPooling2D())
model.add(layers.Flatten())
model.add(layers.Dense(64, activation="relu"))
model.add(layers.Dense(2, activation="relu"))
model.compile(keras.optimizers.Adam(1e-4), loss="categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, batch_size=32, epochs=3, verbose=0)
"""
LOOK_ALIKES = """
import keras
import numpy as np

keras.utils.set_random_seed(5)
x = np.random.normal(size=(1600, 16)).astype("float32")
c = np.argmax(x @ np.random.normal(size=(16, 5)), axis=1)
hot = keras.utils.to_categorical(c, 5)
from_logits = keras.losses.CategoricalCrossentropy(from_logits=True)
ignoring = keras.losses.SparseCategoricalCrossentropy(ignore_class=-1)
several = np.maximum(hot, np.roll(hot, 7, 0))
for units, activation, loss, y in (
    (5, "sigmoid", "categorical_crossentropy", hot),
    (5, "softmax", from_logits, hot),
    (5, "softmax", "categorical_crossentropy", 0.9 * hot + 0.02),
    (5, "softmax", ignoring, np.where(np.arange(1600) % 7, c, -1)),
    (5, "softplus", "categorical_crossentropy", hot),
    (5, "sigmoid", "binary_crossentropy", several),
    (50, "softmax", "sparse_categorical_crossentropy", c),
    (1, "relu", "mse", np.abs(x[:, 0]) + 1),
    (1, "relu", "poisson", np.abs(x[:, 0]) + 1),
):
    net = [keras.Input((16,)), keras.layers.Dense(32, "relu"), keras.layers.Dense(units, activation)]
    model = keras.Sequential(net)
    model.compile("adam", loss)
    model.fit(x, y, epochs=3, verbose=0)
"""


@pytest.mark.tensorflow
def test_what_is_certain_fails_the_check_before_it_shows(tmp_path: Path) -> None:
    script(tmp_path, CERTAIN)
    done = check(tmp_path, "--format", "json:found.json", "--format", "terminal", "train.py", by=ended_warm)
    assert done.returncode == 3, done.stderr
    assert "The training has a fault: NW201 relu-output." in done.stdout
    found = report(tmp_path)
    assert found["run"]["outcome"] == "faulty"
    assert [(each["code"], each["level"]) for each in found["diagnoses"]] == [("NW201", "error")]


@pytest.mark.tensorflow
def test_what_looks_like_it_passes(tmp_path: Path) -> None:
    script(tmp_path, LOOK_ALIKES)
    formats = ("--format", "json:found.json", "--format", "terminal")
    done = check(tmp_path, "--fail-on", "note", *formats, "train.py", by=ended_warm)
    assert done.returncode == 0, done.stdout
    assert report(tmp_path)["run"]["steps"] == 9 * 20


@pytest.mark.tensorflow
def test_a_loop_is_ended_and_the_script_with_it(tmp_path: Path) -> None:
    script(tmp_path, LOOP)
    formats = ("--format", "json:found.json", "--format", "terminal")
    done = check(tmp_path, "--max-steps", "8", "-v", *formats, "train.py", by=ended_warm)
    assert done.returncode == 0, done.stderr
    steps = [line for line in done.stderr.splitlines() if line.startswith("step ")]
    assert steps == [f"step {number}" for number in range(1, 9)]
    assert "left in order" in done.stderr
    assert "caught" not in done.stderr
    assert "not reached" not in done.stderr
    found = report(tmp_path)
    assert found["run"]["steps"] == 7 + 8
    assert "the rest of the script, after 8 steps of its own loop" in found["cost"]["held_back"]
    assert "Held back by the check: the rest of the script" in " ".join(done.stdout.split())


@pytest.mark.tensorflow
def test_the_guilty_line_may_say_that_it_is_meant(tmp_path: Path) -> None:
    short = FITS[: FITS.index("first, seen")] + 'model("softmax").fit(x, y, epochs=2, verbose=0)\n'
    script(tmp_path, short.replace("ignore[NW204]", "ignore[NW202]"))
    done = check(tmp_path, "train.py", by=ended_warm)
    assert done.returncode == 0, done.stderr
    assert "(ignored at its line: not this one)" in " ".join(done.stdout.split())


# -- without: deadlines, and how a script may end ----------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "import time\ntime.sleep(60)\n",
        "import threading\nthreading.Event().wait(60)\n",
        "import signal, time\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\ntime.sleep(60)\n",
        "import time\nwhile 1:\n    try:\n        time.sleep(60)\n    except BaseException:\n        pass\n",
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\n",
    ],
    ids=["sleeps", "waits", "takes the signal", "catches everything", "leaves a thread behind"],
)
def test_never_longer_than_the_deadline(tmp_path: Path, text: str) -> None:
    script(tmp_path, text)
    began = time.monotonic()
    done = check(tmp_path, "--deadline", str(DEADLINE), "train.py")
    assert time.monotonic() - began < DEADLINE + 2
    assert done.returncode == 2
    assert "nothing was checked" in done.stderr
    assert "nanwatch" in done.stdout


def test_the_script_is_left_in_order_at_the_deadline(tmp_path: Path) -> None:
    script(tmp_path, "import time\ntry:\n    time.sleep(60)\nfinally:\n    open('tidied', 'w').close()\n")
    done = check(tmp_path, "--deadline", str(DEADLINE), "train.py")
    assert (tmp_path / "tidied").exists()
    assert done.stderr == (
        "nanwatch: The deadline came before the first step was trained: nothing was checked; "
        "raise --deadline.\n"
    )


@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        ("import sys\nprint('x')\nsys.exit(5)\n", 5, "x\n"),
        ("raise SystemExit('no data')\n", 1, "no data\n"),
        ("1 / 0\n", 1, "ZeroDivisionError"),
        ("def f(:\n", 1, "SyntaxError"),
        ("print('x')\n", 2, "train.py trained no Keras model: nothing was checked.\n"),
    ],
)
def test_a_script_that_ends_by_itself(tmp_path: Path, text: str, status: int, words: str) -> None:
    script(tmp_path, text)
    done = check(tmp_path, "train.py")
    assert done.returncode == status
    assert words in done.stderr
    assert "nanwatch" in done.stdout.splitlines()[0]


@pytest.mark.parametrize("name", ["json", "click", "rich", "random"])
def test_a_neighbour_that_the_script_imports(tmp_path: Path, name: str) -> None:
    (tmp_path / f"{name}.py").write_text("neighbour = 1\n")
    (tmp_path / "train.py").write_text(f"import {name}\nprint({name}.neighbour)\n")
    done = ended(tmp_path, *MODULE, "check", "train.py")
    assert (done.status, done.stderr.splitlines()[0]) == (2, b"1")
    assert done.stderr.endswith(b"nanwatch: train.py trained no Keras model: nothing was checked.\n")


def test_what_the_script_prints_does_not_come_between(tmp_path: Path) -> None:
    script(tmp_path, "import os, sys\nprint('a')\nos.system('echo b')\nsys.stdout = None\n")
    done = check(tmp_path, "--format", "json", "train.py")
    assert json.loads(done.stdout)["run"]["outcome"] == "no-training"
    assert sorted(done.stderr.split()[:2]) == ["a", "b"]


def test_its_own_arguments_reach_the_script(tmp_path: Path) -> None:
    script(tmp_path, "import sys\nprint(sys.argv, __name__)\n")
    done = check(tmp_path, "train.py", "--max-steps", "3")
    assert "['train.py', '--max-steps', '3'] __main__" in done.stderr
    module = check(tmp_path, "-m", "train", "word")
    assert "'word'] __main__" in module.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Give the training script, as in `nanwatch check train.py`."),
        (["none.py"], "nanwatch: There is no script none.py;"),
        (["--max-steps", "0", "train.py"], "Invalid value for '--max-steps'"),
        (["--deadline", "4", "train.py"], "Invalid value for '--deadline'"),
        (["--select", "NW999", "train.py"], "nanwatch: There is no rule NW999;"),
        (["--ignore", "what", "train.py"], "nanwatch: There is no rule what;"),
        (["--baseline", "none.json", "train.py"], "nanwatch: The baseline none.json cannot be read"),
    ],
)
def test_wrong_usage_is_told_before_the_script_is_run(
    tmp_path: Path, arguments: list[str], words: str
) -> None:
    script(tmp_path, "open('ran', 'w').close()\n")
    done = check(tmp_path, *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert words in done.stderr
    assert not (tmp_path / "ran").exists()


def test_settings_that_cannot_be_used(tmp_path: Path) -> None:
    script(tmp_path, "")
    (tmp_path / "pyproject.toml").write_text("[tool.nanwatch]\nmax-steps = 0\n")
    done = check(tmp_path, "train.py")
    assert done.returncode == 2
    assert done.stderr.startswith(
        "nanwatch: [tool.nanwatch] max_steps in pyproject.toml: 0 is not in the range"
    )
    (tmp_path / "pyproject.toml").write_text('[tool.nanwatch]\nselect = ["NW201", "NW999"]\n')
    assert "There is no rule NW999" in check(tmp_path, "train.py").stderr
    assert "There is no rule NW888" in check(tmp_path, "train.py", NANWATCH_SELECT="NW888").stderr


def test_it_can_be_turned_off(tmp_path: Path) -> None:
    script(tmp_path, "open('ran', 'w').close()\n")
    done = check(tmp_path, "train.py", NANWATCH_DISABLE="1")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "nanwatch: NANWATCH_DISABLE is set: nothing was checked.\n"
    assert not (tmp_path / "ran").exists()


if os.name != "posix":
    pytestmark = pytest.mark.skip("signals and descriptors as POSIX has them")
