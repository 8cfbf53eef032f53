"""Which names in a module are private to another: found in its syntax."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PRIVATE = re.compile(r"_[a-zA-Z]\w*")
MODULES = re.compile(r"\b(tensorflow\.python|tensorflow\.core|(?:tf_)?keras\.src|keras\._tf_keras)\b[\w.]*")
OURS = re.compile(r"_nanwatch\w*")
OF_PYTHON = {"_getframe", "_exit", "_run_module_as_main", "_replace"}


def private_names(path: Path) -> set[str]:
    """The private attributes that a file asks for, by a dot or by a string, and private modules."""
    return set(found_in(ast.parse(path.read_text()))) - OF_PYTHON


def found_in(tree: ast.AST) -> Iterator[str]:
    written = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and PRIVATE.fullmatch(node.attr):
            yield node.attr
        elif isinstance(node, ast.ImportFrom) and MODULES.match(node.module or ""):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if MODULES.match(alias.name))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in written:
            text = node.value
            if PRIVATE.fullmatch(text) and not OURS.fullmatch(text):
                yield text
            yield from (found.group() for found in MODULES.finditer(text))
