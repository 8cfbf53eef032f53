"""The end of ``nanwatch live``: what happened, in ``explain``'s words, and where there is more."""

from __future__ import annotations

import shlex

from rich.text import Text

from nanwatch.explain.as_terminal import add_header, add_headline
from nanwatch.explain.page import Page
from nanwatch.explain.report import Report
from nanwatch.explain.untrusted import clean


def render_end(report: Report, width: int, color: bool, unicode: bool, is_gone: bool) -> str:
    """The report in short; ``is_gone``: its process is, and left no end in the record."""
    page = Page(width, color, unicode)
    add_header(page, report)
    add_headline(page, report)
    if is_gone:
        page.prose(f"Its process, {report.run.info.pid}, is gone, and left no end in the record.", indent=2)
    for found in report.diagnoses.diagnoses[:1]:
        page.gap()
        page.prose((f"{found.code} {found.name}", "bold"), f": {clean(found.message)}", indent=2)
    page.gap()
    page.prose("`nanwatch explain` shows everything:", indent=2)
    command = f"nanwatch explain {shlex.quote(clean(str(report.run.folder)))}"
    page.lines.append(Text(f"    {command}", "bold"))  # never folded, so that it can be copied
    return page.render()
