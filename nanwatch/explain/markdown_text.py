"""Text from the user's script and data, so that Markdown shows it as it is."""

from __future__ import annotations

import re

from nanwatch.explain.untrusted import clean

# What begins or ends a construct of GitHub's Markdown anywhere in a line.
SPECIAL = re.compile(r"([\\`*_{}\[\]#|~$])")
ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
# What begins one at the start of a line: a list, a heading's underline.
LEADING = re.compile(r"^(\s*)([-+=]|\d+(?=[.)]))")
MENTION = re.compile(r"@(?=\w)")
TICKS = re.compile(r"`+")


def escape_markup(text: str) -> str:
    """``text`` on one line, with nothing in it read as markup, as HTML or as a mention."""
    escaped = SPECIAL.sub(r"\\\1", clean(text).translate(ENTITIES))
    found = LEADING.match(escaped)
    if found is not None:
        at = found.end() if found[2].isdigit() else found.start(2)
        escaped = f"{escaped[:at]}\\{escaped[at:]}"
    return MENTION.sub("@\N{ZERO WIDTH NON-JOINER}", escaped)


def code_span(text: str) -> str:
    """``text`` as a span of code, with as many backticks around it as it takes."""
    shown = clean(text).strip().replace("|", "\N{BROKEN BAR}") or " "
    ticks = fence_for(shown, 1)
    blank = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{ticks}{blank}{shown}{blank}{ticks}"


def fence_code(text: str, language: str) -> str:
    ticks = fence_for(text, 3)
    return f"{ticks}{language}\n{text}\n{ticks}"


def fence_for(text: str, least: int) -> str:
    longest = max((len(run) for run in TICKS.findall(text)), default=0)
    return "`" * max(least, longest + 1)


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
