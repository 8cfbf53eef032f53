"""The code of a saved notebook: every line keeps its number, and what only IPython reads is a comment."""

from __future__ import annotations

import json

import pytest

from nanwatch.notebook_cells import as_cell, code_cells


@pytest.mark.parametrize(
    ("source", "lines", "left_out"),
    [
        ("a = 1\nb = 2", ("a = 1", "b = 2"), 0),
        ("%matplotlib inline\na = 1", ("pass  # %matplotlib inline", "a = 1"), 1),
        ("if a:\n    !pip install x", ("if a:", "    pass  # !pip install x"), 1),
        ("files = !ls", ("files = None  # files = !ls",), 1),
        ("model?", ("pass  # model?",), 1),
        ("%%time\na = 1", ("pass  # %%time", "a = 1"), 0),
        ("%%bash\nls\n", ("# %%bash", "# ls"), 2),
        ("a = (5\n%  3)", ("a = (5", "%  3)"), 0),
        ('t = """\n%not magic\n"""', ('t = """', "%not magic", '"""'), 0),
        ("a = b != c", ("a = b != c",), 0),
        ("s = '('  # (\n%who", ("s = '('  # (", "pass  # %who"), 1),
        ("", (), 0),
    ],
)
def test_lines(source: str, lines: tuple[str, ...], left_out: int) -> None:
    cell = as_cell(1, source)
    assert (cell.lines, cell.left_out) == (lines, left_out)
    compile("\n".join(cell.lines), "cell", "exec")


def test_cells_of_code_are_counted_by_themselves() -> None:
    cells = [
        {"cell_type": "markdown", "source": "# a"},
        {"cell_type": "code", "source": ["a = 1\n", "b"]},
        "damaged",
        {"cell_type": "code", "source": "c"},
        {"cell_type": "code", "source": 7},
    ]
    found = code_cells(json.dumps({"cells": cells}))
    assert found is not None
    assert [(cell.number, cell.lines) for cell in found] == [(1, ("a = 1", "b")), (2, ("c",)), (3, ())]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"cells": 3}', "[" * 99999])
def test_no_notebook(text: str) -> None:
    assert code_cells(text) is None
