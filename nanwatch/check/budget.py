"""A check: the script is cut short, and ended where it has shown what it may."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NoReturn

from nanwatch.record.facts import Status
from nanwatch.record.notes import HeldBack, ScriptEnded
from nanwatch.watch.keras_seam.patches import Wrapper, pass_through
from nanwatch.watch.recording.run_recorder import RunRecorder

if TYPE_CHECKING:
    from nanwatch.watch.keras_seam.keras_types import P, R  # which imports NumPy

HELD_FOLDER = "held-back"  # in the run's folder, and gone at the end


class Enough(SystemExit):
    """Leaves the script: past every ``except Exception``, through every ``finally``."""


@dataclass
class CheckBudget:
    """What one check allows, and what it has cut off so far."""

    recorder: RunRecorder
    max_steps: int
    ended: ScriptEnded | None = None  # why the script was ended
    training: int = 0  # calls of fit and train_on_batch that are under way
    failed: BaseException | None = None  # the last exception that left a training call

    def end(self, why: ScriptEnded) -> NoReturn:
        """End the script here; what is still being trained is cut short."""
        if self.ended is None:
            self.ended = why
            self.hold_back(why)
        self.cut.update(self.recorder.open_fits)
        raise Enough(0)

    def go_on(self) -> None:
        """Does nothing, unless the script has caught its own end."""
        if self.ended is not None:
            raise Enough(0)

    @property
    def cut(self) -> set[int]:
        """The fits that had more to train."""
        return self.recorder.cut_short

    def hold_back(self, what: HeldBack) -> None:
        """Something the script did not do, or did elsewhere, because this was a check."""
        info = self.recorder.info
        if what not in info.held_back:
            self.recorder.info = replace(info, held_back=(*info.held_back, what))

    def in_training(self, original: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call Keras's own training; an exception that leaves it is the training's."""
        self.training += 1
        try:
            return original(*args, **kwargs)
        except Exception as error:
            self.failed = error
            raise
        finally:
            self.training -= 1

    def close(self, status: Status, exit_status: int) -> None:
        """Finish the record, and take away what was written for the check alone."""
        recorder = self.recorder
        for fit in list(recorder.open_fits.values()):
            with recorder.catch_errors("ending the record"):
                fit.end(status)
        for number in self.cut & recorder.fits.keys():
            recorder.put_fit(number, replace(recorder.fits[number], cut_short=True))
        recorder.end(status, exit_status)
        shutil.rmtree(recorder.folder / HELD_FOLDER, ignore_errors=True)


def only_in_own_process(short: CheckBudget, wrapper: Wrapper) -> Wrapper:
    """``wrapper``, but a forked child calls the original."""

    def call_wrapper(original: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        result: R = (wrapper if short.recorder.ours else pass_through)(original, *args, **kwargs)
        return result

    return call_wrapper
