"""What the cells of a saved notebook printed, as lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from nanwatch.foreign.reading.terminal_text import BREAKS, plain


def is_notebook(text: str) -> bool:
    return text.lstrip().startswith("{") and '"nbformat"' in text and '"cells"' in text


def output_lines(text: str) -> Iterator[str]:
    """Line by line what stands under the cells of code; nothing where the notebook is none."""
    try:
        cells = json.loads(text)["cells"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return
    for cell in cells if isinstance(cells, list) else []:
        outputs = cell.get("outputs") if isinstance(cell, dict) else None
        for output in outputs if isinstance(outputs, list) else []:
            yield from filter(None, map(plain, BREAKS.split(printed(output))))


def printed(output: Any) -> str:
    if not isinstance(output, dict):
        return ""
    said = output.get("text")
    if isinstance(said, list):
        said = "".join(part for part in said if isinstance(part, str))
    return said if isinstance(said, str) else ""
