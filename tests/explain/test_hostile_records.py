"""A hostile text in every field of a record that holds text, and every format of the report."""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
import unicodedata
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from markdown_it import MarkdownIt

from nanwatch.diagnose.rule import all_rules
from nanwatch.explain import as_live, as_live_end, as_replay, as_terminal
from nanwatch.explain.formats import FORMATS, renderer
from nanwatch.explain.report import Report
from nanwatch.explain.reporting import report_of, report_on
from nanwatch.record.facts import StepReplay
from nanwatch.record.run import Run
from nanwatch.record.series import Series, column_name
from tests.damaged.every_field import Filler, full_run
from tests.damaged.whole_runs import write

CONTROL = "\x1b[31m\x9b2J\x07\x00\x7f\u202e\u2066\u2028\u200b\ufeff\ud800\U000e0041\r\n"
MARKUP = (
    "::error::x [red]x[/red] <img src=x onerror=alert(1)></script><script>alert(1)</script> `a` *b* "
    "[l](http://evil) ![i](http://evil/i.png) <http://evil> | ]]> &lt; {{ 7*7 }} {% x %} %0A"
)
HOSTILE = CONTROL + MARKUP
NAME = HOSTILE.replace("\n", "")  # of a column: its line break would be a blank
HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def hostile(name: str) -> str:
    return f"{name}{HOSTILE}"


def hidden_in(text: str) -> set[str]:
    """The characters that can do something to a terminal, or to a reader's eye, but line breaks."""
    return {repr(sign) for sign in set(text) if unicodedata.category(sign) in HIDDEN} - {repr("\n")}


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]


def check_terminal(report: Report) -> None:
    for unicode in (True, False):
        assert not hidden_in(as_terminal.render(report, unicode=unicode))
    assert not hidden_in(COLOUR.sub("", as_terminal.render(report, color=True)))
    assert not hidden_in(as_live.render_frame(report.run))
    assert not hidden_in(as_live.plain_line(report.run))
    assert not hidden_in(as_live_end.render_end(report, 80, False, True, is_gone=True))


def check_markdown(text: str) -> None:
    assert not hidden_in(text.replace("\u200c", ""))  # which takes the @ of a name its meaning
    pieces = [*pieces_of(MarkdownIt("commonmark").enable("table").parse(text))]
    assert not [piece for piece in pieces if piece.type in ("image", "link_open")]
    html = {tag for piece in pieces if piece.type.startswith("html") for tag in Tags(piece.content).tags}
    assert html <= {"details", "summary"}


def pieces_of(tokens: Any) -> Iterator[Any]:
    for token in tokens or ():
        yield token
        yield from pieces_of(token.children)


def check_html(text: str) -> None:
    assert not hidden_in(text)
    page = Tags(text)
    assert page.tags.count("script") == 3
    assert not {"img", "iframe", "object"} & {*page.tags}
    assert not [name for name in page.attributes if name.startswith("on")]
    assert "7*7" in text or "7*7" not in HOSTILE
    assert ">49<" not in text


def check_github(text: str, findings: int) -> None:
    assert not hidden_in(text)
    lines = text.splitlines()
    assert len(lines) == min(findings, 10) + (findings > 10)
    assert all(re.match(r"::(error|warning|notice) ", line) for line in lines[:10])


def check(report: Report) -> None:
    check_terminal(report)
    texts = {name: renderer(name)(report) for name in FORMATS}
    check_markdown(texts["markdown"])
    check_html(texts["html"])
    check_github(texts["github"], len(report.diagnoses.diagnoses))
    for name in ("json", "sarif"):
        assert not hidden_in(texts[name])
        json.loads(texts[name], parse_constant=pytest.fail)
    assert not hidden_in(texts["junit"])
    ElementTree.fromstring(texts["junit"])


def test_every_field_of_a_record(tmp_path: Path) -> None:
    write(tmp_path / "run", full_run(hostile))
    report = report_on(tmp_path / "run")
    assert report.run.info.script.startswith("script\x1b")
    assert report.run.damage == []
    check(report)


def test_the_moment_of_a_replay() -> None:
    found: StepReplay = Filler(hostile).instance(StepReplay)
    assert not hidden_in(as_replay.render(found, "/p\x1b[31m"))


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.code)
def test_the_words_of_a_rule(rule: Any) -> None:
    """What a rule says of a run in which every name is hostile."""
    checked = 0
    for run, trials in itertools.product(rule.fires(), (True, False)):
        report = report_of(renamed(run, trials))
        if any(found.code == rule.code for found in report.diagnoses.diagnoses):
            check(report)
            checked += 1
            break
    assert checked


def renamed(run: Run, trials: bool) -> Run:
    """``run`` with a hostile end to each name of a layer, variable, output or file, wherever it stands.

    ``trials``: in what was tried too, where that is of one layer, and not of several.
    """
    names = {name for info in run.info.models for name in names_of(info)} - {""}

    def change(value: Any, field: str = "") -> Any:
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = {spec.name: getattr(value, spec.name) for spec in dataclasses.fields(value) if spec.init}
            return dataclasses.replace(value, **{name: change(each, name) for name, each in fields.items()})
        if isinstance(value, str) and field in ("file", "script", "message", "error", "code"):
            return f"{value}  # {HOSTILE}" if field == "code" else value + HOSTILE
        if isinstance(value, str):
            return value + NAME if value in names else value
        if isinstance(value, dict):
            return {key: change(each) for key, each in value.items()}
        if isinstance(value, tuple):
            return tuple(change(each, field) for each in value)
        return value

    info = change(run.info)
    fits = tuple(
        dataclasses.replace(
            fit,
            info=new,
            model=change(fit.model),
            events=change(tuple(fit.events)),
            steps=renamed_series(fit.steps, names),
            health=renamed_series(fit.health, names),
        )
        for fit, new in zip(run.fits, info.fits, strict=False)
    )
    return dataclasses.replace(
        run, info=info, fits=fits, trials=change(tuple(run.trials)) if trials else run.trials
    )


def renamed_series(series: Series, names: set[str]) -> Series:
    columns = []
    for name in series.columns:
        role, *path, stat = name.split("|")
        whole = "|".join(path)
        columns.append(column_name(role, whole + NAME if whole in names else whole, stat))
    return Series.from_rows(columns, [row for _, row in series.rows])


def names_of(model: Any) -> Iterator[str]:
    for layer in model.layers:
        yield from (layer.path, layer.name, *layer.weights)
    yield from (output.path for output in model.outputs)
    yield model.name
