"""Real trainings of Keras on JAX and on PyTorch, where this Python, or one that is named, has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.backends.trying import Tried, python_with, try_program

BACKENDS = ("jax", "torch")
SAMPLE = (
    "relu_head",
    "healthy_regression",
)  # of the programs that `python -m tests.backends` runs


def tried(program: str, backend: str, folder: Path) -> Tried:
    python = python_with(backend)
    if python is None:
        pytest.skip(f"Keras cannot run on {backend} here: NANWATCH_PYTHON_{backend.upper()} names no Python")
    return try_program(program, backend, python, folder)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("program", SAMPLE)
def test_a_training_is_watched_and_explained(program: str, backend: str, tmp_path: Path) -> None:
    assert tried(program, backend, tmp_path).wrongs() == []


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_first_bad_layer_is_named_and_the_update_held_back(backend: str, tmp_path: Path) -> None:
    found = tried("log_layer", backend, tmp_path)
    assert found.wrongs() == []
    report: dict[str, Any] = found.report
    incident = report["incident"]
    assert (incident["role"], incident["path"]) == ("activation", "sequential/logarithm")
    assert "# NW900" in report["diagnoses"][0]["location"]["code"]
