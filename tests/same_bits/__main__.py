"""``python -m tests.same_bits [--every N] [--result FILE] [WORD]...``: trainings bare and under watch.

With words, those whose architecture, optimizer or way contains one; with ``--every N`` each N-th of these.
"""

from __future__ import annotations

import itertools
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.reliability.result import Result, write_result

PROMISE = "A training ends with the same bits as under `python`"


def main(arguments: Sequence[str]) -> int:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    from tests.same_bits.architectures import ARCHITECTURES
    from tests.same_bits.comparing import compare
    from tests.same_bits.trainings import OPTIMIZERS, WAYS, Training

    words = list(arguments)
    every = 1
    result: Path | None = None
    if "--result" in words:
        place = words.index("--result")
        result = Path(words[place + 1])
        del words[place : place + 2]
    if "--every" in words:
        place = words.index("--every")
        every = int(words[place + 1])
        del words[place : place + 2]
    everything = itertools.starmap(Training, itertools.product(ARCHITECTURES, OPTIMIZERS, WAYS))
    names = ((each.architecture, each.optimizer, each.way) for each in everything)
    chosen = [Training(*name) for name in names if not words or set(words) & {*name}][::every]
    compared: Counter[str] = Counter()
    differing: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for training in chosen:
            apart, errors = compare(training, Path(folder))
            compared[training.way] += 1
            differing[training.way] += apart is not None
            if apart is not None or errors:
                told = [*([] if apart is None else [f"{apart:.2g} apart"]), *errors]
                print(f"{training.architecture} / {training.optimizer} / {training.way}: {', '.join(told)}")
            keras.backend.clear_session()
    for way, count in compared.items():
        print(f"{way:<28}{count:>6} compared{differing[way]:>6} differ", flush=True)
    tried = sum(compared.values())
    if result is not None:
        command = " ".join(
            ["python -m tests.same_bits", *(["--every", str(every)] if every > 1 else []), *words]
        )
        write_result(result, [Result(PROMISE, tried, tried - sum(differing.values()), command)])
    return 1 if sum(differing.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
