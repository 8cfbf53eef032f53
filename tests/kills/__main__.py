"""``python -m tests.kills``: trainings are killed at random instants, and their records read."""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from tests.kills.real import STAGES, Outcome, kill_once
from tests.kills.writer import kill_writer


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="kills (default 1000)")
    parser.add_argument("--seed", type=int, default=0, help="of the instants (default 0)")
    parser.add_argument("--stage", choices=STAGES, help="in this stage alone")
    parser.add_argument("--writer", action="store_true", help="of a process that only writes: quick")
    given = parser.parse_args()
    chance = random.Random(given.seed)
    place = Path(tempfile.mkdtemp(prefix="kills-"))
    try:
        if given.writer:
            return tell_of_writers(place, chance, given.count)
        return tell_of_trainings(place, chance, given.count, [given.stage] if given.stage else list(STAGES))
    finally:
        shutil.rmtree(place, ignore_errors=True)


def tell_of_writers(place: Path, chance: random.Random, count: int) -> int:
    wrong = []
    for number in range(count):
        said = kill_writer(place / str(number), chance)
        shutil.rmtree(place / str(number), ignore_errors=True)
        if said is not None:
            wrong.append(said)
            print(f"kill {number}: {said}", flush=True)
    print(f"{count} kills of a writer: {len(wrong)} records did not keep their promise")
    return int(bool(wrong))


def tell_of_trainings(place: Path, chance: random.Random, count: int, stages: list[str]) -> int:
    found: dict[str, list[Outcome]] = defaultdict(list)
    try:
        for number in range(count):
            outcome = kill_once(stages[number % len(stages)], place / str(number), chance)
            shutil.rmtree(place / str(number), ignore_errors=True)
            found[outcome.stage].append(outcome)
            if outcome.wrong is not None:
                print(f"kill {number}, in {outcome.stage}: {outcome.wrong}", flush=True)
    except KeyboardInterrupt:
        print("ended before the last")
    for stage, outcomes in found.items():
        killed = [outcome for outcome in outcomes if outcome.killed]
        lost = max((outcome.lost for outcome in killed), default=0.0)
        wrong = sum(outcome.wrong is not None for outcome in outcomes)
        print(f"{stage:12} {len(killed):5} killed, {wrong} wrong, at most {lost:.2f} s of steps lost")
    everything = [outcome for outcomes in found.values() for outcome in outcomes]
    wrong = sum(outcome.wrong is not None for outcome in everything)
    print(
        f"{sum(outcome.killed for outcome in everything)} kills: {wrong} records did not keep their promise"
    )
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
