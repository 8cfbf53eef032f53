"""JUnit XML, read by a reader that build servers' plugins resemble."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import junitparser
import pytest

from nanwatch.diagnose.diagnosis import Diagnoses, Diagnosis, RuleNotRun
from nanwatch.diagnose.rule import all_rules
from nanwatch.explain import as_junit
from nanwatch.explain.report import Report
from tests.explain import made_up_reports
from tests.explain.hostile_reports import hostile


def suite_of(report: Report) -> junitparser.TestSuite:
    found = junitparser.JUnitXml.fromstring(as_junit.render(report).encode())
    (suite,) = list(found)
    assert isinstance(suite, junitparser.TestSuite)
    assert (found.tests, found.failures, found.errors, found.skipped) == (
        suite.tests,
        suite.failures,
        suite.errors,
        suite.skipped,
    )
    return suite


def outcomes(suite: junitparser.TestSuite) -> dict[str, list[str]]:
    return {case.name: [type(entry).__name__ for entry in case.result] for case in suite}


def counted(suite: junitparser.TestSuite) -> tuple[int, int, int, int]:
    """Tests, failures, errors and skipped, by counting what stands in the file."""
    kinds = [kind for found in outcomes(suite).values() for kind in found]
    return len(list(suite)), kinds.count("Failure"), kinds.count("Error"), kinds.count("Skipped")


def test_a_case_for_each_rule(tmp_path: Path) -> None:
    suite = suite_of(made_up_reports.broken(tmp_path))
    found = outcomes(suite)
    assert set(found) >= {f"{rule.code} {rule.name}" for rule in all_rules()}
    assert len(found) == len(list(suite))
    spoken = {name.split()[0]: kinds for name, kinds in found.items() if kinds}
    assert spoken.items() >= {"NW105": ["Failure"], "NW118": ["Skipped"], "NW201": ["Failure"]}.items()
    assert all(said == ["Skipped"] for code, said in spoken.items() if code not in ("NW105", "NW201"))


@pytest.mark.parametrize("case", ["broken", "healthy", "hostile"])
def test_the_counts_are_those_of_the_cases(tmp_path: Path, case: str) -> None:
    makers = {
        "broken": made_up_reports.broken,
        "healthy": lambda _: made_up_reports.healthy(),
        "hostile": hostile,
    }
    suite = suite_of(makers[case](tmp_path))
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == counted(suite)


def test_a_failure_says_where_and_what(tmp_path: Path) -> None:
    suite = suite_of(made_up_reports.broken(tmp_path))
    case = next(case for case in suite if case.name == "NW201 relu-output")
    (failure,) = case.result
    assert case.classname == "nanwatch.train"
    assert (case._elem.get("file"), case._elem.get("line")) == ("train.py", "7")
    assert failure.type == "error"
    assert failure.message.startswith("Layer dense_1 has a ReLU as the output")
    assert failure.text.splitlines()[:2] == [
        "train.py:7: error: NW201 relu-output",
        f"    {made_up_reports.GUILTY}",
    ]
    assert "What to change: Give the last layer a softmax" in failure.text


def test_a_skipped_rule_says_why(tmp_path: Path) -> None:
    suite = suite_of(made_up_reports.broken(tmp_path))
    case = next(case for case in suite if case.name.startswith("NW118"))
    assert case.result[0].message == "there was no validation data"


def test_a_note_passes_and_is_told() -> None:
    note = Diagnosis("NW105", "unscaled-input", "cause", "note", "Column 7 is large.")
    suite = suite_of(made_up_reports.healthy(note))
    assert (suite.failures, suite.errors, suite.skipped) == (0, 0, 0)
    case = next(case for case in suite if case.name.startswith("NW105"))
    assert case.system_out == "note: NW105 unscaled-input\nColumn 7 is large."


def test_a_consequence_is_no_failure_of_its_own(tmp_path: Path) -> None:
    suite = suite_of(made_up_reports.broken(tmp_path))
    case = next(case for case in suite if case.name.startswith("NW607"))
    assert case.is_passed
    assert "A consequence of NW201." in case.system_out


def test_a_finding_in_one_training_outweighs_a_skip_in_another() -> None:
    found = Diagnosis("NW118", "nonfinite-validation-data", "cause", "error", "m")
    report = made_up_reports.healthy()
    diagnoses = Diagnoses("non-finite", (found,), (RuleNotRun("NW118", "there was no validation data"),))
    assert outcomes(suite_of(replace(report, diagnoses=diagnoses)))["NW118 nonfinite-validation-data"] == [
        "Failure"
    ]


def test_a_rule_that_failed_is_an_error() -> None:
    failed = RuleNotRun("NW104", "failed with KeyError: 'x'", failed=True)
    diagnoses = Diagnoses("healthy", (), (RuleNotRun("NW104", "no weights"), failed))
    report = replace(made_up_reports.healthy(), diagnoses=diagnoses)
    case = next(case for case in suite_of(report) if case.name.startswith("NW104"))
    assert isinstance(case.result[0], junitparser.Error)
    assert case.result[0].message == "failed with KeyError: 'x'"


def test_the_suite_tells_the_verdict_and_when(tmp_path: Path) -> None:
    report = made_up_reports.broken(tmp_path)
    report = replace(
        report, run=replace(report.run, info=replace(report.run.info, started="2026-11-21T23:51:44+01:00"))
    )
    suite = suite_of(report)
    assert suite.name == "nanwatch train.py"
    assert suite.timestamp == "2026-11-21T22:51:44"
    assert suite.time == pytest.approx(10.0)
    assert {entry.name: entry.value for entry in suite.properties()}["outcome"] == "non-finite"
    said = suite._elem.findtext("system-out") or ""
    assert said.startswith("The loss became NaN at step 40, in epoch 3 of 20.\n")


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    text = as_junit.render(hostile(tmp_path))
    tree = ElementTree.fromstring(text.encode())
    assert {element.tag for element in tree.iter()} == {
        "testsuites",
        "testsuite",
        "properties",
        "property",
        "testcase",
        "failure",
        "error",
        "skipped",
        "system-out",
    }
    assert "\x00" not in text
    assert "\ufffe" not in text
    assert as_junit.text_of("a\x00b\x1b\ufffe\ud83dc\U0001f600") == "a\ufffdb\ufffd\ufffd\ufffdc\U0001f600"
