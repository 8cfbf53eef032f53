"""Where a diagnosis is shown, and the fingerprint by which it is known again from run to run."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from nanwatch.diagnose.diagnosis import Diagnosis
from nanwatch.record.facts import Cell, Location
from nanwatch.record.run import Run

A_CELL = "a notebook's cell"  # in the place of a file


def place_of(run: Run, diagnosis: Diagnosis) -> Location:
    """Its own line; without one the call that trained, else the script."""
    if diagnosis.location is not None:
        return diagnosis.location
    fit = next((fit for fit in run.fits if fit.info.index == diagnosis.fit), None)
    if fit is not None and fit.info.location is not None:
        return fit.info.location
    return Location(run.info.script, 0)


def line_words(at: Location, path: str) -> str:
    """``train.py:12``, by what its file is told as; of a notebook ``cell 4, line 12``."""
    return f"{path}:{at.line}" if at.cell is None else f"{cell_words(at.cell)}, line {at.line}"


def line_in_words(at: Location) -> str:
    """``line 12``, where it is known in which file; of a notebook with the cell."""
    return f"line {at.line}" if at.cell is None else line_words(at, "")


def cell_words(cell: Cell) -> str:
    return f"cell {cell.number}" if cell.number else "a cell"


def lasting_path(run: Run, at: Location, root: str | None = None) -> str:
    """What a line's file is known by again in other runs: cells have other numbers in each."""
    return project_path(run, at.file, root) if at.cell is None else A_CELL


def project_path(run: Run, path: str | Path, root: str | None = None) -> str:
    """``path`` as other programs want it: relative to the root of the checkout, with ``/``.

    Without a known root the run's working directory is taken for it; what lies outside
    stays whole.
    """
    whole = Path(os.path.normpath(Path(run.info.cwd, path)))
    base = root or run.info.cwd
    if base and whole.is_relative_to(base):
        return whole.relative_to(base).as_posix()
    return whole.as_posix()


def fingerprint(code: str, file: str, line: str) -> str:
    """What stays when lines move and blanks change: the rule, the file and the line's text."""
    said = "\0".join((code, file, " ".join(line.split())))
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:32]
