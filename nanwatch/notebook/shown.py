"""A report as a notebook shows it: HTML in a cell, text in a plain console."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from nanwatch.cli.page_file import page_here, page_in
from nanwatch.cli.screen import FILE, Screen
from nanwatch.explain import as_cell, as_terminal
from nanwatch.explain.report import Report

# What can be typed behind a ``!`` in a cell, of a run that no command can bring back.
COMMANDS = frozenset({"explain", "rule"})


class ShownReport:
    """What ``nanwatch.explain()`` answers, and what stands in the cell of a training."""

    def __init__(self, report: Report) -> None:
        self.report = report

    def _repr_html_(self) -> str:
        page = page_in(self.report)
        return as_cell.render(self.report, None if page is None else from_here(page))

    def __repr__(self) -> str:
        return self.text(FILE).rstrip("\n")

    def text(self, screen: Screen) -> str:
        page = page_here(page_in(self.report))
        return as_terminal.render(self.report, *screen, commands=COMMANDS, page_file=page)


def from_here(path: Path) -> str:
    """As a link in a notebook has it: from the folder of that, where the kernel has been started."""
    with contextlib.suppress(ValueError, OSError):
        return Path(os.path.relpath(path)).as_posix()
    return str(path)
