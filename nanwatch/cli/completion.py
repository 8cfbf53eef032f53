"""What a shell completes behind a command, beyond what click knows by itself."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem


def complete_script(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """A file, for the script and for each of its arguments: what these are the script alone knows."""
    return [CompletionItem(incomplete, type="file")]


def complete_format(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from nanwatch.explain.formats import FORMATS

    return [CompletionItem(name) for name in FORMATS if name.startswith(incomplete)]


def complete_rule(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The codes and names that begin so."""
    from nanwatch.diagnose.rule import all_rules

    rules = all_rules()
    known = [*((rule.code, rule.name) for rule in rules), *((rule.name, rule.code) for rule in rules)]
    begun = incomplete.lower()
    return [CompletionItem(word, help=other) for word, other in known if word.lower().startswith(begun)]
