"""What is read of a script: heads, losses, rates and the rest, each with its line; and nothing is run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nanwatch.errors import ScriptUnreadable
from nanwatch.foreign.script.facts import ScriptFacts
from nanwatch.foreign.script.read_script import read_script


def read(tmp_path: Path, text: str, name: str = "train.py") -> ScriptFacts:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return read_script(path)


FUNCTION = """
def build(units, act="relu"):
    x = layers.Flatten()(base.output)
    out = layers.Dense(units, activation=act)(x)
    return keras.Model(inputs=base.input, outputs=out)
build(2)
"""
OWN_MODEL = """
class Net(keras.Model):
    def __init__(self):
        self.hidden = Dense(8, activation="relu")
        self.head = Dense(3)
    def call(self, x):
        return self.head(self.hidden(x))
"""


@pytest.mark.parametrize(
    ("text", "heads"),
    [
        ("keras.Sequential([Dense(8, 'relu'), Dense(2, activation='relu')])", [(1, 2, "relu")]),
        ("m = Sequential()\nm.add(Dense(8))\nm.add(Dense(1, activation='softmax'))", [(3, 1, "softmax")]),
        ("m = Sequential()\nm.add(Dense(1))\nm.add(Activation('softmax'))", [(2, 1, "softmax")]),
        ("m = Sequential([Dense(4), Dropout(0.5), Softmax()])", [(1, 4, "softmax")]),
        ("y = Dense(1, activation=tf.nn.sigmoid)(x)\nModel(a, y)", [(1, 1, "sigmoid")]),
        ("y = LeakyReLU()(Dense(2)(x))\nModel(inputs=a, outputs=[y])", [(1, 2, "leaky_relu")]),
        ("K = 5\nn = K\nModel(a, Dense(n)(x))", [(3, 5, "linear")]),
        ("Model(a, Dense(len(names), activation=pick())(x))", [(1, None, None)]),
        (FUNCTION, [(4, 2, "relu")]),
        (OWN_MODEL, [(5, 3, "linear")]),
        (
            "x = Dense(8)(x)\nx = Dense(4, activation='relu')(x)",
            [(2, 4, "relu")],
        ),  # the last, for want of a model
        (
            "m = Sequential()\nm.add(Dense(1))\nm = Sequential()\nm.add(Dense(2))",
            [(2, 1, "linear"), (4, 2, "linear")],
        ),
        ("print(1)", []),
    ],
)
def test_heads(tmp_path: Path, text: str, heads: list[tuple[int, int | None, str | None]]) -> None:
    found = read(tmp_path, text).heads
    assert [(head.at.line, head.units, head.activation) for head in found] == heads


@pytest.mark.parametrize(
    ("text", "name", "from_logits", "own"),
    [
        ("m.compile('adam', 'mse')", "mean_squared_error", False, False),
        ("m.compile(loss='binary_crossentropy', optimizer='sgd')", "binary_crossentropy", False, False),
        (
            "m.compile(loss=keras.losses.BinaryCrossentropy(from_logits=True))",
            "binary_crossentropy",
            True,
            False,
        ),
        (
            "f = keras.losses.SparseCategoricalCrossentropy()\nm.compile(loss=f)",
            "sparse_categorical_crossentropy",
            False,
            False,
        ),
        ("m.compile(loss=dice)", "dice", False, True),
        ("m.compile(loss=lambda y, p: p)", "", False, True),
        ("m.compile(loss={'a': 'mae'})", "mean_absolute_error", False, False),
        ("loss_fn = tf.keras.losses.MeanSquaredError()", "mean_squared_error", False, False),
    ],
)
def test_losses(tmp_path: Path, text: str, name: str, from_logits: bool, own: bool) -> None:
    (loss,) = read(tmp_path, text).losses
    assert (loss.name, loss.from_logits, loss.own) == (name, from_logits, own)


@pytest.mark.parametrize(
    ("text", "name", "rate"),
    [
        ("m.compile('adam')", "adam", None),
        ("o = keras.optimizers.Adam(1e-3)", "Adam", 1e-3),
        ("RATE = 10 ** -2\no = SGD(learning_rate=RATE)", "SGD", 1e-2),
        ("o = SGD(lr=-0.5)", "SGD", -0.5),
        ("o = Adam(schedule(1))", "Adam", None),
        ("o = Adam(9 ** 9 ** 9)", "Adam", None),
        ("o = Adam(1 / 0)", "Adam", None),
    ],
)
def test_optimizers(tmp_path: Path, text: str, name: str, rate: float | None) -> None:
    (optimizer,) = read(tmp_path, text).optimizers
    assert (optimizer.name, optimizer.rate) == (name, pytest.approx(rate) if rate is not None else None)


LOSS = "def own(y, p):\n    return K.mean({})\n"


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("g.flow_from_directory('a', class_mode='categorical')", "class-mode", "categorical"),
        ("y = to_categorical(y)", "one-hot", ""),
        ("g = ImageDataGenerator(horizontal_flip=True)", "pixels", ""),
        ("(x, y), _ = mnist.load_data()", "pixels", ""),
        ("g = ImageDataGenerator(rescale=1. / 255)", "scaling", ""),
        ("x = x.astype('float32') / 255.0", "scaling", ""),
        ("x /= 255", "scaling", ""),
        ("x = (x - x.mean(0)) / x.std(0)", "std-division", ""),
        ("t = pd.read_csv('a')", "gaps", ""),
        ("m.add(LSTM(8, activation='relu'))", "recurrent-activation", "relu"),
        ("keras.mixed_precision.set_global_policy('mixed_float16')", "half-precision", "mixed_float16"),
        ("base.trainable = False", "frozen", ""),
        ("Dense(8, kernel_initializer='zeros')", "zero-weights", ""),
        ("Dropout(0.9)", "dropout", ""),
        (LOSS.format("y * K.log(p)"), "own-op", "log"),
        (LOSS.format("tf.sqrt(y - p)"), "own-op", "sqrt"),
        (LOSS.format("y / K.sum(p)"), "own-op", "divide"),
        ("m.fit(x, y, validation_split=0.2)", "validation-tail", ""),
        ("m.fit(x, y, shuffle=False)", "no-shuffle", ""),
    ],
)
def test_marks(tmp_path: Path, text: str, kind: str, value: str) -> None:
    assert (kind, value) in [(mark.kind, mark.value) for mark in read(tmp_path, text).marks]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("g = ImageDataGenerator(rescale=1/255)", "pixels"),
        ("(x, y), _ = mnist.load_data()\nx = x / 255", "pixels"),
        ("x = x / (x.std(0) + 1e-8)", "std-division"),
        ("t = pd.read_csv('a').dropna()", "gaps"),
        ("m.add(LSTM(8))", "recurrent-activation"),
        ("set_global_policy('mixed_bfloat16')", "half-precision"),
        ("Dropout(0.5)", "dropout"),
        (LOSS.format("y * K.log(p + K.epsilon())"), "own-op"),
        (LOSS.format("tf.math.divide_no_nan(y, p)"), "own-op"),
        ("def mean(x):\n    return x.sum() / len(x)", "own-op"),
        ("m.fit(x, y, class_weight=None)", "class-weight"),
    ],
)
def test_no_marks(tmp_path: Path, text: str, kind: str) -> None:
    assert kind not in [mark.kind for mark in read(tmp_path, text).marks]


def test_python_2_and_prose_are_left_out(tmp_path: Path) -> None:
    text = (
        "My model – it gives nan:\nprint 'start'\nfor i in x:\n    print i\n"
        "Model(a, Dense(1, activation='relu')(x))\n • try this\n"
    )
    found = read(tmp_path, text)
    assert [(head.at.line, head.activation) for head in found.heads] == [(5, "relu")]
    assert found.unread == 4


def test_the_cells_of_a_notebook(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Title"]},
        {"cell_type": "code", "source": ["%matplotlib inline\n", "import keras"]},
        {
            "cell_type": "code",
            "source": ["a = 1\n", "keras.Sequential([keras.layers.Dense(2, activation='relu')])"],
        },
    ]
    (head,) = read(tmp_path, json.dumps({"cells": cells, "nbformat": 4}), "a.ipynb").heads
    assert (head.at.cell, head.at.line) == (2, 2)


def test_nothing_is_run_or_imported(tmp_path: Path) -> None:
    read(tmp_path, f"import antigravity_of_nobody\nopen({str(tmp_path / 'made')!r}, 'w')\nraise SystemExit\n")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "has no Python in it; give the training script, or its notebook"),
        (b"\0\1", "is a binary file; give the training script, or its notebook"),
        (b"(" * 100_000, "has no Python in it"),
        (b"x = " + b"-" * 50_000 + b"1", "no Python in it|nested too deeply"),
        (b"a\n" * (2 * 2**20 + 1), "has more than 4 MB, which no script has"),
        (b"f()\n" * 120_000, "is too large to be a training script"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "a.py").write_bytes(data)
    with pytest.raises(ScriptUnreadable, match=said):
        read_script(tmp_path / "a.py")


def test_a_script_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(
        ScriptUnreadable, match=r"The script .*none\.py cannot be read: No such file or directory\.$"
    ):
        read_script(tmp_path / "none.py")
    with pytest.raises(ScriptUnreadable, match="is no file; give the training script, or its notebook"):
        read_script(tmp_path)
