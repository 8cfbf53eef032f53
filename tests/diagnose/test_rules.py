"""Every rule: documented, named as its file is, fires where it says, and is silent where it says."""

import ast
import importlib
import inspect
import pkgutil
import re
import textwrap
from typing import Any

import pytest

from nanwatch.diagnose import rules as package
from nanwatch.diagnose.diagnosis import Finding
from nanwatch.diagnose.rule import HEADINGS, Rule, all_rules, find_rule, is_rule
from nanwatch.diagnose.skill import lacks_skill
from nanwatch.diagnose.symptoms import SYMPTOMS
from nanwatch.diagnose.trials import decided, with_trials
from nanwatch.errors import UnknownRule
from nanwatch.record.run import Fit, Run

RULES = all_rules()
MODULES = [name for _, name, _ in pkgutil.iter_modules(package.__path__)]


def label(rule: Rule) -> str:
    return rule.code


def found(rule: Rule, run: Run) -> list[Finding]:
    of_fits = [
        finding
        for fit in run.fits
        if rule.missing(fit, run) is None
        for finding in (*rule.diagnose(fit, run), *borne_out(rule, fit, run))
    ]
    return [*of_fits, *rule.diagnose_script(run)]


def borne_out(rule: Rule, fit: Fit, run: Run) -> list[Finding]:
    """The suspicions of ``rule`` that a trial of the run has proven."""
    suspected = rule.suspect(fit, run) if lacks_skill(fit) else ()
    found = (decided(with_trials(finding, run.trials)) for finding in suspected)
    return [finding for finding in found if finding is not None]


def headings(rule: Rule) -> dict[str, str]:
    """Heading -> the text below it."""
    parts = re.split(r"^## (.+)$", rule.documentation(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], (part.strip() for part in parts[2::2]), strict=True))


def test_there_are_rules() -> None:
    assert len(RULES) >= 20
    assert len(MODULES) == len(RULES)


@pytest.mark.parametrize("rule", RULES, ids=label)
def test_documented_with_every_heading(rule: Rule) -> None:
    assert list(headings(rule))[: len(HEADINGS)] == list(HEADINGS)
    assert all(headings(rule).values())


@pytest.mark.parametrize("rule", RULES, ids=label)
def test_documentation_opens_with_a_sentence(rule: Rule) -> None:
    first = rule.documentation().split("\n\n## ")[0]
    assert first.endswith(".")
    assert "\n\n" not in first


@pytest.mark.parametrize("rule", RULES, ids=label)
def test_examples_in_the_documentation_are_python(rule: Rule) -> None:
    blocks = [text for name, text in headings(rule).items() if name in ("Example", "Use instead")]
    for block in blocks:
        code = re.search(r"```python\n(.*?)```", block, re.DOTALL)
        assert code, block
        ast.parse(textwrap.dedent(code[1]))


@pytest.mark.parametrize("rule", RULES, ids=label)
def test_code_and_name_have_their_form(rule: Rule) -> None:
    assert re.fullmatch(r"NW[1-9]\d\d", rule.code)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", rule.name)


def test_codes_and_names_are_unique() -> None:
    assert len({rule.code for rule in RULES}) == len(RULES)
    assert len({rule.name for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("name", MODULES)
def test_one_file_one_rule_and_the_file_is_named_for_it(name: str) -> None:
    module = importlib.import_module(f"{package.__name__}.{name}")
    held = [member for member in vars(module).values() if is_rule(member)]
    assert [f"{rule.code.lower()}_{rule.name.replace('-', '_')}" for rule in held] == [name]


@pytest.mark.parametrize("name", MODULES)
def test_no_rule_imports_another(name: str) -> None:
    source = inspect.getsource(importlib.import_module(f"{package.__name__}.{name}"))
    imported = [node.module or "" for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)]
    imported += [
        alias.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import)
        for alias in node.names
    ]
    assert not [module for module in imported if module.startswith(package.__name__)]


def cases(which: str) -> list[Any]:
    return [
        pytest.param(rule, run, id=f"{rule.code}-{number}")
        for rule in RULES
        for number, run in enumerate(getattr(rule, which)())
    ]


@pytest.mark.parametrize("rule", RULES, ids=label)
def test_shows_both_sides(rule: Rule) -> None:
    assert rule.fires()
    assert rule.silent()


@pytest.mark.parametrize(("rule", "run"), cases("fires"))
def test_fires(rule: Rule, run: Run) -> None:
    assert found(rule, run)


@pytest.mark.parametrize(("rule", "run"), cases("silent"))
def test_silent(rule: Rule, run: Run) -> None:
    assert found(rule, run) == []


@pytest.mark.parametrize(("rule", "run"), cases("fires"))
def test_a_finding_says_numbers_in_sentences_and_knows_its_words(rule: Rule, run: Run) -> None:
    for finding in found(rule, run):
        assert (finding.code, finding.name) == (rule.code, rule.name)
        assert finding.message.endswith("."), finding.message
        assert re.search(r"\d|\bnan\b|\binf\b", " ".join((finding.message, *finding.evidence))), (
            finding.message
        )
        assert finding.explains <= SYMPTOMS
        assert finding.shows <= SYMPTOMS
        assert 0.0 <= finding.strength <= 1.0


@pytest.mark.parametrize(("rule", "run"), cases("fires"))
def test_a_rewritten_line_is_another_line_at_a_place(rule: Rule, run: Run) -> None:
    for finding in found(rule, run):
        for remedy in finding.remedies:
            assert remedy.text.endswith((".", ")")), remedy.text
            if remedy.line is not None:
                assert remedy.location is not None
                assert remedy.line != remedy.location.code


def test_a_rule_is_found_by_code_and_by_name() -> None:
    assert find_rule("nw201") is find_rule("relu-output")
    with pytest.raises(UnknownRule, match="There is no rule NW999"):
        find_rule("NW999")


def test_a_rule_must_be_whole() -> None:
    class Half(Rule):
        code, name = "NW999", "half"

    with pytest.raises(TypeError, match="abstract"):
        Half()  # type: ignore[abstract]
