"""A notebook that is run as a script."""

from __future__ import annotations

import inspect
import json
import linecache
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nanwatch.errors import ScriptNotFound
from nanwatch.record.facts import Cell
from nanwatch.watch.launch import cells, notebook_script
from nanwatch.watch.launch.user_lines import is_users, line_at
from tests.side_by_side import MODULE, environment

FAULTY = (
    "import keras, numpy as np\nkeras.utils.set_random_seed(1)",
    "x = np.random.default_rng(0).normal(size=(64, 4)).astype('float32')\n"
    "y = np.eye(2)[np.arange(64) % 2]\n%time",
    "model = keras.Sequential([\n    keras.Input((4,)),\n    keras.layers.Dense(2, activation='relu'),\n])\n"
    "model.compile('adam', 'categorical_crossentropy')",
    "model.fit(x, y, epochs=9, verbose=0)",
)


def notebook(folder: Path, *sources: str) -> Path:
    path = folder / "train.ipynb"
    table = [{"cell_type": "code", "source": source.splitlines(keepends=True)} for source in sources]
    path.write_text(json.dumps({"cells": table, "nbformat": 4}))
    return path


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
    yield
    for name in list(cells.SAVED):
        del cells.SAVED[name]
        linecache.cache.pop(name, None)


def run(path: Path) -> dict[str, Any]:
    namespace: dict[str, Any] = {}
    notebook_script.start_of_notebook(str(path), namespace)()
    return namespace


def test_the_cells_share_their_names(tmp_path: Path) -> None:
    found = run(notebook(tmp_path, "%load_ext x\na = 1", "def f():\n    return a + 1", "b = f()"))
    assert found["b"] == 2
    assert inspect.getsource(found["f"]) == "def f():\n    return a + 1\n"


def test_a_line_is_told_with_its_cell(tmp_path: Path) -> None:
    path = notebook(tmp_path, "a = 1", "%time\n\nb = 1 / 0\nc = 2")
    with pytest.raises(ZeroDivisionError) as raised:
        run(path)
    frame = raised.tb.tb_next
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    assert frame is not None
    name = frame.tb_frame.f_code.co_filename
    assert name == f"{path}, cell 2"
    assert is_users(name)
    found = line_at(name, frame.tb_lineno)
    assert (found.line, found.code) == (3, "b = 1 / 0")
    assert found.cell == Cell(2, 1, ("pass  # %time", "", "b = 1 / 0", "c = 2"))


@pytest.mark.parametrize("text", ["", "{}", '{"cells": []}', "\xff"])
def test_what_is_no_notebook(tmp_path: Path, text: str) -> None:
    path = tmp_path / "train.ipynb"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(ScriptNotFound, match=r"train\.ipynb is no notebook with cells of code\.$"):
        notebook_script.cells_of(str(path))


def nanwatch(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*MODULE, *arguments], cwd=folder, env=environment(), capture_output=True, text=True, timeout=300
    )


def test_what_it_prints_and_how_it_ends(tmp_path: Path) -> None:
    notebook(tmp_path, "!ls\nprint('one')\ndisplay(2)", "def f():\n    raise ValueError('x')", "f()")
    done = nanwatch(tmp_path, "run", "train.ipynb")
    assert (done.returncode, done.stdout) == (1, "one\n2\n")
    assert done.stderr.startswith(
        "nanwatch: train.ipynb is run as a script: 3 cells of code, one after the other, "
        "without 1 line that only "
        "IPython reads (%, !).\n"
    )
    assert (
        f"  File \"{tmp_path}/train.ipynb, cell 2\", line 2, in f\n    raise ValueError('x')\n" in done.stderr
    )
    assert "notebook_script" not in done.stderr


@pytest.mark.tensorflow
def test_a_fault_is_told_at_its_cell_and_line(tmp_path: Path) -> None:
    notebook(tmp_path, *FAULTY)
    done = nanwatch(tmp_path, "run", "--prove", "0", "train.ipynb")
    assert done.returncode == 3, done.stderr
    assert "NW201 relu-output" in done.stderr
    assert "cell 3, line 3" in done.stderr
