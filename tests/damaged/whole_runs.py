"""Whole run folders to be damaged: one of each kind, written as a run writes them, without TensorFlow."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from nanwatch.diagnose import made_up
from nanwatch.record.events import FitBegin, FitEnd, IncidentSeen, Warned
from nanwatch.record.facts import Cell, Location, ScriptError
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.notes import OwnError
from nanwatch.record.parts import UNSEEN_FILE
from nanwatch.record.run import Run
from nanwatch.record.series import STEP, Series, SeriesShape
from nanwatch.record.sources import write_sources
from nanwatch.record.trials import Trial, TrialOutcome, write_trials
from nanwatch.record.write import RunWriter
from tests.explain import made_up_reports
from tests.record.naive_series import packed

SHAPE = SeriesShape(head=16, recent=32, levels=3, level_rows=8, fan=4)
CHANGE = Intervention(InterventionKind.SET_ACTIVATION, "dense_1", "softmax")
LOWER = Intervention(InterventionKind.SET_LEARNING_RATE, "", 1e-4)
BAD = TrialOutcome(False, 0)
TRIALS = [
    Trial(CHANGE, "cured", BAD, TrialOutcome(True, 30, 0.69, 0.4), 30, made_again=True),
    Trial(LOWER, "not-cured", BAD, BAD, 30),
]


def write(folder: Path, run: Run) -> None:
    """All of ``run`` but its parts."""
    folder.mkdir()
    writer = RunWriter(folder)
    writer.save(run.info)
    for fit in run.fits:
        for event in fit.events:
            writer.events.append(event)
        write_series(writer, fit.info.index, "steps", fit.steps)
        write_series(writer, fit.info.index, "health", fit.health)
    writer.close()
    write_sources(folder, [piece for pieces in run.sources.pieces.values() for piece in pieces])
    write_trials(folder, run.trials)


def write_series(writer: RunWriter, fit: int, kind: str, series: Series) -> None:
    if not series.columns:
        return
    file = writer.series(fit, kind, series.columns, SHAPE)
    rows = [[*row] for _, row in series.rows]
    for number, row in enumerate(rows):
        file.append(packed(*row))
        for level in range(SHAPE.levels):
            size = SHAPE.fan ** (level + 1)
            if (number + 1) % size == 0:
                columns = [*zip(*rows[number + 1 - size : number + 1], strict=True)]
                mean = [math.fsum(column) / size for column in columns]
                file.put_bucket(level, number // size, packed(*mean, *map(min, columns), *map(max, columns)))
    file.close()


def broken(folder: Path) -> None:
    """Halted at a NaN, with an autopsy, trials and a script."""
    run = made_up_reports.broken_run(Location("/project/train.py", 7, made_up_reports.GUILTY))
    fit = run.fits[0]
    events = (FitBegin(0), *fit.events, Warned(0, "odd"), IncidentSeen(0, 40, "loss"), FitEnd(0, "halted"))
    health = Series.from_rows((STEP, "output|dense_1|row_std"), [[float(n), 0.5] for n in range(8)])
    fits = (replace(fit, events=events, health=health),)
    write(folder, replace(run, fits=fits, trials=TRIALS))


def long(folder: Path) -> None:
    """Finished, with so many steps that most of them are summed up."""
    run = made_up.run(
        loss=[0.7 - 0.001 * step for step in range(400)],
        steps={("gradient", "dense/kernel", "l2_norm"): [1.0 + 0.01 * step for step in range(400)]},
        epochs=[{"loss": 0.6, "accuracy": 0.7, "val_loss": 0.61}, {"loss": 0.3, "accuracy": 0.9}],
        inputs=[made_up.tensor("input", columns=())],
        targets=[made_up.labels(0, 1)],
        info={"started": "2025-01-02T03:04:05+00:00", "versions": {"keras": "3.15.0"}},
    )
    write(folder, run)


def of_a_notebook(folder: Path) -> None:
    """Crashed in a cell, with an error of nanwatch's own and nothing trained."""
    at = Location("<ipython-input-3-abc>", 2, "model.fit(x, y)", Cell(3, 1, ("x = 1", "model.fit(x, y)")))
    raised = ScriptError("ValueError", "Argument(s) not recognized: {'lr': 1}", at)
    info = replace(made_up.run().info, raised=raised, status="crashed", fits=(), models=())
    write(folder, Run(replace(info, errors=(OwnError("looking", "KeyError", "'x'"),))))


def with_parts(folder: Path) -> None:
    """With two child processes, and one that was not seen."""
    long(folder)
    broken(folder / "part-71")
    long(folder / "part-72")
    (folder / UNSEEN_FILE).write_text(
        '{"kind": "child-not-watched", "command": "python -S x.py", "option": "-S"}\n'
    )


def of_every_field(folder: Path) -> None:
    """Every field of the record has a value."""
    from tests.damaged.every_field import full_run

    write(folder, full_run())


WHOLE: dict[str, Callable[[Path], None]] = {
    "broken": broken,
    "long": long,
    "notebook": of_a_notebook,
    "parts": with_parts,
    "every field": of_every_field,
}
