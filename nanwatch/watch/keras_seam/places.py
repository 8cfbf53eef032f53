"""A place where a seam is taken. It imports neither Keras nor NumPy, which the script is to import itself."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import NamedTuple

from nanwatch.watch.keras_seam.patches import Wrapper


class Place(NamedTuple):
    """Where a Keras has what the table of seams names, and what a wrapper has to become to stand there."""

    owner: type | ModuleType
    name: str
    fit_in: Callable[[Wrapper], Wrapper] = lambda wrapper: wrapper
