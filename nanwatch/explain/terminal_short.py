"""The report in a screenful: verdict, cause, line, proof, what to change, what that gave, what is next."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

from nanwatch.diagnose.diagnosis import Diagnosis, Remedy
from nanwatch.explain.brief_verdict import first_finding
from nanwatch.explain.caret import columns_of, common_length
from nanwatch.explain.figures import count
from nanwatch.explain.headline import Headline, headline
from nanwatch.explain.next_command import folder_here, next_command, run_again
from nanwatch.explain.notes import own_error_words
from nanwatch.explain.one_line_code import slice_around
from nanwatch.explain.page import Page, Piece
from nanwatch.explain.report import Report
from nanwatch.explain.sentences import remedy_sentence, short_trial_sentence
from nanwatch.explain.source import excerpt
from nanwatch.explain.terminal_end import LABEL, SIGNS, add_end, style_of
from nanwatch.explain.terminal_findings import LEVEL_STYLES, VERDICT_STYLES
from nanwatch.explain.trainings import place_words
from nanwatch.explain.untrusted import clean
from nanwatch.explain.verdict import course_facts, verdict

MOST_ROWS = 23  # a terminal of 24 holds them with the prompt


@dataclass(frozen=True)
class Room:
    """How many lines each part may take."""

    headline: int
    behind: int
    message: int
    evidence: int  # how many are told
    of_evidence: int  # lines of each
    remedy: int
    diff: int  # lines of each side
    trial: int
    others: int
    gaps: bool


# The first that fits on a screen is taken.
ROOMS = (
    Room(3, 3, 4, 3, 2, 2, 3, 3, 4, gaps=True),
    Room(3, 2, 3, 3, 2, 2, 2, 3, 4, gaps=True),
    Room(3, 1, 3, 3, 2, 2, 2, 3, 3, gaps=True),
    Room(3, 1, 3, 2, 2, 2, 2, 3, 3, gaps=True),
    Room(3, 1, 3, 2, 2, 2, 2, 2, 2, gaps=False),
    Room(2, 1, 3, 2, 1, 1, 1, 2, 2, gaps=False),
)


def render_short(
    report: Report, new_page: Callable[[], Page], commands: Collection[str], page_file: str | None
) -> Page:
    """The page, of ``MOST_ROWS`` rows at most: a path that is wider than the screen takes two."""
    found = headline(report)
    if report.diagnoses.outcome == "no-training" and not report.has_more_than_notes():
        return no_training(report, new_page(), commands)
    if found.tone == "well":
        return well(report, new_page(), found, page_file)
    for room in ROOMS:
        page = wanting(report, new_page(), found, room, commands, page_file)
        if page.rows() <= MOST_ROWS:
            break
    return page


def no_training(report: Report, page: Page, commands: Collection[str]) -> Page:
    """A sentence without a mark: nothing is wrong with a script that trains nothing."""
    said = clean(verdict(report))
    page.prose(("" if said.startswith("nanwatch ") else "nanwatch: ", "dim"), said, most=4)
    command = next_command(report, [name for name in commands if name == "run"])
    if command is not None:
        page.whole(("Next".ljust(LABEL), "dim"), (command, "bold"), indent=2)
    return page


def well(report: Report, page: Page, found: Headline, page_file: str | None) -> Page:
    """How the training went, what was noted, and that it is well."""
    dot = page.sign(" · ", " - ")
    facts = course_facts(report, brief=True)
    if len(report.run.fits) > 1:
        facts = [count(len(report.run.fits), "training"), count(report.steps(), "step")]
    while len(facts) > 1 and cell_len(f"nanwatch{dot}{', '.join(facts)}.") > page.width:
        facts.pop()
    page.line(("nanwatch", "bold"), (f"{dot}{', '.join(facts)}.", "dim"))
    notes = report.diagnoses.diagnoses
    for note in notes[: ROOMS[0].others]:
        add_other(page, report, note, "Note")
    add_gaps(page, report)
    if notes:
        add_rest(page, len(notes) - ROOMS[0].others)
        add_more(page, report)
        add_end(page, report, found, page_file)
        return page
    mark = page.sign(*SIGNS[found.tone])
    folder = "" if report.run.folder is None else f" The record is in {folder_here(report)}"
    said = clean(found.said)
    if any(fit.info.cut_short for fit in report.run.fits):
        said = f"{said} Too few steps to say whether it learns."
    if folder and cell_len(f"{mark} {said}{folder}") > page.width:
        folder = f" {folder_here(report)}"
    page.whole((f"{mark} ", style_of(found)), (said, "bold"), (folder, "dim"))
    return page


def wanting(
    report: Report, page: Page, found: Headline, room: Room, commands: Collection[str], page_file: str | None
) -> Page:
    """Of a run that something speaks against."""
    add_title(page, report)
    add_headline(page, found, room)
    first = first_finding(report)
    if first is None:
        if report.diagnoses.outcome not in ("incomplete", "healthy") and not report.diagnoses.accepted:
            page.prose("No rule explains it.", indent=2)
    else:
        add_cause(page, report, first, room)
        add_change(page, report, first, room)
    gap(page, room)
    add_others(page, report, room)
    add_gaps(page, report)
    add_next(page, report, commands)
    add_end(page, report, found, page_file)
    return page


def gap(page: Page, room: Room) -> None:
    if room.gaps:
        page.gap()


def add_title(page: Page, report: Report) -> None:
    dot = page.sign(" · ", " - ")
    script = clean(report.path(report.run.info.script))
    facts: list[str] = [report.state]
    if report.steps():
        facts.append(count(report.steps(), "step"))
    room = page.width - len("-- nanwatch  --") - cell_len(dot + dot.join(facts)) - len(dot)
    if cell_len(script) > room:
        script = os.path.basename(script)
    page.rule("nanwatch", "bold", (dot + dot.join([script, *facts]), "dim"))


def add_headline(page: Page, found: Headline, room: Room) -> None:
    mark = page.sign(*SIGNS[found.tone])
    page.prose((clean(found.said), "bold"), first=f"{mark} ", style=style_of(found), most=room.headline)
    if found.behind is not None:
        page.prose(clean(found.behind), indent=len(mark) + 1, most=room.behind)


def add_cause(page: Page, report: Report, found: Diagnosis, room: Room) -> None:
    """What is at fault, in which line, and the numbers that say so."""
    gap(page, room)
    message = clean(found.message)
    place = place_words(report, found.fit, found.alike)
    page.prose(
        (found.code, LEVEL_STYLES[found.level]),
        (f" {found.name}: ", "bold"),
        message,
        (f" {clean(place)}" if place else "", "dim"),
        indent=2,
        most=room.message,
    )
    add_line(page, report, found)
    for evidence in found.evidence[: room.evidence]:
        page.prose(clean(evidence), indent=4, first=page.sign("• ", "- "), style="dim", most=room.of_evidence)


def add_line(page: Page, report: Report, found: Diagnosis) -> None:
    """The guilty line, and carets under what is at fault in it."""
    if found.location is None:
        return
    line = next((line for line in excerpt(report.run, found.location, 0).lines if line.guilty), None)
    if line is None:
        return
    bar, ending = page.sign("│", "|"), page.sign("…", "...")
    lead = f"{page.sign('▶', '>')} {line.number} {bar} "
    part, code = columns_of(found), line.text.strip()
    shown = slice_around(
        code if page.unicode else page.assemble(code).plain,
        part or (0, 0),
        page.width - 2 - len(lead),
        ending,
    )
    page.line((lead, "bold red"), (shown.text, "bold"), indent=2)
    if part is not None and shown.begin < shown.end:
        before, marked = shown.text[: shown.begin], shown.text[shown.begin : shown.end]
        blank = " " * (len(lead) - 2 + cell_len(before))
        carets = f"{' ' * (len(lead) - 2)}{bar} {blank[len(lead) - 2 :]}{'^' * cell_len(marked)}"
        page.line((carets, "bold red"), indent=2)


def add_change(page: Page, report: Report, found: Diagnosis, room: Room) -> None:
    """The remedy to begin with, and what came of trying it."""
    remedy = best_remedy(found)
    if remedy is None:
        return
    gap(page, room)
    others = len(found.remedies) - 1
    more = f" ({others} more with -v)" if others else ""
    most = room.remedy if remedy.line is not None else room.remedy + 1
    labelled(page, "Fix", remedy_sentence(remedy), (more, "dim"), most=most)
    if remedy.line is not None and remedy.location is not None:
        if remedy.location != found.location:
            page.line((clean(report.place(remedy.location)), "dim"), indent=4)
        add_diff(page, clean(remedy.location.code).strip(), clean(remedy.line).strip(), room)
    if remedy.trial is not None:
        style = VERDICT_STYLES[remedy.trial.verdict]
        said = short_trial_sentence(remedy.trial)
        labelled(page, "Tried", (said, style), most=room.trial)


def labelled(page: Page, label: str, *said: Piece, most: int) -> None:
    page.prose(*said, indent=2, first=label.ljust(LABEL), style="bold", most=most)


def best_remedy(found: Diagnosis) -> Remedy | None:
    """The one that a trial has borne out; else the first."""
    cured = (each for each in found.remedies if each.trial is not None and each.trial.verdict == "cured")
    return next(cured, next(iter(found.remedies), None))


def add_diff(page: Page, old: str, new: str, room: Room) -> None:
    """The line as it is and as it would be, the changed part of each in bold."""
    if not page.unicode:
        old, new = page.assemble(old).plain, page.assemble(new).plain
    same = common_length(old, new)
    tail = common_length(old[same:][::-1], new[same:][::-1])
    for sign, text, style in (("- ", old, "red"), ("+ ", new, "green")):
        part = same, len(text) - tail
        if room.diff == 1:
            shown = slice_around(text, part, page.width - 6, page.sign("…", "..."))
            text, part = shown.text, (shown.begin, max(shown.begin, shown.end))
        begin, end = part
        pieces = Text.assemble((text[:begin], style), (text[begin:end], f"bold {style}"), (text[end:], style))
        page.block(pieces, 4, page.width, Text(sign, style), room.diff)


def add_others(page: Page, report: Report, room: Room) -> None:
    """A line for each further cause, and for what contributes."""
    others = [
        found
        for found in report.diagnoses.diagnoses[1:]
        if found.part != "consequence" and found.level != "note"
    ]
    shown = others if len(others) <= room.others else others[: room.others - 1]
    for found in shown:
        add_other(page, report, found, "Also" if found.part == "cause" else "Beside")
    add_rest(page, len(others) - len(shown))


def add_gaps(page: Page, report: Report) -> None:
    """What the report lacks: by a damaged record, an error of nanwatch's own, or because it was accepted."""
    lacks = [*report.run.damage, *map(own_error_words, report.run.info.errors)]
    lacks += [f"left out: {text}" for text in report.diagnoses.accepted]
    if lacks:
        more = f"({len(lacks) - 1} more with -v) " if len(lacks) > 1 else ""
        labelled(page, "Note", (more, "dim"), clean(lacks[0]), most=1)


