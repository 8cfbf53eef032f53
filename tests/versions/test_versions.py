"""The table of pairs, and one old pair of Keras and TensorFlow that is tried in an environment of its own."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import pytest

from tests.versions.__main__ import head, row, try_all
from tests.versions.environments import ROOT, NoEnvironment, environment, requirements, variables
from tests.versions.pairs import PAIRS, Pair, oldest_for
from tests.versions.tried import PARTS
from tests.versions.trying import ALL, Tried, try_pair

PAGE = (ROOT / "docs" / "versions.md").read_text(encoding="utf-8")
NOWHERE = Pair("3.99.0", "2.99.0", (3, 13))


@pytest.mark.tensorflow
def test_an_old_pair(tmp_path: Path) -> None:
    """Every part of it, in one process; what the commands do there is for ``python -m tests.versions``."""
    found = try_pair(oldest_for(sys.version_info[:2]), tmp_path, tuple(PARTS))
    assert found.wrongs == {part: [] for part in PARTS}


@pytest.mark.parametrize(
    ("python", "name"), [((3, 11), "3.3/2.16"), ((3, 12), "3.3/2.16"), ((3, 13), "3.11/2.20")]
)
def test_the_old_pair_that_a_python_has(python: tuple[int, int], name: str) -> None:
    assert oldest_for(python).name == name


def test_an_environment_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")  # as without a network
    with pytest.raises(NoEnvironment) as failed:
        environment(NOWHERE, tmp_path)
    said = str(failed.value)
    assert said.startswith("No environment with Keras and TensorFlow 3.99/2.99 could be made for Python 3.")
    assert "nothing was tried in it. pip says:" in said
    assert "No matching distribution found for" in said


def test_what_an_environment_is_made_of() -> None:
    needed = requirements(Pair("3.3.3", "2.16.2", (3, 12)))
    assert next(each for each in needed if each.startswith("tensorflow")).endswith("==2.16.2")
    assert "keras==3.3.3" in needed
    assert any(each.startswith("click") for each in needed)


def test_another_keras_is_not_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KERAS_BACKEND", "TF_USE_LEGACY_KERAS", "PYTHONSTARTUP", "NANWATCH_DISABLE"):
        monkeypatch.setenv(name, "1")
    assert not {"KERAS_BACKEND", "TF_USE_LEGACY_KERAS", "PYTHONSTARTUP", "NANWATCH_DISABLE"} & set(
        variables()
    )


def test_the_table(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    versions = {"keras": "3.3.3", "tensorflow": "2.16.2", "python": "3.11.7"}
    found = {"3.3/2.16": Tried(versions, {"fit": [], "loop": ["it died"]})}

    def tried(pair: Pair, folder: Path, parts: object) -> Tried:
        if pair is NOWHERE:
            raise NoEnvironment("There is none.")
        return found[pair.name]

    monkeypatch.setattr("tests.versions.__main__.try_pair", tried)
    assert try_all([PAIRS[1]], ("fit", "loop", "XLA"), tmp_path) == 1
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "| Keras | TensorFlow | Python | fit | loop | XLA |",
        "|---|---|---|---|---|---|",
        "| 3.3.3 | 2.16.2 | 3.11.7 | yes | **no** |  |",
    ]
    assert said.err == "3.3/2.16: loop: it died\n"
    assert try_all([NOWHERE], ("fit",), tmp_path) == 2
    assert capsys.readouterr().err == "There is none.\n"


def test_the_page_shows_the_table() -> None:
    """Each pair has a row there, in which nothing was wrong; that of the newest is a later one's."""
    top, line = head(ALL)
    assert f"{top}\n{line}\n" in PAGE
    rows = PAGE.split(f"{line}\n")[1].split("\n\n")[0].splitlines()
    shown = [re.findall(r"[^|]+", each) for each in rows]
    assert [tuple(cell.strip() for cell in cells[:2]) for cells in shown[:-1]] == [
        (pair.keras, pair.tensorflow) for pair in PAIRS[:-1]
    ]
    assert all([cell.strip() for cell in cells[3:]] == ["yes"] * len(ALL) for cells in shown)
    assert row(Tried(dict(zip(("keras", "tensorflow", "python"), "abc", strict=True)), {}), ("fit",)) == (
        "| a | b | c |  |"
    )


def test_the_oldest_tensorflow_is_the_bound() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [each for group in project["optional-dependencies"].values() for each in group]
    bounds = [each for each in (*project["dependencies"], *extras) if each.startswith("tensorflow>=")]
    assert bounds
    assert set(bounds) == {"tensorflow>=2.16"}


def test_the_workflow_tries_them_all() -> None:
    workflow = (ROOT / ".github" / "workflows" / "versions.yml").read_text()
    assert {pair.name for pair in PAIRS} <= set(re.findall(r"\d\.\d+/\d\.\d+|newest", workflow))
