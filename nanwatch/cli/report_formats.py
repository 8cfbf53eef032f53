"""The ``--format`` option of every command that reports, and the writing of what it asks for."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click

from nanwatch.cli.completion import complete_format
from nanwatch.cli.page_file import page_here
from nanwatch.cli.screen import FILE, Screen, screen_of, show, show_utf8
from nanwatch.cli.settings import settings
from nanwatch.cli.table import NAMES
from nanwatch.errors import BadConfig, NanwatchError
from nanwatch.explain.formats import DOCUMENTS, FORMATS, renderer
from nanwatch.explain.report import Report

STDOUT = "-"
EVENT_FILES = "tensorboard"  # the one format that is a folder of files
SUMMARY_BYTES = 1024 * 1024  # GitHub refuses a step's summary that is larger
SHORTER = "\n\n(The report was longer than GitHub takes; `nanwatch explain` shows all of it.)\n"


class FormatRequest(NamedTuple):
    """A format, and the file or folder it goes to; None: stdout."""

    name: str
    file: Path | None


def parse_format(value: str) -> FormatRequest:
    """``json``, or ``json:report.json``; the file ``-`` is stdout."""
    name, colon, file = value.partition(":")
    if name == EVENT_FILES:
        if file in ("", STDOUT):
            raise click.BadParameter(f"{value!r} names no folder; write {EVENT_FILES}:FOLDER.")
        return FormatRequest(name, Path(file))
    if name not in FORMATS:
        known = ", ".join(map(repr, [*FORMATS, EVENT_FILES]))
        raise click.BadParameter(f"{name!r} is not one of {known}.")
    if colon and not file:
        raise click.BadParameter(f"{value!r} names no file; write {name}:FILE, or {name} for stdout.")
    return FormatRequest(name, None if file in ("", STDOUT) else Path(file))


def format_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds ``--format`` and ``-o`` to a command, which gets ``formats``, a tuple of `FormatRequest`."""
    output = click.option(
        "-o",
        "--output",
        type=click.Path(path_type=Path),
        expose_value=False,
        is_eager=True,
        callback=keep_output,
        help="Write to this file; for the one format that names no file.",
    )
    chosen = click.option(
        "--format",
        "formats",
        multiple=True,
        metavar=f"[{'|'.join(FORMATS)}][:FILE]|{EVENT_FILES}:FOLDER",
        envvar="NANWATCH_FORMAT",
        callback=choose_formats,
        shell_complete=complete_format,
        help="What to write, and where; may be given more than once.  [default: terminal]",
    )
    return chosen(output(command))


def keep_output(ctx: click.Context, param: click.Parameter, value: Path | None) -> None:
    ctx.meta["nanwatch.output"] = value


def choose_formats(
    ctx: click.Context, param: click.Parameter, value: tuple[str, ...]
) -> tuple[FormatRequest, ...]:
    """What is to be written; from pyproject.toml where neither option nor environment says."""
    wanted = tuple(map(parse_format, value)) or formats_from_settings() or (FormatRequest("terminal", None),)
    output = ctx.meta.get("nanwatch.output")
    if output is not None:
        if sum(each.file is None for each in wanted) != 1:
            raise click.UsageError("-o FILE goes with one format; write --format NAME:FILE for each.")
        wanted = tuple(each if each.file else each._replace(file=output) for each in wanted)
    on_stdout = [each.name for each in wanted if each.file is None]
    documents = [name for name in on_stdout if name in DOCUMENTS]
    if documents and len(on_stdout) > 1:
        raise click.UsageError(
            f"{' and '.join(on_stdout)} cannot share stdout; give one a file, "
            f"as in --format {documents[0]}:FILE."
        )
    return wanted


def formats_from_settings() -> tuple[FormatRequest, ...]:
    """``format = "terminal sarif:nanwatch.sarif"`` of ``[tool.nanwatch]``."""
    words = str(settings(Path.cwd()).get("format", "")).split()
    try:
        return tuple(map(parse_format, words))
    except click.BadParameter as error:
        raise BadConfig(f"[tool.nanwatch] format in pyproject.toml: {error.message}") from error


def project_root() -> str | None:
    """The folder of the checkout, where the build server names it."""
    return os.environ.get("GITHUB_WORKSPACE") or os.environ.get("CI_PROJECT_DIR") or None


def write_reports(
    report: Report, formats: Sequence[FormatRequest], verbose: bool = False, page: Path | None = None
) -> None:
    """Every format that was asked for; on GitHub its annotations and a summary of the job too.

    ``page`` is the report as a page, where one was written.
    """
    for wanted in formats:
        write_report(report, wanted, verbose, page)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        tell_github(report, annotated=any(wanted.name == "github" for wanted in formats))


def write_report(
    report: Report, wanted: FormatRequest, verbose: bool = False, page: Path | None = None
) -> None:
    if wanted.name == EVENT_FILES and wanted.file is not None:
        from nanwatch.cli import tensorboard_files

        tensorboard_files.write_event_files(report, wanted.file)
        return
    screen = FILE if wanted.file else screen_of(sys.stdout)
    text = render_report(report, wanted.name, screen, verbose, page)
    if wanted.file is not None:
        write_text(wanted.file, text)
    elif wanted.name == "terminal":
        show(text)
    else:
        show_utf8(text)


def render_report(
    report: Report, form: str, screen: Screen, verbose: bool = False, page: Path | None = None
) -> str:
    """The report in the format ``form``; the terminal's is fitted to ``screen``, or ``verbose``."""
    if form != "terminal":
        return renderer(form)(report)
    from nanwatch.explain import as_terminal

    return as_terminal.render(report, *screen, commands=NAMES, verbose=verbose, page_file=page_here(page))


def write_text(path: Path, text: str, mode: str = "w") -> None:
    try:
        with open(path, mode, encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError as error:
        raise NanwatchError(f"The report could not be written to {path}: {error.strerror}.") from error


def tell_github(report: Report, annotated: bool) -> None:
    """The annotations, unless they were written, and the report at the end of the job's summary.

    They go to stderr, which GitHub reads as it reads stdout: stdout may hold a document.
    """
    if not annotated:
        show(renderer("github")(report), sys.stderr)
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        write_text(Path(summary), shorten_summary(renderer("markdown")(report)) + "\n", "a")


def shorten_summary(text: str) -> str:
    """``text``, cut at a paragraph where GitHub would refuse all of it."""
    if len(text.encode()) <= SUMMARY_BYTES:
        return text
    kept = text.encode()[: SUMMARY_BYTES - len(SHORTER)].decode(errors="ignore")
    return kept.rpartition("\n\n")[0] + SHORTER
