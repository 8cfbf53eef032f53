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
        return watch_callback()
    if name == "__version__":
        from nanwatch.version import __version__

        return __version__
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def watch_callback() -> object:
    """The class ``Watch``.

    Raises:
        TensorFlowMissing: there is none to watch.
    """
    try:
        from nanwatch.watch.fit.callback import Watch
    except ModuleNotFoundError:
        from nanwatch.watch.launch.frameworks import need_framework

        need_framework()
        raise
    return Watch


note_lines_from_now()
