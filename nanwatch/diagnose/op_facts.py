"""The first bad op as the rules look at it: its inputs, its place, what is known of it in words."""

from __future__ import annotations

import math

from nanwatch.diagnose.data_words import capitalise_first, count_words, number
from nanwatch.diagnose.op_words import first_op_words, operand_words
from nanwatch.diagnose.places import line_in_words
from nanwatch.diagnose.readings import gradient_norms, incident_of
from nanwatch.diagnose.statistics import median
from nanwatch.record.facts import IncidentInfo, LayerInfo, Location, Operand, OpInfo
from nanwatch.record.run import Fit, Run

DIVISIONS = ("RealDiv", "Div")
LOGARITHMS = {"Log": 0.0, "Log1p": -1.0}  # -> where the argument makes it -inf
SOFTMAX = ("Softmax", "LogSoftmax")
EXPONENTIALS = ("Exp", "Expm1", "Sinh", "Cosh")
HALF = ("float16", "mixed_float16")


def op_of(fit: Fit, run: Run) -> OpInfo | None:
    incident = incident_of(fit, run)
    return incident.op if incident else None


def operand(op: OpInfo, name: str) -> tuple[float, float] | None:
    """(lowest, highest) value that the input ``name`` had where the output went bad."""
    found = next((each for each in op.inputs if each.name == name), None)
    if found is None or found.low is None or found.high is None:
        return None
    return found.low, found.high


def holds(span: tuple[float, float] | None, value: float) -> bool:
    return span is not None and span[0] <= value <= span[1]


def is_only(span: tuple[float, float] | None, value: float) -> bool:
    return span == (value, value)


def find_operand(op: OpInfo, name: str) -> Operand | None:
    return next((each for each in op.inputs if each.name == name), None)


def is_masked_throughout(op: OpInfo) -> bool:
    """A softmax of rows in which there is nothing but -inf; or one by hand, which takes -inf from -inf."""
    if op.type == "Sub" and len(op.inputs) == 2:
        return all(each.num_neg_inf and not each.num_pos_inf and not each.num_nan for each in op.inputs)
    logits = find_operand(op, "logits")
    return op.type in SOFTMAX and logits is not None and 0 < logits.size == logits.num_neg_inf


def is_zero_times_infinity(op: OpInfo) -> bool:
    """A product of 0 and of an infinity that was there before, which a constant is, or a mask."""
    zero = any(each.low is not None and each.low <= 0.0 <= (each.high or 0.0) for each in op.inputs)
    return op.type == "Mul" and op.output == "nan" and zero and has_infinite_input(op)


def has_infinite_input(op: OpInfo) -> bool:
    return any(each.num_neg_inf or each.num_pos_inf for each in op.inputs)


def has_empty_input(op: OpInfo) -> bool:
    return any(each.size == 0 for each in op.inputs)


def loss_is_finite(incident: IncidentInfo) -> bool:
    """The loss of the bad batch is a number: what broke, broke on the way back."""
    return incident.loss is not None and math.isfinite(incident.loss)


def is_built_in_loss(op: OpInfo, fit: Fit) -> bool:
    """The op is inside Keras's own loss: no layer, and no line of the user's but ``compile``."""
    return op.layer is None and op.location in (None, fit.model.compile_location)


def location_of_op(op: OpInfo, fit: Fit) -> Location | None:
    """The user's line of the op; that of its layer, or of ``compile``, where there is none."""
    layer = fit.layer(op.layer)
    return op.location or (layer.location if layer else None) or fit.model.compile_location


def layer_of_op(op: OpInfo, fit: Fit) -> LayerInfo | None:
    return fit.layer(op.layer)


def is_half(op: OpInfo, fit: Fit) -> bool:
    """The op computes in float16, as far as its layer and the model's policy tell."""
    layer = layer_of_op(op, fit)
    return layer.dtype in HALF if layer else fit.model.dtype_policy in HALF


def op_that_made_data(fit: Fit, run: Run) -> OpInfo | None:
    """The op by which a step of the script's own made the input or the target that is not finite.

    What a loop gives to its model and its loss need not be data: returns, noise and masks are computed in the
    step. Of data that are bad themselves no op is the first; what is made of predictions comes behind them.
    """
    op = op_of(fit, run)
    own = fit.info.kind == "tape" or fit.model.custom_train_step
    if op is None or not own or fit.info.data.whole or op.direction == "backward":
        return None
    if op.layer is not None or "output" in op.made_of or is_built_in_loss(op, fit):
        return None
    return None if has_infinite_input(op) or any(each.num_nan for each in op.inputs) else op


def made_in_step_words(called: str, op: OpInfo) -> str:
    where = "" if op.location is None else f", in {line_in_words(op.location)}"
    place = f"in {op.type}{where}"
    return (
        f"{capitalise_first(called)} was computed in the step and went bad there, {place}: not in your data."
    )


def where_words(op: OpInfo, incident: IncidentInfo) -> str:
    """``"in 3 of 32 rows at step 5"``; or how many values of the op's output, or the step alone."""
    at = f"at step {incident.step}"
    rows = incident.rows or 0
    if op.rows and rows and max(op.rows) < rows and op.size % rows == 0:
        return f"in {len(op.rows)} of {count_words(rows, 'row')} {at}"
    return f"in {op.num_bad} of {op.size} values {at}" if op.size > 1 else at


def facts(op: OpInfo, fit: Fit, incident: IncidentInfo) -> list[str]:
    """What the autopsy saw, for the evidence."""
    layer = f" in layer {op.layer}" if op.layer else ""
    of = f" (the gradient of {op.forward_type})" if op.forward_type else ""
    seen = [
        f"the {first_op_words(op)} is {op.type}{of}, {op.direction}{layer}: "
        f"{op.output or incident.value} {where_words(op, incident)}"
    ]
    if op.inputs:
        seen.append(f"its inputs there: {'; '.join(map(operand_words, op.inputs))}")
    if loss_is_finite(incident):
        seen.append(f"the loss of that batch is finite: {number(incident.loss or 0.0)}")
    return seen


def norms_before(fit: Fit, incident: IncidentInfo) -> tuple[float, float] | None:
    """(median, last) of the gradient norm before the bad step; None for fewer than 3 steps."""
    norms = [norm for step, norm in gradient_norms(fit) if step < incident.step and math.isfinite(norm)]
    return (median(norms), norms[-1]) if len(norms) >= 3 else None
