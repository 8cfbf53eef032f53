"""One model in a process of its own: ``python -m benchmarks.one_model``, started by `overhead`."""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.cases import CASES, batches, compiled
from benchmarks.variants import VARIANTS, callbacks_of
from nanwatch.watch.launch.keras_2 import give_keras_2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", choices=CASES)
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, required=True)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--memory", action="store_true", help="Peak memory of the first variant, alone.")
    given = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if os.environ.get("NANWATCH_KERAS") == "2":
        give_keras_2()
    with tempfile.TemporaryDirectory() as folder:
        measured = peak_memory(given, Path(folder)) if given.memory else seconds(given, Path(folder))
    print(json.dumps(measured))


def seconds(given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Variant -> seconds a step, segment by segment."""
    from benchmarks.turns import in_turns

    found = in_turns(given.variants, CASES[given.model], given.rounds, given.steps, folder)
    return {variant: asdict(segments) for variant, segments in zip(given.variants, found, strict=True)}


def peak_memory(given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """The largest resident set of a process that trains one variant, in MB."""
    case = CASES[given.model]
    model = compiled(case)
    with callbacks_of(given.variants[0], folder) as callbacks:
        model.fit(batches(case), steps_per_epoch=given.steps, callbacks=callbacks, verbose=0)
    return {"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


if __name__ == "__main__":
    main()
