"""Remedies and suspicions tried on a training that has ended: it is made again with each change."""

from __future__ import annotations

import contextlib
import itertools
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace

import tensorflow as tf

from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.trials import Proposal, Trial, TrialOutcome, Verdict
from nanwatch.replay.changes import CHANGES
from nanwatch.replay.course import Course, Setup, setup_at_best, setup_of, train
from nanwatch.replay.loop_step import of_loop
from nanwatch.replay.making import NotPossible
from nanwatch.replay.output_losses import OutputLosses, key_of, name_of
from nanwatch.replay.quiet import quiet
from nanwatch.replay.verdict import CLEARLY_AHEAD, is_mended, is_narrow, is_plain, is_spoilt, verdict_of
from nanwatch.watch.recording.run_recorder import KeptTraining

# Of the seconds that there are: what the training as it was may take. The rest is for the changes.
SHARE_AS_IT_WAS = 0.3
# A fault that takes n steps to show is waited for twice as long.
LONGER = 2
LEAST_STEPS = 40  # two windows; of fewer nothing can be told
STEPS_AFTER_A_CRASH = 200  # at least, so that the training shows that it learns
OTHER_SEEDS = (1, 2)  # of the order of the rows, where one order leaves a doubt
# Changes that cured nothing alone and are tried two by two, and the best of the dampers with each.
PAIRED = 4
# A training that one change has brought so far needs no second one.
CURED_WHOLLY = 0.5
# A cure that says nothing of the rate: a bend between the layers takes the power out of one that is too high.
LEAVE_OPEN = {InterventionKind.SET_HIDDEN_ACTIVATIONS}
# Of a training that learned, and lost it, these are tried from its best point on: what was learned can be
# gone on with. Weights that were learned on other data, or by other layers, say nothing of the rest.
SINCE_BEST = {
    InterventionKind.SET_LEARNING_RATE,
    InterventionKind.SET_CLIPNORM,
    InterventionKind.SET_CLIPVALUE,
    InterventionKind.SET_EPSILON,
    InterventionKind.SET_WEIGHT_DECAY,
    InterventionKind.SET_REGULARIZER,
    InterventionKind.SHUFFLE_ROWS,
    InterventionKind.DROP_NONFINITE_ROWS,
}
# The loss that was best is at most so much of the first one, and of the last.
HAD_LEARNED, HAS_LOST = 0.7, 0.5
# From the best point on a rate below this share of what it was learns nothing, and loses nothing.
STANDS_STILL = 0.009
# What ends one trial and no more: the change does not fit the training, or TensorFlow refuses it.
REFUSED = (tf.errors.OpError, ValueError, TypeError, AttributeError, IndexError, KeyError)


@dataclass(frozen=True)
class Tried:
    """A change that was tried alone."""

    change: Intervention
    proposal: Proposal
    verdict: Verdict
    skill: float | None


@dataclass(frozen=True)
class Judged:
    """The verdict on a change, and the two courses that it rests on: those of one output, of several."""

    before: Course
    after: Course
    verdict: Verdict | None  # None: the time was over
    output: str | None = None
    key: str | None = None  # of its loss


