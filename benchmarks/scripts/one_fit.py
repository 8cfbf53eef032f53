"""One ``fit`` of a model for so many steps. Arguments: a name of `benchmarks.cases`, steps."""

from __future__ import annotations

import sys
import time

from benchmarks.cases import CASES, batches, compiled
from benchmarks.scripts.told import callbacks, tell


def main(name: str, steps: int) -> None:
    case = CASES[name]
    model = compiled(case)
    before = time.perf_counter()
    model.fit(batches(case), steps_per_epoch=steps, epochs=2, callbacks=callbacks(), verbose=0)
    tell(wall=time.perf_counter() - before)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
