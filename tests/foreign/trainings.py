"""Trainings as a log would tell of them, made of their numbers."""

from __future__ import annotations

from collections.abc import Sequence

from nanwatch.foreign.course import Course, course_of
from nanwatch.foreign.log import Epoch, Training


def training(planned: int | None = None, **series: Sequence[float]) -> Training:
    """``training(loss=[...], accuracy=[...])``."""
    length = max(map(len, series.values()))
    epochs = (
        Epoch(at + 1, {name: values[at] for name, values in series.items() if at < len(values)})
        for at in range(length)
    )
    return Training(tuple(epochs), planned)


def course(units: int | None = None, **series: Sequence[float]) -> Course:
    return course_of(training(None, **series), units)
