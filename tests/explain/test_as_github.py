"""Workflow commands: read back as the runner reads them."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from nanwatch.diagnose.diagnosis import LEVELS, Diagnoses, Diagnosis, Level
from nanwatch.explain import as_github
from nanwatch.explain.report import Report
from nanwatch.record.facts import Location
from tests.explain import made_up_reports
from tests.explain.hostile_reports import hostile

COMMAND = re.compile(r"::(\w+) (.*?)::(.*)")
UNESCAPED = {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ",", "%25": "%"}


def unescaped(text: str, properties: bool) -> str:
    """As the runner does it: the per cent sign last."""
    for escape, sign in UNESCAPED.items():
        if properties or sign not in ":,":
            text = text.replace(escape, sign)
    return text


def commands(report: Report) -> list[tuple[str, dict[str, str], str]]:
    found = []
    for line in as_github.render(report).splitlines():
        match = COMMAND.fullmatch(line)
        assert match is not None, line
        pairs = (pair.split("=", 1) for pair in match[2].split(","))
        known = {name: unescaped(value, properties=True) for name, value in pairs}
        found.append((match[1], known, unescaped(match[3], properties=False)))
    return found


def test_a_command_for_each_finding_worst_first(tmp_path: Path) -> None:
    found = commands(made_up_reports.broken(tmp_path))
    assert [(command, known) for command, known, _ in found] == [
        (
            "error",
            {"file": "train.py", "line": "7", "col": "25", "endColumn": "42", "title": "NW201 relu-output"},
        ),
        (
            "warning",
            {
                "file": "train.py",
                "line": "11",
                "col": "11",
                "endColumn": "12",
                "title": "NW105 unscaled-input",
            },
        ),
        ("notice", {"title": "NW607 accuracy-after-nonfinite"}),
    ]
    assert found[0][2].splitlines()[1:] == [
        "- 3 of 32 rows of the prediction sum to 0 in the bad step",
        "- all inputs, targets and weights of the step are finite",
        "What to change: Give the last layer a softmax, whose rows always sum to 1.",
    ]


def test_the_line_as_github_reads_it(tmp_path: Path) -> None:
    first = as_github.render(made_up_reports.broken(tmp_path)).splitlines()[0]
    place = "file=train.py,line=7,col=25,endColumn=42"
    assert first.startswith(f"::error {place},title=NW201 relu-output::Layer dense_1 has a ReLU")
    assert "%0A- 3 of 32 rows" in first


def test_special_characters_are_escaped() -> None:
    at = Location("/project/a,b:c%2C.py", 3, "x")
    found = Diagnosis("NW105", "unscaled-input", "cause", "error", "100%0A, a: b", location=at)
    (command,) = as_github.render(made_up_reports.healthy(found)).splitlines()
    assert command == ("::error file=a%2Cb%3Ac%252C.py,line=3,title=NW105 unscaled-input::100%250A, a: b")


def test_hostile_text_begins_no_command(tmp_path: Path) -> None:
    text = as_github.render(hostile(tmp_path))
    assert len(text.splitlines()) == 2
    assert [command for command, _, _ in commands(hostile(tmp_path))] == ["error", "notice"]
    assert "\r" not in text
    assert "\x1b" not in text


def many(levels: list[Level]) -> Report:
    found = [
        Diagnosis(f"NW{number:03}", "made-up", "cause", level, f"finding {number}")
        for number, level in enumerate(levels)
    ]
    return replace(made_up_reports.healthy(), diagnoses=Diagnoses("non-finite", tuple(found)))


def test_ten_at_most_and_the_worst_of_them() -> None:
    levels = [level for level in reversed(LEVELS) for _ in range(4)]
    *lines, last = as_github.render(many(levels)).splitlines()
    assert [line.split()[0] for line in lines] == [*["::error"] * 4, *["::warning"] * 4, *["::notice"] * 2]
    assert last == "nanwatch: 2 more without an annotation: NW002, NW003"


def test_ten_have_room() -> None:
    lines = as_github.render(many(["error"] * 10)).splitlines()
    assert len(lines) == 10
    assert all(line.startswith("::error ") for line in lines)


def test_a_healthy_run_says_nothing() -> None:
    assert as_github.render(made_up_reports.healthy()) == ""


def test_a_path_is_relative_to_the_checkout(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    report = made_up_reports.broken(tmp_path / "sub")
    assert commands(replace(report, root=str(tmp_path)))[0][1]["file"] == "sub/train.py"
