"""``python -m tests.versions [--pairs 3.3/2.16 newest] [--parts fit loop] [--folder ENVIRONMENTS]``

Creates an environment for each pair of Keras and TensorFlow, tries nanwatch in it, and prints the table that
docs/versions.md shows.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.versions.environments import NoEnvironment
from tests.versions.pairs import PAIRS, Pair
from tests.versions.trying import ALL, Tried, try_pair


def main(given: list[str]) -> int:
    """1 where something was wrong, 2 where an environment could not be made."""
    parser = argparse.ArgumentParser(prog="python -m tests.versions")
    parser.add_argument(
        "--pairs", nargs="+", choices=[pair.name for pair in PAIRS], metavar="KERAS/TENSORFLOW"
    )
    parser.add_argument("--parts", nargs="+", choices=ALL, default=ALL, metavar="PART")
    parser.add_argument(
        "--folder", type=Path, help="where environments are kept, and taken if they are there"
    )
    options = parser.parse_args(given)
    chosen = [pair for pair in PAIRS if not options.pairs or pair.name in options.pairs]
    with tempfile.TemporaryDirectory() as own:
        return try_all(chosen, options.parts, options.folder or Path(own))


def try_all(pairs: Sequence[Pair], parts: Sequence[str], folder: Path) -> int:
    wrongs: list[str] = []
    failed: list[str] = []
    for line in head(parts):
        print(line, flush=True)
    for pair in pairs:
        try:
            found = try_pair(pair, folder, parts)
        except NoEnvironment as error:
            failed.append(str(error))
            continue
        print(row(found, parts), flush=True)
        wrongs += [f"{pair.name}: {part}: {each}" for part in found.wrongs for each in found.wrongs[part]]
    for line in (*wrongs, *failed):
        print(line, file=sys.stderr)
    return 2 if failed else int(bool(wrongs))


def head(parts: Sequence[str]) -> tuple[str, str]:
    names = ("Keras", "TensorFlow", "Python", *parts)
    return f"| {' | '.join(names)} |", "|---" * len(names) + "|"


def row(found: Tried, parts: Sequence[str]) -> str:
    marks = ["" if part not in found.wrongs else "**no**" if found.wrongs[part] else "yes" for part in parts]
    versions = (found.versions[name] for name in ("keras", "tensorflow", "python"))
    return f"| {' | '.join((*versions, *marks))} |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
