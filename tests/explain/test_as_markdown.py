"""The Markdown report, read by a Markdown parser: structure is ours, text is the run's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from nanwatch.explain import as_markdown
from nanwatch.explain.markdown_text import code_span, escape_markup, fence_code
from nanwatch.explain.report import Report
from nanwatch.explain.untrusted import clean
from tests.explain import made_up_reports
from tests.explain.hostile_reports import EVIL, hostile

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def flat(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from flat(token.children or [])


def headings(report: Report) -> list[str]:
    tokens = PARSER.parse(as_markdown.render(report))
    return [
        "".join(child.content for child in tokens[number + 1].children or [])
        for number, token in enumerate(tokens)
        if token.type == "heading_open"
    ]


def shown(text: str) -> str:
    """What a reader sees of a paragraph."""
    return "".join(token.content for token in flat(PARSER.parse(text)) if token.type != "inline")


def test_the_order_of_a_broken_run(tmp_path: Path) -> None:
    assert headings(made_up_reports.broken(tmp_path)) == [
        "❌ The loss became NaN at step 40, in epoch 3 of 20.",
        "❌ Cause: NW201 relu-output",
        "⚠️ Contributing: NW105 unscaled-input",
        "What follows from it",
        "Where it began",
        "How it spread",
        "Epochs",
    ]


def test_the_line_the_remedy_and_the_numbers(tmp_path: Path) -> None:
    tokens = PARSER.parse(as_markdown.render(made_up_reports.broken(tmp_path)))
    fences = [(token.info, token.content) for token in tokens if token.type == "fence"]
    assert fences[0][0] == "python"
    assert '> 7          layers.Dense(5, activation="relu"),  # five classes\n' in fences[0][1]
    new = made_up_reports.GUILTY.replace("relu", "softmax")
    assert fences[1] == ("diff", f"- {made_up_reports.GUILTY}\n+ {new}\n")
    cells = [
        tokens[number + 1].content
        for number, token in enumerate(tokens)
        if token.type in ("td_open", "th_open")
    ]
    assert cells[:6] == ["where", "path", "not finite", "output", "`dense_1`", "15 of 160"]
    assert cells[-5:] == ["3", "NaN", "0.2", "NaN", "0.2"]


def test_a_healthy_run() -> None:
    text = as_markdown.render(made_up_reports.healthy())
    assert text.startswith("## ✅ Nothing found.\n\n100 steps")
    assert "| 2 | 0.31 | 0.9375 |" in text


def test_hostile_text_makes_no_markup(tmp_path: Path) -> None:
    tokens = list(flat(PARSER.parse(as_markdown.render(hostile(tmp_path)))))
    html = [token.content.strip() for token in tokens if token.type.startswith("html")]
    assert html == ["<details><summary>What this rests on</summary>", "</details>"]
    assert not [token for token in tokens if token.type in ("link_open", "image", "em_open")]
    assert {token.info for token in tokens if token.type == "fence"} == {"python", "diff"}


@pytest.mark.parametrize(
    "text",
    [
        EVIL,
        "1. one",
        "1) one",
        "- a",
        "+ a",
        "=== a",
        "# a",
        "> a",
        "a *b* _c_ ~~d~~ `e` [f](g) ![h](i) | j \\ k $x$ &lt; <b>",
        "~~~",
        "    indented",
    ],
)
def test_plain_text_is_shown_as_it_is(text: str) -> None:
    tokens = PARSER.parse(escape_markup(text))
    if text.strip() == text:
        assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    assert shown(escape_markup(text)).strip() == clean(text).strip()


def test_nobody_is_mentioned() -> None:
    assert escape_markup("@keras") == "@\N{ZERO WIDTH NON-JOINER}keras"


@pytest.mark.parametrize("text", ["a`b", "``", "`a`", "a``b`"])
def test_code_holds_backticks(text: str) -> None:
    (token,) = [token for token in flat(PARSER.parse(code_span(text))) if token.type == "code_inline"]
    assert token.content == text


def test_a_fence_holds_fences() -> None:
    (token,) = PARSER.parse(fence_code("```\na\n````", "python"))
    assert (token.type, token.content) == ("fence", "```\na\n````\n")
