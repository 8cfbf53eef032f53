"""Private names of Keras and its backends stand in a few files, behind which nobody looks."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import nanwatch
from tests.watch.keras_seam.private_names import found_in, private_names

ROOT = Path(nanwatch.__file__).parent
SEAM = ROOT / "watch" / "keras_seam"
CHILDREN = ROOT / "watch" / "launch" / "in_children"
HALF = ("watch", "check", "replay")  # the other one knows no Keras at all
FILES = sorted(path.relative_to(ROOT) for stage in HALF for path in (ROOT / stage).rglob("*.py"))
NAMES = ("keras2", "keras3", "keras_on_jax", "keras_on_torch", "tensorflow_names")
MAY = {SEAM / f"{name}.py" for name in NAMES}


ALLOWED = {
    SEAM / "seams.py": {"_EXCLUDED_PATHS"},  # the table says what is patched
    ROOT / "watch" / "import_hook.py": {"_call_with_frames_removed"},  # Python's own
    ROOT / "watch" / "launch" / "keras_2.py": {"_call_with_frames_removed"},
    ROOT / "watch" / "recording" / "still_training.py": {"_shutdown"},
    CHILDREN / "nanwatch_in_child.py": {"_posixsubprocess", "_fork_exec", "_NANWATCH_CHILD"},
    CHILDREN / "sitecustomize.py": {"_NANWATCH_CHILD"},  # in the environment
}


@pytest.mark.parametrize("file", FILES, ids=str)
def test_no_private_name_outside(file: Path) -> None:
    path = ROOT / file
    assert path in MAY or private_names(path) <= ALLOWED.get(path, set())


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("layer._losses", {"_losses"}),
        ("getattr(loss, '_fn_kwargs', {})", {"_fn_kwargs"}),
        ("vars(model)['_functional']", {"_functional"}),
        ("from keras.src.utils import traceback_utils", {"keras.src.utils.traceback_utils"}),
        ("import tensorflow.python.eager", {"tensorflow.python.eager"}),
        ("import_module('tensorflow.python.eager')", {"tensorflow.python.eager"}),
        ("'''layer._losses'''\nlayer.__class__\nvars(thing)['_nanwatch_line']\nkeras.layers", set()),
    ],
)
def test_what_would_be_found(text: str, found: set[str]) -> None:
    assert set(found_in(ast.parse(text))) == found
