"""The table of docs/reliability.md, from what the commands have left behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.reliability.result import Result, read_results

ROOT = Path(__file__).parent.parent.parent
RESULTS = ROOT / "docs" / "reliability"  # a file of each command, by its name
PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- what came of it -->\n", "<!-- end -->\n"
# What is to be tried, by the name of its file: the table says so where it was not.
COMMANDS = {
    "damaged": "python -m tests.damaged",
    "kills": "python -m tests.kills",
    "same_bits": "python -m tests.same_bits",
    "faults": "python -m tests.faults",
    "programs": "python -m tests.programs",
}


def results_in(folder: Path) -> dict[str, list[Result]]:
    """By the name of the command."""
    return {path.stem: read_results(path) for path in sorted(folder.glob("*.json"))}


def table_of(results: Mapping[str, Sequence[Result]]) -> str:
    """A line for each promise, and for each command without a result."""
    lines = ["| promise | tried | kept | command |", "|---|---:|---:|---|"]
    for name in [*COMMANDS, *(other for other in results if other not in COMMANDS)]:
        lines += map(line_of, results.get(name, ()))
        if not results.get(name):
            lines.append(f"| not tried yet | | | `{COMMANDS[name]}` |")
    return "\n".join(lines) + "\n"


def line_of(result: Result) -> str:
    broken = result.tried - result.kept
    kept = f"{result.kept:,}" if not broken else f"{result.kept:,}, and **{broken:,} not**"
    return f"| {result.promise} | {result.tried:,} | {kept} | `{result.command}` |"


def with_table(page: str, table: str) -> str:
    before, _, rest = page.partition(BEGIN)
    _, _, behind = rest.partition(END)
    return f"{before}{BEGIN}\n{table}\n{END}{behind}"
