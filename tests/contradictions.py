"""Where a report contradicts itself: outcome, headline, levels, exit status, remedies, evidence."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterator

from nanwatch.cli.telling import FailOn, status_of
from nanwatch.diagnose.diagnosis import LEVELS, Diagnosis, Remedy
from nanwatch.diagnose.doubts import is_measured_by_guessing
from nanwatch.diagnose.skill import accuracy_skill, lacking_outputs, skill_of
from nanwatch.exit_status import ExitStatus
from nanwatch.explain import as_html, as_junit, as_markdown, as_terminal
from nanwatch.explain.annotated import annotation_level
from nanwatch.explain.headline import headline
from nanwatch.explain.report import Report
from nanwatch.record.interventions import InterventionKind
from nanwatch.record.run import Fit

WELL = ("Nothing found.", "No fault was found.")
SICK = ("did not learn", "no better than chance", "diverged")
MUCH = 0.5  # of skill: what has it has learned something
SIGNS = {
    "well": ("OK ", "## ✅", "healthy"),
    "open": ("?? ", "## ❔", "unknown"),
    "broken": ("!! ", "## ❌", "broken"),
}


def contradictions(report: Report) -> list[str]:
    return [
        *of_outcome(report),
        *of_headline(report),
        *of_formats(report),
        *of_status(report),
        *(said for found in report.diagnoses.diagnoses for said in of_remedies(report, found)),
    ]


def loud(report: Report) -> list[Diagnosis]:
    return [found for found in report.diagnoses.diagnoses if found.level != "note"]


def of_outcome(report: Report) -> Iterator[str]:
    outcome = report.diagnoses.outcome
    if outcome == "healthy" and loud(report):
        yield f"healthy, and {loud(report)[0].code} is a {loud(report)[0].level}"
    if outcome == "faulty" and not loud(report):
        yield "faulty, and no finding above a note"
    causes = [found for found in report.diagnoses.diagnoses if found.part == "cause"]
    if loud(report) and causes and causes[0].level == "note":
        yield f"the first cause, {causes[0].code}, is a note beside {loud(report)[0].code}"
    if loud(report) and not any(found.part == "cause" for found in loud(report)):
        yield f"{loud(report)[0].code} is a {loud(report)[0].level}, and nothing is a cause"


def of_headline(report: Report) -> Iterator[str]:
    head, fit = headline(report), report.fit()
    well = head.said.endswith(WELL) or "No fault was found. Noted:" in head.said
    if well and loud(report):
        yield f"{head.said!r} above {loud(report)[0].code}"
    if head.tone == "well" and (not well or report.diagnoses.outcome != "healthy"):
        yield f"a tick at {head.said!r}"
    if well and head.tone == "broken":
        yield f"a cross at {head.said!r}"
    for each in report.run.fits:
        if well and (bad := nonfinite_logs(each)):
            yield f"{head.said!r} above {bad[0]}"
    if fit is not None and any(words in head.said for words in SICK[:2]) and has_learned(fit):
        yield f"{head.said!r} above a skill of {skill_of(fit)} and of {accuracy_skill(fit)} in accuracy"
    if well and fit is not None and is_wanting(fit):
        yield f"{head.said!r} above a skill of {skill_of(fit)}"


def nonfinite_logs(fit: Fit) -> list[str]:
    logs = enumerate(fit.epoch_logs())
    return [
        f"{name} {value} in epoch {n}"
        for n, log in logs
        for name, value in log.items()
        if not math.isfinite(value)
    ]


def has_learned(fit: Fit) -> bool:
    if lacking_outputs(fit):  # of several it is one that the headline is about
        return False
    found, right = skill_of(fit), accuracy_skill(fit)
    return (found is not None and found.ended >= MUCH and (right is None or right > 0.1)) or (
        right or 0
    ) >= MUCH


def is_wanting(fit: Fit) -> bool:
    found, right = skill_of(fit), accuracy_skill(fit)
    if found is None or fit.info.steps < 100 or fit.info.cut_short or not is_measured_by_guessing(fit, found):
        return False
    return found.ended < 0.05 and (right is None or right < MUCH)


def of_formats(report: Report) -> Iterator[str]:
    """Every format says the same sentence with the same mark."""
    head = headline(report)
    sign, cross, colour = SIGNS[head.tone]
    terminal = as_terminal.render(report, width=2000, unicode=False, verbose=True)
    if not any(
        line.startswith(sign) and words(head.said)[:60] in words(line) for line in terminal.splitlines()
    ):
        yield f"the terminal has another headline than {head.said!r}"
    if not as_markdown.render(report).startswith(cross):
        yield "Markdown has another mark"
    page = as_html.render(report)
    if f'<body class="{colour}">' not in page or words(head.said) not in words(html.unescape(page)):
        yield "HTML has another headline"
    if words(head.said) not in words(html.unescape(as_junit.render(report))):
        yield "JUnit has another headline"


def words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text))


def of_status(report: Report) -> Iterator[str]:
    levels = [annotation_level(found) for found in report.diagnoses.diagnoses]
    for number, level in enumerate(LEVELS):
        wanted: FailOn = level
        reached = any(LEVELS.index(each) <= number for each in levels)
        if (status_of(report, wanted) == ExitStatus.FINDINGS) != reached:
            yield f"--fail-on {level} ends with {status_of(report, wanted)!r} at {levels}"
    if headline(report).tone == "well" and status_of(report, "warning") != ExitStatus.OK:
        yield "a tick, and status 3"


def of_remedies(report: Report, found: Diagnosis) -> Iterator[str]:
    """What is there already is no remedy, nor is what was tried in vain beside what cured."""
    tried = {remedy.trial.verdict for remedy in found.remedies if remedy.trial is not None}
    if {"cured", "not-cured"} <= tried:
        yield f"{found.code} tells a remedy that did not cure beside one that did"
    for remedy in found.remedies:
        if is_there_already(report, found, remedy):
            yield f"{found.code} proposes what is there: {remedy.text}"


def is_there_already(report: Report, found: Diagnosis, remedy: Remedy) -> bool:
    fit = next((each for each in report.run.fits if each.info.index == found.fit), None)
    if fit is None:
        return False
    change = remedy.intervention
    if change.kind == InterventionKind.SET_ACTIVATION:
        layer = fit.layer(change.target)
        return layer is not None and layer.activation == change.value
    if change.kind == InterventionKind.SET_LEARNING_RATE:
        optimizer, rates = fit.model.optimizer, fit.steps.recent_values("learning_rate", last=1)
        given = None if optimizer is None else optimizer.learning_rate
        return change.value == (rates[0] if rates else given)
    if change.kind == InterventionKind.SET_LOSS:
        return all(
            output.loss is not None and output.loss.name == change.value for output in fit.model.outputs[:1]
        ) and bool(fit.model.outputs)
    return False