@dataclass
class Trials:
    """The trials of one kept training, as they come."""

    kept: KeptTraining
    deadline: float  # of `time.perf_counter`
    found: list[Trial] = field(default_factory=list)
    alone: list[Tried] = field(default_factory=list)
    # The training as it was, by its first step, the seed of its order, and whether it is judged in inference.
    befores: dict[tuple[int, int, bool], Course] = field(default_factory=dict)

    def make(self, proposals: Sequence[Proposal]) -> None:
        """Try ``proposals`` in their order, until the deadline, or until what cured makes the rest idle.

        Raises:
            ValueError: the script has changed the model since, so that it cannot be made again.
        """
        wanted = [proposal for proposal in proposals if proposal.fit == self.kept.fit]
        if not any(change.kind in CHANGES for proposal in wanted for change in proposal.interventions):
            return
        try:
            setup = setup_of_kept(self.kept)
        except NotPossible:  # a loop that does more
            return
        best = self.point_of_decline(setup)
        if best is not None:  # where there is less to be made again, it is done first
            self.try_all(best, [since_best(proposal) for proposal in wanted])
            wanted = [since_best(proposal, False) for proposal in wanted]
        if self.is_over() or not any(proposal.interventions for proposal in wanted):
            return
        before = self.train_as_it_was(setup, self.steps_as_it_was(self.kept.steps))
        if before.finite and (before.steps < LEAST_STEPS or (setup.own_step and before.guess is None)):
            return
        self.try_all(setup, wanted)

    def try_all(self, setup: Setup, wanted: Sequence[Proposal]) -> None:
        finite = self.befores[setup.since, 0, False].finite
        for dampers in (False, True):  # two named faults at once are tried before what damps many
            for proposal in wanted:
                for change in proposal.interventions if self.is_due(proposal, dampers) else ():
                    if self.try_change(setup, change, proposal) == "cured" or self.is_over():
                        break
            if finite and not setup.since and self.best_cure() < CURED_WHOLLY:
                self.try_pairs(setup, dampers)

    def train_as_it_was(self, setup: Setup, steps: int) -> Course:
        seconds = self.deadline - time.perf_counter()
        before = train(setup, steps, time.perf_counter() + SHARE_AS_IT_WAS * seconds, catch=REFUSED)
        self.befores[setup.since, 0, False] = before
        return before

    def point_of_decline(self, setup: Setup) -> Setup | None:
        """Where the training had learned what it lost then, if it loses it again from there."""
        kept, best = self.kept, self.kept.best
        if best is None or best.step < LEAST_STEPS or best.share > min(HAD_LEARNED, HAS_LOST * kept.progress):
            return None
        begin, left = setup_at_best(setup, kept), kept.steps - best.step
        if begin is None or (kept.ended_finite and left < LEAST_STEPS):
            return None
        before = self.train_as_it_was(begin, self.steps_as_it_was(left))
        return begin if has_lost(best.loss, before) else None

    def is_due(self, proposal: Proposal, dampers: bool) -> bool:
        return proposal.damper is dampers and not self.is_idle(proposal)

    def steps_as_it_was(self, steps: int) -> int:
        """As many as the script made, where they stayed finite; else more, so that the fault can come."""
        return steps if self.kept.ended_finite else LONGER * steps + LEAST_STEPS

    def is_over(self) -> bool:
        return time.perf_counter() > self.deadline

    def is_idle(self, proposal: Proposal) -> bool:
        """What is only suspected is not tried where a remedy of a finding cured; nor a damper of many
        faults where anything else did."""
        cures = [tried for tried in self.alone if tried.verdict == "cured"]
        named = any(not tried.proposal.suspected for tried in cures)
        closed = any(tried.change.kind not in LEAVE_OPEN for tried in cures)
        return self.is_over() or (proposal.damper and closed) or (proposal.suspected and named)

    def try_change(self, setup: Setup, change: Intervention, proposal: Proposal) -> Verdict | None:
        """The verdict on one change; None where it cannot be made, or the time was over."""
        with contextlib.suppress(*REFUSED):
            judged = self.judge(setup, proposal, change)
            if judged.verdict is not None:
                self.alone.append(Tried(change, proposal, judged.verdict, judged.after.skill()))
                self.note(change, judged, since=setup.since)
            return judged.verdict
        return None

    def judge(self, setup: Setup, proposal: Proposal, *changes: Intervention) -> Judged:
        """The training as it was, with ``changes``, and the verdict on them; of a gain that one order of the
        rows might have made, two more orders are asked. None: the time was over."""
        if setup.since and any(stands_still(setup, change) for change in changes):
            raise NotPossible("from the best point on it would only stand still")
        with made(setup, *changes) as changed:
            inference = changed.inference
            before = self.befores.get((setup.since, 0, inference))
            after = None if before is None else self.train_changed(changed, before, proposal)
        if before is None or after is None:  # as it was it is not trained while a change is made
            before = self.before(setup, inference)
            with made(setup, *changes) as changed:
                after = self.train_changed(changed, before, proposal)
        if after.finite and after.steps < min(before.steps, LEAST_STEPS):
            return Judged(before, after, None)
        judged = judged_by(setup, before, after, proposal)
        if judged.verdict == "cured" and is_narrow(judged.before, judged.after):
            held = all(self.is_mended_by(setup, seed, judged, proposal, changes) for seed in OTHER_SEEDS)
            return replace(judged, verdict="cured" if held else "not-cured")
        return judged

    def is_mended_by(
        self, setup: Setup, seed: int, judged: Judged, proposal: Proposal, changes: Sequence[Intervention]
    ) -> bool:
        """Whether it is so in another order of the rows, too."""
        with made(setup, *changes) as changed:
            inference = changed.inference
        before = self.before(setup, inference, seed)
        with made(setup, *changes) as changed:
            again = train(changed, before.steps, self.deadline, seed)
        if judged.key is not None:
            before, again = before.of(judged.key), again.of(judged.key)
        return is_mended(before, again, proposal.damper)

    def before(self, setup: Setup, inference: bool, seed: int = 0) -> Course:
        """The training as it was, judged in inference or as it trains."""
        key = (setup.since, seed, inference)
        if key not in self.befores:
            steps = self.befores[setup.since, 0, False].steps
            self.befores[key] = train(replace(setup, inference=inference), steps, self.deadline, seed)
        return self.befores[key]

    def train_changed(self, changed: Setup, before: Course, proposal: Proposal) -> Course:
        steps = before.steps if before.finite else LONGER * before.steps + LEAST_STEPS
        steps = steps if before.raised is None else max(steps, STEPS_AFTER_A_CRASH)
        catch = () if before.raised is None else REFUSED

        def enough(course: Course) -> bool:
            views = of_outputs(changed, before, course, proposal)
            pairs = [(was, now) for _, _, was, now in views] or [(before, course)]
            return any(is_plain(was, now) for was, now in pairs)

        return train(changed, steps, self.deadline, enough=enough, catch=catch)

    def best_cure(self) -> float:
        """The skill that the best cure came to; minus infinity without one."""
        cures = [tried.skill or 0.0 for tried in self.alone if tried.verdict == "cured"]
        return max(cures, default=-math.inf)

    def try_pairs(self, setup: Setup, dampers: bool) -> None:
        """Two causes at once: mending either alone shows little. The first pair that cures is told.

        Where one alone has cured by half, a pair must come far ahead of it. With ``dampers`` those with the
        best of them; the others have been tried then.
        """
        alone = self.best_cure()
        named = [tried for tried in self.alone if not tried.proposal.damper][:PAIRED]
        damping = [tried for tried in self.alone if tried.proposal.damper and tried.skill is not None]
        damping.sort(key=lambda tried: -(tried.skill or 0.0))
        pairs = itertools.product(named, damping[:1]) if dampers else itertools.combinations(named, 2)
        for one, other in pairs:
            if one.change.kind == other.change.kind:
                continue
            if self.is_over():
                return
            both = one.proposal
            with contextlib.suppress(*REFUSED):
                judged = self.judge(setup, both, one.change, other.change)
                reached = judged.after.skill() or 0.0
                if judged.verdict == "cured" and reached >= max(alone, 0.0) + CLEARLY_AHEAD:
                    self.note(one.change, judged, other.change)
                    self.note(other.change, judged, one.change)
                    return

    def note(
        self, change: Intervention, judged: Judged, beside: Intervention | None = None, since: int = 0
    ) -> None:
        assert judged.verdict is not None
        self.found = [trial for trial in self.found if trial.intervention != change]
        told = (outcome_of(judged.before), outcome_of(judged.after), judged.before.steps)
        fit = self.kept.fit
        self.found.append(Trial(change, judged.verdict, *told, fit, True, beside, judged.output, since))


