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


CURED = {"trial": {"verdict": "cured"}}


@pytest.mark.parametrize(
    ("untried", "said"),
    [
        ([found("NW201")], "rule"),
        ([found("NW501"), found("NW201")], "re-ranked"),
        ([found("NW201", level="note")], "suspicion"),
        ([], "suspicion"),
    ],
)
def test_what_put_the_cause_first(untried: list[dict[str, Any]], said: str) -> None:
    told = {**report({**found("NW201"), "remedies": [CURED]}), "untried": untried}
    seen = score(EXPECTED, told)
    assert (seen.mechanism, seen.proven) == (said, True)
    assert score(EXPECTED, {**report(found("NW501")), "untried": untried}).mechanism is None


def test_a_folder_of_others_tells_what_is_expected(tmp_path: Path) -> None:
    (tmp_path / "expected.json").write_text('{"train": {"codes": ["NW101", "NW102"], "lines": [2]}}')
    for name in ("train", "train_ok", "h_other", "made"):
        (tmp_path / f"{name}.py").write_text("")
    assert [path.stem for path in programs(tmp_path)] == ["h_other", "train", "train_ok"]
    assert expected_in(tmp_path / "train.py") == {("NW101", 2), ("NW102", 2)}
    assert expected_in(tmp_path / "train_ok.py") == frozenset()


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
