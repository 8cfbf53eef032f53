"""A run as it is read: its tables, its events, its series."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nanwatch.record.events import EpochEnd, FitEvent, Warned
from nanwatch.record.facts import FitInfo, LayerInfo, Location, ModelInfo, RunInfo
from nanwatch.record.series import Series
from nanwatch.record.sources import Sources
from nanwatch.record.trials import Trial

EMPTY = Series.from_rows((), ())


@dataclass(frozen=True)
class Fit:
    """One training of the run.

    ``steps`` has a row for every step, ``health`` one for every step that was looked at in full.

    Columns of ``steps`` (role, path, stat): the step itself; with path "" and stat "value":
    epoch, time (seconds since the fit began), rows (of the batch), learning_rate, loss;
    ("gradient", variable path, "l2_norm"), ("activation", layer path, "l2_norm"),
    ("input", key, "l2_norm"), ("label", key, "min"), ("label", key, "max"),
    ("output", "output", "l2_norm"), ("weight", variable path, "l2_norm") after the update, as it was
    in the last step whose weights were summed: each of the first 8, and every eighth. A layer whose
    output TensorFlow may compute together with what follows it has no column here.

    Columns of ``health``: for role output, and role activation of layers that are not too large,
    the stats "size", "num_nan", "num_pos_inf", "num_neg_inf", "num_zero", "min", "max", "mean",
    "l2_norm" and "row_std" (mean over features of the standard deviation over the batch's rows; of an
    activation that is no vector a row, NaN); for output also "rows_summing_to_zero"; ("label", key,
    "num_classes") in the batch; for role update, of at most 4096 elements a variable, "l2_norm" and
    "max" (largest absolute) of the change since the row before, which lies ("steps_apart", "", "value")
    steps back; for role weight the "l2_norm" of that same sample.
    """

    info: FitInfo
    model: ModelInfo
    steps: Series = EMPTY
    health: Series = EMPTY
    events: tuple[FitEvent, ...] = ()

    def losses(self) -> list[tuple[int, float]]:
        """(step, true loss of that step's batch), at full resolution where it is kept."""
        return self.steps.values("loss")

    def first_activation_norms(self, path: str) -> list[float]:
        """What a layer gave out in the first steps; of one that no step records, in those looked at."""
        recorded = self.steps.first_values("activation", path, "l2_norm")
        return recorded or self.health.first_values("activation", path, "l2_norm")

    def epoch_logs(self) -> list[Mapping[str, float]]:
        """The logs of each finished epoch, as Keras gave them to callbacks."""
        return [event.logs for event in self.events if isinstance(event, EpochEnd)]

    def warnings(self) -> list[str]:
        return [event.message for event in self.events if isinstance(event, Warned)]

    def input_line(self) -> Location | None:
        """Where the script gives the model its input."""
        return self.info.input_location or self.info.location

    def has_epochs(self) -> bool:
        """A loop of the script's own may count what it likes: nobody says where an epoch of it ends."""
        return self.info.kind == "fit" or self.info.epochs > 0

    def layer(self, path: str | None) -> LayerInfo | None:
        return next((layer for layer in self.model.layers if layer.path == path), None)


@dataclass(frozen=True)
class Run:
    """A run, read from its folder. ``damage`` says in words what could not be read.

    ``parts`` are what the child processes of the script trained, each a run of its own. Their fits are among
    ``fits`` too, by numbers that are theirs alone in the whole run, and what was not watched in them or went
    wrong is told in ``info``; its incident is the script's own, else that of the first part that has one.
    """

    info: RunInfo
    fits: Sequence[Fit] = ()
    folder: Path | None = None
    trials: Sequence[Trial] = ()
    damage: Sequence[str] = field(default_factory=tuple)
    parts: Sequence[Run] = ()
    sources: Sources = field(default_factory=Sources)  # the user's files, as they were

    def fit_of_incident(self) -> Fit | None:
        incident = self.info.incident
        if incident is None:
            return None
        return next((fit for fit in self.fits if fit.info.index == incident.fit), None)

    def part_of(self, fit: int) -> Run | None:
        """The part that the fit of this number is in; None where the script's own process trained it."""
        return next((part for part in self.parts if any(one.info.index == fit for one in part.fits)), None)

    def part_of_incident(self) -> Run | None:
        return None if self.info.incident is None else self.part_of(self.info.incident.fit)

    def is_same_program(self, part: Run) -> bool:
        """Whether a part is of the run's own script and arguments, as that of a fork is, or of a pool's."""
        return program_of(part.info) == program_of(self.info)


def program_of(info: RunInfo) -> tuple[str, tuple[str, ...]]:
    return os.path.normpath(os.path.join(info.cwd, info.script)), info.argv[1:]
