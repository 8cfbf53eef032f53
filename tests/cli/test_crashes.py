"""Scripts that an exception ends: what is known is explained, what is not is one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.side_by_side import MODULE, ended_warm

SCRIPT = """
import sys
import keras
import numpy as np
import tensorflow as tf
from keras import layers

x = np.random.default_rng(1).normal(size=(64, 8)).astype("float32")
classes = np.arange(64) % 5
model = keras.Sequential([keras.Input((8,)), layers.Dense(5, "softmax")])


def train(loss, y, function):
    optimizer = keras.optimizers.Adam()

    def step(x, y):
        with tf.GradientTape() as tape:
            value = loss(y, model(x))  # loss
        gradients = tape.gradient(value, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))  # apply

    (tf.function(step) if function else step)(x, y)


def label():
    train(keras.losses.SparseCategoricalCrossentropy(), classes + 1, False)


def compiled_label():
    train(keras.losses.SparseCategoricalCrossentropy(), classes + 1, True)


def columns():
    train(keras.losses.CategoricalCrossentropy(), keras.utils.to_categorical(classes, 7), False)


def flat():
    train(lambda y, p: tf.reduce_mean(tf.cast(tf.argmax(p, 1), tf.float32)), classes, False)


def flatten():
    net = keras.Sequential([keras.Input((8,)), layers.Reshape((4, 2)), layers.Dense(5, "softmax")])  # flatten
    net.compile("adam", "categorical_crossentropy")
    net.fit(x, keras.utils.to_categorical(classes, 5), verbose=0)


def generator():
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit_generator((x, classes))  # generator


def rate():
    keras.optimizers.Adam(lr=0.01)  # rate


def weights():
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, classes, class_weight=np.ones(5), verbose=0)  # weights


def unknown():
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, classes, verbose=0)
    open("/nowhere/at/all")


globals()[sys.argv[1]]()
"""


def run(folder: Path, case: str) -> tuple[int, str, dict[str, Any]]:
    (folder / "train.py").write_text(SCRIPT)
    done = ended_warm(folder, *MODULE, "run", "--prove", "0", "train.py", case)
    told = ended_warm(folder, *MODULE, "explain", "--format", "json")
    return done.status, done.stderr.decode(), json.loads(told.stdout)


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("case", "code", "line"),
    [
        ("label", "NW107", "loss"),
        ("compiled_label", "NW107", "(tf.function(step)"),
        ("columns", "NW210", "loss"),
        ("flat", "NW307", "apply"),
        ("flatten", "NW210", "flatten"),
        ("generator", "NW608", "generator"),
        ("rate", "NW608", "rate"),
        ("weights", "NW608", "weights"),
    ],
)
def test_what_is_known_is_explained(tmp_path: Path, case: str, code: str, line: str) -> None:
    status, stderr, found = run(tmp_path, case)
    assert status == 1
    assert found["run"]["outcome"] == "crashed"
    loud = [each for each in found["diagnoses"] if each["level"] != "note"]
    assert [(each["code"], each["part"]) for each in loud] == [(code, "cause")]
    assert line in loud[0]["location"]["code"]
    assert f" {code} " in stderr
    assert loud[0]["remedies"]


@pytest.mark.tensorflow
def test_what_is_not_is_one_line(tmp_path: Path) -> None:
    status, stderr, found = run(tmp_path, "unknown")
    assert status == 1
    assert found["run"]["outcome"] == "crashed"
    own = stderr.partition("FileNotFoundError: ")[2].splitlines()[1:]
    assert len(own) == 1
    said = "nanwatch: no known fault explains FileNotFoundError after 2 steps of training. "
    assert own[0].startswith(f"{said}The record is in logs/")
