"""The report in small, as HTML for the output of a notebook's cell: no script, no style sheet, no other file.

What shows a notebook may leave out style sheets and scripts, has a light or a dark ground of its own, and
does not say which: each element has its few styles itself, and no ground but a tint of what is there.
"""

from __future__ import annotations

from functools import cache
from typing import Any
from urllib.parse import quote

from jinja2 import Environment

from nanwatch.explain import as_html
from nanwatch.explain.brief_verdict import first_finding
from nanwatch.explain.caret import columns_of
from nanwatch.explain.figures import count
from nanwatch.explain.headline import Headline, Tone, headline
from nanwatch.explain.html_findings import remedy_card
from nanwatch.explain.next_command import folder_here
from nanwatch.explain.report import Report
from nanwatch.explain.source import Line, excerpt
from nanwatch.explain.terminal_short import best_remedy
from nanwatch.explain.trainings import place_words
from nanwatch.explain.verdict import course_facts

COLOURS: dict[Tone, str] = {"well": "#1f8a4f", "open": "#9a6ab8", "broken": "#d6453d"}
WARNING = "#b7791f"
SIGNS: dict[Tone, str] = {"well": "✔", "open": "?", "broken": "✖"}
EVIDENCE = 3  # of the numbers that prove it
OTHERS = 3  # further findings that are told, in a line each
STYLES = {
    "box": "border-left: 4px solid {colour}; padding: 0.4em 0.9em; margin: 0.3em 0; max-width: 60em;"
    " line-height: 1.45; overflow-wrap: anywhere;",
    "head": "font-size: 1.15em; font-weight: 600; color: {colour}; margin: 0;",
    "text": "margin: 0.35em 0;",
    "quiet": "margin: 0.35em 0; opacity: 0.75;",
    "code": "margin: 0.35em 0; padding: 0.4em 0.7em; background: rgba(127, 127, 127, 0.12);"
    " color: inherit; white-space: pre-wrap; overflow-wrap: anywhere; font-family: monospace;",
    "guilty": "font-weight: 600;",
    "caret": "color: #d6453d; font-weight: 600;",
    "old": "color: #d6453d;",
    "new": "color: #1f8a4f; font-weight: 600;",
    "list": "margin: 0.35em 0; padding-left: 1.3em;",
}


def render(report: Report, page: str | None = None) -> str:
    """The report; ``page`` is its page, as a path from where the notebook is."""
    found = headline(report)
    if found.tone == "well" and not report.diagnoses.diagnoses:
        return environment().get_template("line.html.j2").render(**well(report, found))
    return environment().get_template("cell.html.j2").render(**wanting(report, found, page))


@cache
def environment() -> Environment:
    return as_html.environment()


def well(report: Report, found: Headline) -> dict[str, Any]:
    return {
        "styles": styled(colour_of(found)),
        "sign": SIGNS[found.tone],
        "verdict": found.said,
        "facts": facts(report),
    }


def facts(report: Report) -> str:
    if len(report.run.fits) > 1:
        return f"{count(len(report.run.fits), 'training')}, {count(report.steps(), 'step')}"
    return ", ".join(course_facts(report, brief=True))


def wanting(report: Report, found: Headline, page: str | None) -> dict[str, Any]:
    first = first_finding(report)
    remedy = None if first is None else best_remedy(first)
    others = [
        each for each in report.diagnoses.diagnoses[1:] if each.part != "consequence" and each.level != "note"
    ]
    return {
        "styles": styled(colour_of(found)),
        "sign": SIGNS[found.tone],
        "verdict": found.said,
        "behind": found.behind,
        "first": first,
        "training": "" if first is None else place_words(report, first.fit, first.alike),
        "evidence": () if first is None else first.evidence[:EVIDENCE],
        "place": "" if first is None or first.location is None else report.place(first.location),
        "lines": guilty_lines(report),
        "remedy": None if remedy is None else remedy_card(report, remedy),
        "more": 0 if first is None else len(first.remedies) - (remedy is not None),
        "others": [(each, "" if each.location is None else report.place(each.location)) for each in others],
        "most": OTHERS,
        "page": page,
        "link": None if page is None else quote(page),
        "command": None if report.run.folder is None else f"nanwatch explain -v {folder_here(report)}",
    }


def styled(colour: str) -> dict[str, str]:
    return {name: style.replace("{colour}", colour) for name, style in STYLES.items()}


def colour_of(found: Headline) -> str:
    return WARNING if found.tone == "broken" and found.level == "warning" else COLOURS[found.tone]


def guilty_lines(report: Report) -> list[tuple[Line, str]]:
    """The lines around the fault, and beneath the guilty one what is at fault in it."""
    first = first_finding(report)
    if first is None or first.location is None:
        return []
    part = columns_of(first)
    return [
        (line, carets(line.text, part) if line.guilty and part is not None else "")
        for line in excerpt(report.run, first.location).lines
    ]


def carets(text: str, part: tuple[int, int]) -> str:
    indent = len(text) - len(text.lstrip())
    return " " * (indent + part[0]) + "^" * (part[1] - part[0])
