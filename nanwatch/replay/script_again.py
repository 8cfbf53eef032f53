"""The script that a record names, before it is run again: which file, with what, and from where."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nanwatch.errors import NanwatchError
from nanwatch.record.facts import RunInfo


class CannotReplay(NanwatchError):
    """The moment cannot be brought back: which of its parts is missing or has changed."""


@dataclass(frozen=True)
class ScriptAgain:
    """``script`` is as the record names it; ``moved``: why it is not run from the folder that it ran in."""

    script: str
    args: tuple[str, ...]
    folder: Path
    moved: str | None = None

    @property
    def path(self) -> Path:
        return Path(os.path.normpath(self.folder / self.script))


Ask = Callable[[ScriptAgain], object]


def script_again(info: RunInfo, folder: Path) -> ScriptAgain:
    """The script of the run in ``folder``, from where it ran; from here where that is gone.

    Raises:
        CannotReplay: it is not there any more, or lies in the run's own folder, where none of the user's is.
    """
    recorded, here = Path(info.cwd), Path.cwd()
    moved = None
    place = recorded if info.cwd and holds(recorded, info.script) else here
    if place is here and not holds(here, info.script):
        raise CannotReplay(f"The script {info.script} is not there any more; it would have to be run again.")
    if place is here and not is_same(recorded, here):
        gone = f"does not hold {info.script} any more" if recorded.is_dir() else "is not there any more"
        moved = f"{info.cwd or 'the folder it ran in'} {gone}"
    found = ScriptAgain(info.script, tuple(info.argv[1:]), place, moved)
    if is_within(found.path, folder) or is_within(place, folder):
        raise CannotReplay(
            f"The record names a script in its own folder, {found.path}, where no script of yours can be: "
            "it is not run."
        )
    return found


def holds(folder: Path, script: str) -> bool:
    """Whether a file, or a folder with a ``__main__.py``, is found by this name from ``folder``."""
    try:
        path = Path(folder, script)
        return path.is_file() or (path / "__main__.py").is_file()
    except (OSError, ValueError):
        return False


def is_same(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def is_within(path: Path, folder: Path) -> bool:
    """With all links resolved. A part of a run is in the run's own folder."""
    runs = [Path(os.path.realpath(each)) for each in (folder, folder.parent) if holds_run(each)]
    return any(Path(os.path.realpath(path)).is_relative_to(run) for run in runs)


def holds_run(folder: Path) -> bool:
    return (folder / "run.json").exists()
