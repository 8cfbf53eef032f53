"""What reading costs: ``explain`` of large records, and the way from a NaN to the verdict."""

from __future__ import annotations

import array
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean

from benchmarks.processes import ROOT, Usage, run
from benchmarks.rows import Row, row
from nanwatch.diagnose import made_up
from nanwatch.record.events import EpochEnd, FitBegin, FitEnd
from nanwatch.record.facts import ModelInfo, RunInfo
from nanwatch.record.series import STEP, SeriesFile, SeriesShape, column_name
from nanwatch.record.write import RunWriter

STEPS = 10**7
FITS, EPOCHS = 1000, 10
EXAMPLE = ROOT / "examples" / "vgg16_relu_head.py"


def explain(rounds: int) -> Iterator[Row]:
    """CPU and memory of ``nanwatch explain``, of records as large as they get."""
    records: dict[str, tuple[Callable[[Path], None], float]] = {
        "a run of 10^7 steps": (lambda folder: long_run(folder, made_up.model()), 0.3),
        "200 layers": (lambda folder: long_run(folder, deep(200)), 0.3),
        "2,000 layers": (lambda folder: long_run(folder, deep(2000)), 1.0),
        "1,000 fits of 10 epochs": (many_fits, 0.3),
    }
    for name, (make, limit) in records.items():
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder, "logs", "20250101T000000Z-train-1")
            place.mkdir(parents=True)
            make(place)
            took = [explained(folder) for _ in range(rounds + 1)][1:]
        yield row("explain", f"{name}, CPU", [each.cpu for each in took], limit, "s")
        yield row("explain", f"{name}, memory", [each.peak_mb for each in took], 100, "MB")


def explained(folder: str) -> Usage:
    # An installed package has its bytecode beside it; a checkout may be told to write none.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": f"{folder}/bytecode"}
    command = [sys.executable, "-m", "nanwatch", "explain"]
    said, usage, status = run(command, {**environment, "PYTHONPATH": str(ROOT)}, folder)
    if status not in (0, 3):
        raise SystemExit(f"nanwatch explain ended with {status}:\n{said[-2000:]}")
    return usage


def deep(layers: int) -> ModelInfo:
    return made_up.model(*(made_up.dense(f"dense_{number}", 8, "relu") for number in range(layers)))


def long_run(folder: Path, model: ModelInfo) -> None:
    """A record of `STEPS` healthy steps, whose series are as full as they can be."""
    made = made_up.run(model, fit={"steps": STEPS})
    writer = RunWriter(folder)
    writer.save(made.info)
    losses = [column_name("loss", "", "value")]
    gradients = [column_name("gradient", weight.path, "l2_norm") for weight in model.weights]
    layers = [column_name("activation", layer.path, "zero_fraction") for layer in model.layers]
    for kind, columns in (("steps", losses + gradients), ("health", layers)):
        fill(writer.series(0, kind, [STEP, *columns], SeriesShape()), len(columns))
    writer.close()


def fill(series: SeriesFile, columns: int) -> None:
    shape = series.shape
    for number in range(shape.head):
        series.append(as_bytes([number, *[0.5] * columns]))
    series.total = STEPS - shape.recent
    for number in range(series.total, STEPS):
        series.append(as_bytes([number, *[0.5] * columns]))
    for level in range(shape.levels):
        size = shape.fan ** (level + 1)
        for index in range(max(0, STEPS // size - shape.level_rows), STEPS // size):
            steps = (index * size, (index + 1) * size - 1)
            rows = [[step, *[0.5] * columns] for step in (fmean(steps), *steps)]
            series.put_bucket(level, index, as_bytes([cell for each in rows for cell in each]))
    series.close()


def as_bytes(cells: Sequence[float]) -> bytes:
    return array.array("d", cells).tobytes()


def many_fits(folder: Path) -> None:
    """A record of `FITS` fits of as many models, of `EPOCHS` epochs each."""
    made = made_up.run(made_up.model(*(made_up.dense(f"dense_{number}") for number in range(4))))
    models = tuple(replace(made.info.models[0], name=f"model_{number}") for number in range(FITS))
    fits = [replace(made.info.fits[0], index=n, model=n, epochs=EPOCHS) for n in range(FITS)]
    writer = RunWriter(folder)
    info: RunInfo = replace(made.info, models=models, fits=tuple(fits))
    writer.save(info)
    for fit in range(FITS):
        writer.events.append(FitBegin(fit))
        for epoch in range(EPOCHS):
            writer.events.append(EpochEnd(fit, epoch, {"loss": 1 / (epoch + 1)}, 10 * epoch + 9))
        writer.events.append(FitEnd(fit, "finished"))
    writer.close()


def verdict(rounds: int) -> Iterator[Row]:
    """From the bad step of the VGG16 example to the end of its report."""
    took = [after_incident() for _ in range(min(rounds, 3))]
    yield row("verdict", "NaN to verdict, VGG16 example, wall", took, 5.0, "s")


def after_incident() -> float:
    """Seconds from when the record of the incident was first on disk to the end of the process."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(Path(__file__).with_name("seen_incident.py")), str(EXAMPLE)]
        said, _, status = run(command, {**os.environ, "PYTHONPATH": str(ROOT)}, folder)
    if status != 0:
        raise SystemExit(f"{EXAMPLE.name} ended with {status}:\n{said[-2000:]}")
    return float(json.loads(said.splitlines()[-1])["seconds"])
