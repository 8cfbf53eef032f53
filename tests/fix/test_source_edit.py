"""Edits of a script's source: what must change, and nothing else."""

import pytest

from nanwatch.fix.source_edit import Script, keras_name, with_keras

SOURCE = '''\
"""A script."""
from __future__ import annotations
# imports
import numpy as np
import tensorflow as tf

model = tf.keras.Sequential([  # a comment
    tf.keras.layers.Dense(
        8,
        activation="tanh",  # squashes
    ),
    tf.keras.layers.Dense(2, "relu"),
])
if True:
    # compile it
    model.compile("adam", loss="mse", metrics=["mae"])
    model.fit(x, y)
'''


def edited(line: int, name: str, keyword: str, value: str | None, position: int | None = None) -> str:
    script = Script(SOURCE)
    done = script.with_argument(script.calls_at(line, (name,))[0].node, keyword, value, position)
    assert done is not None
    return done.source


def test_an_argument_in_a_call_over_several_lines() -> None:
    assert edited(10, "Dense", "activation", '"relu"') == SOURCE.replace('"tanh"', '"relu"')


def test_an_argument_that_is_given_by_its_place() -> None:
    assert edited(12, "Dense", "activation", '"softmax"', 1) == SOURCE.replace('2, "relu"', '2, "softmax"')


def test_a_new_argument_stands_as_the_others_do() -> None:
    assert edited(12, "Dense", "name", '"head"') == SOURCE.replace('2, "relu")', '2, "relu", name="head")')
    assert edited(8, "Dense", "name", '"first"') == SOURCE.replace(
        '        activation="tanh",  # squashes\n',
        '        activation="tanh",\n        name="first",  # squashes\n',
    )


def test_an_argument_taken_out() -> None:
    assert edited(16, "compile", "metrics", None) == SOURCE.replace(', metrics=["mae"]', "")
    script = Script(SOURCE)
    call = script.calls_at(12, ("Dense",))[0].node
    assert script.with_argument(call, "activation", None, 1) is None  # it has no name to go by
    assert script.with_argument(call, "name", None) is None


def test_statements_before_another_are_indented_and_keep_the_comment_above() -> None:
    done = Script(SOURCE).with_statements_before(16, "a = 1\n", "b = 2\n")
    assert done is not None
    assert done.source == SOURCE.replace("    # compile it\n", "    # compile it\n    a = 1\n    b = 2\n")
    assert Script(SOURCE).with_statements_before(99, "a = 1\n") is None


def test_an_import_stands_behind_those_from_the_future() -> None:
    assert Script(SOURCE).with_import("import keras\n").source == SOURCE.replace(
        "# imports\nimport numpy", "# imports\nimport keras\nimport numpy"
    )
    assert Script("x = 1\n").with_import("import keras\n").source == "import keras\nx = 1\n"
    assert Script("").with_import("import keras\n").source == "import keras"


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("import keras", "keras"),
        ("import keras as k", "k"),
        ("import tensorflow as tf", "tf.keras"),
        ("import tensorflow", "tensorflow.keras"),
        ("from tensorflow import keras", "keras"),
        ("from tensorflow import keras as K, data", "K"),
        ("import tensorflow.keras as tk", "tk"),
        ("from keras.layers import Dense", None),
        ("from tensorflow.keras.models import Sequential", None),
        ("from tensorflow import *", None),
    ],
)
def test_how_the_script_calls_keras(source: str, name: str | None) -> None:
    assert keras_name(Script(source + "\n")) == name


@pytest.mark.parametrize(
    ("source", "imported"),
    [
        ("from keras.layers import Dense\nx = 1\n", "import keras\n"),
        ("from tensorflow.keras.layers import Dense\nx = 1\n", "from tensorflow import keras\n"),
    ],
)
def test_keras_is_imported_as_the_rest_of_it_is(source: str, imported: str) -> None:
    done = with_keras(
        Script(source), lambda script, keras: script.with_statements_before(2, f"y = {keras}.Model\n")
    )
    assert done is not None
    assert done.source == imported + source.replace("x = 1", "y = keras.Model\nx = 1")


def test_calls_are_found_from_the_inside_out() -> None:
    script = Script(SOURCE)
    assert [each.first for each in script.calls_at(10)] == [8, 7]
    assert script.calls_at(4) == []


def test_what_is_no_python() -> None:
    with pytest.raises(ValueError, match="cannot be read as Python"):
        Script("print 'x'\n")
