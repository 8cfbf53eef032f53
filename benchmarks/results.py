"""The figures of a benchmark as JSON, with the machine they were measured on."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.rows import Row

FORMAT = 1


def machine() -> str:
    packages = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("tensorflow", "keras"))
    return f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}, {packages}"


def write(file: Path, rows: Sequence[Row]) -> None:
    text = json.dumps({"format": FORMAT, "machine": machine(), "rows": list(map(asdict, rows))}, indent=1)
    file.write_text(text + "\n", encoding="utf-8")


def read(file: Path) -> dict[str, Row]:
    """Key -> row. Raises SystemExit, with a sentence, where ``file`` holds no figures."""
    try:
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        rows = [Row(**{**row, "noise": row["noise"] and tuple(row["noise"])}) for row in found["rows"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SystemExit(
            f"{file} holds no figures of `python -m benchmarks --json {file}` ({error})."
        ) from error
    return {row.key: row for row in rows}