def add_other(page: Page, report: Report, found: Diagnosis, label: str) -> None:
    at = "" if found.location is None else f" at {clean(report.place(found.location))}"
    said = f" {found.name}{at}: {clean(found.message)}"
    labelled(page, label, (found.code, LEVEL_STYLES[found.level]), said, most=1)


def add_rest(page: Page, number: int) -> None:
    if number > 0:
        page.line((f"and {number} more, with -v", "dim"), indent=2 + LABEL)


def add_next(page: Page, report: Report, commands: Collection[str]) -> None:
    for label, command in next_lines(report, commands):
        page.whole((label.ljust(LABEL), "dim"), (command, "bold"), indent=2)


def next_lines(report: Report, commands: Collection[str]) -> Iterator[tuple[str, str]]:
    command = next_command(report, commands)
    if command is not None:
        yield "Next", command
    if report.run.info.halt_caught and (going_on := run_again(report, "--on-incident stop")):
        yield "Or", f"{going_on}  # fit ends by itself then"
    if report.run.folder is not None and "explain" in commands:
        yield "More", more_command(report)


def more_command(report: Report) -> str:
    return f"nanwatch explain -v {shlex.quote(folder_here(report))}"


def add_more(page: Page, report: Report) -> None:
    if report.run.folder is not None:
        page.whole(("More".ljust(LABEL), "dim"), (more_command(report), "bold"), indent=2)
