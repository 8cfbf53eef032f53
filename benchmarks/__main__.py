"""``python -m benchmarks [PART]...``: what a user pays for being watched, in one table.

Each figure is a ratio of CPU time, or a difference, within one run: bare and watched take turns, with Keras's
TerminateOnNaN and the machine's own noise (bare against bare) beside them. All parts take about an hour on
two cores. ``--json FILE`` keeps the figures for ``python -m benchmarks.compare``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.parts import PAIRS, PARTS
from benchmarks.results import machine, write
from benchmarks.rows import Row, table


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all unless given")
    parser.add_argument("--pairs", type=int, default=PAIRS, help="interleaved pairs of each figure")
    parser.add_argument("--json", type=Path, help="where to write the figures too")
    given = parser.parse_args()
    if unknown := [name for name in given.parts if name not in PARTS]:
        parser.error(f"there is no part {unknown[0]}: {', '.join(PARTS)}")
    rows: list[Row] = []
    for name in given.parts or PARTS:
        for found in PARTS[name](given.pairs):
            print(f"{found.key}: {found.value:.3f}", file=sys.stderr, flush=True)
            rows.append(found)
            if given.json:
                write(given.json, rows)  # so that what was measured is there if the rest is cut short
    print(f"{machine()}\n\n{table(rows)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
