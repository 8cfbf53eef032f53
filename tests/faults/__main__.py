"""``python -m tests.faults``: a fault in every op that nanwatch adds, one by one, in every kind of step."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from pathlib import Path

import tensorflow as tf

from tests.faults.trainings import KINDS, with_fault
from tests.reliability.result import Result, write_result

PROMISE = "A fault in an op of nanwatch's own reaches no script, and changes no training"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("kinds", nargs="*", default=list(KINDS), help="of trainings; all without any")
    parser.add_argument("--every", type=int, default=1, help="try one op of so many")
    parser.add_argument("--op", help="of this name alone")
    parser.add_argument("--result", type=Path, help="where to leave how many were tried")
    given = parser.parse_args()
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    counts = [try_kind(kind, given.every, given.op) for kind in given.kinds]
    tried, bad = sum(tried for tried, _ in counts), sum(bad for _, bad in counts)
    print(f"{bad} faults reached the script, or changed it")
    if given.result:
        command = " ".join(
            ["python -m tests.faults", *([f"--every {given.every}"] if given.every > 1 else [])]
        )
        write_result(given.result, [Result(PROMISE, tried, tried - bad, command)])
    return 1 if bad else 0


def try_kind(kind: str, every: int, only: str | None) -> tuple[int, int]:
    """How many faults were tried, and how many did."""
    with tempfile.TemporaryDirectory() as folder:
        clean = with_fault(kind, "", Path(folder, "clean"))
        names = [only] if only else list(clean.fault.names)[::every]
        said = clean.differs or clean.errors or "as bare"
        print(f"{kind}: {len(clean.fault.names)} ops; without a fault: {said}", flush=True)
        failed, bad, began = 0, 0, time.monotonic()
        for number, name in enumerate(names):
            try:
                found = with_fault(kind, name, Path(folder, str(number)))
            except Exception as error:
                bad += 1
                print(f"  {name}: REACHED THE SCRIPT: {type(error).__name__}: {str(error)[:300]}", flush=True)
                if only:
                    traceback.print_exc()
                continue
            failed += found.fault.has_failed
            if not found.is_fine:
                bad += 1
                print(f"  {name}: {found.differs[:4]} {found.errors}", flush=True)
        seconds = time.monotonic() - began
        print(f"{kind}: {len(names)} faults, {failed} came up, {bad} did harm; {seconds:.0f} s", flush=True)
    return len(names), bad


if __name__ == "__main__":
    sys.exit(main())
