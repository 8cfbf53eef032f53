"""The table in docs/rules.md. ``python -m tests.rule_table`` writes it from the rules themselves."""

from __future__ import annotations

import inspect
from pathlib import Path

from nanwatch.diagnose.rule import Rule, all_rules
from nanwatch.explain.documentation import FAMILIES
from nanwatch.explain.documentation_blocks import first_sentence

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "rules.md"
BEGIN = "<!-- rules: written by `python -m tests.rule_table` -->\n"
END = "<!-- end of rules -->"


def table() -> str:
    """One row a rule, by code; a family begins with a row of its own."""
    rows = ["| code | name | |", "|---|---|---|"]
    family = ""
    for rule in all_rules():
        if rule.code[2] != family:
            family = rule.code[2]
            rows.append(f"| | | **{FAMILIES[family]}** |")
        sentence = first_sentence(rule).replace("|", r"\|")
        rows.append(f"| [{rule.code}]({file_of(rule)}) | {rule.name} | {sentence} |")
    return "\n".join(rows) + "\n"


def file_of(rule: Rule) -> str:
    """Where the documentation of ``rule`` is on GitHub, seen from the page; the site has a page for it."""
    return f"../{Path(inspect.getfile(type(rule))).relative_to(ROOT).as_posix()}"


def written() -> str:
    """The table as the page has it."""
    return PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]


def write() -> None:
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(before + BEGIN + table() + END + rest.partition(END)[2], encoding="utf-8")


if __name__ == "__main__":
    write()