def has_lost(best: float, course: Course) -> bool:
    """Whether it ended far above the loss that was its best."""
    ended = course.losses[-course.window :]
    return not course.finite or best <= HAS_LOST * sum(ended) / max(1, len(ended))


def since_best(proposal: Proposal, wanted: bool = True) -> Proposal:
    """``proposal`` with those of its changes that are tried from the best point, or with the others."""
    chosen = tuple(change for change in proposal.interventions if (change.kind in SINCE_BEST) is wanted)
    return replace(proposal, interventions=chosen)


def stands_still(setup: Setup, change: Intervention) -> bool:
    """Whether ``change`` is a rate at which nothing that the training has learned can be lost."""
    before, wanted = setup.learned_at, change.value
    if change.kind != InterventionKind.SET_LEARNING_RATE or not isinstance(wanted, int | float):
        return False
    return before is not None and wanted < STANDS_STILL * before


def of_outputs(
    setup: Setup, before: Course, after: Course, proposal: Proposal
) -> list[tuple[str, str, Course, Course]]:
    """(output, key of its loss, its course as it was, and with the change) of those that are judged."""
    if not isinstance(setup.loss, OutputLosses):
        return []
    named = [(output, key_of(output, setup.model, setup.loss)) for output, _ in proposal.outputs]
    return [
        (output, key, before.of(key), after.of(key))
        for output, key in named
        if key is not None and before.tells_of(key) and after.tells_of(key)
    ]


