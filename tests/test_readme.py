"""What the README says of commands, options, rules and programs is so."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from nanwatch.cli.main import main
from nanwatch.cli.report_formats import EVENT_FILES
from nanwatch.cli.table import COMMANDS
from nanwatch.diagnose.rule import all_rules, find_rule, rules_about
from nanwatch.explain import as_json
from nanwatch.explain.formats import FORMATS
from tests.example_runs import IN_README, example_run
from tests.explain import made_up_reports
from tests.programs.expected import expected_in, programs
from tests.rule_table import README, table, written

ROOT = README.parent
TEXT = README.read_text(encoding="utf-8")
FENCED = re.findall(r"^```(\w*)\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
PROSE = re.sub(r"^```.*?^```$", "", TEXT, flags=re.DOTALL | re.MULTILINE)
SHELL = [line for kind, block in FENCED if kind in ("sh", "yaml") for line in block.splitlines()]
LINES = [line.partition(" #")[0] for line in SHELL] + re.findall(r"`([^`\n]+)`", PROSE)
SHOWN = sorted({found[1].strip() for line in LINES if (found := re.search(r"\b(nanwatch [a-z].*)", line))})
MODULES = sorted(set(re.findall(r"python -m ((?:tests|benchmarks)\.\w+)", TEXT)))
LAG = 5  # programs that may be newer than the table: a run of them all takes ten minutes
NUMBER = re.compile(r"\d+(?:\.\d+)?")


def command(name: str) -> click.Command:
    found = main.get_command(click.Context(main), name)
    assert found is not None, f"there is no nanwatch {name}"
    return found


def options_of(name: str) -> set[str]:
    options = [each for each in command(name).params if isinstance(each, click.Option)]
    return {word for option in options for word in (*option.opts, *option.secondary_opts)}


def section(name: str) -> str:
    """What stands below the heading of a command, up to the next heading."""
    return TEXT.partition(f"\n### `nanwatch {name}`\n")[2].partition("\n#")[0]


def documented(name: str) -> set[str]:
    """The options in the first column of a command's table."""
    first = re.findall(r"^\| `(.+?)` \|", section(name), re.MULTILINE)
    return {word for cell in first for word in re.findall(r"(?<![\w-])--?[a-z][a-z-]*", cell)}


def test_the_table_of_rules_is_complete_and_in_order() -> None:
    assert written() == table(), "`python -m tests.rule_table` writes it"
    codes = re.findall(r"^\| (NW\d{3}) \|", TEXT, re.MULTILINE)
    assert codes == sorted(codes) == [rule.code for rule in all_rules()]


@pytest.mark.parametrize("name", [each.name for each in COMMANDS])
def test_every_command_has_its_options_documented(name: str) -> None:
    assert section(name), f"there is no section on nanwatch {name}"
    assert documented(name) == options_of(name)


def test_no_other_command_is_documented() -> None:
    headings = re.findall(r"^### `nanwatch (\w+)`$", TEXT, re.MULTILINE)
    assert set(headings) == {each.name for each in COMMANDS}


def test_commands_are_shown() -> None:
    assert {line.split()[1] for line in SHOWN} == {each.name for each in COMMANDS}


@pytest.mark.parametrize("line", SHOWN)
def test_a_command_that_is_shown_can_be_typed(line: str) -> None:
    _, name, *arguments = shlex.split(line)
    context = command(name).make_context(name, arguments)
    if name == "rule" and (word := context.params["code"]):
        assert find_rule(word) if re.fullmatch(r"NW\d{3}|[a-z]+-[a-z-]+", word) else rules_about(word)


def test_a_command_that_cannot_be_typed_would_be_noticed() -> None:
    with pytest.raises(click.NoSuchOption):
        test_a_command_that_is_shown_can_be_typed("nanwatch explain --formats json")
    with pytest.raises(AssertionError):
        test_a_command_that_is_shown_can_be_typed("nanwatch explains")


@pytest.mark.parametrize("module", MODULES)
def test_a_module_that_is_shown_can_be_run(module: str) -> None:
    file = ROOT / module.replace(".", "/")
    run_as = file / "__main__.py" if file.is_dir() else file.with_suffix(".py")
    assert '__name__ == "__main__"' in run_as.read_text()


def test_the_first_block_installs_and_runs_the_example() -> None:
    first = next(block for kind, block in FENCED if kind == "sh")
    assert first.splitlines()[-1] == "nanwatch run examples/quickstart.py"
    assert "pip install '.[tensorflow]'" in first.splitlines()


def test_the_second_block_installs_and_runs_every_check_as_ci_does() -> None:
    second = [block for kind, block in FENCED if kind == "sh"][1]
    ci = (ROOT / ".ci" / "run").read_text()
    assert second.endswith("pip install -e '.[test]' && python -m tests.checks\n")
    assert "pip install --quiet -e '.[test]'" in ci
    assert ci.endswith('/bin/python" -m tests.checks\n')


def test_the_extras_that_are_named_exist() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(re.findall(r"\.\[(\w+)\]", TEXT)) <= set(project["optional-dependencies"])


def test_the_settings_that_are_shown_are_known() -> None:
    from nanwatch.cli.settings import check_table

    (block,) = [block for kind, block in FENCED if kind == "toml"]
    assert check_table(README, tomllib.loads(block)["tool"]["nanwatch"])


def test_the_formats() -> None:
    listed = TEXT.partition("| format | for |\n|---|---|\n")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", listed, re.MULTILINE) == [*FORMATS, EVENT_FILES]


def test_the_contract_of_the_json_has_these_keys(tmp_path: Path) -> None:
    (contract,) = [block for kind, block in FENCED if kind == "text" and block.startswith('{"format"')]
    values = re.findall(r'"\w+"(?=\|)|(?<=\|)"\w+"', contract)
    keys = re.findall(r'"(\w+)"', "".join(re.split("|".join(values), contract)))
    reports = made_up_reports.broken(tmp_path), made_up_reports.with_children()
    rendered = [json.loads(as_json.render(report)) for report in reports]
    assert sorted(set(keys)) == sorted({key for each in rendered for key in keys_in(each)})


def keys_in(table: object) -> Iterator[str]:
    """Every key of ``table`` and what it holds, but for what is open: versions, what a trial measured."""
    if isinstance(table, dict):
        for key, value in table.items():
            yield key
            if key not in ("versions", "before", "after"):
                yield from keys_in(value)
    elif isinstance(table, list):
        for item in table:
            yield from keys_in(item)


def test_the_numbers_of_programs() -> None:
    faulty = sum(bool(expected_in(path)) for path in programs())
    for word, there_are in (("faulty", faulty), ("healthy", len(programs()) - faulty)):
        (told,) = re.findall(rf"^\| (\d+) {word} \|", TEXT, re.MULTILINE)
        assert 0 <= there_are - int(told) <= LAG, f"{there_are} {word}; run python -m tests.programs"


def test_every_link_leads_somewhere() -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", TEXT)
    assert len(targets) >= 3
    for target in targets:
        assert (ROOT / target.partition("#")[0]).exists(), target


@pytest.mark.tensorflow
def test_the_output_that_is_shown_is_what_nanwatch_says() -> None:
    """But for the numbers, which differ between processors."""
    run = example_run(IN_README).ended
    said = run.stderr.decode()
    assert run.status == 3, said
    shown = next(block for kind, block in FENCED if kind == "text")
    assert flattened(shown) in flattened(said)


def flattened(text: str) -> str:
    """``text`` with one number as good as another, and a wrapped line as good as a whole one."""
    return " ".join(NUMBER.sub("0", text).split())
