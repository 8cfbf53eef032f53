"""A run that has just ended, and what is held of it: it is asked for what its record does not tell."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from nanwatch.record.trials import Proposal
from nanwatch.replay.course import guess_of, setup_of
from nanwatch.replay.made_again import REFUSED
from nanwatch.replay.own_step import as_tensors, packed
from nanwatch.replay.quiet import quiet
from nanwatch.replay.trial import try_proposals
from nanwatch.watch.incident.autopsy import restore_after
from nanwatch.watch.keras_seam.function_copies import copy_all_functions
from nanwatch.watch.model.both_modes import in_both_modes, inference_info
from nanwatch.watch.recording.run_recorder import RunRecorder
from nanwatch.watch.train_step.traced_step import suspend_watching

MOST_ROWS = 512  # that are tried in both modes: training mode takes their statistics
SECONDS = 5.0  # for that, where the model is a large one


@dataclass(frozen=True)
class HeldRun:
    """What ``recorder`` holds; remedies are tried on it for ``seconds``."""

    recorder: RunRecorder
    seconds: float

    def ask_guess(self, fits: Collection[int]) -> None:
        """Put down what the best constant answer costs, where the training that is held is one of ``fits``.

        Nothing is put down where no constant could be tried.
        """
        kept = self.recorder.kept
        if kept is None or kept.fit not in fits:
            return
        with self.asking("trying constant answers"):
            with suspend_watching(), restore_after(kept.model), copy_all_functions():
                found = guess_of(setup_of(kept), kept.model)
            if found is not None:
                self.recorder.add_guess(kept.fit, found)

    def ask_inference(self, fits: Collection[int]) -> None:
        """Put down what rows of the training cost in both modes on the weights that the script left."""
        kept = self.recorder.kept
        if kept is None or kept.fit not in fits or kept.loss is None or not kept.ended_finite:
            return
        with self.asking("trying rows in both modes"):
            rows = kept.rows.take(slice(0, MOST_ROWS))
            data = packed(*(as_tensors(part) for part in rows))
            with suspend_watching(), restore_after(kept.model):
                found = in_both_modes(kept.model, data, time.perf_counter() + SECONDS)
            if len(found) == 2:
                self.recorder.add_inference(kept.fit, inference_info(rows.length, *found))

    @contextlib.contextmanager
    def asking(self, what: str) -> Iterator[None]:
        """The script's own code is run, which may refuse: that is no error of nanwatch's."""
        with self.recorder.catch_errors(what), contextlib.suppress(*REFUSED), quiet():
            yield

    def try_remedies(self, proposals: Sequence[Proposal]) -> None:
        try_proposals(self.recorder, proposals, self.seconds)
