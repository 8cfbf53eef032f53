"""The last lines of a report in the terminal: its page, and the verdict with the place to click on."""

from __future__ import annotations

from rich.cells import cell_len

from nanwatch.explain.brief_verdict import brief_verdict, code_and_place
from nanwatch.explain.headline import Headline, Tone
from nanwatch.explain.page import Page
from nanwatch.explain.report import Report
from nanwatch.explain.terminal_findings import LEVEL_STYLES
from nanwatch.explain.untrusted import clean

SIGNS: dict[Tone, tuple[str, str]] = {"well": ("✔", "OK"), "open": ("?", "??"), "broken": ("✖", "!!")}
STYLES: dict[Tone, str] = {"well": "bold green", "open": "bold magenta", "broken": "bold red"}
LABEL = 7  # columns for what a line at the end is about


def style_of(found: Headline) -> str:
    if found.tone == "broken" and found.level is not None:
        return LEVEL_STYLES[found.level]
    return STYLES[found.tone]


def add_end(page: Page, report: Report, found: Headline, page_file: str | None) -> None:
    """Where the page is, if one was written, and the verdict."""
    if page_file is not None:
        page.whole(("Page".ljust(LABEL), "dim"), clean(page_file), indent=2)
    add_verdict(page, report, found)


def add_verdict(page: Page, report: Report, found: Headline) -> None:
    """The verdict in one line, as much of it as there is room for; code and place are never left out."""
    code, name, place = code_and_place(report)
    mark, said = page.sign(*SIGNS[found.tone]), brief_verdict(report)
    at = f" at {place}" if place else ""
    choices = [f"{said}: {code} {name}{at}", f"{said}: {code}{at}", f"{code} {name}{at}", f"{code}{at}"]
    if not code:
        choices = [f"{said}{at}"]
    room = page.width - len(f"{mark} nanwatch: ")
    text = next((choice for choice in choices if cell_len(choice) <= room), choices[-1])
    page.whole((f"{mark} ", style_of(found)), ("nanwatch: ", "dim"), (text, "bold"))
