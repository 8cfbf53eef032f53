"""A report on a log, for a terminal."""

from __future__ import annotations

from nanwatch.explain.figures import count
from nanwatch.explain.of_logs import log_words
from nanwatch.explain.of_logs.log_words import SuspicionWords
from nanwatch.explain.page import Page
from nanwatch.explain.source import split_tokens
from nanwatch.explain.terminal_end import SIGNS, STYLES
from nanwatch.explain.terminal_findings import TOKEN_STYLES
from nanwatch.explain.untrusted import clean
from nanwatch.foreign.judge import LogReport


def render(report: LogReport, width: int = 80, color: bool = False, unicode: bool = True) -> str:
    """The report as lines of at most ``width`` columns."""
    page = Page(width, color, unicode)
    add_header(page, report)
    add_headline(page, report)
    add_numbers(page, report)
    found = log_words.suspicions(report)
    if found:
        page.rule("What fits", "bold")
    for number, suspicion in enumerate(found, start=1):
        if number > 1:
            page.gap()
        add_suspicion(page, report, number, suspicion)
    add_next(page, report)
    return page.render()


def add_header(page: Page, report: LogReport) -> None:
    dot = page.sign(" · ", " - ")
    facts = [clean(report.place), log_words.KINDS[report.log.kind]]
    facts.append(count(report.told.course.epochs, "epoch"))
    page.line(("nanwatch", "bold"), (dot + dot.join(facts), "dim"))
    page.gap()


def add_headline(page: Page, report: LogReport) -> None:
    tone, said = log_words.headline(report)
    mark = page.sign(*SIGNS[tone])
    page.prose((said, "bold"), first=f"{mark} ", style=STYLES[tone])
    indent = len(mark) + 1
    if report.told.suspicions:
        page.prose((log_words.BASIS, "dim"), indent=indent)
    found = log_words.seen(report)
    if found:
        page.gap()
    for sentence in found:
        page.prose(sentence, indent=indent, first=page.sign("• ", "- "), style="dim")


def add_numbers(page: Page, report: LogReport) -> None:
    if report.told.case.symptom is None:
        return
    names, rows = log_words.numbers(report)
    names = names[: max(1, (page.width - 9) // 14)]
    page.gap()
    widths = [max(9, len(clean(name))) for name in names]
    titles = "  ".join(f"{clean(name):>{wide}}" for name, wide in zip(names, widths, strict=True))
    page.line(("epoch  " + titles, "dim"), indent=2)
    before = None
    for number, cells in rows:
        if before is not None and number > before + 1:
            page.line((f"{page.sign('⋮', ':'):>5}", "dim"), indent=2)
        before = number
        shown = "  ".join(f"{text:>{wide}}" for text, wide in zip(cells, widths, strict=False))
        page.line((f"{number:>5}  ", "dim"), shown, indent=2)


def add_suspicion(page: Page, report: LogReport, number: int, said: SuspicionWords) -> None:
    lead = f"{number}. "
    page.line(lead, (f"{said.code} {said.name}", "bold"), (f"  {said.strength}", "dim"))
    indent = len(lead)
    for reason in said.reasons:
        page.prose(reason, indent=indent)
    for at in said.lines:
        page.line((log_words.place_words(report, at), "bold"), indent=indent)
        pieces = [(piece, TOKEN_STYLES[kind]) for kind, piece in split_tokens(clean(at.text))]
        page.line(*pieces, indent=indent + 2)
    page.prose(said.fits, indent=indent)
    page.prose((said.tells, ""), indent=indent, first=page.sign("→ ", "> "), style="dim")


def add_next(page: Page, report: LogReport) -> None:
    found = log_words.next_commands(report)
    if not found:
        return
    page.rule("Next", "bold")
    for line, why in found:
        page.line((line, "bold"), indent=2)
        page.prose((why, "dim"), indent=4)
