"""The script's own tf.functions, traced anew while they are watched.

A function that was traced before would run without sentinels, and one that was traced with them
would keep them for good. So a watched step calls a copy, and the script's own stays as it is.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from nanwatch.watch.keras_seam import tensorflow_names
from nanwatch.watch.keras_seam.keras_types import R
from nanwatch.watch.keras_seam.patches import Patches, Wrapper
from nanwatch.watch.keras_seam.seams import Taker, take


class CopiedFunction(NamedTuple):
    """A ``tf.function`` of the script's own, kept alive, and its copy."""

    function: Callable[..., Any]
    copy: Callable[..., Any]


class FunctionCopies:
    """One copy of each function, traced where it is called first."""

    def __init__(self, catch_errors: Callable[[str], Any] = contextlib.nullcontext) -> None:
        self.made: dict[int, CopiedFunction] = {}  # by the id of the script's own
        self.catch_errors = catch_errors

    def of(self, function: Callable[..., R]) -> Callable[..., R]:
        """The copy; the function itself where none can be made."""
        if id(function) not in self.made:
            self.made[id(function)] = CopiedFunction(function, function)
            with self.catch_errors("copying a tf.function"):
                copy = tensorflow_names.copy_of_function(function)
                self.made[id(function)] = CopiedFunction(function, copy)
        return self.made[id(function)].copy


def call_copies(copies: FunctionCopies, wanted: Callable[[], bool]) -> Wrapper:
    """A wrapper of the call of a tf.function: where ``wanted()``, its copy is called."""
    cls = tensorflow_names.function_class()

    def call(original: Callable[..., R], function: Callable[..., R], /, *args: object, **kwargs: object) -> R:
        # not one of a saved model: its Python is not the script's
        mine = type(function) is cls and wanted()
        return original(copies.of(function) if mine else function, *args, **kwargs)

    return call


@contextlib.contextmanager
def copy_all_functions() -> Iterator[None]:
    """Every tf.function called in this block is a new one."""
    with Patches() as patches:
        take(patches, Taker.COPIES, {"tf.function.__call__": call_copies(FunctionCopies(), lambda: True)})
        yield
