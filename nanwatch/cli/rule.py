"""``nanwatch rule``: the known faults."""

from __future__ import annotations

import sys

import click

from nanwatch.cli.screen import screen_of, show


@click.command()
@click.argument("code", required=False)
def rule(code: str | None) -> None:
    """List the known faults, or explain one.

    CODE is a code or a name: NW201, or relu-output.
    """
    from nanwatch.diagnose.rule import all_rules, find_rule
    from nanwatch.explain.documentation import render_list, render_rule

    screen = screen_of(sys.stdout)
    if code is None:
        show(render_list(all_rules(), *screen))
    else:
        show(render_rule(find_rule(code), *screen))
