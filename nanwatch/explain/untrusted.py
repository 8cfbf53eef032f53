"""Text from the user's script or data, made fit to be shown: no control characters."""

from __future__ import annotations

import re
import unicodedata

# Control, format (bidi overrides can make a line read as another), line and paragraph separators.
HIDDEN = frozenset({"Cc", "Cf", "Zl", "Zp"})
TAB = "    "


def clean(text: str) -> str:
    """``text`` on one line: a tab or line break is a blank, other control characters are left out."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(clean_character(character) for character in text)


def clean_character(character: str) -> str:
    if character == "\t":
        return TAB
    if character in "\r\n\x0b\x0c\x85\u2028\u2029":
        return " "
    category = unicodedata.category(character)
    if category == "Cs":  # half of a pair, from a file name that is not UTF-8: no stream can write it
        return "\N{REPLACEMENT CHARACTER}"
    return "" if category in HIDDEN else character


NOT_ASCII = re.compile(r"[^\x00-\x7e]")


def escape_hidden(json: str) -> str:
    """A JSON text in which what no terminal should be shown is spelled out; it means the same."""
    return NOT_ASCII.sub(escape_character, json)


def escape_character(found: re.Match[str]) -> str:
    character = found[0]
    if unicodedata.category(character) not in HIDDEN:
        return character
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[at] << 8 | units[at + 1]:04x}" for at in range(0, len(units), 2))


ASCII = str.maketrans(
    {
        "\N{EN DASH}": "-",
        "\N{EM DASH}": "-",
        "\N{MINUS SIGN}": "-",
        "\N{HORIZONTAL ELLIPSIS}": "...",
        "\N{MULTIPLICATION SIGN}": "x",
        "\N{LESS-THAN OR EQUAL TO}": "<=",
        "\N{GREATER-THAN OR EQUAL TO}": ">=",
        "\N{RIGHTWARDS ARROW}": "->",
        "\N{RIGHT SINGLE QUOTATION MARK}": "'",
        "\N{LEFT SINGLE QUOTATION MARK}": "'",
        "\N{LEFT DOUBLE QUOTATION MARK}": '"',
        "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
    }
)


def as_ascii(text: str) -> str:
    """``text`` for a stream that takes ASCII alone; what has no likeness there is spelled out."""
    return text.translate(ASCII).encode("ascii", "backslashreplace").decode()
