"""What Keras ran on, as the versions in a record tell."""

from __future__ import annotations

from nanwatch.errors import RunUnreadable
from nanwatch.record.facts import RunInfo

NAMES = {"jax": "JAX", "torch": "PyTorch"}  # by what ``KERAS_BACKEND`` calls them


def other_backend(info: RunInfo) -> str | None:
    """The name of the backend; None where it was TensorFlow."""
    return next((name for package, name in NAMES.items() if package in info.versions), None)


def need_tensorflow_in(info: RunInfo) -> None:
    """Nothing where the steps of the run can be made again.

    Raises:
        RunUnreadable: they ran on another backend.
    """
    name = other_backend(info)
    if name is not None:
        raise RunUnreadable(
            f"The training ran on {name}: steps are repeated, and remedies tried, on TensorFlow alone; "
            "KERAS_BACKEND=tensorflow nanwatch run runs the script there."
        )
