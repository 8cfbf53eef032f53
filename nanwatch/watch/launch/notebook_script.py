"""A saved notebook as a script: its cells of code, one after the other, in one ``__main__``."""

from __future__ import annotations

import functools
import linecache
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import CodeType, TracebackType

from nanwatch.errors import ScriptNotFound
from nanwatch.notebook_cells import CodeCell, code_cells
from nanwatch.watch.launch.cells import SAVED, Source

ENDING = ".ipynb"


def is_notebook(script: str) -> bool:
    return script.endswith(ENDING) and os.path.isfile(script)


def cells_of(script: str) -> list[CodeCell]:
    """Its cells of code.

    Raises:
        ScriptNotFound: the file is no notebook, or has no code.
    """
    try:
        cells = code_cells(Path(script).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        cells = None
    if not cells:
        raise ScriptNotFound(f"{script} is no notebook with cells of code.")
    return cells


def start_of_notebook(path: str, namespace: dict[str, object]) -> Callable[[], object]:
    """What executes the notebook at ``path``; each cell is a file of its own to Python."""
    namespace.setdefault("display", print)  # which IPython gives to every cell
    os.environ.setdefault("MPLBACKEND", "agg")  # plt.show() waits for nobody, as in a notebook
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = show_with_lines
    return functools.partial(run_cells, path, cells_of(path), namespace)


def run_cells(path: str, cells: Sequence[CodeCell], namespace: dict[str, object]) -> None:
    for cell in cells:
        exec(compiled(path, cell), namespace)


def compiled(path: str, cell: CodeCell) -> CodeType:
    name = f"{path}, cell {cell.number}"
    lines = [f"{line}\n" for line in cell.lines]
    text = "".join(lines)
    SAVED[name] = Source(cell.number, lines)
    linecache.cache[name] = (
        len(text),
        None,
        lines,
        name,
    )  # for tracebacks, and code that reads its own
    return compile(text, name, "exec", dont_inherit=True)


def show_with_lines(
    kind: type[BaseException], error: BaseException, traceback_: TracebackType | None
) -> None:
    """The traceback as Python writes it, with the lines of cells, which Python looks for in files."""
    traceback.print_exception(kind, error, traceback_)
