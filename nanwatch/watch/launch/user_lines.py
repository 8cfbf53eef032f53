"""Which line of the user's own code is being executed."""

from __future__ import annotations

import contextlib
import linecache
import os
import sys
import sysconfig
import weakref
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import CodeType, FrameType
from typing import Generic, TypeVar

from nanwatch.record.facts import Location
from nanwatch.watch.launch.cells import TIMED, cell_at
from nanwatch.watch.launch.source_files import hold

T = TypeVar("T")

OWN = str(Path(os.path.abspath(__file__)).parents[2]) + os.sep  # all of nanwatch/


@cache
def installed_places() -> tuple[str, ...]:
    """The folders that hold Python's own code and what was installed, symbolic links resolved."""
    paths = sysconfig.get_paths()
    names = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return tuple({os.path.realpath(name) + os.sep for name in names} | {name + os.sep for name in names})


@cache
def is_users(filename: str) -> bool:
    """Whether code from ``filename`` is the user's, not nanwatch's, a package's or Python's."""
    if filename.startswith("<"):
        return filename.startswith("<ipython") or filename in TIMED
    path = os.path.abspath(filename)
    if path.startswith(OWN) or "__autograph_generated_file" in path:
        return False
    if f"{os.sep}site-packages{os.sep}" in path or f"{os.sep}dist-packages{os.sep}" in path:
        return False
    return not path.startswith(installed_places())


def below_the_script() -> frozenset[str]:
    """The files whose frames nanwatch puts under a script: its own, click's, the console command."""
    import click

    folders = (Path(OWN), Path(click.__file__).parent)
    files = {str(path) for folder in folders for path in folder.rglob("*.py")}
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_back is not None:
        frame = frame.f_back
    return frozenset(files | {"<frozen runpy>"} | ({frame.f_code.co_filename} if frame else set()))


SENT = "<dynamic-code>"  # what cloudpickle calls the file of a function that it brings to another process

MOST_DECORATORS = 10  # lines from where a function begins to its name


class Sender:
    """Whose functions this process runs, where it is a worker that joblib, Dask or the like started."""

    script: str | None = None


def file_of(code: CodeType) -> str:
    """The file of ``code``; of a function that was sent here the script, where that has it on this line."""
    if code.co_filename != SENT or Sender.script is None:
        return code.co_filename
    first = code.co_firstlineno - 1
    begins = "".join(linecache.getlines(Sender.script)[first : first + MOST_DECORATORS])
    return Sender.script if code.co_name.strip("<>") in begins else SENT


def user_frames(frame: FrameType | None) -> Iterator[FrameType]:
    """The frames of the user's code, the innermost first."""
    while frame is not None:
        if is_users(file_of(frame.f_code)):
            yield frame
        frame = frame.f_back


def location_of(frame: FrameType) -> Location:
    return line_at(file_of(frame.f_code), frame.f_lineno)


def line_at(filename: str, line: int) -> Location:
    """A place in a file, with its line as it stands there now; or in a cell of a notebook."""
    if (found := cell_at(filename, line)) is not None:
        return Location(filename, *found)
    code = linecache.getline(filename, line).strip()
    path = filename if filename.startswith("<") else os.path.abspath(filename)
    hold(path, filename, line)
    return Location(path, line, code)


def line_here(frame: FrameType | None = None) -> Location | None:
    """The innermost line of the user's code on the stack; None when there is none."""
    start = frame or sys._getframe(1)
    return next((location_of(found) for found in user_frames(start)), None)


class Marks(Generic[T]):
    """A line, or a name, for each of some objects, for as long as that lives. On the object itself nothing
    stands: it is the script's, who may list its attributes, copy or pickle it."""

    def __init__(self) -> None:
        self.held: dict[int, tuple[weakref.ref[object], T | None]] = {}  # by the id of the object

    def put(self, thing: object, found: T | None) -> None:
        """Never fails: what cannot be referred to weakly is not marked."""
        number = id(thing)

        def forget(gone: weakref.ref[object]) -> None:
            if number in self.held and self.held[number][0] is gone:
                del self.held[number]

        with contextlib.suppress(TypeError):
            self.held[number] = weakref.ref(thing, forget), found

    def of(self, thing: object) -> T | None:
        known = self.held.get(id(thing))
        return known[1] if known is not None and known[0]() is thing else None


MADE, COMPILED, CALLED = Marks[Location](), Marks[Location](), Marks[Location]()
FROZEN = Marks[Location]()


def mark_line(thing: object, frame: FrameType | None = None) -> None:
    """Remember the user's line that is making ``thing``. Never fails."""
    found = line_here(frame or sys._getframe(1))
    if found is not None:
        MADE.put(thing, found)


def line_of(thing: object) -> Location | None:
    """The line that made ``thing``, where it was marked."""
    return MADE.of(thing)


def mark_frozen(layer: object, frame: FrameType) -> None:
    """Remember the user's line that last set ``trainable`` of ``layer`` to False."""
    FROZEN.put(layer, line_here(frame))


def freezing_line_of(layer: object) -> Location | None:
    """The line that froze ``layer``, where it was marked."""
    return FROZEN.of(layer)


def mark_compile(model: object, frame: FrameType) -> None:
    """Remember the user's line of the last ``compile`` of ``model``."""
    COMPILED.put(model, line_here(frame))


def mark_call(model: object) -> None:
    """Remember the user's line that calls ``model`` for the first time."""
    if CALLED.of(model) is None:
        CALLED.put(model, line_here(sys._getframe(1)))


def call_line_of(model: object) -> Location | None:
    """The line of the first call, where it was marked."""
    return CALLED.of(model)


def compile_line_of(model: object) -> Location | None:
    """The line of the last ``compile``, where it was marked."""
    return COMPILED.of(model)
