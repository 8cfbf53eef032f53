"""Where embeddings get their tokens from: followed back through slices to the columns of the input."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from nanwatch.record.facts import TokenInput
from tests.watch.training import only_run, watch_in

pytestmark = pytest.mark.tensorflow
layers = keras.layers
TABLE = np.abs(np.random.RandomState(0).randn(64, 4)).astype("float32")


def tokens_of(folder: Path, take: Callable[[Any], Any], dtype: str = "float32") -> list[TokenInput]:
    """What a model does with a table of which the embedding gets what ``take`` takes."""
    given = keras.Input((4,), dtype=dtype)
    looked_up = layers.Embedding(9, 2, name="table")(take(given))
    model = keras.Model(given, layers.Dense(1)(layers.Flatten()(looked_up)))
    model.compile("adam", "mse")
    model.fit(TABLE.astype(dtype), TABLE[:, 0], verbose=0, callbacks=[watch_in(folder)])
    run = only_run(folder)
    assert run.info.errors == ()
    return list(run.fits[0].info.token_inputs)


@pytest.mark.parametrize(
    ("take", "columns"),
    [
        (lambda x: x, ()),
        (lambda x: x[:, 0], (0,)),
        (lambda x: x[:, 1:3], (1, 2)),
        (lambda x: x[..., -1], (3,)),
        (lambda x: keras.ops.reshape(x[:, ::2], (-1, 2)), (0, 2)),
    ],
)
def test_columns_of_a_table(take: Callable[[Any], Any], columns: tuple[int, ...], tmp_path: Path) -> None:
    assert tokens_of(tmp_path, take) == [TokenInput("table", "0", columns)]


def test_whole_numbers_are_none_of_it(tmp_path: Path) -> None:
    assert tokens_of(tmp_path, lambda x: x, "int32") == []


def test_what_is_made_of_the_input_is_not(tmp_path: Path) -> None:
    assert tokens_of(tmp_path, lambda x: keras.ops.clip(8 * x, 0, 8)) == []


class Looks(keras.Model):
    """A model without a graph of its own, given two inputs by name."""

    def __init__(self) -> None:
        super().__init__()
        self.table = layers.Embedding(9, 2)
        self.head = layers.Dense(1)

    def call(self, inputs: Any) -> Any:
        return self.head(keras.ops.concatenate([self.table(inputs["user"]), inputs["rest"]], axis=1))


def test_an_input_by_its_name(tmp_path: Path) -> None:
    model = Looks()
    model.compile("adam", "mse")
    x = {"user": TABLE[:, 0], "rest": TABLE}
    model.fit(x, TABLE[:, 0], verbose=0, callbacks=[watch_in(tmp_path)])
    (found,) = only_run(tmp_path).fits[0].info.token_inputs
    assert (found.layer, found.input, found.columns) == (model.table.path, "user", ())
