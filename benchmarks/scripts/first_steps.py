"""A ``fit`` until its second step has been made: the tracing. Argument: a name of `benchmarks.cases`."""

from __future__ import annotations

import sys
import time

from benchmarks.cases import CASES, batches, compiled
from benchmarks.scripts.told import callbacks, tell


def main(name: str) -> None:
    case = CASES[name]
    model, data = compiled(case), batches(case)
    before = time.process_time()
    model.fit(data, steps_per_epoch=2, callbacks=callbacks(), verbose=0)
    tell(cpu=time.process_time() - before)


if __name__ == "__main__":
    main(sys.argv[1])
