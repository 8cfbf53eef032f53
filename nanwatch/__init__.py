"""nanwatch: why a Keras training broke, on which line, and what cures it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nanwatch.errors import TrainingHalted
from nanwatch.version import __version__

if TYPE_CHECKING:
    from nanwatch.watch.fit.callback import Watch

__all__ = ["TrainingHalted", "Watch", "__version__"]


def __getattr__(name: str) -> Any:
    """``nanwatch.Watch`` imports Keras only when it is asked for."""
    if name == "Watch":
        from nanwatch.watch.fit.callback import Watch

        return Watch
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
