"""What nanwatch imports and what the script does are kept apart."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nanwatch.watch.launch import own_modules
from nanwatch.watch.launch.own_modules import hide_own_modules, keep_own_modules, lies_in, own_imports


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    modules, path, finders = dict(sys.modules), list(sys.path), list(sys.meta_path)
    yield
    own_modules.KEPT.clear()
    for name in set(sys.modules) - set(modules):
        del sys.modules[name]
    sys.modules.update(modules)
    sys.path[:], sys.meta_path[:] = path, finders


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a json.py, that is searched first."""
    (tmp_path / "json.py").write_text("neighbour = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "lies"),
    [
        ("json", True),  # a file, where another module is known
        ("click", True),  # a package
        ("typing", False),  # a folder without __init__.py, which comes last
        ("sys", False),  # part of Python
        ("os", False),  # there before any script
        ("nanwatch", False),
        ("re", False),
    ],
)
def test_what_lies_beside_a_script(name: str, lies: bool, tmp_path: Path) -> None:
    for file in ("json.py", "click/__init__.py", "typing/x.py", "sys.py", "os.py", "nanwatch.py"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    import click  # noqa: F401

    assert lies_in(str(tmp_path), name) == lies


def test_a_neighbour_is_the_scripts_and_the_module_ours(beside: Path) -> None:
    keep_own_modules()
    hide_own_modules(str(beside))
    assert importlib.import_module("json").neighbour == 1
    with own_imports():
        assert importlib.import_module("json") is json
        with own_imports():
            assert importlib.import_module("json.decoder") is json.decoder
    assert importlib.import_module("json").neighbour == 1
    assert "json.decoder" not in sys.modules


def test_what_is_ours_alone_is_hidden() -> None:
    click = importlib.import_module("click")
    keep_own_modules()
    hide_own_modules(None)
    assert not [name for name in sys.modules if name.partition(".")[0] in ("click", "rich")]
    with own_imports():
        assert importlib.import_module("click") is click
        testing = importlib.import_module("click.testing")
    assert "click.testing" not in sys.modules
    with own_imports():
        assert importlib.import_module("click.testing") is testing


def test_a_neighbour_of_a_name_that_we_come_to_import_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "colorsys.py").write_text("neighbour = 1\n")
    (tmp_path / "helper.py").touch()
    sys.modules.pop("colorsys", None)
    keep_own_modules()
    monkeypatch.syspath_prepend(tmp_path)
    hide_own_modules(str(tmp_path))
    assert importlib.import_module("colorsys").neighbour == 1
    with own_imports():
        assert not hasattr(importlib.import_module("colorsys"), "neighbour")
        assert importlib.import_module("helper")  # which a layer of the script's own may want
    assert importlib.import_module("colorsys").neighbour == 1


def test_what_is_not_hidden_is_shared() -> None:
    sys.modules.pop("colorsys", None)
    keep_own_modules()
    with own_imports():
        found = importlib.import_module("colorsys")
    assert sys.modules["colorsys"] is found


def test_a_script_that_empties_what_import_looks_into() -> None:
    keep_own_modules()
    before = dict(sys.modules)
    sys.modules.clear()
    sys.path.clear()
    sys.meta_path.clear()
    with own_imports():
        within, finders = dict(sys.modules), list(sys.meta_path)
    without = list(sys.modules)
    sys.modules.update(before)
    assert within == {name: module for name, module in before.items() if name != "__main__"}
    assert finders
    assert without == []
    assert (sys.path, sys.meta_path) == ([], [])


def test_without_a_script_nothing_is_kept(beside: Path) -> None:
    hide_own_modules(str(beside))
    with own_imports():
        assert importlib.import_module("json") is json
