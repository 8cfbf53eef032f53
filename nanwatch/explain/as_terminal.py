"""The report for a terminal: in a screenful, or all of it."""

from __future__ import annotations

from collections.abc import Collection

from nanwatch.explain import as_comparison
from nanwatch.explain.figures import count
from nanwatch.explain.headline import headline
from nanwatch.explain.next_command import COMMANDS, next_commands
from nanwatch.explain.page import Page
from nanwatch.explain.processes import process_lines
from nanwatch.explain.report import Report
from nanwatch.explain.sentences import limits, watched_sentence
from nanwatch.explain.terminal_end import SIGNS, add_end, style_of
from nanwatch.explain.terminal_findings import add_findings
from nanwatch.explain.terminal_numbers import add_epochs, add_last_steps, add_spread
from nanwatch.explain.terminal_short import render_short
from nanwatch.explain.trainings import training_lines
from nanwatch.explain.untrusted import clean

UNSEEN_LINES = 6  # a large model may have one for each layer


def render(
    report: Report,
    width: int = 80,
    color: bool = False,
    unicode: bool = True,
    commands: Collection[str] = COMMANDS,
    verbose: bool = False,
    page_file: str | None = None,
) -> str:
    """The report as lines of at most ``width`` columns: a screenful, or with ``verbose`` all of it.

    ``commands`` are those it may name; ``page_file`` is the report as a page, where one was written.
    """

    def new_page() -> Page:
        return Page(width, color, unicode)

    if report.against is not None:
        return as_comparison.render(report, report.against, width, color, unicode)
    if not verbose:
        return render_short(report, new_page, commands, page_file).render()
    page = new_page()
    add_header(page, report)
    add_headline(page, report)
    add_findings(page, report)
    add_spread(page, report)
    add_last_steps(page, report)
    add_epochs(page, report)
    add_trainings(page, report)
    add_processes(page, report)
    add_basis(page, report)
    add_next_commands(page, report, commands)
    page.gap()
    add_end(page, report, headline(report), page_file)
    return page.render()


def add_header(page: Page, report: Report) -> None:
    dot = page.sign(" · ", " - ")
    facts = [clean(report.path(report.run.info.script)), report.state]
    if report.steps():
        facts.append(count(report.steps(), "step"))
    if report.run.folder is not None:
        facts.append(clean(report.folder() or ""))
    page.line(("nanwatch", "bold"), (dot + dot.join(facts), "dim"))
    page.gap()


def add_headline(page: Page, report: Report) -> None:
    found = headline(report)
    mark = page.sign(*SIGNS[found.tone])
    page.prose((clean(found.said), "bold"), first=f"{mark} ", style=style_of(found))
    indent = len(mark) + 1
    if found.behind is not None:
        page.prose(clean(found.behind), indent=indent)
    if report.diagnoses.outcome == "healthy":
        page.prose(watched_sentence(report), indent=indent)
    elif is_unexplained(report):
        page.prose("No rule explains it.", indent=indent)


def is_unexplained(report: Report) -> bool:
    found = report.diagnoses
    return not found.diagnoses and not found.accepted and found.outcome not in ("no-training", "incomplete")


def add_trainings(page: Page, report: Report) -> None:
    """How far each of several models came."""
    lines = training_lines(report)
    if not lines:
        return
    page.rule("Trainings", "bold")
    for line in lines:
        page.prose(clean(line), indent=2, first=page.sign("• ", "- "))


def add_processes(page: Page, report: Report) -> None:
    """What the child processes of the script trained."""
    lines = process_lines(report)
    if not lines:
        return
    page.rule("Child processes", "bold")
    for line in lines:
        page.prose(clean(line), indent=2, first=page.sign("• ", "- "))


def add_basis(page: Page, report: Report) -> None:
    """What the report does not know, and what the watching cost."""
    lines = limits(report, UNSEEN_LINES)
    if not lines:
        return
    page.rule("What this rests on", "bold")
    for line in lines:
        page.prose(clean(line), indent=2, first=page.sign("• ", "- "), style="dim")


def add_next_commands(page: Page, report: Report, commands: Collection[str]) -> None:
    found = next_commands(report, commands)
    if not found:
        return
    page.rule("Next", "bold")
    wide = max(len(line) for line, _ in found)
    for line, why in found:
        if wide + len(why) + 6 > page.width:
            page.line((line, "bold"), indent=2)
            page.prose((why, "dim"), indent=4)
        else:
            page.line((line.ljust(wide), "bold"), "  ", (why, "dim"), indent=2)
