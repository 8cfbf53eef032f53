"""What the rules about the first bad op have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import number
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.op_facts import facts, location_of_op, norms_before
from nanwatch.diagnose.op_patterns import Pattern, pattern_of
from nanwatch.diagnose.readings import incident_of
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.symptoms import NONFINITE_BACKWARD, NONFINITE_FORWARD, NONFINITE_LOSS
from nanwatch.record.facts import IncidentInfo, LayerInfo, OpInfo
from nanwatch.record.interventions import InterventionKind
from nanwatch.record.run import Fit, Run

SURE = 0.95  # op, operands and line were all seen
LESS_SURE = 0.6  # they were, after gradients that had already left their course
# Norms of one training stray by a factor of 10; an infinite slope comes from normal ones, a rate
# that is too high from ones that rose by orders.
ROSE = 100.0
# What is written otherwise at the op itself: in a library nobody can.
AT_OP = (
    InterventionKind.ADD_EPSILON,
    InterventionKind.CLIP_ARGUMENT,
    InterventionKind.DIVIDE_NO_NAN,
    InterventionKind.GUARD_ARGUMENT,
    InterventionKind.REMOVE_OP,
    InterventionKind.USE_LOGITS,
    InterventionKind.USE_STABLE_FORM,
)


class OpRule(Rule):
    """A rule that speaks when the autopsy's op is of its pattern."""

    pattern: ClassVar[Pattern]

    @abstractmethod
    def message(self, op: OpInfo, incident: IncidentInfo, fit: Fit) -> str:
        """The fault in a sentence or two, with its numbers."""

    def evidence(self, op: OpInfo, incident: IncidentInfo, fit: Fit) -> list[str]:
        """What else of the run points to this cause."""
        return []

    @abstractmethod
    def remedies(self, op: OpInfo, incident: IncidentInfo, fit: Fit) -> tuple[Remedy, ...]:
        """What to write instead."""

    def missing(self, fit: Fit, run: Run) -> str | None:
        incident = incident_of(fit, run)
        if incident is None or incident.op is not None or incident.reproduced is not None:
            return None
        return "the bad step was not run again op by op"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        incident = incident_of(fit, run)
        if incident is None or incident.op is None:
            return
        op = incident.op
        if pattern_of(op, incident, fit) != self.pattern:
            return
        found = self.remedies(op, incident, fit)
        inside = library_layer_of(op, fit)
        yield self.finding(
            fit,
            self.message(op, incident, fit),
            *facts(op, fit, incident),
            *self.evidence(op, incident, fit),
            *norms_words(fit, incident),
            *([f"the op is in the code of {inside.type}, which belongs to a library"] if inside else []),
            location=location_of_op(op, fit),
            layer=op.layer,
            remedies=tuple(each for each in found if not inside or each.intervention.kind not in AT_OP),
            strength=LESS_SURE if gradients_rose(fit, incident) else SURE,
            explains=symptoms_of_op(op, incident),
            since=incident.step,
        )


def library_layer_of(op: OpInfo, fit: Fit) -> LayerInfo | None:
    """The layer that the op stands in, where its code is not the script's: its line is then the one that
    makes the layer. A function that is written on that line is the script's all the same."""
    layer = fit.layer(op.layer)
    if layer is None or layer.location is None or op.location != layer.location:
        return None
    return None if "lambda" in layer.location.code or layer.type == "Lambda" else layer


def symptoms_of_op(op: OpInfo, incident: IncidentInfo) -> frozenset[str]:
    if op.direction == "backward" or incident.role == "gradient":
        return NONFINITE_BACKWARD
    return NONFINITE_FORWARD if op.layer else NONFINITE_LOSS


def gradients_rose(fit: Fit, incident: IncidentInfo) -> bool:
    before = norms_before(fit, incident)
    return before is not None and before[1] > ROSE * before[0]


def norms_words(fit: Fit, incident: IncidentInfo) -> list[str]:
    before = norms_before(fit, incident)
    if before is None:
        return []
    course = "had risen" if gradients_rose(fit, incident) else "was normal"
    return [
        f"the gradient norm {course} before: {number(before[1])} in the last step, "
        f"{number(before[0])} in the middle of the run"
    ]


def broken_run(
    op: OpInfo, loss: float = float("nan"), of: Any = None, rose: bool = False, **facts: Any
) -> Run:
    """A made-up run of 6 steps that broke at ``op``, with the gradient norms before it."""
    norms = [1.0, 1.1, 0.9, 1.0, 5e4 if rose else 1.2, float("nan")]
    role = "gradient" if loss == loss else "loss"
    incident = {"role": role, "loss": loss, "op": op, "rows": 32, "reproduced": True, **facts}
    return made_up.run(
        of,
        loss=[0.7, 0.65, 0.6, 0.62, 0.58, loss],
        steps={("gradient", "dense/kernel", "l2_norm"): norms},
        incident=incident,
    )
