"""The findings in the terminal report: cause, evidence, the script's line, what to change."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from nanwatch.diagnose.diagnosis import Diagnosis, Level, Remedy
from nanwatch.diagnose.op_words import first_op_words
from nanwatch.explain.caret import Columns, columns_of, common_length
from nanwatch.explain.page import Page
from nanwatch.explain.report import Report
from nanwatch.explain.sentences import op_facts, op_sentence, remedy_sentence, trial_facts, trial_sentence
from nanwatch.explain.source import Line, TokenKind, excerpt, split_tokens
from nanwatch.explain.trainings import place_words
from nanwatch.explain.untrusted import clean
from nanwatch.record.facts import Location
from nanwatch.record.trials import Trial, Verdict

# Named ANSI colours that keep their contrast on a dark and on a light background alike;
# yellow and plain blue do not.
LEVEL_STYLES: dict[Level, str] = {"error": "bold red", "warning": "bold magenta", "note": "bold"}
NONFINITE_OP = "NW410"
TOKEN_STYLES: dict[TokenKind, str] = {"keyword": "magenta", "string": "green", "comment": "dim", "plain": ""}
VERDICT_STYLES: dict[Verdict, str] = {"cured": "green", "not-cured": "red", "not-reproduced": ""}


def add_findings(page: Page, report: Report) -> None:
    causes = [cause for cause in report.of_part("cause") if cause.level != "note"]
    notes = [cause for cause in report.of_part("cause") if cause.level == "note"]
    for number, cause in enumerate(causes):
        add_heading(page, "Cause" if number == 0 else "Also a cause", cause)
        add_finding(page, report, cause)
    add_first_op(page, report, causes)
    for diagnosis in report.of_part("contributing"):
        add_heading(page, "Contributing", diagnosis)
        add_finding(page, report, diagnosis)
    add_consequences(page, [each for each in report.of_part("consequence") if not is_told(report, each)])
    for note in notes:
        add_heading(page, "Note", note)
        add_finding(page, report, note)


def is_told(report: Report, found: Diagnosis) -> bool:
    """Whether it is no more than the op that went bad, which has a part of its own."""
    incident = report.run.info.incident
    return found.code == NONFINITE_OP and incident is not None and incident.op is not None


def add_heading(page: Page, title: str, diagnosis: Diagnosis) -> None:
    style = LEVEL_STYLES[diagnosis.level]
    name = f" {diagnosis.name}" + ("" if diagnosis.level in ("error", "note") else f" ({diagnosis.level})")
    page.rule(f"{title}  ", style, (diagnosis.code, "bold"), (name, ""))


def add_finding(page: Page, report: Report, diagnosis: Diagnosis) -> None:
    page.prose(clean(diagnosis.message), indent=2)
    if place := place_words(report, diagnosis.fit, diagnosis.alike):
        page.prose((clean(place), "dim"), indent=2)
    told = evidence_beside_op(report, diagnosis)
    if told:
        page.gap()
    for evidence in told:
        page.prose(clean(evidence), indent=4, first=page.sign("• ", "- "), style="dim")
    if diagnosis.location is not None:
        page.gap()
        add_excerpt(page, report, diagnosis.location, diagnosis.layer, columns_of(diagnosis))
    for number, remedy in enumerate(diagnosis.remedies):
        page.gap()
        if number == 0:
            page.line(("What to change", "bold"), indent=2)
        add_remedy(page, report, diagnosis, remedy, f"{number + 1}. " if len(diagnosis.remedies) > 1 else "")
    page.gap()


def evidence_beside_op(report: Report, diagnosis: Diagnosis) -> list[str]:
    """Its evidence but for the sentence on the first bad op, where that has a part of its own."""
    incident = report.run.info.incident
    op = None if incident is None else incident.op
    told = diagnosis.evidence
    return [
        text
        for text in told
        if op is None or not text.lower().startswith(f"the {first_op_words(op)} is".lower())
    ]


def add_excerpt(
    page: Page, report: Report, location: Location, layer: str | None = None, part: Columns | None = None
) -> None:
    """Where the fault stands, with its neighbours, the guilty line marked and carets under its ``part``."""
    found = excerpt(report.run, location)
    behind = f", layer {clean(report.names.path(layer))}" if layer else ""
    if not found.current and found.lines:
        behind += " (as it was when the run was made)"
    page.line((clean(report.place(location)), "bold"), (behind, "dim"), indent=2)
    digits = len(str(max((line.number for line in found.lines), default=0)))
    for line in found.lines:
        add_excerpt_line(page, line, digits)
        if line.guilty and part is not None:
            add_carets(page, line, part, digits)


def add_carets(page: Page, line: Line, part: Columns, digits: int) -> None:
    """Under ``part`` of the stripped line; of one that is too long and is broken, the part once more."""
    lead = Text.assemble("  ", f"  {'':>{digits}} ", (f"{page.sign('│', '|')} ", "bold red"))
    begin = len(line.text) - len(line.text.lstrip()) + part[0]
    before, marked = Text(line.text[:begin]), Text(line.text[begin : begin + part[1] - part[0]])
    if Text(line.text).cell_len <= page.width - lead.cell_len:
        carets = " " * before.cell_len + "^" * marked.cell_len
    else:
        carets = f"^ {marked.plain}"
    page.block(Text(carets, "bold red"), 0, page.width, lead)


def add_excerpt_line(page: Page, line: Line, digits: int) -> None:
    mark = page.sign("▶", ">") if line.guilty else " "
    bar = page.sign("│", "|")
    lead = Text.assemble(
        "  ",
        (f"{mark} {line.number:>{digits}} ", "bold red" if line.guilty else "dim"),
        (f"{bar} ", "bold red" if line.guilty else "dim"),
    )
    code = Text()
    for kind, text in split_tokens(line.text):
        code.append(text, f"bold {TOKEN_STYLES[kind]}".strip() if line.guilty else TOKEN_STYLES[kind])
    room = page.width - lead.cell_len
    if line.guilty or code.cell_len <= room:
        page.block(code, 0, page.width, lead)
    else:
        ending = page.sign("…", "...")
        code.truncate(room - len(ending))
        page.block(code + Text(ending, "dim"), 0, page.width, lead)


def add_remedy(page: Page, report: Report, diagnosis: Diagnosis, remedy: Remedy, number: str) -> None:
    page.prose(remedy_sentence(remedy), indent=2, first=number)
    indent = 2 + len(number)
    if remedy.line is not None and remedy.location is not None:
        if remedy.location != diagnosis.location:
            page.line((clean(report.place(remedy.location)), "dim"), indent=indent + 2)
        add_diff(page, remedy.location, remedy.line, indent + 2)
    if remedy.trial is not None:
        add_trial(page, remedy.trial, indent)


def add_diff(page: Page, location: Location, new: str, indent: int) -> None:
    """The line as it is and as it would be, the changed part of each in bold."""
    old, new = clean(location.code).strip(), clean(new).strip()
    same = common_length(old, new)
    tail = common_length(old[same:][::-1], new[same:][::-1])
    for sign, text, style in (("- ", old, "red"), ("+ ", new, "green")):
        end = len(text) - tail
        pieces = Text.assemble((text[:same], style), (text[same:end], f"bold {style}"), (text[end:], style))
        page.block(pieces, indent, page.width, Text(sign, style))


def add_trial(page: Page, tried: Trial, indent: int) -> None:
    page.prose((trial_sentence(tried), VERDICT_STYLES[tried.verdict]), indent=indent)
    for name, said in trial_facts(tried):
        page.prose((f"{name}: ", "dim"), said, indent=indent + 2)


def add_first_op(page: Page, report: Report, causes: Sequence[Diagnosis]) -> None:
    """The op of the autopsy: where the first non-finite number was made."""
    incident = report.run.info.incident
    if incident is None or incident.op is None:
        return
    op = incident.op
    page.rule("Where it began", "bold")
    page.prose(report.names.say(op_sentence(op)), indent=2)
    for text in op_facts(op):
        page.prose(text, indent=4, first=page.sign("• ", "- "), style="dim")
    if op.location is not None and op.location not in [cause.location for cause in causes]:
        page.gap()
        add_excerpt(page, report, op.location, op.layer)


def add_consequences(page: Page, found: list[Diagnosis]) -> None:
    if not found:
        return
    page.rule("What follows from it", "bold")
    for diagnosis in found:
        page.prose(
            (f"{diagnosis.code} {diagnosis.name}", "bold"),
            "  " + clean(diagnosis.message),
            indent=2,
            first=page.sign("• ", "- "),
            style="dim",
        )
