"""The scoring itself: it must not pass what it should not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.programs.expected import expected_in, programs
from tests.programs.scoring import score

EXPECTED = frozenset({("NW201", 7)})


def found(code: str, line: int | None = 7, part: str = "cause", level: str = "error") -> dict[str, Any]:
    location = None if line is None else {"file": "train.py", "line": line}
    return {"code": code, "part": part, "level": level, "location": location}


def report(*diagnoses: dict[str, Any]) -> dict[str, Any]:
    return {"run": {"outcome": "non-finite"}, "diagnoses": list(diagnoses)}


def test_the_code_on_its_line_is_right() -> None:
    assert score(EXPECTED, report(found("NW201"), found("NW607", 9, "consequence"))).right


@pytest.mark.parametrize(
    "diagnoses",
    [
        [],
        [found("NW201", 8)],
        [found("NW201", None)],
        [found("NW501"), found("NW201")],
        [found("NW201"), found("NW501")],
        [found("NW201"), found("NW501", part="contributing", level="warning")],
        [found("NW201", part="contributing")],
        [found("NW201", level="note")],
    ],
)
def test_anything_else_is_not(diagnoses: list[dict[str, Any]]) -> None:
    assert not score(EXPECTED, report(*diagnoses)).right


def test_a_healthy_script_may_have_notes_and_nothing_above() -> None:
    assert score(frozenset(), report(found("NW209", level="note"))).right
    assert not score(frozenset(), report(found("NW209", level="warning"))).right


def test_codes_and_lines_are_read_from_the_comments(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text('"""NW999"""\nfit(x)  # NW101\nx = 1  # no code\nhead()  # NW207 NW202\n')
    assert expected_in(script) == {("NW101", 2), ("NW207", 4), ("NW202", 4)}


def test_every_code_in_a_program_is_read() -> None:
    for path in programs():
        written = [line for line in path.read_text().splitlines() if "# NW" in line]
        assert len({line for _, line in expected_in(path)}) == len(written), path.stem


def test_healthy_programs_are_close_to_half() -> None:
    healthy = [path for path in programs() if not expected_in(path)]
    assert len(healthy) >= 0.4 * len(programs()) >= 24
