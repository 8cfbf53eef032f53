"""What several rules ask of the same fit is worked out once."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeVar

from nanwatch.record.run import Fit

T = TypeVar("T")


def once_a_fit(read: Callable[[Fit], T]) -> Callable[[Fit], T]:
    """``read``, which gives for the same fit what it gave before: nobody may change that."""
    name = f"_{read.__module__}.{read.__qualname__}"

    @functools.wraps(read)
    def read_once(fit: Fit) -> T:
        known = vars(fit)  # it goes with the fit; a copy with other facts begins anew
        if name not in known:
            known[name] = read(fit)
        found: T = known[name]
        return found

    return read_once
