"""The report as GitHub-flavoured Markdown: for a job's summary, a comment, a note.

History of the format:

* 1: verdict, findings with line and remedy, spread, epochs, limits; later child processes, then trainings of
  several models.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nanwatch.diagnose.diagnosis import Diagnosis, Remedy
from nanwatch.explain.caret import Columns, columns_of
from nanwatch.explain.epoch_rows import epoch_rows
from nanwatch.explain.headline import Tone
from nanwatch.explain.headline import headline as headline_of
from nanwatch.explain.markdown_text import code_span, escape_markup, fence_code, row
from nanwatch.explain.processes import process_lines
from nanwatch.explain.report import Report
from nanwatch.explain.sentences import (
    limits,
    op_facts,
    op_sentence,
    remedy_sentence,
    trial_facts,
    trial_sentence,
)
from nanwatch.explain.source import excerpt
from nanwatch.explain.trainings import place_words, training_lines
from nanwatch.explain.untrusted import clean
from nanwatch.record.facts import Location

MARKS = {"error": "❌", "warning": "⚠️", "note": "\N{INFORMATION SOURCE}\ufe0f"}
TONES: dict[Tone, str] = {"well": "✅", "open": "❔", "broken": "❌"}
SPREAD_ROWS = 16  # of a deep model every layer goes bad: the first ones tell


def render(report: Report) -> str:
    """The report in sections; text from the run and the script is taken literally."""
    parts = [*headline(report), *findings(report), *first_op(report), *spread(report)]
    parts += [*epochs(report), *trainings(report), *processes(report), *basis(report)]
    return "\n\n".join(parts) + "\n"


def headline(report: Report) -> Iterator[str]:
    found = headline_of(report)
    yield f"## {TONES[found.tone]} {escape_markup(found.said)}"
    if found.behind is not None:
        yield escape_markup(found.behind)
    facts = [code_span(report.path(report.run.info.script)), report.state]
    if report.folder() is not None:
        facts.append(f"run {code_span(report.folder() or '')}")
    yield " · ".join(facts)


def findings(report: Report) -> Iterator[str]:
    causes = [cause for cause in report.of_part("cause") if cause.level != "note"]
    for number, cause in enumerate(causes):
        yield from finding(report, "Cause" if number == 0 else "Also a cause", cause)
    for diagnosis in report.of_part("contributing"):
        yield from finding(report, "Contributing", diagnosis)
    consequences = report.of_part("consequence")
    if consequences:
        yield "### What follows from it"
        yield "\n".join(
            f"- **{escape_markup(each.code)} {escape_markup(each.name)}** {escape_markup(each.message)}"
            for each in consequences
        )
    for diagnosis in report.of_part("cause"):
        if diagnosis.level == "note":
            yield from finding(report, "Note", diagnosis)


def finding(report: Report, heading: str, diagnosis: Diagnosis) -> Iterator[str]:
    name = f"{escape_markup(diagnosis.code)} {escape_markup(diagnosis.name)}"
    yield f"### {MARKS[diagnosis.level]} {heading}: {name}"
    yield escape_markup(diagnosis.message)
    if place := place_words(report, diagnosis.fit, diagnosis.alike):
        yield escape_markup(place)
    if diagnosis.evidence:
        yield "\n".join(f"- {escape_markup(text)}" for text in diagnosis.evidence)
    if diagnosis.location is not None:
        yield location_line(report, diagnosis.location, diagnosis.layer)
        yield script(report, diagnosis.location, columns_of(diagnosis))
    if diagnosis.remedies:
        yield "**What to change**"
        changes = [text for number, each in enumerate(diagnosis.remedies) for text in remedy(number, each)]
        yield "\n".join(changes).rstrip("\n")


def location_line(report: Report, location: Location, layer: str | None) -> str:
    behind = f", layer {code_span(report.names.path(layer))}" if layer else ""
    return f"{code_span(report.place(location))}{behind}"


def script(report: Report, location: Location, part: Columns | None = None) -> str:
    """The lines around ``location``, with carets under a ``part`` of the stripped line."""
    found = excerpt(report.run, location)
    digits = len(str(max((line.number for line in found.lines), default=0)))
    lines = []
    for line in found.lines:
        lead = f"{'>' if line.guilty else ' '} {line.number:>{digits}}  "
        lines.append(lead + line.text)
        if line.guilty and part is not None:
            begin = len(lead) + len(line.text) - len(line.text.lstrip()) + part[0]
            lines.append(" " * begin + "^" * (part[1] - part[0]))
    return fence_code("\n".join(lines), "python")


def remedy(number: int, each: Remedy) -> Iterator[str]:
    yield f"{number + 1}. {escape_markup(remedy_sentence(each))}"
    if each.line is not None and each.location is not None:
        old, new = clean(each.location.code).strip(), clean(each.line).strip()
        yield ""
        yield "\n".join(f"   {line}" for line in fence_code(f"- {old}\n+ {new}", "diff").splitlines())
        yield ""
    if each.trial is not None:
        yield f"   - {escape_markup(trial_sentence(each.trial))}"
        yield from (f"   - {name}: {escape_markup(said)}" for name, said in trial_facts(each.trial))


def first_op(report: Report) -> Iterator[str]:
    incident = report.run.info.incident
    if incident is None or incident.op is None:
        return
    yield "### Where it began"
    yield escape_markup(report.names.say(op_sentence(incident.op)))
    facts = op_facts(incident.op)
    if facts:
        yield "\n".join(f"- {escape_markup(text)}" for text in facts)
    if incident.op.location is not None:
        yield location_line(report, incident.op.location, incident.op.layer)


def spread(report: Report) -> Iterator[str]:
    incident = report.run.info.incident
    if incident is None or not incident.spread:
        return
    yield "### How it spread"
    rows = [
        row(
            entry.role,
            code_span(report.names.path(entry.path)) if entry.path else "",
            f"{entry.num_bad:,} of {entry.size:,}",
        )
        for entry in incident.spread[:SPREAD_ROWS]
    ]
    rest = len(incident.spread) - SPREAD_ROWS
    if rest > 0:
        rows.append(row(f"and {rest} more", "", ""))
    yield table(["where", "path", "not finite"], rows, words=2)


def epochs(report: Report) -> Iterator[str]:
    fit = report.fit()
    names, rows = epoch_rows(fit)
    if fit is None or not rows:
        return
    yield "### Epochs"
    yield table(["epoch", *map(escape_markup, names)], [row(*cells) for cells in rows], words=0)


def table(names: Sequence[str], rows: Sequence[str], words: int = 1) -> str:
    """A table; its first ``words`` columns are set to the left, its numbers to the right."""
    return "\n".join([row(*names), row(*["---"] * words, *["---:"] * (len(names) - words)), *rows])


def trainings(report: Report) -> Iterator[str]:
    lines = training_lines(report)
    if lines:
        yield "### Trainings"
        yield "\n".join(f"- {escape_markup(line)}" for line in lines)


def processes(report: Report) -> Iterator[str]:
    lines = process_lines(report)
    if lines:
        yield "### Child processes"
        yield "\n".join(f"- {escape_markup(line)}" for line in lines)


def basis(report: Report) -> Iterator[str]:
    lines = limits(report)
    if lines:
        said = "\n".join(f"- {escape_markup(line)}" for line in lines)
        yield f"<details><summary>What this rests on</summary>\n\n{said}\n\n</details>"
