"""A process that writes a run is killed, and what it wrote is read."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from nanwatch.record.read import read_run
from tests.record.naive_series import row_of

WRITER = """
import sys
from pathlib import Path
from nanwatch.record.events import EpochEnd
from nanwatch.record.facts import FitInfo, ModelInfo, RunInfo
from nanwatch.record.series import SeriesShape
from nanwatch.record.write import RunWriter
from tests.record.naive_series import COLUMNS, packed, row_of
writer = RunWriter(Path(sys.argv[1]))
series = writer.series(0, "steps", COLUMNS, SeriesShape(8, 32, 0, 0, 8))
model = ModelInfo("model", "Sequential")
step = 0
while True:
    writer.save(RunInfo("/p/train.py", models=(model,), fits=(FitInfo(0, steps=step),)))
    if step == 0:
        print("ready", flush=True)
    for _ in range(50):
        series.append(packed(*row_of(step)))
        step += 1
    writer.events.append(EpochEnd(0, step // 50 - 1, {"loss": 0.5}))
"""


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.05, 0.1, 0.2])
def test_a_kill_at_any_instant_leaves_a_run(tmp_path: Path, seconds: float) -> None:
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    with writer:
        assert writer.stdout.readline() == b"ready\n"
        time.sleep(seconds)
        writer.kill()
    run = read_run(tmp_path)
    assert list(run.damage) == []
    fit = run.fits[0]
    assert len(fit.steps) >= fit.info.steps
    assert fit.steps.values("loss") == [(step, row_of(step)[1]) for step, _ in fit.steps.values("loss")]
    assert len(fit.epoch_logs()) in (len(fit.steps) // 50 - 1, len(fit.steps) // 50)
