"""What one fit leaves behind: its tables, its series, the data it saw."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from nanwatch.record.facts import DataInfo, FitInfo, Status, TensorSummary
from nanwatch.record.series import column_name
from nanwatch.record.watchpoints import Role
from nanwatch.record.write import RunWriter
from nanwatch.watch.data.label_counts import LabelCounts
from nanwatch.watch.data.profile import Profile
from nanwatch.watch.keras_seam.keras_types import Array
from nanwatch.watch.recording.series_writer import SeriesWriter, open_series
from nanwatch.watch.train_step import inspection
from nanwatch.watch.train_step.row_layout import LOSS, Layout

LAST_LOSSES = 20  # of which the mean is taken: one batch's loss is noisy
HEALTH_FIELDS = {"output": inspection.OUTPUT_STATS, "activation": inspection.ACTIVATION_STATS}


@dataclass
class FitRecorder:
    """The record of one fit while it is being made."""

    info: FitInfo
    writer: RunWriter
    whole: DataInfo | None = None  # of the arrays given to fit, where they were read in full
    profiles: dict[tuple[str, str], Profile] = field(default_factory=dict)
    label_counts: LabelCounts | None = None  # of the labels that come batch by batch, while the fit runs
    steps: SeriesWriter | None = None
    health: SeriesWriter | None = None
    health_order: list[tuple[str, str]] = field(default_factory=list)
    samples: dict[str, Array] = field(default_factory=dict)  # of weights, at the last look
    last_look: int = -1
    epoch: int = 0
    started: float = field(default_factory=time.perf_counter)
    first_rows_at: float = 0.0
    seconds_watching: float = 0.0
    last_row_time: float = 0.0
    looked_at: tuple[int, float] | None = None  # step and time of the last look
    quickest: float = math.inf  # seconds a step took between two looks, at best
    first_norm: float | None = None  # of the gradients of the first step, all together
    losses: tuple[float, float] | None = None  # of the first step, and the mean of the rows drained last

    def add_rows(self, first: int, rows: npt.NDArray[np.float64], layout: Layout) -> None:
        """Append drained rows of the ring, shape (steps, layout.width), the first of step ``first``."""
        if not len(rows):
            return
        now = time.perf_counter() - self.started
        norms = [place for (_, _, stat), place in layout.place.items() if stat == "l2_norm"]
        with np.errstate(all="ignore"):
            rows[:, norms] = np.sqrt(2.0 * rows[:, norms])
            times = np.linspace(self.last_row_time, now, len(rows) + 1)[1:]
            steps = np.arange(first, first + len(rows), dtype=np.float64)
            epochs = np.full(len(rows), float(self.epoch))
        self.last_row_time = now
        seen = rows[:, layout.place[LOSS]] if LOSS in layout.place else rows[:, :0]
        if seen.size:
            began = float(seen[0]) if self.losses is None else self.losses[0]
            self.losses = began, float(seen[-LAST_LOSSES:].mean())
        if self.first_norm is None and first == 0:
            gradients = [place for (role, _, _), place in layout.place.items() if role == "gradient"]
            self.first_norm = float(np.sqrt(np.square(rows[0, gradients]).sum()))
        self.info = replace(self.info, steps=first + len(rows))
        self.write_rows(np.column_stack([steps, epochs, times, rows]), layout)

    def write_rows(self, rows: npt.NDArray[np.float64], layout: Layout) -> None:
        """Last of all: a disk may be full, and of the rows the counts are kept then."""
        if self.steps is None:
            names = [column_name("epoch", "", "value"), column_name("time", "", "value")]
            names += [column_name(*key) for key in layout.columns()]
            self.steps = open_series(self.writer, self.info.index, "steps", names)
        with np.errstate(all="ignore"):
            self.steps.add_all(rows)

    def add_inspection(self, seen: inspection.Inspection) -> None:
        """Count the batch of a routine look, and append a row of health."""
        for (role, key), array in seen.batch.items():
            self.count_tensor(role, key, array)
        for role, path, array in seen.tensors:
            if role == "output":
                self.count_tensor(role, path, array)
        self.add_health(seen)
        self.samples, self.last_look = seen.samples, seen.step

    def count_tensor(self, role: Role, key: str, array: Array) -> None:
        """Count what a look saw of one tensor of the data, shape (rows, ...)."""
        self.profiles.setdefault((role, key), Profile(role, key)).add(inspection.first_rows(array))

    def add_health(self, seen: inspection.Inspection) -> None:
        shown = {(role, path): array for role, path, array in seen.tensors}
        if self.health is None:
            self.health_order = list(shown)
            names = [column_name("steps_apart", "", "value")]
            names += [column_name(role, path, stat) for role, path in shown for stat in HEALTH_FIELDS[role]]
            names += [column_name("label", key, "num_classes") for key in label_keys(seen)]
            for path in seen.samples:
                names += [
                    column_name("weight", path, "l2_norm"),
                    column_name("update", path, "l2_norm"),
                    column_name("update", path, "max"),
                ]
            self.health = open_series(self.writer, self.info.index, "health", names)
        if list(shown) != self.health_order:
            return
        apart = seen.step - self.last_look if self.samples else 0
        row = [float(seen.step), float(apart)]
        for (role, _), array in shown.items():
            count = inspection.output_health if role == "output" else inspection.activation_health
            row += count(array)
        row += [float(inspection.num_classes(seen.batch["label", key])) for key in label_keys(seen)]
        for path, sample in seen.samples.items():
            before = self.samples.get(path, sample)
            with np.errstate(all="ignore"):
                change = sample.astype(np.float64) - before
                row += [
                    float(np.linalg.norm(sample)),
                    float(np.linalg.norm(change)),
                    float(np.abs(change).max(initial=0.0)),
                ]
        if len(row) == len(self.health.file.columns):
            self.health.add(np.array(row))

    def step_seconds(self, step: int) -> float:
        """Seconds a step takes, from the quickest stretch between two looks: the first step is
        compiled, and what is compiled is not trained."""
        now = time.perf_counter()
        if self.looked_at is not None and step > self.looked_at[0]:
            self.quickest = min(self.quickest, (now - self.looked_at[1]) / (step - self.looked_at[0]))
        self.looked_at = (step, now)
        return self.quickest

    def data(self) -> DataInfo:
        """The whole arrays where they were read; what the looks saw of the rest."""

        def of(role: str) -> tuple[TensorSummary, ...]:
            held = list(self.profiles.items())  # the thread that trains may be at it
            return tuple(profile.summary() for (kind, _), profile in held if kind == role)

        labels, counted = of("label"), False
        if self.label_counts is not None and self.whole is None:
            labels, counted = self.label_counts.made_whole(labels)
        seen = DataInfo(of("input"), labels, of("sample_weight"), of("output"), labels_counted=counted)
        if self.whole is None:
            return seen
        return replace(
            seen,
            inputs=self.whole.inputs or seen.inputs,
            labels=self.whole.labels or seen.labels,
            sample_weights=self.whole.sample_weights or seen.sample_weights,
            whole=True,
        )

    def current_info(self) -> FitInfo:
        return replace(
            self.info,
            data=self.data(),
            seconds=time.perf_counter() - self.started
            if self.info.status == "running"
            else self.info.seconds,
            watch_seconds=self.seconds_watching,
        )

    def end(self, status: Status, error: str | None = None, seconds: float | None = None) -> None:
        self.info = replace(
            self.info,
            status=status,
            error=error or self.info.error,
            seconds=time.perf_counter() - self.started if seconds is None else seconds,
        )
        self.info = self.current_info()
        self.label_counts = None

    def close(self) -> None:
        for series in (self.steps, self.health):
            if series is not None:
                series.close()
        self.profiles.clear()
        self.samples.clear()


def label_keys(seen: inspection.Inspection) -> list[str]:
    return [key for role, key in seen.batch if role == "label"]
