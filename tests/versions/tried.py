"""What is tried on a pair, part by part, in a process of its environment.

``python -m tests.versions.tried PART...`` prints one line of JSON: the versions, and by part what was wrong.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
FOLDERS = (ROOT / "tests" / "programs", ROOT / "examples")
PROVE = 20.0  # seconds
Report = Mapping[str, Any]  # as ``explain --format json`` has it
Check = Callable[[Report], Iterator[str]]


def nothing_more(report: Report) -> Iterator[str]:
    yield from ()


def frozen(report: Report) -> Iterator[str]:
    """The step that went bad was held back: the weights of before it are there, and the guilty batch."""
    import numpy as np

    if report["run"]["status"] != "halted" or report["incident"] is None:
        yield f"not frozen: {report['run']['status']}"
        return
    with np.load(Path(report["run"]["folder"]) / "snapshot.npz") as held:
        weights = [held[name] for name in held.files if name.startswith("weights/")]
        if not weights or not all(np.isfinite(value).all() for value in weights):
            yield "the snapshot holds no finite weights"
        if not any(name.startswith("batch/") for name in held.files):
            yield "the snapshot holds no batch"


def with_op(report: Report) -> Iterator[str]:
    """The autopsy named the op, and its line in the script."""
    op = (report["incident"] or {}).get("op")
    if not op or not op["line"]:
        yield f"the autopsy found {op}"


def with_trial(report: Report) -> Iterator[str]:
    """A remedy was tried, and cured."""
    trials = [remedy["trial"] for found in report["diagnoses"] for remedy in found["remedies"]]
    if not any(trial and trial["verdict"] == "cured" for trial in trials):
        yield f"no remedy was seen to cure: {[trial and trial['verdict'] for trial in trials]}"


# By part: programs of tests/programs, or examples, and what must be so of each besides its verdict.
PARTS: Mapping[str, tuple[Sequence[str], float, Check]] = {
    "fit": (("single_softmax", "two_outputs"), 0.0, nothing_more),
    "train_step": (("own_train_step", "softmax_into_logits_in_own_step"), 0.0, nothing_more),
    "loop": (("tape_loop", "tape_rate_too_high", "loss_that_was_scaled"), 0.0, nothing_more),
    "XLA": (("one_based_jit",), 0.0, nothing_more),
    "freeze": (("nan_in_column",), 0.0, frozen),
    "autopsy": (("distance_without_epsilon", "log_of_empty_baskets"), 0.0, with_op),
    "trials": (("quickstart",), PROVE, with_trial),
}


def wrongs_of(part: str, folder: Path) -> Iterator[str]:
    """What was wrong, a sentence each."""
    from tests.programs.expected import expected_in
    from tests.programs.running import report_on
    from tests.programs.scoring import score

    programs, prove, check = PARTS[part]
    for name in programs:
        script = next(place / f"{name}.py" for place in FOLDERS if (place / f"{name}.py").exists())
        report = report_on(script, folder, prove=prove)
        found = score(expected_in(script), report)
        said = list(check(report))
        if not found.right:
            said.append(f"the verdict is {found.said}")
        said += [f"own error: {each}" for each in report["own_errors"]]
        said += [f"contradiction: {each}" for each in report["contradictions"]]
        said += [f"not watched: {each}" for each in report["cost"]["not_watched"]]
        yield from (f"{name}: {each}" for each in dict.fromkeys(said))


def main(parts: Sequence[str]) -> None:
    import keras
    import tensorflow as tf

    wrongs: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for part in parts:
            try:
                wrongs[part] = list(wrongs_of(part, Path(folder)))
            except Exception as error:  # one part is one part
                wrongs[part] = [f"{type(error).__name__}: {error}"]
    versions = {"keras": keras.__version__, "tensorflow": tf.__version__, "python": sys.version.split()[0]}
    print(json.dumps({"versions": versions, "wrongs": wrongs}))


if __name__ == "__main__":
    main(sys.argv[1:])
