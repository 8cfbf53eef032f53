"""A run that has just ended, and what is held of it: it is asked for what its record does not tell."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nanwatch.record.facts import AnswerLosses
from nanwatch.record.trials import Proposal
from nanwatch.replay.constant_answer import labels_as_answers
from nanwatch.replay.course import Setup, guesses_of, loss_of_answers, setup_of
from nanwatch.replay.loop_step import of_loop
from nanwatch.replay.made_again import REFUSED, setup_of_kept
from nanwatch.replay.output_losses import OutputLosses, key_of
from nanwatch.replay.own_step import as_tensors, packed
from nanwatch.replay.quiet import quiet
from nanwatch.replay.trial import try_proposals
from nanwatch.watch.incident.autopsy import restore_after
from nanwatch.watch.keras_seam.function_copies import copy_all_functions
from nanwatch.watch.model.both_modes import in_both_modes, inference_info
from nanwatch.watch.recording.run_recorder import KeptTraining, RunRecorder
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
            setup = self.setup_of(kept)
            paths, logged = self.outputs_of(kept, setup)
            with suspend_watching(), restore_after(kept.model), copy_all_functions():
                found, apart = guesses_of(setup, kept.model)
                answers = None if setup.own_step else answers_of(setup)
                ended = ended_apart(setup) if apart and not logged else {}
            if found is not None:
                by_path = [
                    {paths[key]: cost for key, cost in costs.items() if key in paths}
                    for costs in (apart, ended)
                ]
                self.recorder.add_guess(kept.fit, found, *by_path)
            if answers is not None:
                self.recorder.add_answers(kept.fit, answers)

    def setup_of(self, kept: KeptTraining) -> Setup:
        """As `setup_of_kept`; which loss a loop has written by hand is put down."""
        if kept.first_step is None:
            return setup_of_kept(kept)
        setup, loss = of_loop(setup_of(kept), kept.first_step)
        if loss is not None:
            self.recorder.add_loss(kept.fit, loss)
        return setup

    def outputs_of(self, kept: KeptTraining, setup: Setup) -> tuple[dict[str, str], bool]:
        """Of several outputs: their paths by the keys of their losses, and whether the logs tell of all."""
        fit = self.recorder.fits[kept.fit]
        outputs = self.recorder.models[fit.model].outputs
        if not isinstance(setup.loss, OutputLosses):
            return {}, False
        keys = [key_of(output.path, kept.model, setup.loss) for output in outputs]
        logged = all(output.loss.logged for output in outputs if output.loss is not None)
        found = {key: output.path for key, output in zip(keys, outputs, strict=True) if key is not None}
        return found, logged and fit.kind == "fit" and not kept.own_step

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


def ended_apart(setup: Setup) -> dict[str, float]:
    """What rows of the training cost on the weights that the script left, output by output."""
    assert isinstance(setup.loss, OutputLosses)
    rows = setup.rows.take(slice(None, None, -(-setup.rows.length // MOST_ROWS)))
    y, weight = as_tensors(rows.y), as_tensors(rows.sample_weight)
    answers = setup.model(as_tensors(rows.x), training=False)
    found = {key: float(np.asarray(part)) for key, part in setup.loss.apart(y, answers, weight).items()}
    return {key: loss for key, loss in found.items() if math.isfinite(loss)}


def answers_of(setup: Setup) -> AnswerLosses | None:
    """What the loss of the only output makes of the labels as answers."""
    if isinstance(setup.loss, OutputLosses):
        return None
    return labels_as_answers(lambda rows: loss_of_answers(setup.loss, rows), setup.rows, setup.model)
