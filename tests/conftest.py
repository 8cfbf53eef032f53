"""What holds for every test: TensorFlow says nothing but errors, and is kept away from tests without it."""

from __future__ import annotations

import ast
import gc
import inspect
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
FAST = "not tensorflow"
INSTEAD = "raise ImportError('a test that imports it wants the marker `tensorflow`')\n"
in_the_way = pytest.StashKey[tempfile.TemporaryDirectory[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """With ``-m "not tensorflow"`` there is none, here or in a process of a test's own."""
    if config.option.markexpr != FAST:
        return
    folder = config.stash.setdefault(in_the_way, tempfile.TemporaryDirectory())
    for name in ("tensorflow", "keras", "tf_keras"):
        Path(folder.name, f"{name}.py").write_text(INSTEAD)
    sys.path.insert(0, folder.name)
    paths = [folder.name, *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)


@pytest.fixture(autouse=True)
def told_by_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a `Watch` that a test passes by hand no report is printed."""

    def watch_callback() -> object:
        from nanwatch.watch.fit.callback import Watch

        return Watch

    monkeypatch.setattr("nanwatch.watch_callback", watch_callback)


class NotImported(pytest.Module):
    """A file whose tests are all left out."""

    def collect(self) -> list[pytest.Item | pytest.Collector]:
        return []


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """With ``-m "not tensorflow"`` a file is not so much as imported if all its tests are marked."""
    if parent.config.option.markexpr == FAST and is_marked(module_path):
        return NotImported.from_parent(parent, path=module_path)
    return None


def is_marked(file: Path) -> bool:
    """Whether ``pytestmark`` marks every test of ``file`` as one of TensorFlow's."""
    source = file.read_text(encoding="utf-8")
    if "pytestmark" not in source:
        return False
    return any(
        isinstance(line, ast.Assign)
        and ast.unparse(line.targets[0]) == "pytestmark"
        and "pytest.mark.tensorflow" in ast.unparse(line.value)
        for line in ast.parse(source).body
    )


def pytest_collection_finish() -> None:
    """What has been imported stays, so that no later search for garbage need look at it."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def forget_graphs() -> Iterator[None]:
    """After each test the graphs that it made are freed: the more there are, the longer each takes.

    What is left is what the tests of a file share, and need not be looked at again before its end.
    """
    yield
    if "tensorflow" in sys.modules:
        collect_garbage()
        gc.freeze()


def collect_garbage() -> None:
    """Also of a training whose own end was made to fail, which has left the files of its record open."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(scope="module", autouse=True)
def forget_trainings() -> Iterator[None]:
    """After each file nothing is left of what it trained.

    TensorFlow remembers for good the graph in which a gradient was made by hand, and with it the model;
    the trainings of all files together would take ten gigabytes.
    """
    yield
    if "keras" not in sys.modules:
        return
    import keras
    from tensorflow.python.framework import ops

    gradients = ops.gradient_registry._registry
    for name in [name for name in gradients if name.startswith("CustomGradient")]:
        del gradients[name]
    gc.unfreeze()
    collect_garbage()
    clear = keras.backend.clear_session
    clear(free_memory=False) if "free_memory" in inspect.signature(clear).parameters else clear()
    gc.freeze()
