"""The findings as cards of the HTML report, and the script with its guilty lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nanwatch.diagnose.diagnosis import Diagnosis, Remedy
from nanwatch.diagnose.rule import all_rules
from nanwatch.explain.caret import Columns, columns_of
from nanwatch.explain.documentation_blocks import CODE, LINK, BlockKind, split_blocks
from nanwatch.explain.report import Report
from nanwatch.explain.sentences import remedy_sentence, trial_facts, trial_sentence
from nanwatch.explain.source import Line, excerpt, script_lines, split_tokens
from nanwatch.explain.trainings import place_words
from nanwatch.explain.untrusted import clean
from nanwatch.record.facts import Location

CONTEXT = 4  # lines on either side of a guilty one: there is more room than in a terminal

Pieces = tuple[tuple[str, str], ...]  # (kind, text): of code, or of a paragraph


@dataclass(frozen=True)
class CodeLine:
    number: int
    pieces: Pieces
    guilty: bool
    codes: tuple[str, ...] = ()


@dataclass(frozen=True)
class RemedyCard:
    text: str
    place: str
    old: str
    new: str
    verdict: str
    trial: str
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Card:
    heading: str
    found: Diagnosis
    training: str  # of which model, in which process
    place: str
    layer: str
    current: bool
    lines: tuple[CodeLine, ...]
    remedies: tuple[RemedyCard, ...]
    documentation: tuple[tuple[BlockKind, Pieces], ...]


def cards(report: Report) -> list[Card]:
    """Causes, contributing findings and notes; consequences have no card."""
    causes = [cause for cause in report.of_part("cause") if cause.level != "note"]
    notes = [cause for cause in report.of_part("cause") if cause.level == "note"]
    found = [card(report, "Also a cause" if at else "Cause", cause) for at, cause in enumerate(causes)]
    found += [card(report, "Contributing", each) for each in report.of_part("contributing")]
    return found + [card(report, "Note", note) for note in notes]


def card(report: Report, heading: str, found: Diagnosis) -> Card:
    at = found.location
    lines, current = code_lines(report, at, columns_of(found))
    return Card(
        heading,
        found,
        place_words(report, found.fit, found.alike),
        "" if at is None else report.place(at),
        report.names.path(found.layer or ""),
        current,
        lines,
        tuple(remedy_card(report, remedy) for remedy in found.remedies),
        tuple(documentation(found.code)),
    )


def code_lines(
    report: Report, at: Location | None, part: Columns | None = None
) -> tuple[tuple[CodeLine, ...], bool]:
    if at is None:
        return (), True
    found = excerpt(report.run, at, CONTEXT)
    return tuple(code_line(line, part=part if line.guilty else None) for line in found.lines), found.current


def code_line(line: Line, codes: tuple[str, ...] = (), part: Columns | None = None) -> CodeLine:
    pieces = split_tokens(line.text) if part is None else pieces_with(line, part)
    return CodeLine(line.number, tuple(pieces), line.guilty, codes)


def pieces_with(line: Line, part: Columns) -> Iterator[tuple[str, str]]:
    """The pieces of a line, those of ``part`` of the stripped line marked as that."""
    indent = len(line.text) - len(line.text.lstrip())
    begin, end = indent + part[0], indent + part[1]
    yield from split_tokens(line.text[:begin])
    yield from ((f"{kind} part", text) for kind, text in split_tokens(line.text[begin:end]))
    yield from split_tokens(line.text[end:])


def remedy_card(report: Report, remedy: Remedy) -> RemedyCard:
    at = remedy.location
    shown = remedy.line is not None and at is not None
    return RemedyCard(
        remedy_sentence(remedy),
        report.place(at) if at is not None and shown else "",
        clean(at.code).strip() if at is not None and shown else "",
        clean(remedy.line).strip() if remedy.line is not None and shown else "",
        "" if remedy.trial is None else remedy.trial.verdict,
        "" if remedy.trial is None else trial_sentence(remedy.trial),
        () if remedy.trial is None else tuple(trial_facts(remedy.trial)),
    )


def documentation(code: str) -> Iterator[tuple[BlockKind, Pieces]]:
    """What ``nanwatch rule CODE`` says, in pieces."""
    rule = next((rule for rule in all_rules() if rule.code == code), None)
    for kind, text in split_blocks("" if rule is None else rule.documentation()):
        yield kind, tuple(colour_code(text)) if kind == "code" else tuple(inline_pieces(text))


def colour_code(text: str) -> Iterator[tuple[str, str]]:
    """Lines of Python in pieces, with a ``break`` behind each."""
    for line in text.splitlines():
        yield from split_tokens(clean(line))
        yield "break", ""


def inline_pieces(text: str) -> Iterator[tuple[str, str]]:
    """A paragraph in pieces, plain and code; a link is its words and its address."""
    plain = LINK.sub(lambda match: f"{match[1]} ({match[2]})", clean(text))
    at = 0
    for match in CODE.finditer(plain):
        yield "plain", plain[at : match.start()]
        yield "code", match[2]
        at = match.end()
    yield "plain", plain[at:]


def whole_script(report: Report) -> list[CodeLine]:
    """The script as it was, its guilty lines marked; nothing without one."""
    script = report.path(report.run.info.script)
    guilty: dict[int, list[str]] = {}
    for found in report.diagnoses.diagnoses:
        at = found.location
        if at is not None and report.path(at.file) == script and found.part != "consequence":
            guilty.setdefault(at.line, []).append(found.code)
    lines = script_lines(report.run, Path(report.run.info.cwd, script)) if guilty else []
    return [
        code_line(Line(number, text, number in guilty), tuple(dict.fromkeys(guilty.get(number, ()))))
        for number, text in lines
    ]
