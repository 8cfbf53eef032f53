"""Rewrites one argument of a call on one line of the user's script, or declines to.

The line may be a fragment of a longer statement (``Dense(2, activation="relu"),`` inside a
list); brackets that open or close elsewhere are made up for the parse. All but the one argument
stays as the user wrote it. Where two calls on the line could be meant, the answer is None.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

CallTest = Callable[[ast.Call], bool]
PAIRS = {"(": ")", "[": "]", "{": "}"}
# Functions of tf.nn and of keras.activations that a rewritten line may name there.
IN_MODULE = ("relu", "softmax", "sigmoid", "tanh", "softplus")


@dataclass(frozen=True)
class ParsedLine:
    """A line, with what had to be put around it to be read as an expression or statement."""

    text: str  # what was parsed, as UTF-8 for ast's byte offsets
    before: int  # characters put in front
    length: int  # of the user's own text
    tree: ast.AST


def set_argument(
    line: str,
    call: str,
    keyword: str,
    source: str,
    position: int | None = None,
    wanted: CallTest | None = None,
) -> str | None:
    """``line`` with ``keyword=source`` in its call of ``call``; None where that is not safe.

    The keyword is replaced where it stands, the argument in ``position`` otherwise, and added at
    the end where there is neither.
    """
    found = find_call(line, call, wanted)
    if found is None:
        return None
    piece, node = found
    value = argument(node, keyword, position)
    if value is not None:
        return splice_source(line, piece, value, source)
    if any(isinstance(item, ast.Starred) for item in node.args) or any(
        item.arg is None for item in node.keywords
    ):
        return None
    return add_argument(line, piece, node, f"{keyword}={source}")


def constant_argument(line: str, call: str, keyword: str, position: int | None = None) -> object:
    """The value that the call is given for ``keyword``, where it is a plain string or number; else None."""
    found = find_call(line, call)
    value = argument(found[1], keyword, position) if found else None
    return value.value if isinstance(value, ast.Constant) else None


def set_activation(
    line: str, layer: str, new: str, old: str | None = None, units: int | None = None
) -> str | None:
    """``line`` with the activation of its ``layer`` call changed, in the user's own way of naming it.

    ``old`` and ``units`` tell calls of one class on one line apart.
    """
    if layer == "Softmax":
        return None
    position = activation_position(layer)

    def fits(node: ast.Call) -> bool:
        return has_activation(node, position, old)

    def fits_with_units(node: ast.Call) -> bool:
        return fits(node) and has_units(node, units)

    for wanted in (fits, fits_with_units):
        found = find_call(line, layer, wanted)
        if found is not None:
            value = argument(found[1], "activation", position)
            return set_argument(
                line, layer, "activation", activation_source(value, line, new), position, wanted
            )
    return None


def activation_position(layer: str) -> int | None:
    """Where a layer takes its activation without the keyword."""
    return {"Dense": 1, "Activation": 0}.get(layer)


def activation_source(value: ast.expr | None, line: str, new: str) -> str:
    """How the new activation is written: as ``tf.nn.softmax`` where the old one was so."""
    if isinstance(value, ast.Attribute) and new in IN_MODULE:
        return f"{ast.unparse(value.value)}.{new}"
    quote = "'" if "'" in line and '"' not in line else '"'
    return f"{quote}{new}{quote}"


def has_activation(node: ast.Call, position: int | None, old: str | None) -> bool:
    """Whether the call's activation can be ``old``; a variable can be anything."""
    value = argument(node, "activation", position)
    if old is None or (isinstance(value, ast.Name) and value.id not in IN_MODULE):
        return True
    if value is None or (isinstance(value, ast.Constant) and value.value is None):
        return old == "linear"
    if isinstance(value, ast.Constant):
        return str(value.value) == old
    named = value.attr if isinstance(value, ast.Attribute) else getattr(value, "id", None)
    return named == old


