"""``nanwatch rule``: the known faults."""

from __future__ import annotations

import sys

import click

from nanwatch.cli.completion import complete_rule
from nanwatch.cli.screen import screen_of, show
from nanwatch.errors import UnknownRule


@click.command()
@click.argument("code", required=False, shell_complete=complete_rule)
def rule(code: str | None) -> None:
    """List the known faults, or explain one.

    CODE is a code or a name: NW201, or relu-output. NW2 lists a family, and any other word the faults that
    it speaks of.
    """
    from nanwatch.diagnose.rule import all_rules, find_rule, rules_about
    from nanwatch.explain.documentation import render_list, render_rule

    screen = screen_of(sys.stdout)
    if code is None:
        show(render_list(all_rules(), *screen))
        return
    try:
        found = find_rule(code)
    except UnknownRule:
        show(render_list(rules_about(code), *screen))
        return
    show(render_rule(found, *screen))
