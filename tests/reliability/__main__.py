"""``python -m tests.reliability [--write]``: each promise, how often it was tried, and what came of it.

Printed is what the commands have left in docs/reliability/ by ``--result``; ``--write`` puts it into the
page.
The status is 1 where a promise was not kept.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tests.reliability.table import PAGE, RESULTS, results_in, table_of, with_table


def main(arguments: Sequence[str]) -> int:
    options = argparse.ArgumentParser(prog="python -m tests.reliability")
    options.add_argument("--write", action="store_true")
    given = options.parse_args(arguments)
    results = results_in(RESULTS)
    table = table_of(results)
    print(table, end="")
    if given.write:
        PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), table), encoding="utf-8")
    return int(any(each.kept < each.tried for found in results.values() for each in found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
