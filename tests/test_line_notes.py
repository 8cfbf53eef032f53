"""A `Watch` passed by hand knows the lines that made the model, once nanwatch has been imported."""

from __future__ import annotations

import dataclasses
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from nanwatch.record.facts import Location
from nanwatch.record.read import read_run
from nanwatch.record.run import Run
from tests.side_by_side import MODULE, Ended, ended, ended_warm

ONLY_NANWATCH = "import sys\nbefore = set(sys.modules)\nimport nanwatch\nprint(set(sys.modules) - before)\n"
WAITS = "print([type(each).__name__ for each in sys.meta_path if 'nanwatch' in type(each).__module__])\n"

MODEL = """
keras.utils.set_random_seed(3)
rng = np.random.default_rng(1)
x = rng.normal(size=(256, 4)).astype("float32")
y = np.eye(3)[np.arange(256) % 3]
model = keras.Sequential()
model.add(keras.layers.Dense(8, activation="relu"))
frozen = keras.layers.Dense(8)
frozen.trainable = False
model.add(frozen)
model.add(keras.layers.Dense(3, activation="relu"))
optimizer = keras.optimizers.SGD(
    keras.optimizers.schedules.CosineDecay(0.01, 100)
)
model.compile(optimizer, "categorical_crossentropy")
"""
FIT = """
try:
    model.fit(x, y, verbose=0, callbacks=[nanwatch.Watch()])
except nanwatch.TrainingHalted:
    pass
"""


def in_python(folder: Path, text: str, new: bool = False, disabled: str = "") -> Ended:
    (folder / "train.py").write_text(text)
    command = (sys.executable, "train.py")
    done = ended(folder, *command, NANWATCH_DISABLE=disabled) if new else ended_warm(folder, *command)
    assert done.status == 0, done.stderr.decode()
    return done


def only_run(folder: Path) -> Run:
    (place,) = (entry for entry in (folder / "logs").iterdir() if entry.is_dir())
    return read_run(place)


def places(value: Any) -> list[Location]:
    """All that a record says of where something stands, in the order in which it says it."""
    if isinstance(value, Location):
        return [value]
    if dataclasses.is_dataclass(value):
        return [place for spec in dataclasses.fields(value) for place in places(getattr(value, spec.name))]
    return [place for each in value for place in places(each)] if isinstance(value, tuple | list) else []


# -- what the import costs -------------------------------------------------------------------------


def test_the_import_brings_nothing_along(tmp_path: Path) -> None:
    done = in_python(tmp_path, ONLY_NANWATCH + WAITS, new=True)
    modules, waits = done.stdout.decode().splitlines()
    assert (set(eval(modules)), waits) == ({"nanwatch", "nanwatch.line_notes"}, "['KerasAwaited']")


def test_a_keras_of_the_scripts_own(tmp_path: Path) -> None:
    (tmp_path / "keras.py").write_text("print('own')\n")
    done = in_python(tmp_path, "import sys\nimport nanwatch\nimport keras\n" + WAITS, new=True)
    assert done.stdout == b"own\n[]\n"


def test_a_keras_that_is_not_there(tmp_path: Path) -> None:
    text = """
        import importlib.machinery, os, sys
        import nanwatch
        folders = [name for name in sys.path if os.path.isdir(name)]
        sys.path = [name for name in folders if not {"keras", "keras.py"} & {*os.listdir(name)}]
        try:
            import keras
        except ModuleNotFoundError as error:
            print(error)
    """
    done = in_python(tmp_path, textwrap.dedent(text) + WAITS, new=True)
    assert done.stdout == b"No module named 'keras'\n[]\n"


def test_it_can_be_turned_off(tmp_path: Path) -> None:
    (tmp_path / "keras.py").write_text("backend = 3\n")  # which would be asked which one it is
    text = "import sys\nimport nanwatch\nimport keras\nfrom nanwatch.watch.import_hook import BY_HAND\n"
    done = in_python(tmp_path, text + "print(BY_HAND)\n", new=True, disabled="1")
    assert done.stdout == b"[]\n"


@pytest.mark.parametrize("name", ["run", "check"])
def test_a_command_waits_for_itself(name: str, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("import sys\nimport nanwatch\n" + WAITS)
    done = ended(tmp_path, *MODULE, name, "train.py")
    assert b"['KerasFinder', 'KerasFinder']\n" in done.stdout + done.stderr


# -- what is known by it ---------------------------------------------------------------------------


@pytest.mark.tensorflow
@pytest.mark.parametrize("order", ["import nanwatch\nimport keras\n", "import keras\nimport nanwatch\n"])
def test_by_hand_as_under_run(order: str, tmp_path: Path) -> None:
    text = order + "import numpy as np\n" + MODEL + FIT
    in_python(tmp_path, text)
    by_hand = only_run(tmp_path)
    (tmp_path / "logs").rename(tmp_path / "by_hand")
    ended_warm(tmp_path, *MODULE, "run", "--quiet", "train.py")
    assert places(by_hand.info) == places(only_run(tmp_path).info)
    info = by_hand.info.models[0]
    lines = text.splitlines()
    assert [None if each.location is None else lines[each.location.line - 1] for each in info.layers] == [
        'model.add(keras.layers.Dense(8, activation="relu"))',
        "frozen = keras.layers.Dense(8)",
        'model.add(keras.layers.Dense(3, activation="relu"))',
    ]
    assert info.layers[1].frozen is not None
    assert info.optimizer is not None
    assert info.optimizer.location is not None
    assert info.optimizer.location.code.startswith("optimizer =")
    assert info.compile_location is not None


@pytest.mark.tensorflow
def test_a_model_that_was_made_before_the_import(tmp_path: Path) -> None:
    in_python(tmp_path, "import keras\nimport numpy as np\n" + MODEL + "import nanwatch\n" + FIT)
    run = only_run(tmp_path)
    assert [layer.location for layer in run.info.models[0].layers] == [None] * 3
    assert run.fits[0].info.location is not None
    assert run.info.errors == ()
    said = ended(tmp_path, *MODULE, "explain").stdout.decode()
    assert "NW201 relu-output" in said


@pytest.mark.tensorflow
def test_under_run_a_script_that_imports_nanwatch_notes_once(tmp_path: Path) -> None:
    text = "import keras\nimport importlib\nimport nanwatch\nimportlib.reload(nanwatch)\n"
    text += "from nanwatch.watch.import_hook import BY_HAND\n"
    text += "from nanwatch.watch.keras_seam.patches import PLACES\n"
    text += "print(len(BY_HAND), len(vars(keras.layers.Layer)[PLACES]['__new__']))\n"
    assert in_python(tmp_path, text).stdout == b"1 1\n"
    assert ended_warm(tmp_path, *MODULE, "run", "--quiet", "train.py").stdout == b"0 1\n"


@pytest.mark.tensorflow
def test_what_is_gone_is_forgotten() -> None:
    import gc

    import keras

    from nanwatch.watch import import_hook
    from nanwatch.watch.keras_seam.patches import Patches
    from nanwatch.watch.launch import user_lines

    gc.collect()
    before = set(user_lines.MADE.held)
    with Patches() as patches:
        import_hook.note_lines(patches)
        layers = [keras.layers.Dense(1) for _ in range(20)]
    assert len(set(user_lines.MADE.held) - before) >= 20
    del layers
    gc.collect()
    assert set(user_lines.MADE.held) <= before
