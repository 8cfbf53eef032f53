"""``nanwatch prove``: what may cure a run that is over is tried in its own script, run again."""

from __future__ import annotations

from pathlib import Path

import pytest

from nanwatch.record.trials import read_trials
from tests.side_by_side import MODULE, Ended, ended_warm

pytestmark = pytest.mark.tensorflow
LOUD = """\
import keras
import numpy as np

keras.utils.set_random_seed(1)
x = np.random.normal(size=(320, 4)).astype("float32")
y = (x[:, 0] + x[:, 1] > 0).astype("float32")
x[:, 3] *= 3000
other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
other.compile("adam", "mse")
other.fit(x[:, :4] / 3000, y, epochs=1, verbose=0)
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1, "sigmoid")])
model.compile("adam", "binary_crossentropy")
model.fit(x, y, epochs=12, verbose=0)
open("trained", "a").write("all of it ")
"""


def run(folder: Path, script: str, *options: str) -> Path:
    """The folder of the run of a script, for which nothing was tried."""
    (folder / "train.py").write_text(script)
    assert ended_warm(folder, *MODULE, "run", "--prove", "0", *options, "train.py").status in (0, 1, 3)
    (logs,) = (entry for entry in (folder / "logs").iterdir() if entry.is_dir())
    return logs


def prove(folder: Path, *arguments: str) -> Ended:
    return ended_warm(folder, *MODULE, "prove", "--yes", *arguments)


def last_line(text: bytes) -> str:
    return text.decode().splitlines()[-1]


def test_a_run_that_is_over_is_proven(tmp_path: Path) -> None:
    logs = run(tmp_path, LOUD)
    assert read_trials(logs, []) == []
    done = prove(tmp_path)
    said = done.stdout.decode()
    assert done.status == 0, done.stderr
    assert "NW105 unscaled-input" in said
    assert "it cured the fault" in said
    (cure,) = [trial for trial in read_trials(logs, []) if trial.verdict == "cured"]
    assert (cure.fit, cure.made_again, cure.intervention.value) == (1, True, (3,))
    assert (tmp_path / "trained").read_text() == "all of it "  # the script was left at the training's end
    assert [path.parent.name for path in (tmp_path / "logs").glob("*/run.json")] == [logs.name]


def test_there_is_nothing_to_try(tmp_path: Path) -> None:
    run(tmp_path, LOUD.replace("x[:, 3] *= 3000", "").replace("epochs=12", "epochs=60"))
    done = prove(tmp_path)
    assert done.status == 2
    assert last_line(done.stderr) == (
        "nanwatch: There is nothing to try: the run has no remedy and no suspected cause."
    )


def test_a_script_that_does_something_else_now(tmp_path: Path) -> None:
    run(tmp_path, LOUD)
    (tmp_path / "train.py").write_text("print('nothing')\n")
    done = prove(tmp_path)
    assert done.status == 2
    assert "train.py ended with status 0, and training 2 could not be repeated" in last_line(done.stderr)
    (tmp_path / "train.py").unlink()
    assert prove(tmp_path).status == 2


def test_without_a_run(tmp_path: Path) -> None:
    done = prove(tmp_path, "logs")
    assert done.status == 2
    assert done.stdout == b""
