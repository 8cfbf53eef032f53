"""Edits of a script's source that change what must change, and leave formatting and comments as they are."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider


@dataclass(frozen=True)
class Found:
    """A call in the source, and the lines that it covers."""

    node: cst.Call
    first: int
    last: int


class Script:
    """A script as a tree; each edit gives another one.

    Raises:
        ValueError: it is no Python that could be read.
    """

    def __init__(self, source: str) -> None:
        try:
            self.wrapper = MetadataWrapper(cst.parse_module(source), unsafe_skip_copy=True)
        except cst.ParserSyntaxError as error:
            raise ValueError(f"the script cannot be read as Python: {error.message}") from error
        self.module = self.wrapper.module
        self.positions = self.wrapper.resolve(PositionProvider)

    @property
    def source(self) -> str:
        return self.module.code

    def lines_of(self, node: cst.CSTNode) -> tuple[int, int]:
        at = self.positions[node]
        return at.start.line, at.end.line

    # -- finding

    def calls_at(self, line: int, names: Collection[str] = ()) -> list[Found]:
        """The calls that cover ``line``, those of ``names`` if any are given, the innermost first."""
        found: list[Found] = []

        class Visitor(cst.CSTVisitor):
            def visit_Call(visitor, node: cst.Call) -> None:
                first, last = self.lines_of(node)
                if first <= line <= last and (not names or called_name(node) in names):
                    found.append(Found(node, first, last))

        self.module.visit(Visitor())
        return sorted(found, key=lambda each: (each.last - each.first, -each.first))

    def statement_at(self, line: int) -> cst.SimpleStatementLine | None:
        """The statement on one logical line that covers ``line``."""
        found: list[cst.SimpleStatementLine] = []

        class Visitor(cst.CSTVisitor):
            def visit_SimpleStatementLine(visitor, node: cst.SimpleStatementLine) -> None:
                first, last = self.lines_of(node)
                if first <= line <= last:
                    found.append(node)

        self.module.visit(Visitor())
        return found[-1] if found else None

    # -- changing

    def replaced(self, old: cst.CSTNode, new: cst.CSTNode) -> Script:
        changed = self.module.deep_replace(old, new)
        assert isinstance(changed, cst.Module)
        return Script(changed.code)

    def with_statements_before(self, line: int, *statements: str) -> Script | None:
        """``statements`` put before the one at ``line``, indented as it is; None where there is none."""
        target = self.statement_at(line)
        if target is None:
            return None
        new: list[cst.BaseStatement] = [cst.parse_statement(text) for text in statements]
        if isinstance(new[0], cst.SimpleStatementLine):  # a comment above stays above
            new[0] = new[0].with_changes(leading_lines=target.leading_lines)
        changed = self.module.visit(Flattened(target, [*new, target.with_changes(leading_lines=())]))
        return Script(changed.code)

    def with_import(self, text: str) -> Script:
        """An import put behind the script's docstring and its imports from ``__future__``."""
        body = list(self.module.body)
        place = next((at for at, each in enumerate(body) if not is_preamble(each)), len(body))
        new = cst.parse_statement(text)
        if place < len(body) and isinstance(new, cst.SimpleStatementLine):
            following = body[place]
            lead = getattr(following, "leading_lines", ())
            body[place] = following.with_changes(leading_lines=())
            new = new.with_changes(leading_lines=lead)
        body.insert(place, new)
        return Script(self.module.with_changes(body=body).code)

    def with_argument(
        self, call: cst.Call, keyword: str, value: str | None, position: int | None = None
    ) -> Script | None:
        """``keyword=value`` in ``call``, where it stands or as its last argument; None takes it out.

        ``position``: its place where it may be given without its name.
        """
        args = list(call.args)
        place = argument_place(args, keyword, position)
        if value is None:
            if place is None or args[place].keyword is None:
                return None
            del args[place]
            if args and place == len(args):
                args[-1] = args[-1].with_changes(comma=call.args[-1].comma)
        elif place is not None:
            args[place] = args[place].with_changes(value=cst.parse_expression(value))
        elif any(arg.star for arg in args):
            return None
        else:
            args = appended(args, keyword, value)
        return self.replaced(call, call.with_changes(args=args))


