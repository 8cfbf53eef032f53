"""``python -m tests.checks``: every check of this project, one after the other.

With rooms, as in ``python -m tests.checks watch/incident cli/run``, of the tests those alone; with
``--fast`` none that trains. Other options go to pytest. All tests together run in several processes,
a file in one of them.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

TESTS = Path(__file__).parent
ROOT = TESTS.parent
OF_THE_SOURCE = (
    ("ruff", "check"),
    ("ruff", "format", "--check"),
    ("mypy",),
    ("lint-imports",),
)
FAST_TESTS = ("pytest", "-m", "not tensorflow")
OTHER_TESTS = ("pytest", "-m", "tensorflow")
PROCESSES = min(os.cpu_count() or 1, 3)  # each takes up to 4 GB: TensorFlow keeps the graphs of its tests
IN_PARALLEL = ("-n", str(PROCESSES), "--dist", "loadfile")
NOTHING_TO_TEST = 5  # as pytest says it: a room may have tests of one kind alone
Command = tuple[str, ...]


class NoSuchRoom(Exception):
    """A sentence that says where tests were looked for."""


def main(arguments: Sequence[str]) -> int:
    """The status of the first check that fails, or 0; 2 where there is no such room."""
    try:
        checks = checks_for(arguments)
    except NoSuchRoom as error:
        print(error, file=sys.stderr)
        return 2
    for check in checks:
        print(f"\n$ {shlex.join(check)}", flush=True)
        status = subprocess.run(command(check), cwd=ROOT).returncode
        if status and (check[0], status) != ("pytest", NOTHING_TO_TEST):
            print(f"\n{shlex.join(check)} ended with status {status}.", flush=True)
            return status
    return 0


def checks_for(arguments: Sequence[str]) -> list[Command]:
    """All of them, the quickest first; of the tests those of the rooms among ``arguments``."""
    options = [word for word in arguments if word.startswith("-") and word != "--fast"]
    rooms = [word for word in arguments if not word.startswith("-")]
    paths = dict.fromkeys(path for room in rooms for path in find_tests(room))
    tests = [FAST_TESTS] if "--fast" in arguments else [FAST_TESTS, OTHER_TESTS]
    parallel = () if paths else IN_PARALLEL  # of a few, less than a process takes to begin
    return [*OF_THE_SOURCE, *((*each, *parallel, *options, *paths) for each in tests)]


def find_tests(room: str) -> list[str]:
    """The folders and files with the tests of ``room``: a folder or module of ``nanwatch/``, or its name.

    Raises `NoSuchRoom`.
    """
    parts = Path(room).with_suffix("").parts
    if parts[:1] in (("nanwatch",), ("tests",)):
        parts = parts[1:]
    if not parts:
        return [TESTS.name]
    *above, name = parts
    places = [Path(*above, each) for each in (name, f"test_{name.removeprefix('test_')}.py")]
    found = [TESTS / place for place in places if (TESTS / place).exists()]
    found = found or sorted(path for place in places for path in TESTS.glob(f"**/{place}"))
    if not found and above and ROOT.joinpath("nanwatch", *parts).is_dir():
        return find_tests(str(Path(*above)))  # of a room within a room
    if not found:
        raise NoSuchRoom(f"There are no tests of {room}: {places[0]} and {places[1]} are nowhere in tests/.")
    return [str(path.relative_to(ROOT)) for path in found]


def command(check: Command) -> list[str]:
    """``check`` with the program of this Python's own environment, activated or not."""
    program, *arguments = check
    return [str(Path(sys.executable).with_name(program)), *arguments]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
