"""Tensors in tuples, lists and dicts, where Keras has no public names for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nanwatch.watch.keras_seam.keras_types import Structure


def paths_in(structure: Structure, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Of each leaf, in the order in which ``tf.nest`` gives them."""
    if isinstance(structure, Mapping):
        inside = [(key, structure[key]) for key in sorted(structure)]
    elif isinstance(structure, list | tuple):
        inside = list(enumerate(structure))
    else:
        yield path
        return
    for key, part in inside:
        yield from paths_in(part, (*path, key))
