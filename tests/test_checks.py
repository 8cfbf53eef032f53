"""`python -m tests.checks ROOM`: which tests are a room's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.checks import IN_PARALLEL, ROOT, NoSuchRoom, checks_for, find_tests, main


@pytest.mark.parametrize(
    ("room", "found"),
    [
        ("diagnose", ["tests/diagnose"]),
        ("watch/incident", ["tests/watch/incident"]),
        ("nanwatch/watch/incident/", ["tests/watch/incident"]),
        ("tests/watch/incident", ["tests/watch/incident"]),
        ("cli/run", ["tests/cli/test_run.py"]),
        ("nanwatch/cli/run.py", ["tests/cli/test_run.py"]),
        ("tests/cli/test_run.py", ["tests/cli/test_run.py"]),
        ("examples", ["tests/test_examples.py"]),
        ("check", ["tests/check"]),
        ("diagnose/rules", ["tests/diagnose/test_rules.py"]),
        ("keras_seam", ["tests/watch/keras_seam"]),
        ("foreign/reading", ["tests/foreign"]),
        ("nanwatch", ["tests"]),
        ("tests/", ["tests"]),
    ],
)
def test_the_tests_of_a_room(room: str, found: list[str]) -> None:
    assert find_tests(room) == found


def test_every_room_of_the_source_has_tests() -> None:
    rooms = {path.parent for path in (ROOT / "nanwatch").rglob("*.py") if path.name != "__init__.py"}
    assert len(rooms) > 10
    for room in rooms:
        assert find_tests(str(room.relative_to(ROOT)))


def test_rooms_and_options() -> None:
    *source, fast, other = checks_for(["diagnose", "-x", "cli/run", "diagnose"])
    assert [program for program, *_ in source] == ["ruff", "ruff", "mypy", "lint-imports"]
    paths = ("-x", "tests/diagnose", "tests/cli/test_run.py")
    assert (fast, other) == (
        ("pytest", "-m", "not tensorflow", *paths),
        ("pytest", "-m", "tensorflow", *paths),
    )
    assert checks_for(["--fast", "diagnose"])[-1] == ("pytest", "-m", "not tensorflow", "tests/diagnose")
    assert len(checks_for(["--fast"])) == len(checks_for([])) - 1


def test_all_tests_together_run_in_several_processes() -> None:
    *_, fast, other = checks_for(["-x"])
    assert fast == ("pytest", "-m", "not tensorflow", *IN_PARALLEL, "-x")
    assert other == ("pytest", "-m", "tensorflow", *IN_PARALLEL, "-x")


def test_a_room_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(NoSuchRoom):
        find_tests("watch/cellar")
    assert main(["watch/cellar"]) == 2
    assert capsys.readouterr().err == (
        "There are no tests of watch/cellar: watch/cellar and watch/test_cellar.py are nowhere in tests/.\n"
    )


MARKED = "import pytest\npytestmark = [pytest.mark.tensorflow]\n"
TEST = "import tensorflow\n\n\ndef test_it(): ...\n"
OF_ITS_OWN = """
import subprocess, sys

def test_it():
    subprocess.run([sys.executable, "-c", "import keras"], check=True)
"""


@pytest.mark.parametrize(
    ("text", "status"), [(MARKED + TEST, 5), (TEST, 2), (OF_ITS_OWN, 1), ("def test_it(): ...\n", 0)]
)
def test_the_fast_half_has_no_tensorflow(text: str, status: int, tmp_path: Path) -> None:
    """A file of marked tests is not imported; another that imports it fails, in a process of its own too."""
    (tmp_path / "test_one.py").write_text(text)
    fast = (sys.executable, "-m", "pytest", "-p", "tests.conftest", "-m", "not tensorflow")
    ran = subprocess.run([*fast, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ran.returncode == status, ran.stdout
    assert ("wants the marker `tensorflow`" in ran.stdout + ran.stderr) == (status in (1, 2))
