"""What watching costs: the same model trained bare and watched, in turns. ``python -m benchmarks.overhead``.

Time: a process holds a bare fit of the model, and one for every other way of training; they take
turns of some steps each, and every turn is compared with the bare turn of the same round.
TensorFlow's own switches get a process each, with a bare fit of its own: they make graphs of
gigabytes. Memory: every way of training in a process of its own. ``NANWATCH_KERAS=2``: on Keras 2.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.cases import CASES
from benchmarks.variants import BARE, SWITCHES, VARIANTS

MEMORY_STEPS = 40  # past the tracing and nanwatch's first looks


@dataclass(frozen=True)
class Cost:
    """CPU time a step in milliseconds, and its ratio to the bare turn of the same round."""

    variant: str
    cpu_ms: float
    ratio: float
    ratio_min: float
    ratio_max: float
    wall_ratio: float
    pairs: int
    error: str | None = None


def main() -> None:
    given = arguments()
    table: dict[str, Any] = {}
    for name in given.models:
        costs = times(name, given)
        peaks = {} if given.no_memory else {variant: peak(name, variant) for variant in given.variants}
        table[name] = {"time": [asdict(cost) for cost in costs], "peak_mb": peaks}
        if not given.json:
            print("\n".join(lines(name, costs, peaks)), flush=True)
    if given.json:
        print(json.dumps(table, indent=2))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overhead", description=__doc__)
    parser.add_argument("--models", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--rounds", type=int, default=15, help="Turns of each variant.")
    parser.add_argument("--steps", type=int, help="Steps a turn; otherwise each model has its own number.")
    parser.add_argument("--no-memory", action="store_true", help="Measure the time alone.")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    given.variants = [BARE, *(variant for variant in given.variants if variant != BARE)]
    return given


def times(name: str, given: argparse.Namespace) -> list[Cost]:
    """The bare fit first, then each variant against the bare fit of its own process."""
    steps = given.steps or CASES[name].steps
    costs: dict[str, Cost] = {}
    for group in apart(given.variants):
        measured = one_model(name, group, given.rounds, steps)
        for variant in group:
            costs.setdefault(variant, cost_of(variant, measured[variant], measured[BARE]))
    return [costs[variant] for variant in given.variants]


def apart(variants: list[str]) -> list[list[str]]:
    """The processes: what is light together, each of TensorFlow's switches alone with a bare fit."""
    light = [variant for variant in variants if variant not in SWITCHES]
    switches = [[BARE, variant] for variant in variants if variant in SWITCHES]
    return ([light] if len(light) > 1 or not switches else []) + switches


def cost_of(variant: str, own: dict[str, Any], bare: dict[str, Any]) -> Cost:
    """Turn by turn against the bare turn of the same round."""
    if not own["cpu"]:
        return Cost(variant, 0.0, 0.0, 0.0, 0.0, 0.0, 0, own["error"] or "no turn was measured")
    ratios = [mine / theirs for mine, theirs in zip(own["cpu"], bare["cpu"], strict=False)]
    walls = [mine / theirs for mine, theirs in zip(own["wall"], bare["wall"], strict=False)]
    return Cost(
        variant,
        1000 * statistics.median(own["cpu"]),
        statistics.median(ratios),
        min(ratios),
        max(ratios),
        statistics.median(walls),
        len(ratios),
        own["error"],
    )


def segments(name: str, variants: tuple[str, ...], rounds: int) -> list[list[float]]:
    """CPU seconds a step of each of ``variants``, a number a turn."""
    measured = one_model(name, list(variants), rounds, CASES[name].steps)
    return [measured[variant]["cpu"] for variant in variants]


def peak(name: str, variant: str) -> float:
    found = one_model(name, [variant], 1, MEMORY_STEPS, "--memory")
    return float(found["peak_mb"])


def one_model(name: str, variants: list[str], rounds: int, steps: int, *more: str) -> dict[str, Any]:
    """What `benchmarks.one_model` measures in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.one_model", name, *more]
    command += ["--rounds", str(rounds), "--steps", str(steps), "--variants", *variants]
    ended = subprocess.run(command, capture_output=True, text=True)
    if ended.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {ended.returncode}:\n{ended.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return found


def lines(name: str, costs: list[Cost], peaks: dict[str, float]) -> list[str]:
    rows = [
        f"{name:<16}{'CPU ms/step':>12}{'ratio':>8}{'min':>8}{'max':>8}{'wall':>8}{'pairs':>7}{'peak MB':>9}"
    ]
    for cost in costs:
        memory = f"{peaks[cost.variant]:>9.0f}" if cost.variant in peaks else ""
        numbers = f"{cost.cpu_ms:>12.2f}{cost.ratio:>8.2f}{cost.ratio_min:>8.2f}{cost.ratio_max:>8.2f}"
        rows.append(f"  {cost.variant:<14}{numbers}{cost.wall_ratio:>8.2f}{cost.pairs:>7}{memory}")
        if cost.error:
            rows.append(f"    {cost.error}")
    return [*rows, ""]


if __name__ == "__main__":
    main()
