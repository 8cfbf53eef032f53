"""A report on a log, as GitHub-flavoured Markdown.

History of the format:

* 1: headline, what is seen, the numbers, what fits, what to type next.
"""

from __future__ import annotations

from collections.abc import Iterator

from nanwatch.explain.as_markdown import TONES, table
from nanwatch.explain.figures import count
from nanwatch.explain.markdown_text import code_span, escape_markup, fence_code, row
from nanwatch.explain.of_logs import log_words
from nanwatch.explain.of_logs.log_words import SuspicionWords
from nanwatch.explain.untrusted import clean
from nanwatch.foreign.judge import LogReport


def render(report: LogReport) -> str:
    """The report in sections; text from the log and the script is taken literally."""
    return "\n\n".join(parts(report)) + "\n"


def parts(report: LogReport) -> Iterator[str]:
    tone, said = log_words.headline(report)
    yield f"## {TONES[tone]} {escape_markup(said)}"
    epochs = count(report.told.course.epochs, "epoch")
    yield f"{code_span(report.place)} · {log_words.KINDS[report.log.kind]} · {epochs}"
    if report.told.suspicions:
        yield escape_markup(log_words.BASIS)
    if found := log_words.seen(report):
        yield "\n".join(f"- {escape_markup(sentence)}" for sentence in found)
    if report.told.case.symptom is not None:
        names, rows = log_words.numbers(report)
        cells = [row(str(number), *each) for number, each in rows]
        yield table(["epoch", *map(escape_markup, names)], cells, words=0)
    for number, each in enumerate(log_words.suspicions(report), start=1):
        yield from suspicion(report, number, each)
    if commands := log_words.next_commands(report):
        yield "### Next"
        yield "\n".join(f"- {code_span(line)} {escape_markup(why)}" for line, why in commands)


def suspicion(report: LogReport, number: int, said: SuspicionWords) -> Iterator[str]:
    yield f"### {number}. {said.code} {said.name}: {said.strength}"
    yield " ".join(map(escape_markup, (*said.reasons, said.fits)))
    for at in said.lines:
        yield code_span(log_words.place_words(report, at))
        yield fence_code(clean(at.text), "python")
    yield f"What would tell: {escape_markup(said.tells)}"
