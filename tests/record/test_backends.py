"""What a run tells of the backend that Keras had."""

from __future__ import annotations

import pytest

from nanwatch.errors import RunUnreadable
from nanwatch.record.backends import need_tensorflow_in, other_backend
from nanwatch.record.facts import RunInfo


def test_the_versions_tell_the_backend() -> None:
    assert other_backend(RunInfo("t.py", versions={"tensorflow": "2.21", "keras": "3.15"})) is None
    assert other_backend(RunInfo("t.py")) is None
    assert other_backend(RunInfo("t.py", versions={"jax": "0.10", "keras": "3.15"})) == "JAX"
    assert other_backend(RunInfo("t.py", versions={"torch": "2.13", "keras": "3.15"})) == "PyTorch"


def test_what_needs_tensorflow_says_so_in_one_sentence() -> None:
    need_tensorflow_in(RunInfo("t.py", versions={"tensorflow": "2.21"}))
    with pytest.raises(RunUnreadable) as raised:
        need_tensorflow_in(RunInfo("t.py", versions={"jax": "0.10"}))
    assert str(raised.value) == (
        "The training ran on JAX: steps are repeated, and remedies tried, on TensorFlow alone; "
        "KERAS_BACKEND=tensorflow nanwatch run runs the script there."
    )
