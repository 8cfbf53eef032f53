"""``python -m tests.checks``: every check of this project, one after the other."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
CHECKS = (
    ("ruff", "check"),
    ("ruff", "format", "--check"),
    ("mypy",),
    ("lint-imports",),
    ("pytest",),
)


def main() -> int:
    """The status of the first check that fails, or 0."""
    for check in CHECKS:
        print(f"\n$ {shlex.join(check)}", flush=True)
        status = subprocess.run(command(check), cwd=ROOT).returncode
        if status:
            print(f"\n{shlex.join(check)} ended with status {status}.", flush=True)
            return status
    return 0


def command(check: tuple[str, ...]) -> list[str]:
    """``check`` with the program of this Python's own environment, activated or not."""
    program, *arguments = check
    return [str(Path(sys.executable).with_name(program)), *arguments]


if __name__ == "__main__":
    sys.exit(main())
