"""What a name stands for in a script, as far as the lines say: constants, layers, functions."""

from __future__ import annotations

import ast
import operator
from collections.abc import Iterator

Scope = ast.Module | ast.FunctionDef | ast.AsyncFunctionDef
DEEPEST = 12  # names that stand for names
OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def last_word(node: ast.expr | None) -> str:
    """``Dense`` of ``keras.layers.Dense``; nothing where it is no dotted name."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def dotted(node: ast.expr | None) -> str:
    if isinstance(node, ast.Attribute):
        inner = dotted(node.value)
        return f"{inner}.{node.attr}" if inner else node.attr
    return node.id if isinstance(node, ast.Name) else ""


def argument(call: ast.Call, place: int | None, *names: str) -> ast.expr | None:
    """An argument by one of its names, or by its place."""
    for keyword in call.keywords:
        if keyword.arg in names:
            return keyword.value
    if place is not None and place < len(call.args) and not isinstance(call.args[place], ast.Starred):
        return call.args[place]
    return None


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a scope in order, in its branches and loops too; not those of inner functions."""
    waiting = list(reversed(body))
    while waiting:
        each = waiting.pop()
        yield each
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        inner = [child for child in ast.iter_child_nodes(each) if isinstance(child, ast.stmt)]
        for handler in getattr(each, "handlers", []):
            inner += handler.body
        waiting += reversed(inner)


class Names:
    """The assignments of a script, by scope and name, in the order of lines."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        functions = [
            node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ]
        self.scopes: list[Scope] = [tree, *functions]
        self.functions = {function.name: function for function in functions}
        self.assigned: dict[tuple[int, str], list[tuple[int, ast.expr]]] = {}
        self.attributes: dict[str, ast.expr] = {}  # self.head = Dense(1)
        self.calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        for number, scope in enumerate(self.scopes):
            for each in statements(scope.body):
                self.note(number, each)

    def note(self, scope: int, statement: ast.stmt) -> None:
        if isinstance(statement, ast.Assign):
            targets, value = statement.targets, statement.value
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            targets, value = [statement.target], statement.value
        else:
            return
        for target in targets:
            if isinstance(target, ast.Name):
                self.assigned.setdefault((scope, target.id), []).append((statement.lineno, value))
            elif isinstance(target, ast.Attribute):
                self.attributes[target.attr] = value
            elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                for one, its in zip(target.elts, value.elts, strict=False):
                    if isinstance(one, ast.Name):
                        self.assigned.setdefault((scope, one.id), []).append((statement.lineno, its))

    def scope_of(self, line: int) -> int:
        """The innermost function around a line; 0: none."""
        found, size = 0, 10**9
        for number, scope in enumerate(self.scopes):
            if isinstance(scope, ast.Module):
                continue
            end = scope.end_lineno or scope.lineno
            if scope.lineno <= line <= end and end - scope.lineno < size:
                found, size = number, end - scope.lineno
        return found

    def meaning(self, node: ast.expr | None, line: int, depth: int = DEEPEST) -> ast.expr | None:
        """What ``node`` stands for on ``line``: the last value of its name before that; else itself."""
        if not depth:
            return node
        if isinstance(node, ast.Attribute) and node.attr in self.attributes:
            value = self.attributes[node.attr]
            return self.meaning(value, value.lineno, depth - 1)
        if not isinstance(node, ast.Name):
            return node
        scope = self.scope_of(line)
        here = [each for each in self.assigned.get((scope, node.id), []) if each[0] < line]
        if here:
            return self.meaning(here[-1][1], here[-1][0], depth - 1)
        if scope and (given := self.parameter(scope, node.id)) is not None:
            return self.meaning(given, given.lineno, depth - 1)
        outer = self.assigned.get((0, node.id), [])
        known = outer[-1] if scope and outer else None
        return self.meaning(known[1], known[0], depth - 1) if known else node

    def parameter(self, scope: int, name: str) -> ast.expr | None:
        """What the one call of the function gives it, or its default."""
        function = self.scopes[scope]
        if isinstance(function, ast.Module):
            return None
        names = [each.arg for each in (*function.args.posonlyargs, *function.args.args)]
        if name not in names:
            return None
        place = names.index(name)
        calls = [call for call in self.calls if last_word(call.func) == function.name]
        if len(calls) == 1 and (given := argument(calls[0], place, name)) is not None:
            return given
        from_end = place - len(names)
        defaults = function.args.defaults
        return defaults[from_end] if -from_end <= len(defaults) else None

    def number(self, node: ast.expr | None, line: int, depth: int = DEEPEST) -> float | None:
        """The number that ``node`` is, where the script says so."""
        found = self.meaning(node, line)
        if not depth:
            return None
        if isinstance(found, ast.Constant):
            value = found.value
            return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
        if isinstance(found, ast.UnaryOp) and isinstance(found.op, ast.USub):
            inner = self.number(found.operand, line, depth - 1)
            return None if inner is None else -inner
        if isinstance(found, ast.BinOp):
            return self.computed(found, line, depth - 1)
        return None

    def computed(self, node: ast.BinOp, line: int, depth: int) -> float | None:
        left, right = self.number(node.left, line, depth), self.number(node.right, line, depth)
        if left is None or right is None:
            return None
        if isinstance(node.op, ast.Pow):  # 10 ** -4; not 9 ** 9 ** 9
            return left**right if 0 < left <= 1000 and abs(right) <= 20 else None
        work = OPERATORS.get(type(node.op))
        try:
            return None if work is None else float(work(left, right))
        except (ArithmeticError, ValueError):
            return None

    def word(self, node: ast.expr | None, line: int) -> str | None:
        """The string that ``node`` is, or the last word of a dotted name."""
        found = self.meaning(node, line)
        if isinstance(found, ast.Constant):
            return found.value if isinstance(found.value, str) else None
        return last_word(found) or None
