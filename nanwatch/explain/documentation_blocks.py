"""A rule's documentation, in pieces: every format that shows it draws these."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import takewhile
from typing import Literal

from nanwatch.diagnose.rule import Rule

BULLET = re.compile(r"(?:[-*]|\d+\.) ")
LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")
CODE = re.compile(r"(`+)(.+?)\1")

BlockKind = Literal["heading", "code", "bullet", "paragraph"]


def split_blocks(documentation: str) -> Iterator[tuple[BlockKind, str]]:
    """Headings, code (fenced or indented), bullets and paragraphs, in order."""
    lines = documentation.splitlines()
    while lines:
        line = lines.pop(0)
        if line.startswith("#"):
            yield "heading", line.lstrip("# ")
        elif line.startswith("```"):
            yield "code", "\n".join(take_lines(lines, lambda text: not text.startswith("```")))
            del lines[:1]
        elif line.startswith("    "):
            more = take_lines(lines, lambda text: text.startswith("    ") or not text)
            yield "code", "\n".join(text[4:] for text in [line, *more]).rstrip()
        elif found := BULLET.match(line):
            more = take_lines(lines, lambda text: bool(text) and not starts_block(text))
            yield "bullet", " ".join(text.strip() for text in [line[found.end() :], *more])
        elif line.strip():
            more = take_lines(lines, lambda text: bool(text.strip()) and not starts_block(text))
            yield "paragraph", " ".join(text.strip() for text in [line, *more])


def take_lines(lines: list[str], wanted: Callable[[str], bool]) -> list[str]:
    """The lines from the front for which ``wanted`` holds, removed from ``lines``."""
    found = list(takewhile(wanted, lines))
    del lines[: len(found)]
    return found


def starts_block(text: str) -> bool:
    return text.startswith(("#", "```")) or BULLET.match(text) is not None


def first_sentence(rule: Rule) -> str:
    return next((text for kind, text in split_blocks(rule.documentation()) if kind == "paragraph"), "")
