"""``python -m tests.programs [OPTION]... [NAME]...``: the programs under nanwatch, and what it said."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import sys
import tempfile
import time
from pathlib import Path
from typing import get_args

from nanwatch.watch.launch.keras_2 import check_keras_2, give_keras_2
from tests.programs.expected import FOLDER, expected_in, programs
from tests.programs.scoring import Mechanism, Score, score
from tests.reliability.result import Result, write_result

# What they do wrong is right there: `lr` is taken, a layer's tf.Variable is trained, and gradients that were
# never scaled are not divided.
NO_FAULT_IN_KERAS_2 = frozenset(
    {"rate_by_its_old_name", "weight_that_keras_does_not_know", "own_step_in_half_precision"}
)
NOT_IN_KERAS_2 = (
    r"(AttributeError|ImportError|ModuleNotFoundError): "
    r"|(TypeError|ValueError): .*([Kk]eyword argument|not recognized|not a valid argument)"
)
HEAD = f"{'program':<34}{'found':>6}{'first':>6}{'line':>6}{'seconds':>9}  said"


def main(given: list[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--prove", type=float, default=20.0, help="seconds that remedies may be tried")
    parser.add_argument("--keras", choices=("2", "3"), default="3", help="the Keras that they are given")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="of all programs every Nth")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="other programs, and their expected.json")
    parser.add_argument("--result", type=Path, help="where to leave how many were told of rightly")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args(given)
    names = options.names
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from tests.programs.running import report_on

    if options.keras == "2":
        check_keras_2()
        give_keras_2()
    named = [path for path in programs(options.folder) if not names or path.stem in names]
    chosen = named[:: options.every]
    elsewhere = 0  # programs that use names which Keras 2 has not
    scores: list[Score] = []
    contradicted = 0
    print(HEAD)
    with tempfile.TemporaryDirectory() as folder:
        for script in chosen:
            began = time.perf_counter()
            report = report_on(script, Path(folder), prove=options.prove)
            if options.keras == "2" and is_of_keras_3(report["raised"]):
                elsewhere += 1
                print(f"{script.stem:<34}  not in Keras 2: {report['raised']}"[:110], flush=True)
                continue
            if options.keras == "2" and script.stem in NO_FAULT_IN_KERAS_2:
                continue
            scores.append(score(expected_in(script), report))
            print(row(script.stem, scores[-1], time.perf_counter() - began), flush=True)
            for error in report["own_errors"]:
                print(f"    own error: {error}")
            for said in report["contradictions"]:
                print(f"    contradiction: {said}")
            contradicted += len(report["contradictions"])
    print(summary(scores) + (f" {elsewhere} are of Keras 3 alone." if elsewhere else ""))
    print(by_mechanism(scores))
    if options.result:
        write_result(
            options.result,
            results(scores, shlex.join(["python", "-m", "tests.programs", *without_result(given)])),
        )
    return 0 if all(one.right for one in scores) and not contradicted else 1


def without_result(given: list[str]) -> list[str]:
    """The arguments that say what was run, and not where to."""
    at = next((place for place, word in enumerate(given) if word.startswith("--result")), len(given))
    return given[:at] + given[at + (1 if "=" in "".join(given[at : at + 1]) else 2) :]


def results(scores: list[Score], command: str) -> list[Result]:
    faulty, healthy = ([one for one in scores if one.faulty is is_faulty] for is_faulty in (True, False))
    first, silent = sum(one.first for one in faulty), sum(not one.alarms for one in healthy)
    return [
        Result("Of a faulty program the cause is told first", len(faulty), first, command),
        Result("A healthy program gives no alarm", len(healthy), silent, command),
    ]


def is_of_keras_3(raised: str) -> bool:
    """Whether a script ended with an exception for want of a name, an argument or a kind of variable."""
    return re.match(NOT_IN_KERAS_2, raised, re.DOTALL) is not None


def row(name: str, found: Score, seconds: float) -> str:
    """One line of the table. A healthy program has nothing to find, so its marks stay empty."""
    marks = [mark(answer) if found.faulty else "" for answer in (found.detected, found.first, found.line)]
    wrong = "" if found.right else "  <-- "
    alarms = "false alarm: " + ", ".join(found.alarms) if found.alarms else ""
    cells = "".join(f"{cell:>6}" for cell in marks)
    return f"{name:<34}{cells}{seconds:>9.1f}  {found.said}{wrong}{alarms}"


def mark(answer: bool) -> str:
    return "yes" if answer else "NO"


def summary(scores: list[Score]) -> str:
    faulty = [one for one in scores if one.faulty]
    healthy = [one for one in scores if not one.faulty]
    return (
        f"{len(faulty)} faulty: {sum(one.detected for one in faulty)} found, "
        f"{sum(one.first for one in faulty)} with the cause first, "
        f"{sum(one.line for one in faulty)} on its line, "
        f"{sum(bool(one.alarms) for one in faulty)} with another cause beside it. "
        f"{len(healthy)} healthy: {sum(bool(one.alarms) for one in healthy)} with a false alarm."
    )


def by_mechanism(scores: list[Score]) -> str:
    """What put the cause first, and how many of them were proven."""
    right = [one for one in scores if one.faulty and one.first]
    counts = {name: [one for one in right if one.mechanism == name] for name in get_args(Mechanism)}
    words = [
        f"{len(ones)} by {name} ({sum(one.proven for one in ones)} proven)" for name, ones in counts.items()
    ]
    return f"The cause came first {', '.join(words)}."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
