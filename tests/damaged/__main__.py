"""``python -m tests.damaged [--count N] [--seed N] [--runs FOLDER] [--result FILE]``: damaged folders, read.

``--runs``: recorded runs below this folder are damaged, too.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.damaged.fuzzing import fuzz
from tests.reliability.result import Result, write_result

PROMISE = (
    "A damaged run folder ends in a sentence or a report, within 5 s of CPU and 300 MB, never in a traceback"
)


def main(arguments: Sequence[str]) -> int:
    options = argparse.ArgumentParser(prog="python -m tests.damaged")
    options.add_argument("--count", type=int, default=12_000)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--runs", type=Path)
    options.add_argument("--result", type=Path)
    given = options.parse_args(arguments)
    recorded = sorted(path.parent for path in given.runs.glob("*/run.json")) if given.runs else []
    found = fuzz(given.count, given.seed, recorded)
    for failure in found.failures[:20]:
        print(f"\n{failure}")
    print(found.summary())
    if given.result:
        command = f"python -m tests.damaged --count {given.count} --seed {given.seed}"
        write_result(given.result, [Result(PROMISE, given.count, given.count - len(found.failures), command)])
    return 1 if found.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
