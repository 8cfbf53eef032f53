"""Several fits in one process that take turns: A B C A B C..., each in a thread of its own.

Only the fit that holds the baton trains, so the CPU time of the process between taking it and
handing it on is that fit's. Drift of the machine falls on all alike.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras

from benchmarks.cases import Case, batches, compiled
from benchmarks.variants import callbacks_of

WARM_UP = 24  # steps before the first segment: tracing, and nanwatch's looks at the first steps


class Baton:
    """Who may train. ``alive`` are those who have not left."""

    def __init__(self, runners: int) -> None:
        self.alive = list(range(runners))
        self.holder = 0
        self.changed = threading.Condition()

    def wait_for(self, runner: int) -> None:
        with self.changed:
            self.changed.wait_for(lambda: self.holder == runner)

    def hand_on(self, runner: int, *, leaving: bool = False) -> None:
        """To the next of those alive, in a circle."""
        with self.changed:
            later = [other for other in self.alive if other > runner]
            self.holder = (later or self.alive)[0]
            if leaving:
                self.alive.remove(runner)
            self.changed.notify_all()


@dataclass
class Segments:
    """CPU and wall seconds a step, one entry a segment."""

    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    error: str | None = None


class Turn(keras.callbacks.Callback):  # type: ignore[misc]
    """Measures segments of ``steps`` steps, and lets the others train between them."""

    def __init__(self, runner: int, baton: Baton, steps: int, found: Segments) -> None:
        super().__init__()
        self.runner, self.baton, self.steps, self.found = runner, baton, steps, found
        self.left = WARM_UP
        self.cpu = self.wall = 0.0
        self.warm = False

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.left -= 1
        if self.left:
            return
        if self.warm:
            self.found.cpu.append((time.process_time() - self.cpu) / self.steps)
            self.found.wall.append((time.perf_counter() - self.wall) / self.steps)
        self.baton.hand_on(self.runner)
        self.baton.wait_for(self.runner)
        self.left, self.warm = self.steps, True
        self.cpu, self.wall = time.process_time(), time.perf_counter()


def train(turn: Turn, variant: str, case: Case, rounds: int, folder: Path) -> None:
    """One fit: the warm-up, then ``rounds`` segments. An error is kept, and the others go on."""
    turn.baton.wait_for(turn.runner)
    try:
        model = compiled(case)
        with callbacks_of(variant, folder) as callbacks:
            model.fit(
                batches(case),
                steps_per_epoch=WARM_UP + rounds * turn.steps,
                callbacks=[*callbacks, turn],
                verbose=0,
            )
    except Exception as error:
        turn.found.error = f"{type(error).__name__}: {error}"
    finally:
        turn.baton.hand_on(turn.runner, leaving=True)


def in_turns(variants: Sequence[str], case: Case, rounds: int, steps: int, folder: Path) -> list[Segments]:
    """The segments of each of ``variants``, trained side by side."""
    baton = Baton(len(variants))
    turns = [Turn(runner, baton, steps, Segments()) for runner in range(len(variants))]
    threads = [
        threading.Thread(target=train, args=(turn, variant, case, rounds, folder / variant), name=variant)
        for turn, variant in zip(turns, variants, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [turn.found for turn in turns]
