"""One attribute of an object, replaced for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def attribute(owner: Any, name: str, value: object) -> Iterator[None]:
    """Another value for as long as the block lasts."""
    own = name in vars(owner)
    before = getattr(owner, name)
    setattr(owner, name, value)
    hides_the_class_s = not own and name in vars(owner)  # a property is set elsewhere
    try:
        yield
    finally:
        if hides_the_class_s:
            delattr(owner, name)
        else:
            setattr(owner, name, before)
