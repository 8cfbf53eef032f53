"""The recorder of one run: its folder, its fits, what went wrong, nanwatch's own errors among it."""

from __future__ import annotations

import collections
import contextlib
import datetime
import importlib.metadata
import math
import os
import platform
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from nanwatch.errors import NanwatchError, TrainingHalted
from nanwatch.record.events import Event, FitEnd, IncidentSeen
from nanwatch.record.facts import (
    AnswerLosses,
    FitInfo,
    IncidentInfo,
    InferenceInfo,
    LossInfo,
    ModelInfo,
    RunInfo,
    Status,
)
from nanwatch.record.notes import NotWatched, OtherBackend, OwnError, SeamMissing
from nanwatch.record.parts import make_room, new_part
from nanwatch.record.run_state import host_name, process_start
from nanwatch.record.secrets import without_secrets
from nanwatch.record.sources import write_sources
from nanwatch.record.whose import maker_here
from nanwatch.record.write import FITS_IN_FULL, RunWriter, new_folder
from nanwatch.version import __version__
from nanwatch.watch.keras_seam.chosen import package
from nanwatch.watch.keras_seam.patches import Patches
from nanwatch.watch.launch.source_files import held_pieces, num_held
from nanwatch.watch.launch.workers import Worker, join, worker_here
from nanwatch.watch.recording.child_process import (
    end_with_process,
    follow_forks_no_more,
    script_of_part,
    working_folder,
)

if TYPE_CHECKING:
    from nanwatch.watch.data.kept_rows import Rows  # which imports NumPy, as the next does
    from nanwatch.watch.keras_seam.keras_types import Model, Optimizer, Structure, Weights
    from nanwatch.watch.train_step.eager_ops import EagerStep
    from nanwatch.watch.train_step.inspection import RanStep

# What is known of a fit is written at most this often, but at every turn of events: it takes some
# milliseconds, and what a reader needs of the last second stands in the rows and the events.
SAVE_SECONDS = 10.0
MOST_ERRORS = 20
MOST_EARLY = 100  # events that are kept until a part is made
WRITING = "writing the record"  # what was being done when that failed
SNAPSHOT_LIMIT = 512 * 2**20  # bytes


# Ends of fits whose model the script has dropped, of every run. They are called between two fits: a search
# for garbage, in the middle of anything, is no place to write a record.
DROPPED: collections.deque[Callable[[], None]] = collections.deque()


def end_dropped() -> None:
    """End the records of the fits whose model is gone."""
    for _ in range(len(DROPPED)):
        with contextlib.suppress(IndexError):  # another thread may be at it
            DROPPED.popleft()()


class OpenFit(Protocol):
    """A fit that still goes on, as the record of its run needs it."""

    def drain(self) -> None:
        """Fetch the rows that are still on the device."""

    def end(self, status: Status) -> None:
        """End the record of the fit."""

    def leave_to_parent(self) -> None:
        """In a process that was forked off: the record of the fit is the parent's."""


class Told(Protocol):
    """Whom a training tells that nobody runs by ``nanwatch run``: a notebook's, a plain console's."""

    def of_begin(self, recorder: RunRecorder) -> None:
        """A run begins, and has recorded nothing yet."""

    def of_end(self, recorder: RunRecorder) -> None:
        """The record of the run is complete."""

    def of_halt(self, recorder: RunRecorder, what: str) -> TrainingHalted:
        """The exception that leaves ``fit``, for ``what`` has happened."""


# Called with the fit after every step, before that is judged; and inside an eager step, at its end.
Visit = Callable[[OpenFit, bool], object]


class FrozenTraining(NamedTuple):
    """A training that was halted before its bad step, for trials."""

    model: Model
    batch: Structure
    first_weights: Weights | None  # the trainable ones, in the model's order; None where not held


class BestPoint(NamedTuple):
    """A training at the end of an epoch, so that what came of it then can be made again from there."""

    step: int  # the steps that had been made
    loss: float  # the epoch's mean
    share: float  # of the first loss, that it was
    weights: Weights  # as the first weights of a `KeptTraining`, and its first state
    state: Weights
    slots: Weights  # of the optimizer's variables, in its own order


class FirstStep(NamedTuple):
    """The first step of a loop, by which it is known whether it is made again as the script made it."""

    rows: int  # of its batch, the first of those that are kept
    loss: float
    norm: float  # of the gradients that were applied, all together


