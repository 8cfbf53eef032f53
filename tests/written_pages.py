"""README and the pages in docs/, as text: what they show as code, as commands and as links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = (README, *sorted(DOCS.rglob("*.md")))
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(text: str, *kinds: str) -> list[str]:
    """The fenced blocks of these kinds, in order."""
    return [block for kind, block in FENCE.findall(text) if kind in kinds]


def prose(text: str) -> str:
    return FENCE.sub("", text)


def commands_in(text: str) -> Iterator[str]:
    """Every `nanwatch ...` that is to be typed, in a block or in a line."""
    shell = "".join(blocks(text, "sh", "yaml")).splitlines()
    inline = [" ".join(words.split()) for words in re.findall(r"`([^`]+)`", prose(text))]
    for line in [line.partition(" #")[0] for line in shell] + inline:
        if found := re.search(r"(?<!%)\b(nanwatch [a-z].*)", line):
            yield found[1].strip()


def modules_in(text: str) -> set[str]:
    """Modules of this repository that are to be run."""
    return set(re.findall(r"python -m ((?:tests|benchmarks)\.\w+)", text))


def links_in(text: str) -> list[str]:
    return LINK.findall(prose(text))


def table_below(text: str, head: str) -> str:
    """The rows of the table with this head row."""
    return text.partition(f"{head}\n")[2].partition("\n")[2].partition("\n\n")[0]
