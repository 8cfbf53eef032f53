"""``python -m tests.backends [--jax PYTHON] [--torch PYTHON] [--programs NAME ...]``

Runs the programs beside this file under Keras on JAX and on PyTorch, bare and watched, in the Pythons that
are given, and prints a table of what came of it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.backends.trying import expected, programs, python_with, try_program

BACKENDS = ("jax", "torch")


def main(given: list[str]) -> int:
    """1 where something was wrong, 2 where no Python was found for either."""
    parser = argparse.ArgumentParser(prog="python -m tests.backends")
    for backend in BACKENDS:
        parser.add_argument(f"--{backend}", metavar="PYTHON", default=python_with(backend))
    parser.add_argument("--programs", nargs="+", choices=programs(), default=programs(), metavar="NAME")
    options = parser.parse_args(given)
    pythons = {backend: getattr(options, backend) for backend in BACKENDS if getattr(options, backend)}
    if not pythons:
        print("neither JAX nor PyTorch is here: give a Python that has it", file=sys.stderr)
        return 2
    print(f"| program | fault | {' | '.join(pythons)} |\n|---|---|{'---|' * len(pythons)}", flush=True)
    wrongs: list[str] = []
    for program in options.programs:
        marks = []
        for backend, python in pythons.items():
            with tempfile.TemporaryDirectory() as folder:
                found = try_program(program, backend, python, Path(folder)).wrongs()
            wrongs += [f"{program} on {backend}: {each}" for each in found]
            marks.append("**no**" if found else "yes")
        print(f"| {program} | {' '.join(expected(program))} | {' | '.join(marks)} |", flush=True)
    for line in wrongs:
        print(line, file=sys.stderr)
    return int(bool(wrongs))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
