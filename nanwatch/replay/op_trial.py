"""A remedy tried at the op that the autopsy named: the frozen step's ops once more, with that one changed.

It serves any step, a loop's and one of the model's own as well, compiled or eager, and says of one step
whether its loss and its gradients come out finite. It is no training.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import tensorflow as tf

from nanwatch.record.interventions import Intervention
from nanwatch.record.trials import Trial, TrialOutcome, Verdict
from nanwatch.replay.changed_graph import OpChange
from nanwatch.replay.eager_op_trial import FrozenEagerOps
from nanwatch.replay.making import NotPossible, as_number
from nanwatch.replay.op_mends import CHANGES
from nanwatch.watch.incident.autopsy import Autopsy
from nanwatch.watch.incident.births import Birth, Search, can_count
from nanwatch.watch.incident.graph_autopsy import StepAutopsy, apart, mean_of_bad, outermost_run
from nanwatch.watch.incident.graph_run import MissingValue
from nanwatch.watch.incident.op_places import forward_op
from nanwatch.watch.incident.op_trace import OutOfTime
from nanwatch.watch.keras_seam.keras_types import Op
from nanwatch.watch.train_step.eager_ops import EagerStep
from nanwatch.watch.train_step.held_values import losses_and_gradients
from nanwatch.watch.train_step.inspection import RanStep
from nanwatch.watch.train_step.traced_step import suspend_watching

AS_IT_WAS = TrialOutcome(False, 0)
STEPS = 1
REFUSED = (tf.errors.OpError, ValueError, TypeError, AttributeError, KeyError, IndexError, MissingValue)


def try_at_op(
    ran: RanStep | EagerStep, interventions: Sequence[Intervention], deadline: float
) -> list[Trial]:
    """A trial of each intervention that is one at an op; none where the step does not go bad a second time.

    No variable is changed by it. ``deadline`` is of `time.perf_counter`.
    """
    possible = [change for change in interventions if change.kind in CHANGES]
    trials: list[Trial] = []
    if not possible:
        return trials
    aside = apart(ran.trace.graph) if isinstance(ran, RanStep) else suspend_watching()
    with aside, contextlib.suppress(OutOfTime, MissingValue, tf.errors.OpError):
        step = FrozenOps(ran, deadline) if isinstance(ran, RanStep) else FrozenEagerOps(ran)
        for change in possible:
            if time.perf_counter() > deadline:
                break
            with contextlib.suppress(*REFUSED):
                after = step.outcome(change)
                verdict: Verdict = "cured" if after.finite else "not-cured"
                trials.append(Trial(change, verdict, AS_IT_WAS, after, STEPS, at_op=True))
    return trials


@dataclass
class FrozenOps:
    """The ops of a bad step, and where among them it was born."""

    ran: RanStep
    deadline: float

    def __post_init__(self) -> None:
        search = Search(self.deadline)
        self.step = StepAutopsy(None, self.ran.trace.seen, outermost_run(self.ran), search, None)
        self.found = Autopsy()
        self.step.fill_in(self.found)
        if self.found.op is None and self.found.reproduced:
            self.step = self.step.with_loops_run_again()
            self.step.fill_in(self.found)

    def outcome(self, change: Intervention) -> TrialOutcome:
        """What the step gives with ``change``.

        Raises:
            NotPossible: the step did not go bad again, or the op is not found in it.
        """
        birth, told = self.found.birth, self.found.op
        if birth is None or told is None:
            raise NotPossible("it is not known where the step went bad")
        value = 0.0 if change.value is None else as_number(change)
        op = changeable(birth)
        changed = OpChange(op, CHANGES[change.kind](op.type, value, told))
        bad, loss = 0, None
        losses = {id(tensor) for tensor in self.ran.trace.seen.targets}
        wanted = [tensor for tensor in losses_and_gradients(self.ran.trace.seen) if can_count(tensor)]
        for run, targets in self.step.runs_of(wanted):
            edited = replace(run, programs={}, put_in=changed.put_into(run.graph))
            bad += sum(counts.bad for counts in edited.count(targets).values())
            asked = [tensor for tensor in targets if id(tensor) in losses]
            loss = mean_of_bad(edited, asked) if loss is None and asked else loss
        if not changed.made:
            raise NotPossible("the op is out of reach")
        if bad and changed.mend.sloped and loss is not None and math.isfinite(loss):
            raise NotPossible("its slope would be 0 where it takes effect")
        return TrialOutcome(not bad, STEPS if not bad else 0, loss if not bad else None)


def changeable(birth: Birth) -> Op:
    """The op that a remedy is for: the one that was born bad, or that whose gradient was."""
    return forward_op(birth.op) or birth.op
