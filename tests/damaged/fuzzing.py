"""Many damaged folders, one after the other, and what came of them."""

from __future__ import annotations

import functools
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.damaged.mutations import damage, files_in
from tests.damaged.reading import in_a_process, tell
from tests.damaged.whole_runs import WHOLE

MORE = 0.25  # of the folders have a second damage, and of these as many a third


@dataclass
class Found:
    failures: list[str] = field(default_factory=list)
    sentences: int = 0
    reports: int = 0
    rules_failed: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, str] = (0.0, "")  # seconds of CPU, and of which folder
    largest: tuple[int, str] = (0, "")  # bytes

    def summary(self) -> str:
        """In a paragraph."""
        count = len(self.failures) + self.sentences + self.reports
        rules = ", ".join(f"{words} ({many})" for words, many in self.rules_failed.most_common(20))
        return (
            f"{count:,} damaged folders: {self.reports:,} reports, {self.sentences:,} sentences, "
            f"{len(self.failures)} failures; at most {self.slowest[0]:.1f} s of CPU ({self.slowest[1]}) and "
            f"{self.largest[0] / 2**20:.0f} MB ({self.largest[1]})."
            + (f"\nRules that failed: {rules}" if rules else "")
        )


def fuzz(count: int, seed: int, recorded: Sequence[Path] = ()) -> Found:
    """``count`` folders; each is known by the seed and its own number, and can be made again."""
    found = Found()
    with tempfile.TemporaryDirectory(prefix="nanwatch-damaged-") as name:
        whole = write_whole(Path(name), recorded)
        warm_up(whole)
        for number in range(count):
            try_one(Path(name) / "damaged", whole, f"{seed}/{number}", found)
    return found


def write_whole(folder: Path, recorded: Sequence[Path]) -> list[Path]:
    places = []
    for number, write in enumerate(WHOLE.values()):
        write(folder / f"whole-{number}")
        places.append(folder / f"whole-{number}")
    return [*places, *recorded]


def warm_up(whole: Sequence[Path]) -> None:
    """What the children would each import and build is there before they are forked off."""
    for place in whole:
        tell(place)


def try_one(place: Path, whole: Sequence[Path], seed: str, found: Found) -> None:
    rng = random.Random(seed)
    shutil.copytree(rng.choice(whole), place)
    told = [damage(rng, place)]
    while rng.random() < MORE and files_in(place):
        told.append(damage(rng, place))
    outcome = in_a_process(functools.partial(tell, place))
    shutil.rmtree(place)
    found.slowest = max(found.slowest, (outcome.seconds, seed))
    found.largest = max(found.largest, (outcome.memory, seed))
    if outcome.wrong is not None:
        found.failures.append(f"{seed}: {'; '.join(told)}\n{outcome.wrong}")
    elif outcome.said.startswith("rules failed: "):
        found.rules_failed[outcome.said[:200]] += 1
        found.reports += 1
    elif outcome.said:
        found.sentences += 1
    else:
        found.reports += 1
