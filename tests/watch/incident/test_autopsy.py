"""Each singularity is named: the op, its direction, the line; and masked ones raise nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.programs.running import report_on

FOLDER = Path(__file__).parent / "singularities"
SCRIPTS = sorted(FOLDER.glob("*.py"))
pytestmark = pytest.mark.tensorflow


def marked(script: Path) -> tuple[int, str, str] | None:
    """(line, op type, direction) as the script's own comment says."""
    for number, line in enumerate(script.read_text().splitlines(), 1):
        if "# op: " in line:
            kind, direction = line.split("# op: ")[1].split()
            return number, kind, direction
    return None


def found(report: dict[str, Any]) -> tuple[int, str, str] | None:
    incident = report["incident"]
    op = incident and incident["op"]
    return op and (op["line"], op["type"], op["direction"])


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("default")
def test_the_first_op_and_its_line(script: Path, tmp_path: Path) -> None:
    report = report_on(script, tmp_path)
    assert report["own_errors"] == []
    assert found(report) == marked(script)
    assert (report["run"]["outcome"] == "healthy") is (marked(script) is None)


def test_there_are_loud_and_quiet_ones() -> None:
    assert {path.stem for path in SCRIPTS if marked(path) is None} == {
        "quiet_loss_scaling",
        "quiet_masked_log",
    }
    assert len(SCRIPTS) >= 12
