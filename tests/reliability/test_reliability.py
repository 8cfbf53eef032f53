"""The page says what the commands have found, and the table what was not kept."""

from __future__ import annotations

from pathlib import Path

from tests.reliability.result import Result, read_results, write_result
from tests.reliability.table import COMMANDS, PAGE, RESULTS, results_in, table_of, with_table

KEPT = Result("A promise", 1200, 1200, "python -m tests.damaged --count 1200")
BROKEN = Result("Another", 1200, 1198, "python -m tests.kills")


def test_the_page_holds_the_table_of_the_results() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert with_table(page, table_of(results_in(RESULTS))) == page, "python -m tests.reliability --write"


def test_a_result_comes_back(tmp_path: Path) -> None:
    write_result(tmp_path / "damaged.json", [KEPT, BROKEN])
    assert read_results(tmp_path / "damaged.json") == [KEPT, BROKEN]
    assert results_in(tmp_path) == {"damaged": [KEPT, BROKEN]}


def test_a_line_for_each_promise() -> None:
    lines = table_of({"damaged": [KEPT], "kills": [BROKEN], "other": [KEPT]}).splitlines()
    assert lines[2] == "| A promise | 1,200 | 1,200 | `python -m tests.damaged --count 1200` |"
    assert lines[3] == "| Another | 1,200 | 1,198, and **2 not** | `python -m tests.kills` |"
    assert lines[4] == "| not tried yet | | | `python -m tests.same_bits` |"
    assert len(lines) == 2 + len(COMMANDS) + 1
