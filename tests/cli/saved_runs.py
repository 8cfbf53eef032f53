"""A run on disk, written as the watching half writes it, for the commands to read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nanwatch.record.run import Run
from nanwatch.record.series import SeriesShape
from nanwatch.record.sources import write_sources
from nanwatch.record.write import RunWriter
from tests.explain import made_up_reports
from tests.record.naive_series import packed


def save(run: Run, folder: Path) -> Path:
    """Write ``run`` to ``folder``."""
    folder.mkdir(parents=True)
    writer = RunWriter(folder)
    writer.save(run.info)
    pieces = [piece for found in run.sources.pieces.values() for piece in found]
    write_sources(folder, pieces)
    for fit in run.fits:
        for event in fit.events:
            writer.events.append(event)
        series = writer.series(fit.info.index, "steps", fit.steps.columns, SeriesShape())
        for _, row in fit.steps.rows:
            series.append(packed(*row))
        series.close()
    writer.close()
    return folder


def broken(project: Path, **info: Any) -> Path:
    """The script with a ReLU head, and its run below ``logs``."""
    run = made_up_reports.broken_run(made_up_reports.script(project), **info)
    return save(run, project / "logs" / "20250102T030405Z-train-7")


def healthy(project: Path) -> Path:
    return save(made_up_reports.healthy().run, project / "logs" / "20250102T030405Z-train-8")
