"""The HTML report: one file, everything in it, and nothing in it but what we wrote."""

from __future__ import annotations

import hashlib
import html
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from nanwatch.diagnose.diagnosis import Diagnoses, Diagnosis
from nanwatch.diagnose.rule import find_rule
from nanwatch.explain import as_html
from nanwatch.explain.documentation_blocks import split_blocks
from nanwatch.explain.html_findings import whole_script
from nanwatch.explain.report import Report
from nanwatch.record.sources import Sources
from tests.explain import made_up_reports
from tests.explain.hostile_reports import hostile
from tests.explain.html_reports import REPORTS

VENDORED = {  # of the files in the package uplot 1.6.32, as npm delivers it
    "uPlot.iife.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
    "LICENSE": "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd",
}
VOID = {"input", "meta", "rect", "line", "polyline", "br"}


class Page(HTMLParser):
    """The elements of a page, their attributes, and the text outside of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.unbalanced: list[str] = []
        self.texts: list[str] = []
        self.data: str = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1] == tag:
            self.open.pop()
        else:
            self.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            if self.elements[-1][1].get("id") == "curves":
                self.data += data
        elif self.open and self.open[-1] != "style":
            self.texts.append(data)

    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def page_of(report: Report) -> Page:
    return Page(as_html.render(report))


def refuse(word: str) -> float:
    raise AssertionError(f"bare {word}")


def curves(page: Page) -> Any:
    return json.loads(page.data, parse_constant=refuse)


@pytest.mark.parametrize("name", REPORTS)
def test_every_element_is_closed_and_the_numbers_are_strict(tmp_path: Path, name: str) -> None:
    page = page_of(REPORTS[name](tmp_path))
    assert page.unbalanced == []
    assert page.open == []
    assert set(curves(page)) == {"charts", "frame"}


@pytest.mark.parametrize("name", REPORTS)
def test_nothing_outside_is_named(tmp_path: Path, name: str) -> None:
    text = as_html.render(REPORTS[name](tmp_path))
    addresses = {
        attributes.get(key) for _, attributes in Page(text).elements for key in ("src", "href", "action")
    }
    assert addresses == {None}
    assert not re.search(r"url\(|@import", text)


def test_the_cause_in_full(tmp_path: Path) -> None:
    text = page_of(made_up_reports.broken(tmp_path)).text()
    for part in (
        "The loss became NaN at step 40, in epoch 3 of 20.",
        "The update was held back: the weights are still the last finite ones.",
        "NW201 relu-output",
        "a row of zeros is divided by its sum, and 0/0 is NaN.",
        "3 of 32 rows of the prediction sum to 0 in the bad step",
        "train.py:7",
        '- layers.Dense(5, activation="relu"),  # five classes'.replace("  ", " "),
        '+ layers.Dense(5, activation="softmax"),  # five classes'.replace("  ", " "),
        "Tried on the frozen state for 30 steps: it cured the fault.",
        "with the change loss 0.69, finite, 30 of 30 steps",
        "About NW201 relu-output",
        "gives 0/0: the loss is NaN",
        "NW607 accuracy-after-nonfinite",
        "RealDiv, in the forward pass of layer dense_1, is the first op",
        "15 of 160",
        "Not looked for: NW118 (there was no validation data).",
        "Not watched: lambda: called inside a loop or a function of its own.",
        "Watching took 0.4 % of the training's time",
        "keras 3.15.0, tensorflow 2.21.0",
    ):
        assert part in text, part


def test_the_guilty_lines_are_marked(tmp_path: Path) -> None:
    report = made_up_reports.broken(tmp_path)
    marked = [(line.number, line.codes) for line in whole_script(report) if line.guilty]
    assert marked == [(7, ("NW201",)), (11, ("NW105",))]
    assert len(whole_script(report)) == made_up_reports.SCRIPT.count("\n")
    page = page_of(report)
    guilty = [attributes for tag, attributes in page.elements if attributes.get("class") == "line guilty"]
    assert len(guilty) == 4  # each in its card, and in the script
    (tmp_path / "train.py").write_text(made_up_reports.SCRIPT.replace("Dense(5", "Dense(6"))
    assert len(whole_script(report)) == made_up_reports.SCRIPT.count("\n")  # as it was when it ran
    assert whole_script(replace(report, run=replace(report.run, sources=Sources()))) == []


def test_hostile_text_is_text(tmp_path: Path) -> None:
    text = as_html.render(hostile(tmp_path))
    page = Page(text)
    tags = [tag for tag, _ in page.elements]
    assert tags.count("script") == 3
    assert not {"img", "iframe", "object"} & set(tags)
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert "<script>document.title='taken'</script>" in page.text()
    assert "{{ 7*7 }}" in page.text()
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\u2028\u2029\u202e\ud800-\udfff]", text)
    labels = [curve["label"] for chart in curves(page)["charts"] for curve in chart["curves"]]
    titles = [chart["title"] for chart in curves(page)["charts"]]
    assert any("</script>" in label for label in labels + titles)


def test_no_text_ends_the_element_that_holds_the_numbers() -> None:
    found = as_html.embed_json({"</script>": "<!-- & \u2028 \u2029", "nan": float("nan")})
    assert "<" not in found
    assert "&" not in found
    assert "\u2028" not in found
    assert json.loads(found) == {"</script>": "<!-- & \u2028 \u2029", "nan": None, "nan_nonfinite": "nan"}


def test_the_policy_names_what_the_page_runs(tmp_path: Path) -> None:
    text = as_html.render(made_up_reports.broken(tmp_path))
    policy = next(
        attributes["content"] for _, attributes in Page(text).elements if attributes.get("http-equiv")
    )
    assert policy is not None
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert not [1 for _, attributes in Page(text).elements if "style" in attributes]


def test_the_library_is_as_published_with_its_licence(tmp_path: Path) -> None:
    folder = files("nanwatch.explain").joinpath("vendor", "uplot")
    for name, digest in VENDORED.items():
        assert hashlib.sha256(folder.joinpath(name).read_bytes()).hexdigest() == digest, name
    text = page_of(made_up_reports.broken(tmp_path)).text()
    assert "Copyright (c) 2022 Leon Sorokin" in text
    assert "The above copyright notice and this permission notice shall be included" in text


def test_an_example_keeps_its_lines(tmp_path: Path) -> None:
    report = made_up_reports.broken(tmp_path)
    found = Diagnosis("NW101", "nonfinite-input", "cause", "error", "m")
    example = next(text for kind, text in split_blocks(find_rule("NW101").documentation()) if kind == "code")
    text = as_html.render(replace(report, diagnoses=Diagnoses("non-finite", (found,))))
    shown = re.search(r"<h4>Example</h4>\s*<pre><code>(.*?)</code></pre>", text, re.DOTALL)
    assert shown is not None
    lines = [html.unescape(re.sub("<[^>]+>", "", line)) for line in shown[1].split("<br>")]
    assert len(lines) > 2
    assert lines == [*example.splitlines(), ""]


def test_a_long_spread_is_folded() -> None:
    page = page_of(REPORTS["deep"](Path()))
    assert "and 34 more" in page.text()
    assert sum(tag == "li" and attributes.get("class") == "first" for tag, attributes in page.elements) == 1


def test_a_healthy_run_is_green_and_short() -> None:
    page = page_of(made_up_reports.healthy())
    assert ("body", {"class": "healthy"}) in page.elements
    assert "Nothing found." in page.text()
    assert "spread" not in [attributes.get("id") for _, attributes in page.elements]
