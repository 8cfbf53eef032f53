"""The report as SARIF 2.1.0, for code scanning and editors.

History of the format:

* 1: a descriptor for each rule, results with fingerprints, fixes, and the path of the NaN.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from nanwatch.diagnose.diagnosis import Diagnosis, Remedy
from nanwatch.diagnose.places import fingerprint, lasting_path, place_of
from nanwatch.diagnose.rule import Rule, all_rules
from nanwatch.explain.annotated import annotation_level, message, worst_first
from nanwatch.explain.caret import Columns, file_columns
from nanwatch.explain.documentation_blocks import first_sentence, split_blocks
from nanwatch.explain.moments import moment_of
from nanwatch.explain.report import Report
from nanwatch.explain.sarif_path import code_flows
from nanwatch.explain.sentences import remedy_sentence, trial_sentence
from nanwatch.explain.source import current_line
from nanwatch.explain.untrusted import clean, escape_hidden
from nanwatch.record import strict_json
from nanwatch.record.facts import Location
from nanwatch.version import __version__

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
ROOT = "%SRCROOT%"  # the name that code scanning gives to the root of the checkout
SEVERITIES = {"error": "error", "warning": "warning", "note": "recommendation"}


def render(report: Report) -> str:
    """The report as a SARIF log of one run; what was not looked for is among its notifications."""
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run_object(report)]}
    return escape_hidden(strict_json.dumps(log, indent=2)) + "\n"


def run_object(report: Report) -> dict[str, Any]:
    found = worst_first(report)
    descriptors = descriptors_for(found)
    numbers = {entry["id"]: number for number, entry in enumerate(descriptors)}
    seen: Counter[str] = Counter()
    driver = {
        "name": "nanwatch",
        "semanticVersion": __version__,
        "shortDescription": {"text": "Says why a Keras training broke."},
        "rules": descriptors,
    }
    return {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"nanwatch/{clean(report.project_path(report.run.info.script))}/"},
        "invocations": [invocation(report, numbers)],
        "originalUriBaseIds": {ROOT: {"description": {"text": "The root of the checkout."}}},
        "columnKind": "unicodeCodePoints",
        "results": [result(report, diagnosis, numbers[diagnosis.code], seen) for diagnosis in found],
        "properties": {"outcome": report.diagnoses.outcome},
    }


def descriptors_for(found: Sequence[Diagnosis]) -> list[dict[str, Any]]:
    """One for each rule; one without help for a finding of a rule that is no longer there."""
    known = [descriptor(rule) for rule in all_rules()]
    codes = {entry["id"] for entry in known}
    unknown = {diagnosis.code: diagnosis.name for diagnosis in found if diagnosis.code not in codes}
    return known + [{"id": code, "name": name} for code, name in unknown.items()]


def descriptor(rule: Rule) -> dict[str, Any]:
    documentation = rule.documentation()
    said = [text for kind, text in split_blocks(documentation) if kind == "paragraph"]
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": first_sentence(rule)},
        "fullDescription": {"text": " ".join(said[:2])},
        "help": {"text": documentation, "markdown": documentation},
        "defaultConfiguration": {"level": rule.level},
        "properties": {
            "tags": ["keras", "training"],
            "precision": "high",
            "problem.severity": SEVERITIES[rule.level],
        },
    }


def invocation(report: Report, numbers: dict[str, int]) -> dict[str, Any]:
    """How nanwatch itself fared; the script's own fate is told by the results."""
    found: dict[str, Any] = {"executionSuccessful": not report.run.info.errors}
    moment = moment_of(report.run.info.started)
    if moment is not None:
        found["startTimeUtc"] = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    notes = [
        {
            "level": "note",
            "message": {"text": f"{entry.code} was not looked for: {clean(entry.reason)}."},
            **(
                {"associatedRule": {"id": entry.code, "index": numbers[entry.code]}}
                if entry.code in numbers
                else {}
            ),
        }
        for entry in report.diagnoses.rules_not_run
    ]
    unseen = [*report.not_watched(), *report.kept_in_short()]
    notes += [{"level": "note", "message": {"text": clean(text)}} for text in unseen]
    if notes:
        found["toolExecutionNotifications"] = notes
    return found


