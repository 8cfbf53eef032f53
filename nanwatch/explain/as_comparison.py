"""Two runs side by side, for a terminal: what was changed, what it came to, and whether the fix worked."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from nanwatch.diagnose.diagnosis import Diagnosis
from nanwatch.explain.brief_verdict import place_to_look
from nanwatch.explain.comparison import Change, Comparison, compare
from nanwatch.explain.headline import headline
from nanwatch.explain.page import Page
from nanwatch.explain.report import Report
from nanwatch.explain.terminal_end import SIGNS, style_of
from nanwatch.explain.untrusted import clean

LABEL = 10  # columns for what a part is about
MOST_CHANGES = 12  # of each part: more are a different program
COLUMN = 12  # of a number


def render(report: Report, other: Report, width: int = 80, color: bool = False, unicode: bool = True) -> str:
    """``report`` beside ``other``, which was before it."""
    page = Page(width, color, unicode)
    found = compare(report, other)
    page.rule("nanwatch", "bold", (f" {page.sign('·', '-')} two runs", "dim"))
    add_run(page, "Before", other)
    add_run(page, "Now", report)
    add_findings(page, found)
    add_script(page, found)
    add_changes(page, "Model", found.model)
    add_changes(page, "Settings", found.settings)
    add_numbers(page, found.numbers)
    page.gap()
    at = place_to_look(report)
    place = f" {clean(report.place(at))}" if at is not None and headline(report).tone != "well" else ""
    mark = page.sign(*SIGNS[headline(report).tone])
    page.whole(
        (f"{mark} ", style_of(headline(report))), ("nanwatch: ", "dim"), (f"{found.said}{place}", "bold")
    )
    return page.render()


def add_run(page: Page, label: str, report: Report) -> None:
    found = headline(report)
    mark = page.sign(*SIGNS[found.tone])
    page.prose((f"{mark} ", style_of(found)), clean(found.said), indent=2, first=label.ljust(LABEL), most=2)
    page.line((clean(report.folder() or ""), "dim"), indent=2 + LABEL)


def add_findings(page: Page, found: Comparison) -> None:
    page.gap()
    for label, findings in (("Gone", found.gone), ("Still", found.still), ("New", found.new)):
        if findings:
            page.prose(finding_words(findings), indent=2, first=label.ljust(LABEL), style="bold")


def finding_words(findings: Sequence[Diagnosis]) -> str:
    return ", ".join(f"{each.code} {each.name}" for each in findings)


def add_script(page: Page, found: Comparison) -> None:
    if not found.script:
        return
    page.gap()
    page.line(("Script", "bold"), indent=2)
    for line in found.script[: 2 * MOST_CHANGES]:
        style = "red" if line.sign == "-" else "green"
        page.line((f"{line.sign} {line.number:>4}  {line.text}", style), indent=4)
    add_rest(page, len(found.script) - 2 * MOST_CHANGES)


def add_changes(page: Page, label: str, found: Sequence[Change]) -> None:
    if not found:
        return
    page.gap()
    page.line((label, "bold"), indent=2)
    arrow = page.sign("→", "->")
    for change in found[:MOST_CHANGES]:
        page.prose(f"{change.what}: ", (change.before, "red"), f" {arrow} ", (change.now, "green"), indent=4)
    add_rest(page, len(found) - MOST_CHANGES)


def add_numbers(page: Page, found: Sequence[Change]) -> None:
    if not found:
        return
    page.gap()
    wide = min(max(cell_len(each.what) for each in found), page.width - 2 * COLUMN - 8)
    page.line(
        ("Numbers".ljust(wide + 2), "bold"), (f"{'before':>{COLUMN}}{'now':>{COLUMN}}", "dim"), indent=2
    )
    for each in found[: 2 * MOST_CHANGES]:
        page.line(f"{each.what[:wide]:<{wide}}{each.before:>{COLUMN}}{each.now:>{COLUMN}}", indent=4)


def add_rest(page: Page, number: int) -> None:
    if number > 0:
        page.line((f"and {number} more, which --format json lists", "dim"), indent=4)
