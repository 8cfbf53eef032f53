"""What a script says about its own fault: codes in the comment at the end of the line at fault."""

from __future__ import annotations

import json
import re
from itertools import product
from pathlib import Path

COMMENT = re.compile(r"#((?: NW\d{3})+)\s*$")
FOLDER = Path(__file__).parent
NOT_PROGRAMS = ("__init__", "__main__", "expected", "running", "scoring", "test_scoring")


TOLD = "expected.json"  # of a folder of others: {name: {"codes": [...], "lines": [...]}}


def expected_in(script: Path) -> frozenset[tuple[str, int]]:
    """(code, line) for every code in ``script``; several codes on a line are all right answers."""
    if (script.parent / TOLD).exists():
        told = json.loads((script.parent / TOLD).read_text()).get(script.stem)
        return frozenset() if told is None else frozenset(product(told["codes"], told["lines"]))
    lines = enumerate(script.read_text().splitlines(), start=1)
    found = ((match[1].split(), number) for number, line in lines if (match := COMMENT.search(line)))
    return frozenset((code, number) for codes, number in found for code in codes)


def programs(folder: Path = FOLDER) -> list[Path]:
    """Every program of this folder, in order; of another those that its `TOLD` names, and their twins."""
    found = sorted(path for path in folder.glob("*.py") if path.stem not in NOT_PROGRAMS)
    if not (folder / TOLD).exists():
        return found
    told = json.loads((folder / TOLD).read_text())
    return [path for path in found if path.stem.removesuffix("_ok") in told or path.stem.startswith("h_")]