def result(report: Report, diagnosis: Diagnosis, number: int, seen: Counter[str]) -> dict[str, Any]:
    at = place_of(report.run, diagnosis)
    digest = fingerprint(diagnosis.code, lasting_path(report.run, at, report.root), at.code)
    seen[digest] += 1
    found: dict[str, Any] = {
        "ruleId": diagnosis.code,
        "ruleIndex": number,
        "level": annotation_level(diagnosis),
        "message": {"text": message(report, diagnosis)},
        "locations": [location(report, at, diagnosis.layer, file_columns(report.run, diagnosis))],
        # The one key that GitHub reads; alike ones are told apart by their number, as it does.
        "partialFingerprints": {"primaryLocationLineHash": f"{digest}:{seen[digest]}"},
        "properties": {"part": diagnosis.part},
    }
    flows = code_flows(report, diagnosis, location)
    if flows:
        found["codeFlows"] = flows
    fixes = [fix for remedy in diagnosis.remedies if (fix := fix_of(report, remedy)) is not None]
    if fixes:
        found["fixes"] = fixes
    return found


def location(
    report: Report, at: Location | None, layer: str | None = None, part: Columns | None = None
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    members = [{"fullyQualifiedName": clean(layer), "kind": "member"}] if layer else []
    if at is not None and at.cell is not None:
        members.insert(0, {"fullyQualifiedName": clean(report.place(at))})
    elif at is not None:
        found["physicalLocation"] = {"artifactLocation": artifact(report, at.file)}
        if at.line > 0:
            found["physicalLocation"]["region"] = region(report, at, part)
    if members:
        found["logicalLocations"] = members
    return found


def artifact(report: Report, file: str) -> dict[str, Any]:
    """A relative reference below the root of the checkout; whole where the file lies elsewhere."""
    path = report.project_path(file)
    if not is_name(path):
        path = clean(path)
    if PurePath(path).is_absolute():
        return {"uri": PurePath(path).as_uri()}
    return {"uri": quote(path, errors="surrogateescape"), "uriBaseId": ROOT}


def is_name(path: str) -> bool:
    """Whether a file can have it: of halves of pairs, those that stand for bytes that are no UTF-8."""
    try:
        path.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def region(report: Report, at: Location, part: Columns | None) -> dict[str, Any]:
    """The ``part`` of the line that is at fault, else all of its code."""
    found: dict[str, Any] = {"startLine": at.line}
    span = part or code_columns(report, at)
    if span is not None:
        found |= {"startColumn": span[0], "endColumn": span[1]}
    if at.code:
        found["snippet"] = {"text": clean(at.code)}
    return found


def code_columns(report: Report, at: Location) -> tuple[int, int] | None:
    """Where the line's code begins and ends, from 1; None where it was not kept, or has changed since."""
    text = current_line(report.run, at)
    if text is None:
        return None
    return len(text) - len(text.lstrip()) + 1, len(text.rstrip()) + 1


def fix_of(report: Report, remedy: Remedy) -> dict[str, Any] | None:
    """The remedy as an edit, where it is one line for another and the line still stands."""
    at = remedy.location
    if (
        remedy.line is None
        or at is None
        or (remedy.trial is not None and remedy.trial.verdict == "not-cured")
    ):
        return None
    span = code_columns(report, at)
    if span is None:
        return None
    said = remedy_sentence(remedy)
    if remedy.trial is not None:
        said += " " + trial_sentence(remedy.trial)
    replacement = {
        "deletedRegion": {"startLine": at.line, "startColumn": span[0], "endColumn": span[1]},
        "insertedContent": {"text": remedy.line.strip()},
    }
    change = {"artifactLocation": artifact(report, at.file), "replacements": [replacement]}
    return {"description": {"text": said}, "artifactChanges": [change]}
