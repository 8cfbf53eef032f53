"""The columns of a row, and which tensors of a batch have some."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from nanwatch.record.watchpoints import Watchpoint
from nanwatch.watch.backends import host_rows
from nanwatch.watch.data.batch import Batch

BATCH: Batch = {
    "input": [("0", np.zeros((4, 2), np.float32)), ("1", np.zeros((4,), np.int64))],
    "label": [("0", np.zeros((4,), np.float32))],
    "sample_weight": [],
}
VARIABLES: Any = [SimpleNamespace(path="dense/kernel"), SimpleNamespace(path="dense/bias")]


def test_the_batch_stands_first_and_the_weights_last(monkeypatch: Any) -> None:
    monkeypatch.setattr(host_rows, "seam", lambda: SimpleNamespace(path_of=lambda each: each.path))
    layout = host_rows.layout_of(BATCH, VARIABLES, [])
    assert layout.columns()[: layout.of_batch] == [
        ("rows", "", "value"),
        ("input", "0", "l2_norm"),
        ("input", "1", "min"),
        ("input", "1", "max"),
        ("label", "0", "min"),
        ("label", "0", "max"),
    ]
    assert layout.columns()[layout.of_batch : layout.of_step] == [
        ("learning_rate", "", "value"),
        ("loss", "", "value"),
        ("output", "output", "l2_norm"),
        ("gradient", "dense/kernel", "l2_norm"),
        ("gradient", "dense/bias", "l2_norm"),
    ]
    assert [key[1] for key in layout.columns()[layout.of_step :]] == ["dense/kernel", "dense/bias"]


def test_what_is_out_of_reach_has_no_column(monkeypatch: Any) -> None:
    monkeypatch.setattr(host_rows, "seam", lambda: SimpleNamespace(path_of=lambda each: each.path))
    layout = host_rows.layout_of(BATCH, VARIABLES, ["loss", "output", "gradient"])
    assert {role for role, _, _ in layout.place} == {"rows", "input", "label", "learning_rate", "weight"}


def test_strings_and_objects_are_not_watched() -> None:
    odd: Batch = {"input": [("0", np.array(["a"])), ("1", object())], "label": [], "sample_weight": []}
    assert host_rows.arrays_of(odd) == []
    assert [each.watchpoint for each in host_rows.list_not_dense(odd)] == [
        Watchpoint("input", "0"),
        Watchpoint("input", "1"),
    ]


def test_cells_stand_in_the_order_of_the_columns(monkeypatch: Any) -> None:
    monkeypatch.setattr(host_rows, "seam", lambda: SimpleNamespace(path_of=lambda each: each.path))
    layout = host_rows.layout_of(BATCH, VARIABLES, [])
    row = host_rows.in_order(layout, {("loss", "", "value"): 3.0, ("loss", "other", "value"): 4.0}, 0.0)
    assert row[layout.place["loss", "", "value"]] == 3.0
    assert sum(row) == 3.0
    assert layout.seen == {("loss", "", "value")}
