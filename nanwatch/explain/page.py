"""A page of styled lines: paragraphs wrapped to a measure, and nothing else."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.text import Text

from nanwatch.explain.untrusted import as_ascii

MEASURE = 88  # columns of prose: beyond it the eye loses the line
WIDEST = 100  # columns of the page as a whole, rules and code included
NARROWEST = 60  # a narrower terminal folds the lines itself
SENTENCE_END = re.compile(r"(?<=[.!?]) (?=[A-Z0-9'\"])")

Piece = str | Text | tuple[str, str]


@dataclass
class Page:
    """Lines to be shown, top to bottom. Text is taken literally: no markup is read in it."""

    width: int
    color: bool
    unicode: bool
    lines: list[Text] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.width = max(NARROWEST, min(self.width, WIDEST))
        self.console = Console(
            file=io.StringIO(),
            width=self.width,
            height=100,  # else a dumb terminal has its width set to 80
            color_system="standard" if self.color else None,
            force_terminal=self.color,
            force_jupyter=False,
            no_color=not self.color,
            legacy_windows=False,
            markup=False,
            emoji=False,
            highlight=False,
        )

    def sign(self, unicode: str, ascii: str) -> str:
        """The drawing character this page can take."""
        return unicode if self.unicode else ascii

    def gap(self) -> None:
        if self.lines and self.lines[-1].plain:
            self.lines.append(Text())

    def assemble(self, *pieces: Piece) -> Text:
        """The pieces in one, spelled in ASCII before their width is measured where the page is."""
        return Text.assemble(*pieces) if self.unicode else Text.assemble(*map(ascii_piece, pieces))

    def line(self, *pieces: Piece, indent: int = 0) -> None:
        """One line, folded only where it would leave the page."""
        self.block(self.assemble(*pieces), indent, self.width)

    def whole(self, *pieces: Piece, indent: int = 0) -> None:
        """One line that is never folded, so that a path or a command in it can be clicked or copied."""
        self.lines.append(Text(" " * indent) + self.assemble(*pieces))

    def prose(
        self,
        *pieces: Piece,
        indent: int = 0,
        first: str = "",
        style: str = "",
        most: int | None = None,
    ) -> None:
        """A paragraph within the measure; ``first`` (a bullet, say) hangs before it."""
        text = self.assemble(*pieces)
        self.block(text, indent, min(self.width, MEASURE), Text(first, style), most)

    def block(
        self, text: Text, indent: int, width: int, first: Text | None = None, most: int | None = None
    ) -> None:
        """``text`` in lines; of more than ``most`` what fits, to the end of a sentence where there is one."""
        hang = first or Text()
        inner = max(width - indent - hang.cell_len, NARROWEST // 2)
        if most is not None:
            text = text[: (most + 1) * inner]  # what lies behind is not shown, however long it is
        wrapped = list(text.wrap(self.console, inner, overflow="fold")) or [Text()]
        if most is not None and len(wrapped) > most:
            wrapped = self.cut(text, wrapped, inner, most)
        for number, piece in enumerate(wrapped):
            piece.rstrip()
            lead = Text(" " * indent) + (hang if number == 0 else Text(" " * hang.cell_len))
            self.lines.append(lead + piece)

    def cut(self, text: Text, wrapped: Sequence[Text], inner: int, most: int) -> list[Text]:
        for end in reversed([found.start() for found in SENTENCE_END.finditer(text.plain)]):
            short = text[:end].wrap(self.console, inner, overflow="fold")
            if len(short) <= most:
                return list(short)
        kept, ending = list(wrapped[:most]), self.sign("…", "...")
        kept[-1].rstrip()
        kept[-1].truncate(inner - len(ending))
        kept[-1].rstrip()
        kept[-1].append(ending, "dim")
        return kept

    def rule(self, title: str, style: str, *behind: tuple[str, str]) -> None:
        """A heading with a line drawn to the edge of the page."""
        self.gap()
        stroke = self.sign("─", "-")
        text = self.assemble((stroke * 2 + " ", "dim"), (title, style), *behind, " ")
        text.append(stroke * max(2, self.width - text.cell_len), "dim")
        text.truncate(self.width)
        self.lines.append(text)

    def rows(self) -> int:
        """How many rows of the screen the lines take, those that it folds included."""
        return sum(max(1, -(-line.cell_len // self.width)) for line in self.lines)

    def render(self) -> str:
        """The page as text, with escape codes only if it has colour."""
        with self.console.capture() as capture:
            for line in self.lines:
                self.console.print(line, soft_wrap=True)
        text = capture.get()
        return text if self.unicode else as_ascii(text)


def ascii_piece(piece: Piece) -> Piece:
    if isinstance(piece, str):
        return as_ascii(piece)
    if isinstance(piece, Text):
        return piece if piece.plain.isascii() else Text(as_ascii(piece.plain), piece.style)
    return as_ascii(piece[0]), piece[1]
