"""What a benchmark found is kept, shown, and set beside another."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.compare import lines, word
from benchmarks.results import read, write
from benchmarks.rows import row, table

FOUND = row("step", "mlp", [1.04, 1.06, 1.02], 1.05, terminate=[1.0, 1.01], bare=[2.0, 2.2, 2.1])


def test_a_row_has_the_median_its_spread_and_the_noise_of_bare_against_bare() -> None:
    assert (FOUND.value, FOUND.low, FOUND.high, FOUND.pairs) == (1.04, 1.02, 1.06, 3)
    assert FOUND.noise is not None
    assert list(FOUND.noise) == pytest.approx([2.1 / 2.2, 1.1])


def test_the_table_shows_each_in_its_unit() -> None:
    memory = row("folds", "memory", [12.0], 60, "MB")
    assert table([FOUND, memory]).splitlines()[2:] == [
        "| step: mlp | 1.05 | 1.04 | 1.02 to 1.06 | 3 | 1.00 | 0.95 to 1.10 |",
        "| folds: memory | 60 MB | 12 MB | 12 MB to 12 MB | 1 |  |  |",
    ]


@pytest.mark.parametrize(("value", "said"), [(1.05, "1.05"), (1.0501, "1.05 (over)")])
def test_what_is_over_its_limit_is_marked(value: float, said: str) -> None:
    assert f"| {said} |" in table([row("step", "mlp", [value], 1.05)])


def test_figures_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    write(tmp_path / "figures.json", [FOUND])
    assert read(tmp_path / "figures.json") == {"step: mlp": FOUND}


@pytest.mark.parametrize("text", ["", "[]", '{"rows": [{"part": "step"}]}', '{"rows": 3}'])
def test_a_file_without_figures_is_told_as_that(tmp_path: Path, text: str) -> None:
    file = tmp_path / "figures.json"
    file.write_text(text)
    with pytest.raises(SystemExit, match=r"figures\.json holds no figures of `python -m benchmarks"):
        read(file)


def test_a_change_counts_where_it_is_larger_than_the_spread_of_both() -> None:
    slow, fast = row("step", "mlp", [1.2, 1.3, 1.1]), row("step", "mlp", [1.04, 1.05, 1.09])
    wide = row("step", "mlp", [1.04, 1.05, 1.25])
    assert word(slow, fast) == "less"
    assert word(fast, slow) == "more"
    assert word(slow, wide) == "no difference seen"
    assert word(None, fast) == ""


def test_what_one_file_lacks_is_said() -> None:
    assert list(lines({}, {FOUND.key: FOUND}))[2:] == [
        ("step: mlp", "1.05", "not measured", "1.04 (1.02 to 1.06)", "")
    ]
