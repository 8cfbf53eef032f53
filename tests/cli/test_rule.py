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


def codes(*arguments: str) -> list[str]:
    return [
        line.split()[0] for line in nanwatch("rule", *arguments).stdout.splitlines() if line.startswith("NW")
    ]


def test_a_family() -> None:
    family = [rule.code for rule in all_rules() if rule.code.startswith("NW2")]
    assert codes("NW2") == codes("nw2xx") == family
    assert "NW201" in codes("NW20")
    assert "NW211" not in codes("NW20")


def test_a_word_is_looked_for_in_names_then_first_sentences_then_all_of_it() -> None:
    assert codes("softmax") == ["NW202", "NW212"]
    assert "NW106" in codes("target")
    assert "NW603" in codes("bias")


def test_a_misspelled_name() -> None:
    result = nanwatch("rule", "relu-ouput")
    assert result.exit_code == 2
    assert result.stderr == (
        "nanwatch: There is no rule relu-ouput (did you mean relu-output?); "
        "`nanwatch rule` lists the codes and names.\n"
    )


@pytest.mark.parametrize("word", ["NW7", "zzz", "x", "("])
def test_a_word_that_no_rule_speaks_of(word: str) -> None:
    result = nanwatch("rule", word)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"nanwatch: There is no rule {word}; ")
