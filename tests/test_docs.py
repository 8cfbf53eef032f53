"""What README and docs/ say of commands, options, rules, formats and programs is so, and the site builds."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from nanwatch.cli.habits import SCRIPTS
from nanwatch.cli.main import main
from nanwatch.cli.report_formats import EVENT_FILES
from nanwatch.cli.table import COMMANDS
from nanwatch.diagnose.rule import Rule, all_rules, find_rule, rules_about
from nanwatch.explain import as_json
from nanwatch.explain.formats import FORMATS
from tests.example_runs import SHOWN as SHOWN_RUN
from tests.example_runs import example_run
from tests.explain import made_up_reports
from tests.programs.expected import expected_in, programs
from tests.rule_table import table, written
from tests.written_pages import (
    DOCS,
    PAGES,
    ROOT,
    blocks,
    commands_in,
    links_in,
    modules_in,
    name_of,
    prose,
    table_below,
    text_of,
)

SHOWN = sorted({line for page in PAGES for line in commands_in(text_of(page))})
# The table of docs/reliability.md is written by commands of its own, and names some that are still to come.
MODULES = sorted(
    {found for page in PAGES if page.stem != "reliability" for found in modules_in(text_of(page))}
)
LAG = 5  # programs that may be newer than the table: a run of them all takes ten minutes
NUMBER = re.compile(r"\d+(?:\.\d+)?")


def command(name: str) -> click.Command:
    found = main.get_command(click.Context(main), name)
    assert found is not None, f"there is no nanwatch {name}"
    return found


def options_of(name: str) -> set[str]:
    options = [each for each in command(name).params if isinstance(each, click.Option)]
    return {word for option in options for word in (*option.opts, *option.secondary_opts)}


def documented(name: str) -> set[str]:
    """The options in the first column of the table on a command's page."""
    rows = table_below(text_of(DOCS / "commands" / f"{name}.md"), "| option | default | |")
    first = re.findall(r"^\| `(.+?)` \|", rows, re.MULTILINE)
    return {word for cell in first for word in re.findall(r"(?<![\w-])--?[a-z][a-z-]*", cell)}


def test_the_table_of_rules_is_complete_and_in_order() -> None:
    assert written() == table(), "`python -m tests.rule_table` writes it"
    codes = re.findall(r"^\| \[(NW\d{3})\]", text_of(DOCS / "rules.md"), re.MULTILINE)
    assert codes == sorted(codes) == [rule.code for rule in all_rules()]


@pytest.mark.parametrize("name", [each.name for each in COMMANDS])
def test_every_command_has_its_options_documented(name: str) -> None:
    assert text_of(DOCS / "commands" / f"{name}.md").startswith(f"# nanwatch {name}\n")
    assert documented(name) == options_of(name)


def test_no_other_command_is_documented() -> None:
    assert {page.stem for page in (DOCS / "commands").iterdir()} == {each.name for each in COMMANDS}


def test_commands_are_shown() -> None:
    shown = {line.split()[1] for line in SHOWN}
    assert {word for word in shown if not word.endswith(SCRIPTS)} == {each.name for each in COMMANDS}


@pytest.mark.parametrize("line", SHOWN)
def test_a_command_that_is_shown_can_be_typed(line: str) -> None:
    _, name, *arguments = shlex.split(line)
    if name.endswith(SCRIPTS):  # which is run
        name, arguments = "run", [name, *arguments]
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


def test_the_settings_that_are_shown_are_known() -> None:
    from nanwatch.cli.settings import check_table

    (block,) = blocks(text_of(DOCS / "settings.md"), "toml")
    assert check_table(DOCS / "settings.md", tomllib.loads(block)["tool"]["nanwatch"])


def test_the_formats() -> None:
    listed = table_below(text_of(DOCS / "commands" / "explain.md"), "| format | for |")
    assert re.findall(r"^\| `(\w+)` \|", listed, re.MULTILINE) == [*FORMATS, EVENT_FILES]


def test_the_contract_of_the_json_has_these_keys(tmp_path: Path) -> None:
    (contract,) = blocks(text_of(DOCS / "run-folder.md"), "text")
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
    text = text_of(DOCS / "accuracy.md")
    for word, there_are in (("faulty", faulty), ("healthy", len(programs()) - faulty)):
        (told,) = re.findall(rf"^\| (\d+) {word} \|", text, re.MULTILINE)
        assert 0 <= there_are - int(told) <= LAG, f"{there_are} {word}; run python -m tests.programs"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    """On GitHub, where pages are files; whether the site's do is asked by its own build."""
    for target in links_in(text_of(page)):
        if not target.startswith("https://"):
            path, _, anchor = target.partition("#")
            file = page.parent / path if path else page
            assert file.exists(), target
            assert not anchor or anchor in anchors(text_of(file)), target


def anchors(text: str) -> set[str]:
    """The headings as GitHub makes them anchors."""
    headings = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_tables_are_the_same_on_github_and_on_the_site(page: Path) -> None:
    """A bar in code needs a backslash on GitHub, which the site shows."""
    assert r"\|" not in prose(text_of(page))


def test_every_page_can_be_reached_from_the_readme() -> None:
    seen, waiting = set(), [PAGES[0]]
    while waiting:
        page = waiting.pop()
        seen.add(page)
        linked = {(page.parent / each.partition("#")[0]).resolve() for each in links_in(text_of(page))}
        waiting += [each for each in linked if each in PAGES and each not in seen]
    assert seen == set(PAGES)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built without a warning: also of a page that the navigation lacks, or a broken link."""
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            "-m",
            "mkdocs",
            "build",
            "--strict",
            "--quiet",
            "--site-dir",
            str(folder),
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (built.returncode, built.stdout + built.stderr) == (0, "")
    return folder


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.code)
def test_the_site_has_a_page_for_each_rule(rule: Rule, site: Path) -> None:
    page = (site / "rules" / rule.code / "index.html").read_text(encoding="utf-8")
    assert f"{rule.code} {rule.name}</h1>" in re.sub(r"<a class=\"headerlink.*?</a>", "", page)


def test_links_of_the_site_lead_to_its_pages_and_to_github(site: Path) -> None:
    rules = (site / "rules" / "index.html").read_text(encoding="utf-8")
    assert '<a href="NW201/">NW201</a>' in rules
    assert "<td>relu-output</td>" in rules
    report = (site / "report" / "index.html").read_text(encoding="utf-8")
    assert 'href="https://github.com/nanwatch/nanwatch/blob/main/examples/quickstart.py"' in report


def test_the_site_loads_nothing_from_others(site: Path) -> None:
    for page in (site / "index.html", site / "rules" / "NW201" / "index.html"):
        loaded = re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="(https?://[^"]+)"', page.read_text())
        assert loaded == []


@pytest.mark.tensorflow
def test_the_output_that_is_shown_is_what_nanwatch_says() -> None:
    """But for the numbers, which differ between processors."""
    run = example_run(SHOWN_RUN).ended
    said = run.stderr.decode()
    assert run.status == 3, said
    (shown,) = blocks(text_of(DOCS / "report.md"), "text")
    assert flattened(shown) in flattened(said)


def flattened(text: str) -> str:
    """``text`` with one number as good as another, and a wrapped line as good as a whole one."""
    return " ".join(NUMBER.sub("0", text).split())
