"""NW404: exp of more than the number format holds."""

from __future__ import annotations

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import number
from nanwatch.diagnose.diagnosis import Remedy
from nanwatch.diagnose.op_facts import is_half, location_of_op, operand, where_words
from nanwatch.diagnose.op_patterns import EXP_LIMIT, EXP_LIMIT_HALF
from nanwatch.diagnose.op_rule import OpRule, broken_run
from nanwatch.diagnose.patch import set_activation
from nanwatch.record.facts import IncidentInfo, LayerInfo, OpInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run


class ExpOverflow(OpRule):
    """exp (expm1, sinh, cosh) of too large a number was computed.

    ## What it does
    Looks for a bad step in which the first bad op is an exponential with an argument above 88.7
    in float32, or 11.1 in float16.

    ## Why is this bad
    exp(89) is larger than the largest float32, so it is inf; inf - inf and inf / inf are NaN. A
    hand-written softmax, a log-variance without a bound, or an exponential activation can get there.

    ## Example
    ```python
    p = tf.exp(z) / tf.reduce_sum(tf.exp(z), axis=-1, keepdims=True)
    ```

    ## Use instead
    ```python
    p = tf.nn.softmax(z)  # subtracts the maximum first
    ```
    """

    code, name, pattern = "NW404", "exp-overflow", "exp-overflow"

    def message(self, op: OpInfo, incident: IncidentInfo, fit: Fit) -> str:
        span = operand(op, "argument") or (0.0, 0.0)
        largest = max(span, key=abs)
        half = is_half(op, fit)
        layer = f", in layer {op.layer}," if op.layer else ""
        return (
            f"{op.type.lower()}({number(largest)}){layer} came {where_words(op, incident)}: "
            f"above {EXP_LIMIT_HALF if half else EXP_LIMIT:.3g} the result does not fit in "
            f"{'float16' if half else 'float32'}."
        )

    def remedies(self, op: OpInfo, incident: IncidentInfo, fit: Fit) -> tuple[Remedy, ...]:
        where = location_of_op(op, fit)
        layer = fit.layer(op.layer)
        if layer is not None and layer.activation == "exponential":
            return (softplus_remedy(layer),)
        stable = (
            "Use the stable form: tf.nn.softmax, tf.nn.log_softmax, tf.nn.softplus, tf.reduce_logsumexp; "
            "they subtract the maximum first."
        )
        bound = (
            "Or bound the argument: tf.clip_by_value(z, -20.0, 20.0) for a log-variance, "
            "softplus instead of exp for a scale."
        )
        return (
            Remedy(Intervention(InterventionKind.USE_STABLE_FORM, op.type), stable, location=where),
            Remedy(Intervention(InterventionKind.CLIP_ARGUMENT, op.type, 20.0), bound, location=where),
        )

    @staticmethod
    def fires() -> list[Run]:
        half = made_up.model(dtype_policy="mixed_float16")
        return [
            broken_run(exp_of(89)),
            broken_run(exp_of((90, 412))),
            broken_run(exp_of(89), rose=True),
            broken_run(exp_of(11.2), of=half),
            broken_run(exp_of(89, "dense"), of=made_up.model(made_up.dense(activation="exponential"))),
        ]

    @staticmethod
    def silent() -> list[Run]:
        half = made_up.model(dtype_policy="mixed_float16")
        return [
            broken_run(exp_of(88.5)),
            broken_run(exp_of(11), of=half),
            broken_run(exp_of(11.2)),
            broken_run(exp_of(89), 0.4),
        ]


def softplus_remedy(layer: LayerInfo) -> Remedy:
    at = layer.location
    line = None
    if at is not None:
        line = set_activation(at.code, layer.type, "softplus", layer.activation, layer.units)
    text = f'Give {layer.type} {layer.name!r} activation="softplus": it is above 0, and grows like its input.'
    return Remedy(Intervention(InterventionKind.SET_ACTIVATION, layer.path, "softplus"), text, line, at)


def exp_of(argument: float | tuple[float, float], layer: str | None = None) -> OpInfo:
    where = made_up.line(23, "p = tf.exp(z) / tf.reduce_sum(tf.exp(z))")
    words = made_up.operands(argument=argument)
    return OpInfo("Exp", "forward", layer, where, words, output="inf", num_bad=2, size=64, rows=(3,))
