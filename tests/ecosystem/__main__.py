"""``python -m tests.ecosystem [NAME]...``: each program, well and sick, under nanwatch, and what it said.

What a program needs beside nanwatch, its docstring says; ``pip install -e '.[test,ecosystem]'`` brings
all of it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from tests.ecosystem.outcomes import STATES, Outcome, chosen, missing, watch

WIDTH = 30
HEAD = f"{'program':<{WIDTH}}{'state':<6}{'status':>7}{'seconds':>9}  said"


def main(names: Sequence[str]) -> int:
    wrong = 0
    print(HEAD)
    for script in chosen(names):
        lacking = missing(script)
        if lacking:
            print(f"{script.stem:<{WIDTH}}{'':<6}{'':>16}  not tried: {lacking} is not installed", flush=True)
            continue
        for state in STATES:
            began = time.perf_counter()
            outcome = watch(script, state)
            wrong += not outcome.right
            print(row(outcome, time.perf_counter() - began), flush=True)
    return int(wrong > 0)


def row(outcome: Outcome, seconds: float) -> str:
    """A line of the table, and one for each error of nanwatch's own."""
    wrong = "" if outcome.right else "  <--"
    name, status = outcome.script.stem, outcome.status
    line = f"{name:<{WIDTH}}{outcome.state:<6}{status:>7}{seconds:>9.1f}  {outcome.score.said}{wrong}"
    return "\n".join([line, *(f"    own error: {error}" for error in outcome.errors)])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
