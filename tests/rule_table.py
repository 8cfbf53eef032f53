"""The README's table of rules. ``python -m tests.rule_table`` writes it from the rules themselves."""

from __future__ import annotations

from pathlib import Path

from nanwatch.diagnose.rule import all_rules
from nanwatch.explain.documentation import FAMILIES
from nanwatch.explain.documentation_blocks import first_sentence

README = Path(__file__).parent.parent / "README.md"
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
        rows.append(f"| {rule.code} | {rule.name} | {sentence} |")
    return "\n".join(rows) + "\n"


def written() -> str:
    """The table as the README has it."""
    return README.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]


def write() -> None:
    before, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    README.write_text(before + BEGIN + table() + END + rest.partition(END)[2], encoding="utf-8")


if __name__ == "__main__":
    write()
