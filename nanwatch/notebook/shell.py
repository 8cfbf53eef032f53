"""IPython's shell in this process, which is not imported for it."""

from __future__ import annotations

import sys
from typing import Any


def shell_here() -> Any:
    """The shell, or None where no IPython runs."""
    module = sys.modules.get("IPython.core.getipython")
    return None if module is None else module.get_ipython()


def display(shown: object) -> None:
    """In the cell that runs: as HTML where there is a notebook, as text in a terminal."""
    from IPython.display import display as show_in_cell

    show_in_cell(shown)  # type: ignore[no-untyped-call]  # IPython has no types