def judged_by(setup: Setup, before: Course, after: Course, proposal: Proposal) -> Judged:
    """The verdict by the whole loss; of several outputs by the loss of each that the proposal names.

    One of them that learns now is enough, if none that learned before learns nothing for it.
    """
    views = of_outputs(setup, before, after, proposal) if before.finite and after.finite else []
    if not views:
        verdict = verdict_of(before, after, proposal.ended, proposal.damper, proposal.suspected)
        return Judged(before, after, verdict)
    ended, found = dict(proposal.outputs), []
    for output, key, was, now in views:
        verdict = verdict_of(was, now, ended[output], proposal.damper, proposal.suspected)
        found.append(Judged(was, now, verdict, name_of(output, setup.model), key))
    order = ("not-reproduced", "not-cured", "cured")
    best = max(found, key=lambda each: (order.index(each.verdict or order[0]), each.after.skill() or 0.0))
    others = [key for key in before.parts if before.tells_of(key) and after.tells_of(key)]
    if best.verdict == "cured" and any(is_spoilt(before.of(key), after.of(key)) for key in others):
        return replace(best, verdict="not-cured")
    return best


def setup_of_kept(kept: KeptTraining) -> Setup:
    """Raises ValueError where the script has changed the model since, NotPossible of a loop that does more
    in a step than `fit`."""
    setup = setup_of(kept)
    return setup if kept.first_step is None else of_loop(setup, kept.first_step)[0]


@contextmanager
def made(setup: Setup, *changes: Intervention) -> Iterator[Setup]:
    """``setup`` with ``changes``, one after the other.

    Raises:
        KeyError: one of them is of a kind that cannot be tried.
        ValueError: it does not fit the training.
    """
    with contextlib.ExitStack() as stack:
        for change in changes:
            entered: AbstractContextManager[Setup] = CHANGES[change.kind](setup, change)
            before, setup = setup, stack.enter_context(entered)
            if before.own_step and is_for_keras_alone(before, setup):
                raise NotPossible("the step is the script's own")
        yield setup


def is_for_keras_alone(before: Setup, changed: Setup) -> bool:
    """Whether only a step of Keras's own would see the change: one that the script wrote would not."""
    same = changed.model is before.model and changed.loss is before.loss and changed.besides == before.besides
    return not same or (changed.penalised, changed.inference) != (before.penalised, before.inference)


def outcome_of(course: Course) -> TrialOutcome:
    loss = course.losses[-1] if course.losses else None
    return TrialOutcome(course.finite, course.steps, loss, course.skill(), course.raised)


def made_again_trials(kept: KeptTraining, proposals: Sequence[Proposal], deadline: float) -> list[Trial]:
    """Trials of ``proposals`` about the training ``kept``; an interrupt ends them, and what was found stays.

    Raises:
        ValueError: the script has changed the model since, so that it cannot be made again.
    """
    trials = Trials(kept, deadline)
    with contextlib.suppress(KeyboardInterrupt), quiet():
        trials.make(proposals)
    return trials.found
