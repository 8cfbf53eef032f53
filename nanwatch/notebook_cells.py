"""The code of a saved notebook, cell by cell, as Python reads it: magics and shell lines made comments."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

MAGIC = re.compile(r"\s*[%!?]|\s*[\w.]+\?{1,2}\s*$")
CELL_MAGIC = re.compile(r"\s*%%(\w+)")
PYTHON_MAGICS = frozenset({"time", "timeit", "capture", "prun"})  # whose cell is Python all the same
ASSIGNED = re.compile(r"\s*[\w, ]+=\s*[!%](?!=)")  # files = !ls


@dataclass(frozen=True)
class CodeCell:
    """A cell of code: its number among those, from 1, its lines, and those that are not Python's."""

    number: int
    lines: tuple[str, ...]
    left_out: int = 0


def code_cells(text: str) -> list[CodeCell] | None:
    """The cells of code in a notebook; None where ``text`` is no notebook."""
    try:
        table = json.loads(text)
    except (ValueError, RecursionError):
        return None
    cells = table.get("cells") if isinstance(table, dict) else None
    if not isinstance(cells, list):
        return None
    code = [cell for cell in cells if isinstance(cell, dict) and cell.get("cell_type") == "code"]
    return [as_cell(number, source_of(cell)) for number, cell in enumerate(code, 1)]


def source_of(cell: dict[str, Any]) -> str:
    source = cell.get("source", "")
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    return source if isinstance(source, str) else ""


def as_cell(number: int, source: str) -> CodeCell:
    """The cell with a comment, or nothing's value, in the place of each line that only IPython reads."""
    lines = source.splitlines()
    head = next((place for place, line in enumerate(lines) if line.strip()), None)
    found = CELL_MAGIC.match(lines[head]) if head is not None else None
    if found and found[1] not in PYTHON_MAGICS:  # %%bash, %%html
        return CodeCell(number, tuple(f"# {line}" for line in lines), len(lines))
    plain, left_out, inside = [], 0, Brackets()
    for line in lines:
        is_magic = not inside.open and (MAGIC.match(line) or ASSIGNED.match(line))
        if is_magic:
            left_out += not CELL_MAGIC.match(line)
            plain.append(without_magic(line))
        else:
            plain.append(line)
            inside.read(line)
    return CodeCell(number, tuple(plain), left_out)


def without_magic(line: str) -> str:
    """A line in its place, indented as it: ``pass`` holds a block together that has nothing else in it."""
    indent = line[: len(line) - len(line.lstrip())]
    name, _, _ = line.partition("=")
    if ASSIGNED.match(line):
        return f"{indent}{name.strip()} = None  # {line.strip()}"
    return f"{indent}pass  # {line.strip()}"


class Brackets:
    """Whether a bracket or a long string is open at the end of the lines read; a % there is an operator."""

    def __init__(self) -> None:
        self.depth = 0
        self.quotes = ""

    @property
    def open(self) -> bool:
        return self.depth > 0 or bool(self.quotes)

    def read(self, line: str) -> None:
        for token in TOKEN.findall(line):
            if self.quotes:
                self.quotes = "" if token == self.quotes else self.quotes
            elif token in ('"""', "'''"):
                self.quotes = token
            elif token.startswith("#"):
                return
            elif token in "([{":
                self.depth += 1
            elif token in ")]}":
                self.depth = max(0, self.depth - 1)


TOKEN = re.compile(r"""\"\"\"|\'\'\'|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\#.*|[()\[\]{}]""")
