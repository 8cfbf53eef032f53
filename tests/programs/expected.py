"""What a script says about its own fault: codes in the comment at the end of the line at fault."""

from __future__ import annotations

import re
from pathlib import Path

COMMENT = re.compile(r"#((?: NW\d{3})+)\s*$")
FOLDER = Path(__file__).parent
NOT_PROGRAMS = ("__init__", "__main__", "expected", "running", "scoring", "test_scoring")


def expected_in(script: Path) -> frozenset[tuple[str, int]]:
    """(code, line) for every code in ``script``; several codes on a line are all right answers."""
    lines = enumerate(script.read_text().splitlines(), start=1)
    found = ((match[1].split(), number) for number, line in lines if (match := COMMENT.search(line)))
    return frozenset((code, number) for codes, number in found for code in codes)


def programs() -> list[Path]:
    """Every program of this folder, in order."""
    return sorted(path for path in FOLDER.glob("*.py") if path.stem not in NOT_PROGRAMS)