def has_units(node: ast.Call, units: int | None) -> bool:
    value = argument(node, "units", 0)
    return isinstance(value, ast.Constant) and value.value == units


def argument(node: ast.Call, keyword: str, position: int | None) -> ast.expr | None:
    """The value given for ``keyword``, by name or in ``position``."""
    for item in node.keywords:
        if item.arg == keyword:
            return item.value
    if position is not None and position < len(node.args):
        early = node.args[: position + 1]
        if not any(isinstance(item, ast.Starred) for item in early):
            return node.args[position]
    return None


def find_call(line: str, call: str, wanted: CallTest | None = None) -> tuple[ParsedLine, ast.Call] | None:
    """The one call of ``call`` (``Dense``, ``layers.Dense``) on the line that is wanted."""
    piece = parse_line(line)
    if piece is None:
        return None
    nodes = [node for node in ast.walk(piece.tree) if isinstance(node, ast.Call) and call_name(node) == call]
    nodes = [node for node in nodes if wanted is None or wanted(node)]
    return (piece, nodes[0]) if len(nodes) == 1 else None


def call_name(node: ast.Call) -> str | None:
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else None


def parse_line(line: str) -> ParsedLine | None:
    """``line`` as Python reads it, with as little as possible put around it."""
    for before, after in surroundings(line):
        text = f"{before}{line}{after}"
        try:
            return ParsedLine(text, len(before), len(line), ast.parse(text))
        except (SyntaxError, ValueError):
            continue
    return None


def surroundings(line: str) -> Iterator[tuple[str, str]]:
    """What to try in front of a line and behind it."""
    opened, closed = missing_brackets(line)
    end = "\n" if "#" in line else ""
    yield "", ""
    yield opened, f"{end}{closed}"
    yield f"({opened}", f"{end}{closed})"
    yield f"f({opened}", f"{end}{closed})"
    yield "", f"{end}{closed} pass"
    yield "if 1: pass\n", f"{end}{closed} pass"


def missing_brackets(line: str) -> tuple[str, str]:
    """The brackets to put in front of ``line`` and behind it, strings and comments not looked at."""
    stack: list[str] = []
    missing: list[str] = []
    quote = ""
    for character in line:
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character == "#":
            break
        elif character in PAIRS:
            stack.append(character)
        elif character in PAIRS.values():
            if stack and PAIRS[stack[-1]] == character:
                stack.pop()
            else:
                missing.append(next(opening for opening, closing in PAIRS.items() if closing == character))
    return "".join(reversed(missing)), "".join(PAIRS[character] for character in reversed(stack))


def span(piece: ParsedLine, node: ast.expr | ast.keyword) -> tuple[int, int]:
    """Where ``node`` stands in the user's line, in characters."""
    return (
        offset(piece, node.lineno, node.col_offset),
        offset(piece, node.end_lineno or node.lineno, node.end_col_offset or 0),
    )


def offset(piece: ParsedLine, line: int, column: int) -> int:
    lines = piece.text.split("\n")
    within = len(lines[line - 1].encode()[:column].decode())
    return sum(len(text) + 1 for text in lines[: line - 1]) + within - piece.before


def splice_source(line: str, piece: ParsedLine, value: ast.expr, source: str) -> str | None:
    start, end = span(piece, value)
    if start < 0 or end > piece.length:
        return None
    new = f"{line[:start]}{source}{line[end:]}"
    return new if parse_line(new) is not None else None


def add_argument(line: str, piece: ParsedLine, node: ast.Call, text: str) -> str | None:
    """``text`` as a last argument of ``node``."""
    _, end = span(piece, node)
    if end > piece.length:  # the call goes on, on the next line
        return None
    inside = line[: end - 1].rstrip()
    if inside.endswith("("):
        joined = f"{inside}{text}"
    else:
        joined = f"{inside} {text}" if inside.endswith(",") else f"{inside}, {text}"
    new = f"{joined}{line[end - 1 :]}"
    return new if parse_line(new) is not None else None
