"""What a command that tries a promise leaves behind: how often it tried, and how often it was kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Result:
    """``command`` tries it again."""

    promise: str
    tried: int
    kept: int
    command: str


def write_result(path: Path, results: Sequence[Result]) -> None:
    path.write_text(json.dumps([asdict(result) for result in results], indent=1) + "\n", encoding="utf-8")


def read_results(path: Path) -> list[Result]:
    return [Result(**table) for table in json.loads(path.read_text(encoding="utf-8"))]
