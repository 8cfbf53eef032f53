"""A remedy tried at the op that the autopsy named: the frozen step's ops once more, with that one changed.

It serves any step that was compiled, a loop's and one of the model's own as well, and says of one step
whether its loss and its gradients come out finite. It is no training.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import tensorflow as tf

from nanwatch.record.facts import OpInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.trials import Trial, TrialOutcome, Verdict
from nanwatch.replay.changed_graph import Arguments, OpChange
from nanwatch.replay.making import NotPossible, as_number
from nanwatch.watch.incident.autopsy import Autopsy
from nanwatch.watch.incident.births import Birth, Search, can_count
from nanwatch.watch.incident.graph_autopsy import StepAutopsy, apart, mean_of_bad, outermost_run
from nanwatch.watch.incident.graph_run import MissingValue
from nanwatch.watch.incident.op_places import forward_op
from nanwatch.watch.incident.op_trace import OutOfTime
from nanwatch.watch.keras_seam.keras_types import Op
from nanwatch.watch.train_step.held_values import losses_and_gradients
from nanwatch.watch.train_step.inspection import RanStep

AS_IT_WAS = TrialOutcome(False, 0)
STEPS = 1
QUOTIENTS = ("RealDiv", "Div")
SECOND = (*QUOTIENTS, "Xlogy", "Xdivy")  # whose second input is the one that may be out of the domain
AT_ONE = ("Acos", "Asin", "Atanh", "Acosh")
# From where a function or its slope is not finite, and the op that tells.
DOMAINS = {
    **dict.fromkeys(("Log", "Sqrt", "Rsqrt", "Pow", "Xlogy"), ("LessEqual", 0.0)),
    **dict.fromkeys((*QUOTIENTS, "Reciprocal", "Inv", "Xdivy"), ("Equal", 0.0)),
    "Log1p": ("LessEqual", -1.0),
    "Exp": ("GreaterEqual", 80.0),
}
LEAST_DIVISOR = 1e-6
REFUSED = (tf.errors.OpError, ValueError, TypeError, AttributeError, KeyError, IndexError, MissingValue)


def add_epsilon(op: Op, value: float, found: OpInfo) -> OpChange:
    return OpChange(op, place_of_argument(op), lambda made, x: made.node("AddV2", x, made.constant(value)))


def clip_argument(op: Op, value: float, found: OpInfo) -> OpChange:
    """Off the ends of its domain, or between -value and value; any input, where some were infinite."""
    low, high = (-1.0 + value, 1.0 - value) if op.type in AT_ONE else (-value, value)
    given_inf = any(each.num_pos_inf or each.num_neg_inf for each in found.inputs)

    def clip(made: Arguments, x: str) -> str:
        return made.node("Minimum", made.node("Maximum", x, made.constant(low)), made.constant(high))

    return OpChange(op, None if given_inf else place_of_argument(op), clip)


def divide_no_nan(op: Op, value: float, found: OpInfo) -> OpChange:
    """0 for 0 / 0; else a divisor that is kept away from 0."""
    if op.type == "Mean":
        return OpChange(op, turned_into="Sum")
    if op.type in QUOTIENTS and found.output in ("nan", None):
        return OpChange(op, place_of_argument(op), never_zero)
    least = LEAST_DIVISOR
    return OpChange(op, place_of_argument(op), lambda made, x: made.node("Maximum", x, made.constant(least)))


def never_zero(made: Arguments, x: str) -> str:
    """By an infinity in its place everything gives 0, as divide_no_nan has it, and so do both slopes."""
    return made.node("SelectV2", made.node("Equal", x, made.constant(0.0)), made.constant(math.inf), x)


def guard_argument(op: Op, value: float, found: OpInfo) -> OpChange:
    """A safe argument where it is out of the domain; of a softmax nothing that is less."""
    if "Softmax" in op.type:
        return OpChange(op, 0, lambda made, x: made.node("Maximum", x, made.constant(value)))
    if op.type not in DOMAINS:
        raise NotPossible(f"the domain of {op.type} is not known")
    is_outside, end = DOMAINS[op.type]

    def guard(made: Arguments, x: str) -> str:
        return made.node("SelectV2", made.node(is_outside, x, made.constant(end)), made.constant(value), x)

    return OpChange(op, place_of_argument(op), guard)


def place_of_argument(op: Op) -> int:
    return 1 if op.type in SECOND else 0


K = InterventionKind
CHANGES: dict[InterventionKind, Callable[[Op, float, OpInfo], OpChange]] = {
    K.ADD_EPSILON: add_epsilon,
    K.CLIP_ARGUMENT: clip_argument,
    K.DIVIDE_NO_NAN: divide_no_nan,
    K.GUARD_ARGUMENT: guard_argument,
}


def try_at_op(ran: RanStep, interventions: Sequence[Intervention], deadline: float) -> list[Trial]:
    """A trial of each intervention that is one at an op; none where the step does not go bad a second time.

    No variable is changed by it. ``deadline`` is of `time.perf_counter`.
    """
    possible = [change for change in interventions if change.kind in CHANGES]
    trials: list[Trial] = []
    if not possible:
        return trials
    with apart(ran.trace.graph), contextlib.suppress(OutOfTime, MissingValue, tf.errors.OpError):
        step = FrozenOps(ran, deadline)
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
        changed = CHANGES[change.kind](changeable(birth), value, told)
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
        return TrialOutcome(not bad, STEPS if not bad else 0, loss if not bad else None)


def changeable(birth: Birth) -> Op:
    """The op that a remedy is for: the one that was born bad, or that whose gradient was."""
    return forward_op(birth.op) or birth.op
