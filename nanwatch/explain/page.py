"""A page of styled lines: paragraphs wrapped to a measure, and nothing else."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

from rich.console import Console
from rich.text import Text

from nanwatch.explain.untrusted import as_ascii

MEASURE = 88  # columns of prose: beyond it the eye loses the line
WIDEST = 100  # columns of the page as a whole, rules and code included
NARROWEST = 60  # a narrower terminal folds the lines itself


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

    def line(self, *pieces: str | Text | tuple[str, str], indent: int = 0) -> None:
        """One line, folded only where it would leave the page."""
        self.block(Text.assemble(*pieces), indent, self.width)

    def prose(
        self, *pieces: str | Text | tuple[str, str], indent: int = 0, first: str = "", style: str = ""
    ) -> None:
        """A paragraph within the measure; ``first`` (a bullet, say) hangs before it."""
        text = Text.assemble(*pieces)
        self.block(text, indent, min(self.width, MEASURE), Text(first, style))

    def block(self, text: Text, indent: int, width: int, first: Text | None = None) -> None:
        hang = first or Text()
        inner = max(width - indent - hang.cell_len, NARROWEST // 2)
        wrapped = text.wrap(self.console, inner, overflow="fold") or [Text()]
        for number, piece in enumerate(wrapped):
            piece.rstrip()
            lead = Text(" " * indent) + (hang if number == 0 else Text(" " * hang.cell_len))
            self.lines.append(lead + piece)

    def rule(self, title: str, style: str, *behind: tuple[str, str]) -> None:
        """A heading with a line drawn to the edge of the page."""
        self.gap()
        stroke = self.sign("─", "-")
        text = Text.assemble((stroke * 2 + " ", "dim"), (title, style), *behind, " ")
        text.append(stroke * max(2, self.width - text.cell_len), "dim")
        text.truncate(self.width)
        self.lines.append(text)

    def render(self) -> str:
        """The page as text, with escape codes only if it has colour."""
        with self.console.capture() as capture:
            for line in self.lines:
                self.console.print(line, soft_wrap=True)
        text = capture.get()
        return text if self.unicode else as_ascii(text)
