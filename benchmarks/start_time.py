"""How long `nanwatch explain` takes to start, beside `python -c pass`: median and spread."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles

from nanwatch.diagnose import made_up
from nanwatch.record.write import RunWriter

ROUNDS = 15
LIMIT = 0.3  # seconds: what `explain` may take


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        run_folder = Path(folder, "logs", "20250101T000000Z-train-1")
        run_folder.mkdir(parents=True)
        writer = RunWriter(run_folder)
        writer.save(made_up.run(incident={"value": "nan"}).info)
        writer.close()
        nanwatch = [sys.executable, "-m", "nanwatch"]
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "nanwatch --help": [*nanwatch, "--help"],
            "nanwatch explain": [*nanwatch, "explain"],
            "nanwatch explain --format json": [*nanwatch, "explain", "--format", "json"],
            "nanwatch rule NW201": [*nanwatch, "rule", "NW201"],
        }
        print(f"{'seconds':<32}  median    25 %    75 %     min     max")
        times = {name: measured(command, folder) for name, command in commands.items()}
    for name, seconds in times.items():
        low, _, high = quantiles(seconds, n=4)
        shown = [median(seconds), low, high, min(seconds), max(seconds)]
        print(f"{name:<32}", *(f"{value:7.3f}" for value in shown))
    slow = median(times["nanwatch explain"])
    print(f"explain: {slow:.3f} s, {'within' if slow <= LIMIT else 'over'} the limit of {LIMIT} s")


def measured(command: list[str], folder: str) -> list[float]:
    """Wall seconds of each round, after one that warms the file cache."""
    # An installed package has its bytecode beside it; a checkout may be told to write none.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": f"{folder}/bytecode"}
    seconds = []
    for _ in range(ROUNDS + 1):
        start = time.perf_counter()
        subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - start)
    return seconds[1:]


if __name__ == "__main__":
    main()
