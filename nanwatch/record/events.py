"""``events.jsonl``: what happened, a line each; a torn last line is tolerated."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from nanwatch.record import strict_json

EventKind = Literal[
    "fit_begin",
    "fit_end",
    "epoch_begin",
    "epoch_end",
    "incident",
    "warning",
    "learning_rate",
    "save",
    "delete",
    "error",
    "exception",
]
LIMIT = 8 * 2**20  # bytes; a script that fits for ever must not fill the disk


class EventLog:
    """The writing side. Every line reaches the operating system at once."""

    def __init__(self, path: Path) -> None:
        self.file = open(path, "ab", buffering=0)  # noqa: SIM115 - closed by close()
        self.written = 0

    def append(self, kind: EventKind, /, **facts: Any) -> None:
        line = strict_json.dumps({"event": kind, **facts}).encode() + b"\n"
        # Past the limit only what decides a diagnosis is still written.
        if self.written + len(line) > LIMIT and kind not in ("incident", "fit_end", "exception"):
            return
        self.written += os.write(self.file.fileno(), line)

    def close(self) -> None:
        self.file.close()


def read_events(path: Path) -> Iterator[dict[str, Any]]:
    """The events in order; a line that is not whole JSON is passed over.

    Raises ``OSError`` when there is a file and it cannot be read.
    """
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        try:
            event = strict_json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and "event" in event:
            yield event