class Flattened(cst.CSTTransformer):
    """Puts several statements in the place of one."""

    def __init__(self, target: cst.SimpleStatementLine, statements: Sequence[cst.BaseStatement]) -> None:
        super().__init__()
        self.target, self.statements = target, statements

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.BaseStatement | cst.FlattenSentinel[cst.BaseStatement]:
        return cst.FlattenSentinel(self.statements) if original_node is self.target else updated_node


def called_name(call: cst.Call) -> str | None:
    """``Dense`` of ``keras.layers.Dense(...)``."""
    function = call.func
    if isinstance(function, cst.Attribute):
        return function.attr.value
    return function.value if isinstance(function, cst.Name) else None


def argument_place(args: Sequence[cst.Arg], keyword: str, position: int | None) -> int | None:
    for place, arg in enumerate(args):
        if arg.keyword is not None and arg.keyword.value == keyword:
            return place
    if position is not None and position < len(args):
        before = args[: position + 1]
        if all(arg.keyword is None and not arg.star for arg in before):
            return position
    return None


def appended(args: Sequence[cst.Arg], keyword: str, value: str) -> list[cst.Arg]:
    """The new argument last, on the line and with the comma that the others have."""
    plain = cst.AssignEqual(
        whitespace_before=cst.SimpleWhitespace(""), whitespace_after=cst.SimpleWhitespace("")
    )
    new = cst.Arg(cst.parse_expression(value), keyword=cst.Name(keyword), equal=plain)
    if not args:
        return [new]
    last = args[-1]
    if isinstance(last.comma, cst.Comma):  # a trailing comma, mostly before a bracket on a line of its own
        new = new.with_changes(comma=last.comma)
    return [*args[:-1], last.with_changes(comma=cst.Comma(whitespace_after=gap_before(args))), new]


def gap_before(args: Sequence[cst.Arg]) -> cst.BaseParenthesizableWhitespace:
    """What stands between the comma before the last argument and that: a space, or a new line."""
    comma = args[-2].comma if len(args) > 1 else None
    return comma.whitespace_after if isinstance(comma, cst.Comma) else cst.SimpleWhitespace(" ")


def is_preamble(statement: cst.BaseStatement | cst.BaseCompoundStatement) -> bool:
    """A docstring, or an import from ``__future__``."""
    if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) != 1:
        return False
    only = statement.body[0]
    if isinstance(only, cst.Expr):
        return isinstance(only.value, cst.SimpleString | cst.ConcatenatedString)
    if isinstance(only, cst.ImportFrom) and isinstance(only.module, cst.Name):
        return only.module.value == "__future__"
    return False


def keras_name(script: Script) -> str | None:
    """How the script calls Keras: ``keras``, ``tf.keras``, ``K``; None where it imports only parts of it."""
    names: list[str] = []

    class Visitor(cst.CSTVisitor):
        def visit_Import(self, node: cst.Import) -> None:
            for alias in node.names:
                whole, bound = dotted(alias.name), dotted(alias.asname.name) if alias.asname else None
                if whole == "keras":
                    names.append(bound or "keras")
                elif whole == "tensorflow":
                    names.append(f"{bound or 'tensorflow'}.keras")
                elif whole == "tensorflow.keras":
                    names.append(bound or "tensorflow.keras")

        def visit_ImportFrom(self, node: cst.ImportFrom) -> None:
            if dotted(node.module) != "tensorflow" or isinstance(node.names, cst.ImportStar):
                return
            named = [alias for alias in node.names if dotted(alias.name) == "keras"]
            names.extend(dotted(alias.asname.name) if alias.asname else "keras" for alias in named)

    script.module.visit(Visitor())
    return names[0] if names else None


def with_keras(script: Script, change: Callable[[Script, str], Script | None]) -> Script | None:
    """A change that needs Keras by a name; where the script has none it is imported as the rest of it is."""
    name = keras_name(script)
    if name is not None:
        return change(script, name)
    changed = change(script, "keras")
    of_tensorflow = "tensorflow.keras" in script.source
    text = "from tensorflow import keras\n" if of_tensorflow else "import keras\n"
    return None if changed is None else changed.with_import(text)


def dotted(node: cst.CSTNode | None) -> str:
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        return f"{dotted(node.value)}.{node.attr.value}"
    return ""
