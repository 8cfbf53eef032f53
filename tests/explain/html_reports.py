"""Reports with the series that charts find hard."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from nanwatch.diagnose import made_up
from nanwatch.diagnose.diagnosis import Diagnoses
from nanwatch.explain.report import Report
from nanwatch.record.facts import SpreadEntry
from nanwatch.record.series import STEP, Series, column_name
from tests.explain import made_up_reports
from tests.explain.hostile_reports import hostile

DEEP = 94  # layers with weights, as an InceptionV3 has


def deep() -> Report:
    """Many layers, whose last gradients are infinite in the last step."""
    layers = [made_up.dense(f"block{n // 4}/conv{n}", 64, "relu", at=5 + n) for n in range(DEEP)]
    steps = 200
    norms = {
        ("gradient", path, "l2_norm"): [10 ** (-n / 30) * (2 + math.sin(s + n)) for s in range(steps - 1)]
        + [math.inf if n >= 50 else 1.0]
        for n, layer in enumerate(layers)
        for path in layer.weights
    }
    spread = tuple(
        SpreadEntry("gradient", layer.weights[0], 5, 10, n == 0) for n, layer in enumerate(layers[50:])
    )
    run = made_up.run(
        made_up.model(*layers, loss="categorical_crossentropy"),
        loss=[2.3 * 0.98**s for s in range(steps - 1)] + [math.nan],
        steps=norms,
        epochs=[{"loss": 2.0, "accuracy": 0.1 * n, "val_accuracy": 0.09 * n} for n in range(10)],
        targets=[made_up.labels(*range(10))],
        incident={"epoch": 9, "frozen": True, "spread": spread},
        fit={"steps_per_epoch": 20},
    )
    return Report(run, Diagnoses("non-finite"))


def long() -> Report:
    """A run so long that its middle is kept as means of eight steps, with their range."""
    columns = [STEP, column_name("loss", "", "value")]
    head = [[float(step), 2.0] for step in range(16)]
    recent = [[float(step), 1.0] for step in range(80, 96)]
    level = [(n, [8 * n + 3.5, 1.5, 8.0 * n, 1.25, 8.0 * n + 7, 4.0]) for n in range(2, 10)]
    run = made_up_reports.healthy(fit={"steps": 96}, epochs=[]).run
    series = Series(columns, head, recent, 96, [level])
    return Report(replace(run, fits=(replace(run.fits[0], steps=series),)), Diagnoses("not-learning"))


REPORTS: dict[str, Callable[[Path], Report]] = {
    "broken": made_up_reports.broken,
    "healthy": lambda _: made_up_reports.healthy(),
    "hostile": hostile,
    "one step": lambda _: made_up_reports.healthy(loss=[math.nan], epochs=[]),
    "one finite step": lambda _: made_up_reports.healthy(loss=[0.5], epochs=[{"loss": 0.7}]),
    "no step": lambda _: made_up_reports.healthy(loss=[], epochs=[], fit={"steps": 0}),
    "no finite step": lambda _: made_up_reports.healthy(loss=[math.inf, math.nan, -math.inf], epochs=[]),
    "ends of the floats": lambda _: made_up_reports.healthy(
        loss=[1e300, math.inf, 5e-324, 1.7e308, -1.7e308], epochs=[{"loss": math.inf, "mae": -0.0}]
    ),
    "tiny numbers": lambda _: made_up_reports.healthy(
        loss=[1e-40 * (3 + math.sin(step)) for step in range(40)],
        epochs=[{"mae": 0.00123}, {"mae": 0.001234}],
    ),
    "many decades": lambda _: made_up_reports.healthy(
        loss=[10.0 ** -(20 + step) for step in range(140)], epochs=[{"mae": 3.1e-3}, {"mae": 1.0}]
    ),
    "no training": lambda _: Report(
        replace(made_up_reports.healthy().run, fits=()), Diagnoses("no-training")
    ),
    "deep": lambda _: deep(),
    "long": lambda _: long(),
}
