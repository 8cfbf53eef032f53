"""Labels counted on the host, against a naive count."""

from __future__ import annotations

from collections import Counter

import numpy as np

from nanwatch.watch.backends.host_state import HostLabelCounts
from nanwatch.watch.data.profile import MOST_CLASSES, Profile
from nanwatch.watch.keras_seam.keras_types import Array


def counted(*batches: Array) -> HostLabelCounts:
    counts = HostLabelCounts()
    for batch in batches:
        counts.count_batch({("label", "0"): batch, ("input", "0"): np.ones(3)})
    return counts


def seen(batch: Array) -> Profile:
    profile = Profile("label", "0")
    profile.add(batch)
    return profile


def test_whole_labels_are_counted_by_value() -> None:
    first, second = np.array([0, 2, 2, 7]), np.array([2.0, 0.0, 1.0])
    labels, whole = counted(first, second).made_whole((seen(first).summary(),))
    wanted = Counter([0, 2, 2, 7, 2, 0, 1])
    assert whole
    assert labels[0].classes == {str(value): count for value, count in sorted(wanted.items())}
    assert (labels[0].rows, labels[0].min, labels[0].max) == (7, 0.0, 7.0)


def test_a_fraction_or_a_nan_is_no_class() -> None:
    for bad in (0.5, np.nan):
        labels, _ = counted(np.array([0.0, bad])).made_whole((seen(np.array([0.0, 1.0])).summary(),))
        assert not labels[0].integral
    _, whole = counted(np.array([0.0, np.inf])).made_whole((seen(np.array([0.0, 1.0])).summary(),))
    assert not whole


def test_what_lies_outside_the_classes_is_left_to_the_looks() -> None:
    for outside in (-1, MOST_CLASSES, MOST_CLASSES + 50):
        first = np.array([0, outside])
        labels, whole = counted(first).made_whole((seen(first).summary(),))
        assert not whole
        assert labels[0].min == min(0, outside)
    largest = np.array([0, MOST_CLASSES - 1])
    assert counted(largest).made_whole((seen(largest).summary(),))[0][0].max == MOST_CLASSES - 1


def test_one_hot_rows_are_counted_by_column_and_begin_anew() -> None:
    rows = np.eye(3)[[0, 1, 1, 2]]
    counts = counted(rows, rows[:2])
    labels, _ = counts.made_whole((seen(rows).summary(),))
    assert [column.mean for column in labels[0].columns] == [2 / 6, 3 / 6, 1 / 6]
    counts.begin()
    counts.count_batch({("label", "0"): rows[:1]})
    assert counts.made_whole((seen(rows).summary(),))[0][0].rows == 1
