"""A process that writes runs without a training, by the recorder itself, is killed: many times a second."""

from __future__ import annotations

import os
import random
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from nanwatch.record.events import EpochBegin, EpochEnd, FitBegin
from nanwatch.record.facts import FitInfo, IncidentInfo, ModelInfo
from nanwatch.record.notes import LookedInto
from nanwatch.record.read import find_run, read_run
from nanwatch.watch.recording.run_recorder import RunRecorder
from nanwatch.watch.recording.series_writer import open_series

LONGEST_LIFE = 0.15  # seconds
STEPS, LOOK = 24, 8  # steps of a fit; of which the last before an incident
FITS_BEFORE = 3  # healthy ones
STEP, INCIDENT, FIT = b"s", b"i", b"f"  # what the process tells of itself, a byte each


def write_for_ever(logs: Path, told: int) -> None:
    """What a script's trainings have written, as fast as can be; each step is told when it is recorded."""
    recorder = RunRecorder(logs, "train.py", ("train.py",))
    for number in range(10**6):
        info = FitInfo(0, seconds=1.0)
        fit = recorder.add_fit(ModelInfo(f"m_{number // 5}", "Sequential"), info, lambda info=info: info)  # type: ignore[misc]
        series = open_series(recorder.writer, fit, "steps", ["loss||value", "time||value"])
        recorder.add_event(FitBegin(fit))
        recorder.save()
        os.write(told, FIT)
        for step in range(STEPS):
            series.add_all(np.array([[float(step), 0.5, step * 0.1]]))
            os.write(told, STEP)
            if step % LOOK == LOOK - 1:
                recorder.add_event(EpochBegin(fit, step // LOOK))
                recorder.add_event(EpochEnd(fit, step // LOOK, {"loss": 0.5}, step + 1))
        if number == FITS_BEFORE:
            found = IncidentInfo(fit, STEPS, 2, "loss", notes=(LookedInto(),))
            recorder.add_incident(found)
            os.write(told, INCIDENT)
            recorder.add_incident(replace(found, notes=(), bad_rows=(1,)))
        series.close()
        recorder.end_fit(fit, replace(info, status="finished", steps=STEPS, epochs=STEPS // LOOK))


def kill_writer(logs: Path, chance: random.Random) -> str | None:
    """What was not kept of the promise; None where all was."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        try:
            write_for_ever(logs, writing)
        finally:
            os._exit(1)
    os.close(writing)
    told = os.read(reading, 1)  # its first fit is written
    time.sleep(chance.uniform(0, LONGEST_LIFE))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as file:
        told += file.read()
    if not os.WIFSIGNALED(status):
        return f"the writer ended by itself, with {os.waitstatus_to_exitcode(status)}"
    return wrong_with(logs, told)


def wrong_with(logs: Path, told: bytes) -> str | None:
    try:
        run = read_run(find_run(logs))
    except Exception as error:
        return f"unreadable: {type(error).__name__}: {error}"
    if run.damage:
        return f"damaged: {'; '.join(run.damage)}"
    if len(run.fits) < told.count(FIT):
        return f"{told.count(FIT)} fits were begun, and {len(run.fits)} are there"
    if INCIDENT in told and run.info.incident is None:
        return "the incident is lost"
    recorded = sum(fit.info.steps for fit in run.fits)
    if recorded < told.count(STEP):
        return f"{told.count(STEP)} steps were recorded, and {recorded} are there"
    return None
