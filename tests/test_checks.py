"""`python -m tests.checks ROOM`: which tests are a room's."""

from __future__ import annotations

import pytest

from tests.checks import ROOT, NoSuchRoom, find_tests, main, pytest_arguments


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
        ("check", ["tests/cli/test_check.py"]),
        ("diagnose/rules", ["tests/diagnose/test_rules.py"]),
        ("keras_seam", ["tests/watch/keras_seam"]),
        ("nanwatch", ["tests"]),
        ("tests/", ["tests"]),
    ],
)
def test_the_find_tests_a_room(room: str, found: list[str]) -> None:
    assert find_tests(room) == found


def test_every_room_of_the_source_has_tests() -> None:
    rooms = {path.parent for path in (ROOT / "nanwatch").rglob("*.py") if path.name != "__init__.py"}
    assert len(rooms) > 10
    for room in rooms:
        assert find_tests(str(room.relative_to(ROOT)))


def test_rooms_and_then_options() -> None:
    assert pytest_arguments(["diagnose", "cli/run", "-m", "not tensorflow", "-x"]) == [
        "tests/diagnose",
        "tests/cli/test_run.py",
        "-m",
        "not tensorflow",
        "-x",
    ]
    assert pytest_arguments(["-x"]) == ["-x"]
    assert pytest_arguments([]) == []


def test_a_room_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(NoSuchRoom):
        find_tests("watch/cellar")
    assert main(["watch/cellar"]) == 2
    assert capsys.readouterr().err == (
        "There are no tests of watch/cellar: watch/cellar and watch/test_cellar.py are nowhere in tests/.\n"
    )
