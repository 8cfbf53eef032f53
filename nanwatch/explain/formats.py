"""The formats of the report and the modules that make them; a module is imported when asked for."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import cast

from nanwatch.explain.report import Report

# name -> module with ``render(report) -> str``
FORMATS = {
    "terminal": "nanwatch.explain.as_terminal",
    "json": "nanwatch.explain.as_json",
    "markdown": "nanwatch.explain.as_markdown",
    "html": "nanwatch.explain.as_html",
    "sarif": "nanwatch.explain.as_sarif",
    "junit": "nanwatch.explain.as_junit",
    "github": "nanwatch.explain.as_github",
}
# Those that another program reads, or a browser: nothing else may stand beside them in a stream.
DOCUMENTS = frozenset({"json", "html", "sarif", "junit"})


def renderer(name: str) -> Callable[[Report], str]:
    """The function that renders a report in the format ``name``."""
    return cast(Callable[[Report], str], importlib.import_module(FORMATS[name]).render)
