"""What CONTRIBUTING, CHANGELOG and the project's own workflows say is so."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from nanwatch.diagnose.rule import HEADINGS, find_rule
from nanwatch.version import __version__
from tests.checks import OF_THE_SOURCE, find_tests

ROOT = Path(__file__).parent.parent
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
WORKFLOW = (ROOT / ".github" / "workflows" / "checks.yml").read_text(encoding="utf-8")
CODE = [
    *re.findall(r"`([^`\n]+)`", CONTRIBUTING),
    *re.findall(r"^ *((?:python|pytest) .+?)(?:  +#.*)?$", CONTRIBUTING, re.M),
]
PATHS = {word.rstrip("/") for code in CODE for word in code.split() if re.match(r"(nanwatch|tests)/", word)}
MODULES = {found for code in CODE for found in re.findall(r"python -m ((?:tests|benchmarks)\.\w+)", code)}


def project() -> dict[str, object]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert isinstance(settings["project"], dict)
    return settings["project"]


@pytest.mark.parametrize("path", sorted(PATHS))
def test_what_it_names_is_there(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("module", sorted(MODULES))
def test_what_it_runs_can_be_run(module: str) -> None:
    file = ROOT / module.replace(".", "/")
    run_as = file / "__main__.py" if file.is_dir() else file.with_suffix(".py")
    assert '__name__ == "__main__"' in run_as.read_text(encoding="utf-8")


def test_every_link_leads_somewhere() -> None:
    for text in (CONTRIBUTING, CHANGELOG):
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if not target.startswith("https://"):
                assert (ROOT / target.partition("#")[0]).exists(), target


def test_the_headings_of_a_rule_and_the_rule_that_is_shown() -> None:
    shown = re.search(r"one\s+sentence, then (.+?)\.\n", CONTRIBUTING)
    assert shown is not None
    assert tuple(re.findall(r"`(.+?)`", shown[1])) == HEADINGS
    rule = find_rule("NW503")
    assert f"`{rule.code} {rule.name}`" in CONTRIBUTING
    assert f"{rule.code.lower()}_{rule.name.replace('-', '_')}.py" in CONTRIBUTING


def test_the_tests_of_every_folder_are_in_the_table() -> None:
    table = CONTRIBUTING.partition("| what you changed | what to run |\n")[2].partition("\n\n")[0]
    asked = re.findall(r"python -m tests\.checks ([^`]+)`", table)
    rooms = {room for words in asked for room in words.split()}
    assert all(find_tests(room) for room in rooms)
    folders = {path.parent.name for path in (ROOT / "tests").glob("*/__init__.py")}
    assert folders - {"ecosystem", "faults", "programs", "same_bits"} <= rooms


def test_the_newest_release_is_the_version() -> None:
    headings = re.findall(r"^## \[(.+?)\](?: - (\d{4}-\d\d-\d\d))?$", CHANGELOG, re.MULTILINE)
    assert headings[0] == ("Unreleased", "")
    assert headings[1][0] == __version__
    assert all(date for _, date in headings[1:])
    linked = re.findall(r"^\[(.+?)\]: (https://\S+)$", CHANGELOG, re.MULTILINE)
    assert [name for name, _ in linked] == [name for name, _ in headings]


def test_one_address_for_the_project() -> None:
    urls = project()["urls"]
    assert isinstance(urls, dict)
    (home,) = {re.match(r"https://github\.com/\w+/\w+", url)[0] for url in urls.values()}  # type: ignore[index]
    assert urls["Homepage"] == home
    named = re.findall(r"https://github\.com/\w+/nanwatch\b", CHANGELOG)
    assert set(named) == {home}


def test_the_workflow_runs_what_ci_runs_on_the_pythons_that_are_promised() -> None:
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for command in ("-m pip install", "-e '.[test]'", "-m tests.checks"):
        assert command in ci
        assert command in WORKFLOW
    pythons = re.findall(r'"(3\.\d+)"', WORKFLOW)
    assert project()["requires-python"] == f">={pythons[0]}"


def test_the_hooks_are_among_the_checks() -> None:
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    names = {shlex.join(check).removesuffix(" --check") for check in OF_THE_SOURCE}
    assert set(re.findall(r"^ +name: (.+)$", hooks, re.MULTILINE)) == names
