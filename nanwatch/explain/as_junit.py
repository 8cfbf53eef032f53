"""The report as JUnit XML: a test case for each rule, for a build server's list of tests.

History of the format:

* 1: one suite, the script's; ``failure`` for a finding, ``skipped`` for a rule that could not
  judge, ``error`` for one that failed itself; a note is the output of a case that passed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

from nanwatch.diagnose.diagnosis import Diagnosis, RuleNotRun
from nanwatch.diagnose.rule import all_rules
from nanwatch.explain.annotated import annotation_level, message, title
from nanwatch.explain.headline import headline
from nanwatch.explain.moments import moment_of
from nanwatch.explain.report import Report
from nanwatch.explain.untrusted import clean

# What XML 1.0 has no way to hold, not even escaped.
NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(report: Report) -> str:
    """The report as a test suite named after the script."""
    script = text_of(clean(report.project_path(report.run.info.script)))
    suite = ElementTree.Element("testsuite", {"name": f"nanwatch {script}"})
    add_properties(suite, report)
    kinds = [add_case(suite, report, *case) for case in cases(report)]
    ElementTree.SubElement(suite, "system-out").text = text_of(summary(report))
    counts = {"tests": len(kinds), "failures": kinds.count("failure"), "errors": kinds.count("error")}
    counts["skipped"] = kinds.count("skipped")
    seconds = f"{sum(fit.info.seconds for fit in report.run.fits):.3f}"
    totals = {**{name: str(number) for name, number in counts.items()}, "time": seconds}
    suite.attrib |= totals
    moment = moment_of(report.run.info.started)
    if moment is not None:
        suite.set("timestamp", moment.strftime("%Y-%m-%dT%H:%M:%S"))
    suites = ElementTree.Element("testsuites", {"name": "nanwatch", **totals})
    suites.append(suite)
    ElementTree.indent(suites)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suites, encoding="unicode") + "\n"
    )


def add_properties(suite: ElementTree.Element, report: Report) -> None:
    known: dict[str, str] = {"outcome": report.diagnoses.outcome, "status": report.run.info.status}
    known |= {"run": report.folder() or "", **report.run.info.versions}
    found = ElementTree.SubElement(suite, "properties")
    for name, value in known.items():
        if value:
            ElementTree.SubElement(found, "property", {"name": text_of(name), "value": text_of(value)})


def cases(report: Report) -> list[tuple[str, str, Sequence[Diagnosis], RuleNotRun | None]]:
    """(code, name, findings, why it could not judge) of each rule, by code."""
    skipped = not_run_by_code(report.diagnoses.rules_not_run)
    names = {rule.code: rule.name for rule in all_rules()}
    names |= {found.code: found.name for found in report.diagnoses.diagnoses}
    return [
        (
            code,
            names[code],
            [found for found in report.diagnoses.diagnoses if found.code == code],
            skipped.get(code),
        )
        for code in sorted(names)
    ]


def not_run_by_code(rules_not_run: Sequence[RuleNotRun]) -> Mapping[str, RuleNotRun]:
    """A rule that failed in one training says so before all else."""
    found: dict[str, RuleNotRun] = {}
    for entry in rules_not_run:
        if entry.code not in found or entry.failed:
            found[entry.code] = entry
    return found


def add_case(
    suite: ElementTree.Element,
    report: Report,
    code: str,
    name: str,
    findings: Sequence[Diagnosis],
    not_run: RuleNotRun | None,
) -> str:
    """One rule's case; the answer is what became of it: the name of its element, or ``passed``."""
    script = clean(report.project_path(report.run.info.script))
    known = {"classname": text_of(f"nanwatch.{script.removesuffix('.py').replace('/', '.')}")}
    case = ElementTree.SubElement(suite, "testcase", {**known, "name": f"{code} {name}", "time": "0.000"})
    add_place(case, report, findings)
    wrong = [found for found in findings if annotation_level(found) != "note"]
    notes = [found for found in findings if annotation_level(found) == "note"]
    if notes:
        said = "\n\n".join(finding_text(report, found) for found in notes)
        ElementTree.SubElement(case, "system-out").text = text_of(said)
    if wrong:
        facts = {"type": annotation_level(wrong[0]), "message": text_of(clean(wrong[0].message))}
        failure = ElementTree.Element("failure", facts)
        failure.text = text_of("\n\n".join(finding_text(report, found) for found in wrong))
        case.insert(0, failure)
        return "failure"
    if not_run is None or notes:
        return "passed"
    kind = "error" if not_run.failed else "skipped"
    ElementTree.SubElement(case, kind, {"type": kind, "message": text_of(clean(not_run.reason))})
    return kind


def add_place(case: ElementTree.Element, report: Report, findings: Sequence[Diagnosis]) -> None:
    at = next((found.location for found in findings if found.location is not None), None)
    if at is not None:
        if at.cell is None:
            case.set("file", text_of(clean(report.project_path(at.file))))
        case.set("line", str(at.line))


def finding_text(report: Report, found: Diagnosis) -> str:
    """A finding in full, led by its place as compilers write it."""
    at = found.location
    place = "" if at is None else f"{clean(report.project_place(at))}: "
    code = "" if at is None or not at.code else f"\n    {clean(at.code).strip()}"
    return f"{place}{annotation_level(found)}: {title(found)}{code}\n{message(report, found)}"


def summary(report: Report) -> str:
    found = headline(report)
    return "\n".join(clean(text) for text in (found.said, found.behind) if text)


def text_of(text: str) -> str:
    """``text``, of several lines maybe, as XML can hold it and any reader can be shown it."""
    return "\n".join(map(clean, NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text).split("\n")))
