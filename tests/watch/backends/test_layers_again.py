"""The first layer whose output is not finite, and which outputs are shown."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from nanwatch.watch.backends.affordable import affordable
from nanwatch.watch.backends.layers_again import BadLayer, bad_layers
from nanwatch.watch.train_step.inspection import MOST_PER_ROW


def test_finite_layers_are_left_out_and_the_order_is_kept() -> None:
    counts = [("a", np.array([0, 0, 0]), 8), ("b", np.array([1, 3, 2]), 8), ("c", np.array([8, 0, 0]), 8)]
    assert bad_layers(counts) == [BadLayer("b", 6, 8, "inf"), BadLayer("c", 8, 8, "nan")]
    assert bad_layers([("d", np.array([0, 1, 2]), 4)])[0].value == "-inf"


def test_a_layer_is_shown_up_to_the_size_that_is_allowed() -> None:
    whole = SimpleNamespace(shape=(32, MOST_PER_ROW))
    large = SimpleNamespace(shape=(32, MOST_PER_ROW + 1))
    assert list(affordable({"a": whole, "b": large})) == ["a"]


def test_where_not_all_are_those_near_the_output_are_shown_in_their_order() -> None:
    layers = {name: SimpleNamespace(shape=(1, MOST_PER_ROW)) for name in "abcdef"}
    assert list(affordable(layers)) == ["c", "d", "e", "f"]
