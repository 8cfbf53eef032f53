"""nanwatch: why a Keras training broke, on which line, and what cures it."""

# `python -m nanwatch` comes by here before it can turn away from the working folder: nothing is imported
# from outside of this one, so that no typing.py in there is either.
from nanwatch.line_notes import note_lines_from_now

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nanwatch.errors import TrainingHalted
    from nanwatch.version import __version__
    from nanwatch.watch.fit.callback import Watch

__all__ = ["TrainingHalted", "Watch", "__version__"]


def __getattr__(name: str) -> object:
    """``nanwatch.Watch`` imports Keras only when it is asked for."""
    if name == "TrainingHalted":
        from nanwatch.errors import TrainingHalted

        return TrainingHalted
    if name == "Watch":
        from nanwatch.watch.fit.callback import Watch

        return Watch
    if name == "__version__":
        from nanwatch.version import __version__

        return __version__
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


note_lines_from_now()