class KeptTraining(NamedTuple):
    """A training that has ended, and what it takes to make it again."""

    fit: int
    model: Model
    loss: (
        Any  # what ``compile`` made of it: called with y, y_pred and sample_weight; None in a step of its own
    )
    optimizer: Optimizer
    first_weights: Weights  # the trainable ones, in the model's order
    first_state: Weights  # of moving statistics, counters and seeds, in the seam's order
    rows: Rows
    batch_size: int
    shuffled: bool
    class_weight: dict[str, float] | None
    rate: float | None  # the learning rate that it began with; None where a schedule gives it
    steps: int
    progress: float  # the last loss over the first; infinite where it did not end finite
    own_step: bool = False  # the script wrote ``train_step`` or ``compute_loss``
    rates: tuple[tuple[int, float], ...] = ()  # (step, the rate from it on), where callbacks gave others
    first_step: FirstStep | None = None  # of a loop; then ``loss`` is the Keras loss that was called, if any
    best: BestPoint | None = None  # before its loss rose; None where none was held

    @property
    def ended_finite(self) -> bool:
        return math.isfinite(self.progress)


class RunRecorder:
    """Writes one run folder, or a part of one: what a child process of the script's trains.

    A part is made when there is something to write, and of a child that trains nothing there is none. Where
    the process forks, the child's recorder is that of a part by `become_part`; without it it writes nothing.
    """

    def __init__(
        self,
        log_dir: Path,
        script: str,
        argv: tuple[str, ...],
        snapshot_limit: int = SNAPSHOT_LIMIT,
        is_part: bool = False,
        worker: str = "",
        folder: Path | None = None,
        is_late: bool = False,
    ) -> None:
        """``log_dir``: the folder below which the run gets one, or of a part the run's own; ``worker``: which
        one of a job it is; ``folder``: the run's own, where it is there already; ``is_late``: it is made when
        there is something to write."""
        self.snapshot_limit = snapshot_limit  # bytes
        self.log_dir = log_dir
        self.is_part = is_part
        self.is_late = is_late
        self.saves_seen = False
        self.keeps_trainings = False  # for trials: whoever makes them asks for it
        self.visit: Visit | None = None
        self.told: Told | None = None
        self.patches = Patches()  # of the process; undone when the run ends
        self.of_keras = Patches()  # those among them that another Keras would want elsewhere
        self.patches.enter(self.of_keras)
        self.worker = worker
        self.begin(script, argv)
        if not is_part and not is_late:
            self.open(folder or new_folder(log_dir, script))
            self.save()

    def begin(self, script: str, argv: tuple[str, ...]) -> None:
        """The record of a process, of which nothing is known yet."""
        self.lock = threading.RLock()  # several threads may train at once
        self.pid = os.getpid()
        self.ended = False
        self.is_saved = False  # what is known now
        self.opened: RunWriter | None = None
        self.early: list[Event] = []  # of a part that is not made yet
        self.models: dict[int, ModelInfo] = {}  # of the fits in full, by numbers that no other model gets
        self.model_uses: collections.Counter[int] = collections.Counter()  # fits of each of them
        self.num_models = 0
        self.fits: dict[int, FitInfo] = {}  # in full, by their numbers: of the others the disk alone tells
        self.num_fits = 0
        self.cut_short: set[int] = set()  # fits that a check has cut, until it says so itself
        self.unsaved_fits: set[int] = set()
        self.unsaved_models: set[int] = set()
        self.saved_info: RunInfo | None = None  # as ``run.json`` has it
        self.running: dict[int, Callable[[], FitInfo]] = {}  # by the number of a fit that has not ended
        # By that number as well, for as long as what is trained lives: that holds its fit, and none else.
        self.open_fits: weakref.WeakValueDictionary[int, OpenFit] = weakref.WeakValueDictionary()
        self.frozen: FrozenTraining | None = None
        self.kept: KeptTraining | None = None
        self.bad_step: RanStep | EagerStep | None = None  # of the incident, that halted the training
        self.saved_at = 0.0
        self.sources_saved = 0
        self.halted = False
        self.info = RunInfo(
            script=script,
            argv=without_secrets(argv),
            cwd=working_folder(),
            pid=self.pid,
            made_by=maker_here(),
            worker=self.worker,
            started=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            host=host_name(),
            process_start=process_start(self.pid),
            versions={"python": platform.python_version()},
        )

    def become_part(self) -> None:
        """In a process that was just forked off: what was open is the parent's, and is let go unwritten."""
        if self.ended:
            return
        DROPPED.clear()
        with contextlib.suppress(Exception):
            for fit in list(self.open_fits.values()):
                fit.leave_to_parent()
        if self.opened is not None:
            with contextlib.suppress(OSError):
                self.opened.close()  # this process's own number of the file
            if not self.is_part:
                self.log_dir, self.is_part = self.opened.folder, True
        self.begin(self.info.script, self.info.argv)

    @property
    def ours(self) -> bool:
        return os.getpid() == self.pid and not self.ended

    @property
    def writer(self) -> RunWriter:
        """Opens a part at the first call."""
        if self.opened is None:
            with self.lock:
                if self.opened is None:
                    self.open(self.new_folder())
        assert self.opened is not None
        return self.opened

    def new_folder(self) -> Path:
        if self.is_part:
            return new_part(self.log_dir, self.worker)
        return new_folder(self.log_dir, self.info.script)

    @property
    def folder(self) -> Path:
        return self.writer.folder

    @property
    def run_folder(self) -> Path:
        """The run's own, in which the parts are."""
        return self.log_dir if self.is_part else self.folder

    def open(self, folder: Path) -> None:
        writer = RunWriter(folder)
        if self.is_part:
            script, argv = script_of_part(self.log_dir)
            self.info = replace(self.info, script=script, argv=without_secrets(argv), cwd=working_folder())
            end_with_process(self.end_part)
            with contextlib.suppress(OSError, ValueError, AttributeError):
                make_room(self.log_dir, FITS_IN_FULL)
        for event in self.early:
            writer.events.append(event)
        self.early.clear()
        self.opened = writer

    @property
    def has_something_to_tell(self) -> bool:
        if self.opened or self.fits:
            return True
        if self.is_late:  # of a cell that trains nothing there is none of what holds for every cell
            return any(not isinstance(note, SeamMissing | OtherBackend) for note in self.info.not_watched)
        return bool(self.info.not_watched or self.info.errors)

    def save(self, now: bool = True) -> None:
        """Write what is known; with ``now=False`` only when it has not been for `SAVE_SECONDS`."""
        if not self.ours or not self.has_something_to_tell:
            return
        if not now and time.monotonic() - self.saved_at < SAVE_SECONDS:
            return
        with self.catch_errors(WRITING):  # the disk may be full
            current = self.running_now()
            with self.lock:
                for number, info in current.items():
                    if self.fits[number].status == "running":
                        self.put_fit(number, info)
                self.saved_at = time.monotonic()
                self.is_saved = False
                self.write()
                self.is_saved = True
                self.save_sources(self.writer)

    def save_sources(self, writer: RunWriter) -> None:
        """Put the user's files beside run.json, where lines have been noted since they were put there."""
        held = num_held()
        if held > self.sources_saved:
            write_sources(writer.folder, held_pieces())
            self.sources_saved = held

    def write(self) -> None:
        """Write what has changed: ``run.json`` last, for when it says that the run has ended all of it is
        there; but an incident first, for a disk may be full."""
        writer = self.writer
        if self.saved_info is None or self.saved_info.incident != self.info.incident:
            self.write_run(writer)
        for number in sorted(self.unsaved_models):
            writer.fits.save_model(number, self.models[number])
            self.unsaved_models.discard(number)
        for number in sorted(self.unsaved_fits):
            writer.fits.save_fit(self.fits[number])
            self.unsaved_fits.discard(number)
        if self.saved_info == self.info:
            writer.touch()
        else:
            self.write_run(writer)

    def write_run(self, writer: RunWriter) -> None:
        writer.save_run(self.info)
        self.saved_info = self.info

    def put_fit(self, number: int, info: FitInfo) -> None:
        """Take up what is known of a fit by now; its number, and its model's, stay what they are."""
        self.fits[number] = replace(info, index=number, model=self.fits[number].model)
        self.unsaved_fits.add(number)

    def put_model(self, number: int, info: ModelInfo) -> None:
        self.models[number] = info
        self.unsaved_models.add(number)

    def running_now(self) -> dict[int, FitInfo]:
        """What is known by now of the fits that have not ended."""
        found = {}
        for number, current in list(self.running.items()):
            with contextlib.suppress(RuntimeError):  # another thread is counting in it
                found[number] = current()
        return found

    def add_event(self, event: Event) -> None:
        if not self.ours:
            return
        with self.catch_errors("writing an event"), self.lock:
            if self.has_something_to_tell:
                self.writer.events.append(event)
            elif len(self.early) < MOST_EARLY:
                self.early.append(event)

    def learn_versions(self) -> None:
        """Note what is installed and which devices there are, once a training begins."""
        from nanwatch.watch.keras_seam.devices import devices, packages

        versions = {"python": platform.python_version(), "nanwatch": __version__}
        for name in (*packages(), package(), "numpy"):
            with contextlib.suppress(importlib.metadata.PackageNotFoundError):
                versions[name] = importlib.metadata.version(name)
        self.info = replace(self.info, versions=versions, devices=devices())

    def add_fit(self, model: ModelInfo, fit: FitInfo, current: Callable[[], FitInfo]) -> int:
        """Take up a new fit; answers its index. An old healthy fit may give up its series."""
        end_dropped()
        with self.lock:
            index, number = self.num_fits, self.number_of(model)
            self.num_fits += 1
            self.fits[index] = replace(fit, index=index, model=number)
            self.model_uses[number] += 1
            self.unsaved_fits.add(index)
            self.running[index] = current
            with self.catch_errors(WRITING):
                self.make_room()
        return index

    def number_of(self, model: ModelInfo) -> int:
        """The number of an equal model that is known, or a new one. Outputs are known after a first step."""
        for number, known in self.models.items():
            if known == model or (not model.outputs and replace(known, outputs=()) == model):
                return number
        number = self.num_models
        self.num_models += 1
        self.put_model(number, model)
        return number

    def make_room(self) -> None:
        """Keep the last fits in full, and of those before them what ended in no good way, but as many again.

        The incident's stays, and the one that trials are made on. Of the others a line is kept.
        """
        needed = {self.kept.fit if self.kept else -1, self.info.incident.fit if self.info.incident else -1}
        old = [
            number
            for number in list(self.fits)[:-FITS_IN_FULL]
            if number not in self.running and number not in needed
        ]
        well = [number for number in old if self.fits[number].status == "finished"]
        badly = [number for number in old if self.fits[number].status != "finished"]
        for number in (*well, *badly[:-FITS_IN_FULL]):
            self.give_up(number)

    def give_up(self, number: int) -> None:
        """Of a fit in full a line is left, and of a model that no other one in full has nothing."""
        info = self.fits.pop(number)
        info = replace(info, cut_short=info.cut_short or number in self.cut_short)
        self.unsaved_fits.discard(number)
        if all(other.model != info.model for other in self.fits.values()):
            self.models.pop(info.model, None)
            self.unsaved_models.discard(info.model)
            self.writer.fits.drop_model(info.model)
        self.writer.drop_series(number)
        self.writer.fits.shorten(info)

    def set_model(self, fit: int, model: ModelInfo) -> None:
        """Replace what is known of the model of ``fit``.

        Trainings of which nothing was known at first may have been taken for those of one model.
        """
        with self.lock:
            number = self.fits[fit].model
            if self.models[number] == model:
                return
            if self.model_uses[number] == 1:
                self.put_model(number, model)
                return
            found = self.number_of(model)
            self.model_uses[number] -= 1
            self.model_uses[found] += 1
            self.fits[fit] = replace(self.fits[fit], model=found)
            self.unsaved_fits.add(fit)

    def end_fit(self, index: int, info: FitInfo) -> None:
        with self.lock:
            self.running.pop(index, None)
            self.put_fit(index, info)
        self.add_event(FitEnd(index, info.status, info.error))
        self.save()

    @property
    def last_fit(self) -> int | None:
        """The number of the training that runs, of several the one that began last."""
        found = [number for number, fit in list(self.fits.items()) if fit.status == "running"]
        return max(found, default=None)

    def keep(self, training: KeptTraining) -> None:
        """Hold it for trials, and no other: of those that came the one that went worst."""
        with self.lock:
            if self.kept is None or training.progress > self.kept.progress:
                self.kept = training

    def add_guess(
        self, fit: int, loss: float, apart: dict[str, float], ended_apart: dict[str, float]
    ) -> None:
        """What the best constant answer costs in a fit, and of several outputs each one's, and what they came
        to where the logs do not tell; it is learned when the record has ended."""
        self.add_late(fit, guess_loss=loss, guess_losses=apart, output_losses=ended_apart)

    def add_answers(self, fit: int, found: AnswerLosses) -> None:
        """What the loss of a fit makes of the labels as answers, asked when the record has ended."""
        self.add_late(fit, answer_losses=found)

    def add_loss(self, fit: int, loss: LossInfo) -> None:
        """What the loss of the only output came to, that a loop has written by hand."""
        with self.catch_errors(WRITING), self.lock:
            number = self.fits[fit].model
            outputs = self.models[number].outputs
            if len(outputs) != 1 or (outputs[0].loss is not None and outputs[0].loss.name != "custom"):
                return
            self.put_model(number, replace(self.models[number], outputs=(replace(outputs[0], loss=loss),)))
            self.write()

    def add_inference(self, fit: int, found: InferenceInfo) -> None:
        """What rows of a fit cost in both modes, tried when the record has ended."""
        self.add_late(fit, inference=found)

    def add_late(self, fit: int, **facts: Any) -> None:
        with self.catch_errors(WRITING), self.lock:
            self.put_fit(fit, replace(self.fits[fit], **facts))
            self.write()

    def holds_training(self) -> bool:
        """Whether there is anything that a trial can be made on."""
        return any(held is not None for held in (self.frozen, self.kept, self.bad_step))

    def info_of(self, fit: int) -> FitInfo:
        """What is known of a fit by now."""
        current = self.running.get(fit)
        return self.fits[fit] if current is None else current()

    def add_incident(self, incident: IncidentInfo) -> None:
        """The first incident of a run is the one that counts. It is told again when more is known of it."""
        with self.lock:
            told = self.info.incident
            is_known = told is not None and (told.fit, told.step) == (incident.fit, incident.step)
            if told is None or is_known:
                self.info = replace(self.info, incident=incident)
        if not is_known:
            self.add_event(IncidentSeen(incident.fit, incident.step, incident.role, incident.path))
        self.save()

    def note_not_watched(self, what: NotWatched) -> None:
        with self.lock:
            if what in self.info.not_watched:
                return
            self.info = replace(self.info, not_watched=(*self.info.not_watched, what))
        if self.is_part:  # which may have nothing else to tell
            self.save()

    def note_error(
        self, error: BaseException, doing: str, words: str | None = None, fit: int | None = None
    ) -> None:
        """An error of nanwatch's own: recorded, and the training goes on; ``fit`` does so unwatched."""
        own = OwnError(doing, type(error).__name__, str(error) if words is None else words, fit)
        if os.environ.get("NANWATCH_DEBUG"):
            import traceback

            traceback.print_exception(error)
        with self.lock:
            is_new = len(self.info.errors) < MOST_ERRORS and own not in self.info.errors
            if is_new:
                self.info = replace(self.info, errors=(*self.info.errors, own))
        if is_new:
            with contextlib.suppress(Exception):  # what failed may be the record itself
                self.add_event(own)
                self.save()

    @contextlib.contextmanager
    def catch_errors(self, doing: str) -> Iterator[None]:
        """Whatever fails in this block is nanwatch's own error, and is noted, not raised."""
        try:
            yield
        except Exception as error:
            self.note_error(error, doing)

    def end(self, status: Status, exit_status: int | None) -> None:
        """The script has ended."""
        if not self.ours:
            return
        end_dropped()
        for fit in list(self.open_fits.values()):
            with self.catch_errors("ending the record"):
                fit.end(status)
        for number, info in list(self.fits.items()):
            if info.status == "running":
                ended: Status = status if status != "running" else "finished"
                self.put_fit(number, replace(self.info_of(number), status=ended))
        with self.catch_errors("giving back what was patched"):
            self.patches.undo()
        with self.lock:
            self.info = replace(self.info, status=status, exit_status=exit_status)
        self.save()
        self.ended = True
        follow_forks_no_more(self)
        if self.opened is not None:
            self.opened.close()
        if self.told is not None and self.has_something_to_tell:
            with self.catch_errors("telling of a training"):
                self.told.of_end(self)

    def end_part(self) -> None:
        """A child process comes to its end by itself: pools, say, kill those that have nothing to do."""
        if self.is_part and self.ours:
            crashed = hasattr(sys, "last_value")  # which Python sets where nothing has caught it
            self.end("halted" if self.halted else "crashed" if crashed else "finished", None)


