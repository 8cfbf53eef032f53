"""What a rule is, and how the rules are found."""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cache
from typing import Any, ClassVar

from nanwatch.diagnose.diagnosis import NO_FIT, Finding, Level, Part, Remedy
from nanwatch.errors import UnknownRule
from nanwatch.record.facts import Location
from nanwatch.record.run import Fit, Run

ALIKE = 0.75  # how like a word must be to a name to be a misspelling of it
HEADINGS = ("What it does", "Why is this bad", "Example", "Use instead")


class Rule(ABC):
    """One known fault. A rule looks at one fit at a time, keeps no state and yields findings.

    The docstring of a rule is its documentation: a sentence, then the `HEADINGS` as ``##``.
    """

    code: ClassVar[str]
    name: ClassVar[str]
    level: ClassVar[Level] = "error"

    @abstractmethod
    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        """Yield what this rule sees in ``fit``; nothing when it sees nothing."""

    def suspect(self, fit: Fit, run: Run) -> Iterator[Finding]:
        """Yield what might be at fault in ``fit``, a training without skill, and only a trial can tell.

        Such a finding is worded as what it is once a trial of one of its remedies has cured.
        """
        return iter(())

    def diagnose_script(self, run: Run) -> Iterator[Finding]:
        """Yield what this rule sees in the exception that ended the script, where no training tells of it."""
        return iter(())

    def missing(self, fit: Fit, run: Run) -> str | None:
        """Why this rule cannot judge ``fit`` ("the inputs were not seen"); None when it can."""
        return None

    @staticmethod
    @abstractmethod
    def fires() -> list[Run]:
        """Made-up runs in which the rule speaks, one of them close to its threshold."""

    @staticmethod
    @abstractmethod
    def silent() -> list[Run]:
        """Made-up runs in which it does not: the other side of the threshold, the look-alikes."""

    def finding(
        self,
        fit: Fit | None,
        message: str,
        *evidence: str,
        location: Location | None = None,
        layer: str | None = None,
        remedies: tuple[Remedy, ...] = (),
        part: Part = "cause",
        level: Level | None = None,
        strength: float = 0.5,
        explains: frozenset[str] | set[str] = frozenset(),
        since: int = 0,
        shows: frozenset[str] | set[str] = frozenset(),
        suspected: bool = False,
        certain: bool = False,
    ) -> Finding:
        """A finding of this rule about ``fit``; None: about the script beside its trainings."""
        return Finding(
            self.code,
            self.name,
            level or self.level,
            message,
            evidence,
            location,
            layer,
            remedies,
            part,
            strength,
            frozenset(explains),
            since,
            NO_FIT if fit is None else fit.info.index,
            frozenset(shows),
            suspected,
            certain,
        )

    @classmethod
    def documentation(cls) -> str:
        return inspect.cleandoc(cls.__doc__ or "")


@cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule of the package ``rules``, by code. A rule that cannot be imported is an error."""
    package = importlib.import_module("nanwatch.diagnose.rules")
    found: list[Rule] = []
    for module in pkgutil.iter_modules(package.__path__):
        members = vars(importlib.import_module(f"{package.__name__}.{module.name}")).values()
        found += [member() for member in members if is_rule(member)]
    return tuple(sorted(found, key=lambda rule: rule.code))


def is_rule(member: Any) -> bool:
    return inspect.isclass(member) and issubclass(member, Rule) and not inspect.isabstract(member)


def find_rule(code: str) -> Rule:
    """The rule with this code or name.

    Raises:
        UnknownRule: there is none.
    """
    for rule in all_rules():
        if code.upper() == rule.code or code.lower() == rule.name:
            return rule
    raise unknown_rule(code)


def unknown_rule(word: str) -> UnknownRule:
    """The error for a word that is neither a code nor a name, with those that are like it."""
    names = [rule.name for rule in all_rules()]
    near = difflib.get_close_matches(word.lower(), names, n=2, cutoff=ALIKE)
    meant = f" (did you mean {' or '.join(near)}?)" if near else ""
    return UnknownRule(f"There is no rule {word}{meant}; `nanwatch rule` lists the codes and names.")


def rules_about(word: str) -> tuple[Rule, ...]:
    """The rules of a family (NW2), else those with ``word`` in the name, the first sentence, or anywhere.

    Raises:
        UnknownRule: there is none.
    """
    if re.fullmatch(r"NW\d{1,2}x*", word, re.IGNORECASE):
        found = [rule for rule in all_rules() if rule.code.startswith(word.upper().rstrip("X"))]
        if found:
            return tuple(found)
        raise unknown_rule(word)
    whole = re.compile(rf"\b{re.escape(word)}", re.IGNORECASE)
    for text in (lambda rule: rule.name, first_lines, lambda rule: rule.documentation()):
        found = [rule for rule in all_rules() if whole.search(text(rule))]
        if found and len(word) > 1:
            return tuple(found)
    raise unknown_rule(word)


def first_lines(rule: Rule) -> str:
    """Its name, and the sentence that its documentation begins with."""
    return f"{rule.name} {rule.documentation().partition('## ')[0]}"
