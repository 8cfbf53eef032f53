"""The report as a page in the run's own folder, where it is found again: ``report.html``."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from nanwatch.cli.screen import show
from nanwatch.explain.report import Report
from nanwatch.record.kept_file import FILE_MODE

PAGE_FILE = "report.html"
COMPARISON_FILE = "against.html"  # of the run with another one: the report itself stays


def page_in(report: Report) -> Path | None:
    """The page of the run, where one was written; a link in a stranger's folder is none."""
    path = None if report.run.folder is None else report.run.folder / PAGE_FILE
    return path if path is not None and path.is_file() and not path.is_symlink() else None


def write_page_if_found(report: Report) -> Path | None:
    """The page of a run in which something was found; whatever fails, the report in words stands."""
    with contextlib.suppress(Exception):
        if is_wanted(report):
            return write_page(report)
    return None


def is_wanted(report: Report) -> bool:
    """Whether a page is worth its time: a run that is well costs nothing."""
    from nanwatch.explain.headline import tone_of

    return report.has_more_than_notes() or bool(report.doubts) or tone_of(report) == "broken"


def write_page(report: Report) -> Path | None:
    """Written beside and moved into place: never half a page, and never through a link.

    Raises:
        OSError: it cannot be written.
    """
    if report.run.folder is None:
        return None
    from nanwatch.explain.as_html import render

    path = report.run.folder / (PAGE_FILE if report.against is None else COMPARISON_FILE)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    number = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    try:
        with open(number, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(render(report))
        os.replace(scratch, path)
    except BaseException:  # Ctrl-C too; it is raised again
        scratch.unlink(missing_ok=True)
        raise
    return path


def page_here(path: Path | None) -> str | None:
    """The path as it is typed, or clicked on, where the reader stands."""
    if path is None:
        return None
    with contextlib.suppress(OSError):
        if path.is_absolute() and path.is_relative_to(Path.cwd()):
            return str(path.relative_to(Path.cwd()))
    return str(path)


def open_page(path: Path) -> None:
    """In the reader's browser; where none can be opened, say so."""
    import webbrowser

    with contextlib.suppress(webbrowser.Error):
        if webbrowser.open(path.absolute().as_uri()):
            return
    show(f"nanwatch: no browser could be opened; the page is {path}\n", sys.stderr)
