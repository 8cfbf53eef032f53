"""The documentation of a rule, laid out for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nanwatch.diagnose.diagnosis import Finding
from nanwatch.diagnose.rule import Rule, all_rules
from nanwatch.explain.documentation import render_list, render_rule
from nanwatch.record.run import Fit, Run


class OddRule(Rule):
    """A layer named `odd` is odd, which
    is said on two lines.

    ## What it does
    Looks at [the paper](https://example.org/a) and at ``x``:

    * one thing,
      on two lines
    * [bold]another[/bold]
    1. a number

    ## Example
    ```python
    if x:
        y = "a  b"  # NW999
    ```
        indented

    ## Use instead
    Nothing.
    """

    code, name, level = "NW999", "odd-rule", "warning"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        yield from ()

    @staticmethod
    def fires() -> list[Run]:
        return []

    @staticmethod
    def silent() -> list[Run]:
        return []


def test_a_rule() -> None:
    assert render_rule(OddRule(), 60).splitlines() == [
        "── NW999  odd-rule (warning) ───────────────────────────────",
        "",
        "  A layer named odd is odd, which is said on two lines.",
        "",
        "What it does",
        "",
        "  Looks at the paper (https://example.org/a) and at x:",
        "  • one thing, on two lines",
        "  • [bold]another[/bold]",
        "  • a number",
        "",
        "Example",
        "",
        "    if x:",
        '        y = "a  b"  # NW999',
        "",
        "    indented",
        "",
        "Use instead",
        "",
        "  Nothing.",
    ]


def test_the_list() -> None:
    assert render_list([OddRule()], 60).splitlines() == [
        "── No known fault ──────────────────────────────────────────",
        "NW999  warning odd-rule",
        "               A layer named odd is odd, which is said on",
        "               two lines.",
    ]


@pytest.mark.parametrize("width", [60, 80, 200])
def test_every_rule_fits(width: int) -> None:
    """The example of a rule is code, and code is not wrapped below what it needs."""
    for line in render_list(all_rules(), width).splitlines():
        assert len(line) <= width
    for rule in all_rules():
        text = render_rule(rule, width, unicode=False)
        assert text.isascii()
        assert max(map(len, text.splitlines())) <= width
        assert "##" not in text
        assert "```" not in text
