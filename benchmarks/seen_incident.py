"""``python seen_incident.py SCRIPT``: the seconds from SCRIPT's bad step to the end of ``nanwatch run``.

The step is seen by the line that it leaves in ``events.jsonl``, looked for every hundredth of a second.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

HALTED = 3


def main(script: str) -> int:
    command = [sys.executable, "-m", "nanwatch", "run", "--log-dir", "logs", script]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not seen():
        time.sleep(0.01)
    bad = time.perf_counter()
    status = process.wait()
    print(json.dumps({"seconds": time.perf_counter() - bad}))
    return 0 if status == HALTED else 1


def seen() -> bool:
    return any('"incident"' in events.read_text() for events in Path("logs").glob("*/events.jsonl"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
