"""A debugger that stands at a line of a script, with the values of a step at hand."""

from __future__ import annotations

import ast
import pdb
import sys
from collections.abc import Mapping
from types import CodeType

from nanwatch.record.facts import Location

PROMPT = "(nanwatch) "


def open_at(location: Location | None, names: Mapping[str, object]) -> None:
    """Open it at ``location``, or nowhere in particular; it ends by ``q`` or ``c``."""
    at_hand = ", ".join(name for name, value in names.items() if value is not None)
    sys.stdout.write(f"You can use: {at_hand}. Leave with q.\n")
    debugger = pdb.Pdb(nosigint=True)
    debugger.prompt = PROMPT
    space = {**names, "__name__": "nanwatch_replay"}
    debugger.run(standing_at(location), space, space)


def standing_at(location: Location | None) -> CodeType | str:
    """Code that does nothing, at that line of that file."""
    if location is None:
        return "pass  # the moment before the update"
    nothing = ast.parse("pass")
    ast.increment_lineno(nothing, location.line - 1)
    return compile(nothing, location.file, "exec").replace(co_name=function_at(location))


def function_at(location: Location) -> str:
    """The name of the innermost function that the line is in."""
    try:
        with open(location.file, encoding="utf-8") as file:
            tree = ast.parse(file.read())
    except (OSError, SyntaxError, ValueError):
        return "<module>"
    inside = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.lineno <= location.line <= (node.end_lineno or node.lineno)
    ]
    return max(inside, key=lambda node: node.lineno).name if inside else "<module>"
