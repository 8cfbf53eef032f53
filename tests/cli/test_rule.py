"""``nanwatch rule``: the list, and the documentation of one."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result

from nanwatch.cli.main import main
from nanwatch.diagnose.rule import all_rules


def nanwatch(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments), prog_name="nanwatch", env={"COLUMNS": None})


def test_the_list_names_every_rule_once_in_order() -> None:
    result = nanwatch("rule")
    assert result.exit_code == 0
    heads = [line.split() for line in result.stdout.splitlines() if line.startswith("NW")]
    assert heads == [[rule.code, rule.level, rule.name] for rule in all_rules()]
    assert "NW201  error   relu-output" in result.stdout.splitlines()


@pytest.mark.parametrize("name", ["NW201", "nw201", "relu-output", "ReLU-Output"])
def test_one_rule_by_code_or_name(name: str) -> None:
    result = nanwatch("rule", name)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].startswith("── NW201  relu-output (error) ─")
    for heading in ("What it does", "Why is this bad", "Example", "Use instead"):
        assert heading in lines


def test_a_rule_that_is_not_there() -> None:
    result = nanwatch("rule", "NW999")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr == "nanwatch: There is no rule NW999; `nanwatch rule` lists the codes and names.\n"


def test_two_codes_are_a_usage_error() -> None:
    result = nanwatch("rule", "NW201", "NW202")
    assert result.exit_code == 2
    assert result.stderr.startswith("Usage: nanwatch rule [OPTIONS] [CODE]\n")