def open_recorder(log_dir: Path, argv: tuple[str, ...], snapshot_limit: int = SNAPSHOT_LIMIT) -> RunRecorder:
    """A recorder for the script ``argv[0]``, with a run folder of its own below ``log_dir``.

    The workers of a job share one, in which each has a part but the one that came first.

    Raises:
        NanwatchError: no folder could be made there.
    """
    place, worker = Path(os.path.abspath(log_dir)), worker_here(os.environ)
    try:
        if worker is not None and (joined := join_where_possible(place, argv[0], worker)) is not None:
            folder, is_first = joined
            if is_first:
                return RunRecorder(place, argv[0], argv, snapshot_limit, worker=worker.name, folder=folder)
            return RunRecorder(folder, argv[0], argv, snapshot_limit, is_part=True, worker=worker.name)
        return RunRecorder(place, argv[0], argv, snapshot_limit)
    except OSError as error:
        raise NanwatchError(
            f"No run folder could be created in {log_dir}: {error.strerror}; "
            "choose another one with --log-dir."
        ) from error


def join_where_possible(log_dir: Path, script: str, worker: Worker) -> tuple[Path, bool] | None:
    """As `join`; None on a disk that knows no links, where each worker gets a folder of its own."""
    try:
        return join(log_dir, script, worker)
    except OSError:
        return None
