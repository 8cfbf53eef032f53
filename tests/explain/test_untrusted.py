"""Text from outside: shown, and nothing more."""

from __future__ import annotations

import pytest

from nanwatch.explain.untrusted import as_ascii, clean


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("dense_1/kernel", "dense_1/kernel"),
        ("[red]not red[/red]", "[red]not red[/red]"),
        ("\x1b[31mred\x1b[0m", "[31mred[0m"),
        ("\x9b31mred\x07\x7f", "31mred"),
        ("a\r\nb\tc", "a  b    c"),
        ("x = 1 \u202e# \u2066live\u2069", "x = 1 # live"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("one\u2028two", "one two"),
        ("tr\udce4in.py", "tr\ufffdin.py"),
        ("Größe \N{SNOWMAN} 損失", "Größe \N{SNOWMAN} 損失"),
    ],
)
def test_clean(text: str, shown: str) -> None:
    assert clean(text) == shown


def test_ascii_spells_out_what_it_cannot_show() -> None:
    assert as_ascii("0 ≤ x → 1 — “a” 3×… é") == '0 <= x -> 1 - "a" 3x... \\xe9'
