"""The report in the output of a cell: its words, and that it has no markup of the script and runs nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from nanwatch.diagnose.diagnosis import Diagnosis
from nanwatch.explain import as_cell
from nanwatch.record.facts import Cell, Location
from tests.explain import made_up_reports
from tests.explain.html_reports import REPORTS

EMPTY = {"br", "meta", "link", "img"}


class Parts(HTMLParser):
    """Which elements and attributes there are, and that each is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name == "href"]
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def words(html: str) -> str:
    """What is read of it, its blanks as one."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def test_what_it_says_of_a_fault(tmp_path: Path) -> None:
    html = as_cell.render(made_up_reports.broken(tmp_path), "logs/a run/report.html")
    said = words(html)
    for expected in (
        "✖ The loss became NaN at step 40, in epoch 3 of 20.",
        "NW201 relu-output: Layer dense_1 has a ReLU as the output",
        "train.py:7",
        "3 of 32 rows of the prediction sum to 0 in the bad step",
        "Fix: Give the last layer a softmax, whose rows always sum to 1. (1 more on the page)",
        '- layers.Dense(5, activation="relu"), # five classes',
        '+ layers.Dense(5, activation="softmax"), # five classes',
        "with the change: loss 0.69, finite, 30 of 30 steps",
        "Also: NW105 unscaled-input at train.py:11: Column 7 of the input",
        "Open the page",
    ):
        assert expected in said, expected
    assert Parts(html).links == ["logs/a%20run/report.html"]


def test_the_carets_stand_beneath_what_is_at_fault(tmp_path: Path) -> None:
    html = as_cell.render(made_up_reports.broken(tmp_path))
    lines = unescape(re.sub(r"<[^>]+>", "", html)).splitlines()
    at = next(place for place, line in enumerate(lines) if line.startswith("▶"))
    guilty, beneath = lines[at], lines[at + 1]
    begin, end = beneath.index("^"), beneath.rindex("^") + 1
    assert guilty[begin:end] == 'activation="relu"'


def test_a_cell_is_named(tmp_path: Path) -> None:
    report = made_up_reports.broken(tmp_path)
    first = report.diagnoses.diagnoses[0]
    cell = Cell(4, 5, ("model = keras.Sequential([", made_up_reports.GUILTY, "])"))
    at = Location("/tmp/ipykernel_1/1.py", 6, made_up_reports.GUILTY, cell)
    found = (replace(first, location=at), *report.diagnoses.diagnoses[1:])
    said = words(as_cell.render(replace(report, diagnoses=replace(report.diagnoses, diagnoses=found))))
    assert "cell 4, line 6" in said
    assert "▶ 6 │ layers.Dense(5" in said
    assert "ipykernel" not in said


def test_a_training_that_is_well_takes_a_line() -> None:
    html = as_cell.render(made_up_reports.healthy())
    assert html.strip().count("\n") == 0
    assert words(html).startswith("✔ nanwatch: Nothing found.")


def test_a_training_without_skill_is_told_of() -> None:
    found = Diagnosis("NW606", "no-skill", "cause", "warning", "It guesses.")
    said = words(as_cell.render(made_up_reports.healthy(found, outcome="at-chance")))
    assert "NW606 no-skill: It guesses." in said


@pytest.mark.parametrize("name", REPORTS)
def test_nothing_in_it_runs_or_is_loaded(name: str, tmp_path: Path) -> None:
    parts = Parts(as_cell.render(REPORTS[name](tmp_path), "logs/<b>/report.html"))
    assert parts.names <= {"div", "p", "strong", "pre", "span", "ul", "li", "a", "code"}
    assert parts.attributes <= {"style", "href", "target", "rel"}
    assert not [link for link in parts.links if not link.startswith("logs/")]
