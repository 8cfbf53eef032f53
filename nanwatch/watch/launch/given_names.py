"""Which variables a call of ``fit`` was given, and which line last made each: read off the script's text."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal

from nanwatch.record.facts import ArgumentInfo, Location
from nanwatch.watch.launch.user_lines import line_at

FITS = ("fit", "train_on_batch")
GIVEN: tuple[Literal["x", "y"], ...] = ("x", "y")  # in their places
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
LONGEST = 400_000  # characters of a file that is read through: 10,000 lines


def made_for(call: Location | None) -> tuple[ArgumentInfo, ...]:
    """What the call of ``fit`` in this line was given as x and y, where those are plain variables.

    Rows of a variable (``x[:100]``) count as that. Of a call in a function only what that function makes is
    known. Never fails.
    """
    return () if call is None else made_at(call.file, "".join(linecache.getlines(call.file)), call.line)


@lru_cache(maxsize=64)  # a fit in a loop is asked about each time
def made_at(file: str, text: str, line: int) -> tuple[ArgumentInfo, ...]:
    try:
        tree = ast.parse(text, file) if 0 < len(text) <= LONGEST else None
        found = None if tree is None else call_at(tree, line)
        return () if tree is None or found is None else tuple(arguments_made(file, tree, found))
    except (SyntaxError, ValueError, RecursionError):
        return ()


def arguments_made(file: str, tree: ast.Module, call: ast.Call) -> Iterator[ArgumentInfo]:
    scope = innermost(tree, call)
    for place, argument in enumerate(GIVEN):
        name = base_name(given(call, argument, place))
        lines = [line for line in lines_making(scope, name) if line < call.lineno] if name else []
        if name and lines:
            yield ArgumentInfo(argument, name, line_at(file, max(lines)))


def call_at(tree: ast.AST, line: int) -> ast.Call | None:
    """The call of ``fit`` that ``line`` is part of, the innermost of several."""
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in FITS
    ]
    around = [call for call in calls if call.lineno <= line <= (call.end_lineno or call.lineno)]
    return max(around, key=lambda call: call.lineno, default=None)


def innermost(tree: ast.Module, call: ast.Call) -> ast.AST:
    """The function that ``call`` stands in, or the module."""
    around = [node for node in ast.walk(tree) if isinstance(node, SCOPES) and is_within(call, node)]
    return max(around, key=lambda node: node.lineno, default=tree)


def is_within(call: ast.Call, node: ast.expr | ast.stmt) -> bool:
    return node.lineno <= call.lineno and (call.end_lineno or 0) <= (node.end_lineno or 0)


def given(call: ast.Call, argument: str, place: int) -> ast.expr | None:
    named = [item.value for item in call.keywords if item.arg == argument]
    plain = len(call.args) > place and not any(isinstance(item, ast.Starred) for item in call.args)
    return named[0] if named else call.args[place] if plain else None


def base_name(value: ast.expr | None) -> str | None:
    """``x`` of ``x`` and of ``x[:100]``."""
    if isinstance(value, ast.Subscript):
        value = value.value
    return value.id if isinstance(value, ast.Name) else None


def lines_making(scope: ast.AST, name: str) -> Iterator[int]:
    """The lines of ``scope`` that give ``name`` a value, or change it; inner functions are left out."""
    for node in ast.iter_child_nodes(scope):
        if isinstance(node, SCOPES):
            continue
        yield from lines_making(node, name)
        if isinstance(node, ast.Assign):
            targets: list[ast.expr] = node.targets
        elif isinstance(node, ast.AnnAssign | ast.AugAssign):
            targets = [node.target]
        else:
            continue
        if any(base_name(part) == name for target in targets for part in parts_of(target)):
            yield node.lineno


def parts_of(target: ast.expr) -> Iterator[ast.expr]:
    """What stands in a target that is taken apart: ``(x, y), z``."""
    if isinstance(target, ast.Tuple | ast.List):
        for part in target.elts:
            yield from parts_of(part)
    else:
        yield target.value if isinstance(target, ast.Starred) else target
