"""nanwatch: why a Keras training broke, on which line, and what cures it."""

# `python -m nanwatch` comes by here before it can turn away from the working folder: nothing is imported
# from outside of this one, so that no typing.py in there is either.
from nanwatch.line_notes import note_lines_from_now

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nanwatch import explain
    from nanwatch.errors import TrainingHalted
    from nanwatch.version import __version__
    from nanwatch.watch.fit.callback import Watch

__all__ = ["TrainingHalted", "Watch", "__version__", "explain"]


def __dir__() -> list[str]:
    """What there is for a user: the folders of the package are none of it."""
    return sorted(__all__)


def __getattr__(name: str) -> object:
    """``nanwatch.Watch`` imports Keras only when it is asked for."""
    if name == "TrainingHalted":
        from nanwatch.errors import TrainingHalted

        return TrainingHalted
    if name == "Watch":
        return watch_callback()
    if name == "explain":  # the folder of that name, which can be called
        import importlib

        return importlib.import_module("nanwatch.explain")
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
    if Watch.told is None:
        from nanwatch.notebook import TELLING

        Watch.told = TELLING
    return Watch


def last_report() -> object:
    """What ``nanwatch.explain()`` answers: the report on the training of this process that ended last.

    Raises:
        RunNotFound: none has been watched in it.
    """
    from nanwatch.notebook import TELLING

    return TELLING.last_report()


def load_ipython_extension(shell: object) -> None:
    """``%load_ext nanwatch``: from now on every training of the kernel is watched."""
    from nanwatch.notebook import EXTENSION

    EXTENSION.load(shell)


def unload_ipython_extension(shell: object) -> None:
    """``%unload_ext nanwatch``."""
    from nanwatch.notebook import EXTENSION

    EXTENSION.unload(shell)


note_lines_from_now()
