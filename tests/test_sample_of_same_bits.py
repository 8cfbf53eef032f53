"""A few trainings, each of another kind; ``python -m tests.same_bits`` compares all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = pytest.mark.tensorflow

SAMPLE = [
    ("Dense, then tanh", "Adam", "fit"),
    ("Dense, then elu", "Nesterov", "tape, squares"),
    ("Dense, then a Lambda", "Adagrad", "fit"),
    ("added four", "Lamb", "fit, steps_per_execution"),
    ("residual", "RMSprop", "fit"),
    ("inverted", "AdamW", "tape"),
    ("encoded", "Nadam", "fit"),
    ("gated", "SGD with a schedule", "fit, eager"),
]


@pytest.mark.parametrize("name", SAMPLE)
def test_the_bits_are_the_same(name: tuple[str, str, str], tmp_path: Path) -> None:
    from tests.same_bits.comparing import compare
    from tests.same_bits.trainings import Training

    assert compare(Training(*name), tmp_path) == (None, [])


def test_how_many_there_are() -> None:
    from tests.same_bits.architectures import ARCHITECTURES
    from tests.same_bits.trainings import OPTIMIZERS

    assert len(ARCHITECTURES) >= 40
    assert len(OPTIMIZERS) >= 14
