"""A rule's documentation, and the list of all rules, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from nanwatch.diagnose.rule import Rule
from nanwatch.explain.documentation_blocks import CODE, LINK, BlockKind, first_sentence, split_blocks
from nanwatch.explain.page import Page
from nanwatch.explain.source import split_tokens
from nanwatch.explain.terminal_findings import LEVEL_STYLES, TOKEN_STYLES
from nanwatch.explain.untrusted import clean

FAMILIES = {
    "1": "Data and labels",
    "2": "Output layer, loss, metric",
    "3": "Activations and gradients",
    "4": "Numerics inside the graph",
    "5": "Optimization",
    "6": "The run around it",
    "9": "No known fault",
}
NAME_AT = 15  # where the name begins in the list: behind code and level


def render_rule(rule: Rule, width: int = 80, color: bool = False, unicode: bool = True) -> str:
    """What ``nanwatch rule CODE`` shows."""
    page = Page(width, color, unicode)
    page.rule(f"{rule.code}  ", LEVEL_STYLES[rule.level], (rule.name, "bold"), (f" ({rule.level})", ""))
    for kind, text in split_blocks(rule.documentation()):
        if kind != "bullet":
            page.gap()
        add_block(page, kind, text)
    return page.render()


def add_block(page: Page, kind: BlockKind, text: str) -> None:
    if kind == "heading":
        page.line((clean(text), "bold"))
    elif kind == "code":
        for line in text.splitlines():
            page.line(*((piece, TOKEN_STYLES[token]) for token, piece in split_tokens(clean(line))), indent=4)
    elif kind == "bullet":
        page.prose(inline_text(text), indent=2, first=page.sign("• ", "- "), style="dim")
    else:
        page.prose(inline_text(text), indent=2)


def inline_text(text: str) -> Text:
    """Code in bold, a link as its words and its address."""
    plain = LINK.sub(lambda match: f"{match[1]} ({match[2]})", clean(text))
    out, at = Text(), 0
    for match in CODE.finditer(plain):
        out.append(plain[at : match.start()])
        out.append(match[2], "bold")
        at = match.end()
    out.append(plain[at:])
    return out


def render_list(rules: Sequence[Rule], width: int = 80, color: bool = False, unicode: bool = True) -> str:
    """What ``nanwatch rule`` shows: code, level, name and first sentence, by family."""
    page = Page(width, color, unicode)
    family = ""
    for rule in rules:
        if rule.code[2] != family:
            family = rule.code[2]
            page.rule(FAMILIES.get(family, f"NW{family}xx"), "bold")
        head = Text.assemble(
            (f"{rule.code}  ", "bold"), (f"{rule.level:<8}", LEVEL_STYLES[rule.level]), (rule.name, "bold")
        )
        page.line(head)
        page.prose(inline_text(first_sentence(rule)), indent=NAME_AT)
    return page.render()
