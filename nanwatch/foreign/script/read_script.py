"""A script to `ScriptFacts`: its text is parsed, and never executed or imported."""

from __future__ import annotations

import ast
from pathlib import Path

from nanwatch.errors import ScriptUnreadable
from nanwatch.foreign.script.compile_lines import losses_of, optimizers_of
from nanwatch.foreign.script.facts import ScriptFacts
from nanwatch.foreign.script.model_lines import heads_of
from nanwatch.foreign.script.names import Names
from nanwatch.foreign.script.other_lines import marks_of
from nanwatch.foreign.script.source import read_source

MOST_NODES = 300_000  # of the tree: a script of thirty thousand lines


def read_script(path: Path) -> ScriptFacts:
    """What the script at ``path`` says.

    Raises:
        ScriptUnreadable: there is none, or nothing of Python in it.
    """
    source = read_source(path)
    if all(isinstance(statement, ast.Pass) for statement in source.tree.body):  # of lines that are left out
        raise ScriptUnreadable(f"{path} has no Python in it; give the training script, or its notebook.")
    if sum(1 for _ in ast.walk(source.tree)) > MOST_NODES:
        raise ScriptUnreadable(f"{path} is too large to be a training script.")
    names = Names(source.tree)
    try:
        return ScriptFacts(
            str(path),
            heads_of(source, names),
            losses_of(source, names),
            optimizers_of(source, names),
            marks_of(source, names),
            source.unread,
        )
    except RecursionError as error:  # an expression nested thousands of levels deep
        raise ScriptUnreadable(f"{path} cannot be read: its expressions are nested too deeply.") from error
