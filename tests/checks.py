"""``python -m tests.checks``: every check of this project, one after the other.

With rooms, as in ``python -m tests.checks watch/incident cli/run``, the tests of those alone, beside
the quick checks of everything; what begins with a dash goes to pytest (``-m "not tensorflow"``).
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

TESTS = Path(__file__).parent
ROOT = TESTS.parent
QUICK = (
    ("ruff", "check"),
    ("ruff", "format", "--check"),
    ("mypy",),
    ("lint-imports",),
)


class NoSuchRoom(Exception):
    """A sentence that says where tests were looked for."""


def main(arguments: Sequence[str]) -> int:
    """The status of the first check that fails, or 0; 2 where there is no such room."""
    try:
        checks = (*QUICK, ("pytest", *pytest_arguments(arguments)))
    except NoSuchRoom as error:
        print(error, file=sys.stderr)
        return 2
    for check in checks:
        print(f"\n$ {shlex.join(check)}", flush=True)
        status = subprocess.run(command(check), cwd=ROOT).returncode
        if status:
            print(f"\n{shlex.join(check)} ended with status {status}.", flush=True)
            return status
    return 0


def pytest_arguments(arguments: Sequence[str]) -> list[str]:
    """The tests of the rooms that come first, and as they are the options behind them."""
    options = next((place for place, word in enumerate(arguments) if word.startswith("-")), len(arguments))
    paths = [path for room in arguments[:options] for path in find_tests(room)]
    return [*dict.fromkeys(paths), *arguments[options:]]


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
    if not found:
        raise NoSuchRoom(f"There are no tests of {room}: {places[0]} and {places[1]} are nowhere in tests/.")
    return [str(path.relative_to(ROOT)) for path in found]


def command(check: tuple[str, ...]) -> list[str]:
    """``check`` with the program of this Python's own environment, activated or not."""
    program, *arguments = check
    return [str(Path(sys.executable).with_name(program)), *arguments]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
