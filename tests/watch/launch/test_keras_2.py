"""``--keras 2``: a script of 2019 as it stands, whichever way it imports Keras."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from nanwatch.cli.main import main
from nanwatch.record.read import find_run, read_run
from nanwatch.watch.launch import keras_2
from tests.side_by_side import MODULE, ended

needs_keras_2 = pytest.mark.skipif(
    importlib.util.find_spec(keras_2.PACKAGE) is None, reason="there is no Keras 2"
)
OF_2019 = """\
import numpy as np
import keras
from keras.models import Sequential
from keras.layers.core import Dense, Activation
from keras.layers.convolutional import Conv2D, MaxPooling2D
from keras.layers.advanced_activations import LeakyReLU
from keras.layers.normalization import BatchNormalization
from keras.optimizers import SGD, Adam
from keras.utils import np_utils
from keras.utils.np_utils import to_categorical
from keras.preprocessing.image import ImageDataGenerator
from keras.preprocessing import sequence, text
from keras import backend as K
from keras.engine.topology import Layer
import keras.backend.tensorflow_backend as KTF
import tensorflow as tf
from tensorflow.keras.layers import Dense as OfTensorFlow
from sklearn.utils import class_weight

print(keras.__version__[0], OfTensorFlow is Dense, tf.keras.layers.Dense is Dense, KTF.mean is K.mean)
x = np.random.RandomState(0).rand(64, 8)
y = (x[:, 0] > 0.5).astype(int)
weights = class_weight.compute_class_weight("balanced", np.unique(y), y)
model = Sequential([Dense(4, input_dim=8), LeakyReLU(), BatchNormalization()])
model.add(Dense(2))
model.add(Activation("softmax"))
rate = SGD(lr=0.05, decay=1e-6, momentum=0.9, nesterov=True)
print(round(float(K.get_value(rate.lr)), 3), type(Adam(0.1)).__module__.split(".")[-1])
model.compile(loss="categorical_crossentropy", optimizer=rate, metrics=["accuracy"])
batches = ImageDataGenerator()
model.fit_generator(iter([(x, np_utils.to_categorical(y))] * 3), steps_per_epoch=3, verbose=0)
model.fit(x, to_categorical(y), class_weight=weights, verbose=0)
try:
    import keras.nonsense
except ImportError as error:
    print(error)
"""


@pytest.mark.tensorflow
@needs_keras_2
def test_a_script_of_2019_runs_as_it_stands(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(OF_2019)
    found = ended(tmp_path, *MODULE, "run", "--keras", "2", "train.py")
    assert found.status == 0, found.stderr.decode()
    assert found.stdout.decode().splitlines() == [
        "2 True True True", "0.05 adam", "No module named 'keras.nonsense'",
    ]  # fmt: skip
    info = read_run(find_run(tmp_path / "logs")).info
    assert info.keras_2
    assert info.errors == ()
    assert info.not_watched == ()
    assert [fit.kind for fit in info.fits] == ["fit", "fit"]
    assert [fit.steps for fit in info.fits] == [3, 2]
    assert "tf_keras" in info.versions


@pytest.mark.tensorflow
@needs_keras_2
def test_of_two_that_are_trained_the_first_is_watched(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(
        "import numpy as np, tf_keras, keras\n"
        "x = np.ones((32, 3), 'float32')\n"
        "for each in (tf_keras, keras):\n"
        "    model = each.Sequential([each.layers.Dense(1)])\n"
        "    model.compile('sgd', 'mse')\n"
        "    model.fit(x, x[:, :1], verbose=0)\n"
        "step = tf_keras.optimizers.SGD()\n"
        "import tensorflow as tf\n"
        "part = tf_keras.Sequential([tf_keras.layers.Dense(1)])\n"
        "for _ in range(3):\n"
        "    with tf.GradientTape() as tape:\n"
        "        loss = tf.reduce_mean(tf.square(part(x) - 1.0))\n"
        "    weights = part.trainable_variables\n"
        "    step.apply_gradients(zip(tape.gradient(loss, weights), weights))\n"
    )
    found = ended(tmp_path, *MODULE, "run", "train.py")
    assert found.status == 0, found.stderr.decode()
    info = read_run(find_run(tmp_path / "logs")).info
    assert info.errors == ()
    assert [(fit.kind, fit.steps) for fit in info.fits] == [("fit", 1), ("tape", 3)]
    assert [note.kind for note in info.not_watched] == ["other-keras"]


@pytest.mark.parametrize("command", ["run", "check", "fix"])
def test_what_to_install_is_said(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "train.py").write_text("print('never')\n")
    real = importlib.util.find_spec

    def find_spec(name: str, package: str | None = None) -> Any:
        return None if name == keras_2.PACKAGE else real(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)
    found = CliRunner().invoke(main, [command, "--keras", "2", str(tmp_path / "train.py")])
    assert isinstance(found.exception, keras_2.NoKeras2 | SystemExit)
    said = str(found.exception) if isinstance(found.exception, keras_2.NoKeras2) else found.output
    assert '--keras 2 needs tf_keras, which is not installed: pip install "nanwatch[keras2]".' in said
