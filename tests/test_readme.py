"""README is short, and what it says of commands, figures and installing is so."""

from __future__ import annotations

import re
import tomllib

from nanwatch.cli.table import COMMANDS
from tests.written_pages import DOCS, README, ROOT, blocks, table_below, text_of

TEXT = text_of(README)
LINES_AT_MOST = 150


def test_it_is_short() -> None:
    assert len(TEXT.splitlines()) <= LINES_AT_MOST


def test_the_first_block_installs_and_runs_the_example() -> None:
    first = blocks(TEXT, "sh")[0].splitlines()
    assert first[-1] == "nanwatch run examples/quickstart.py"
    assert "pip install '.[tensorflow]'" in first


def test_the_last_block_installs_and_runs_every_check_as_ci_does() -> None:
    last = blocks(TEXT, "sh")[-1]
    ci = (ROOT / ".ci" / "run").read_text()
    assert last.endswith("pip install -e '.[test]' && python -m tests.checks\n")
    assert "pip install --quiet -e '.[test]'" in ci
    assert ci.endswith('/bin/python" -m tests.checks\n')


def test_the_extras_that_are_named_exist() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = set(re.findall(r"\.\[(\w+)\]", TEXT))
    assert named
    assert named <= set(project["optional-dependencies"])


def test_the_table_of_commands_has_them_all() -> None:
    rows = re.findall(r"^\| \[`nanwatch (\w+).*?`\]\(docs/commands/(\w+)\.md\) \|", TEXT, re.MULTILINE)
    assert {name for name, _ in rows} == {each.name for each in COMMANDS}
    assert all(name == page for name, page in rows)


def test_the_figures_of_programs_are_the_sums_of_the_tables() -> None:
    accuracy = text_of(DOCS / "accuracy.md")
    sets = table_below(
        accuracy, "| programs, at first sight | found | cause first | on its line | false alarm |"
    )
    faulty = [
        list(map(int, row)) for row in re.findall(r": (\d+) faulty.*?\| (\d+) \| (\d+) \| (\d+) \|", sets)
    ]
    assert len(faulty) == 7
    sums = " | ".join(str(sum(column)) for column in zip(*(row[1:] for row in faulty), strict=True))
    assert f"| {sum(row[0] for row in faulty)} faulty | {sums} | |\n" in TEXT
    healthy = [row for row in sets.splitlines() if "faulty" not in row]
    count = sum(int(number) for row in healthy for number in re.findall(r"\b\d+\b", row.split("|")[1]))
    alarms = sum(int(row.split("|")[5]) for row in healthy)
    assert f"| {count} healthy | | | | {alarms} |\n" in TEXT


def test_the_figures_of_cost_are_those_of_the_page() -> None:
    rows = table_below(
        text_of(DOCS / "cost.md"),
        "| model | bare, ms a step | nanwatch | `TerminateOnNaN` | `check_numerics` | tfdbg `CURT_HEALTH` |",
    )
    ratios = sorted(row.split("|")[3].split()[0] for row in rows.splitlines())
    assert f"{ratios[0]} to {ratios[-1]} times the CPU time" in TEXT
