"""NW403: the logarithm of 0."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from nanwatch.diagnose import made_up
from nanwatch.diagnose.diagnosis import Remedy
from nanwatch.diagnose.op_facts import location_of_op, where_words
from nanwatch.diagnose.op_rule import OpRule, broken_run
from nanwatch.record.facts import IncidentInfo, OpInfo, OutputInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

EPSILON = 1e-7  # keras.config.epsilon(), with which Keras guards its own logarithms
CUT_AT_ZERO = ("relu", "relu6")
SMALLEST_HALF = 6e-5  # the smallest normal float16: 1e-7 would be rounded to 0 or nearly so


class LogOfZero(OpRule):
    """A logarithm of exactly 0 was computed.

    ## What it does
    Looks for a bad step in which the first bad op is a log (log1p, xlogy) whose argument is 0 where the
    output is not finite.

    ## Why is this bad
    log(0) is -inf, and 0 times -inf is NaN. A probability becomes exactly 0 when a sigmoid or softmax
    saturates: exp(-104) is 0 in float32. So it happens after good epochs, when the net is sure of
    itself. A lower learning rate only delays it.

    ## Example
    ```python
    loss = -tf.reduce_mean(y * tf.math.log(p))
    ```

    ## Use instead
    ```python
    loss = -tf.reduce_mean(y * tf.math.log(p + 1e-7))
    # better: keras.losses.BinaryCrossentropy(from_logits=True) on the logits
    ```
    """

    code, name, pattern = "NW403", "log-of-zero", "log-of-zero"

    def message(self, op: OpInfo, incident: IncidentInfo, fit: Fit) -> str:
        later = "" if op.made_of in (("label",), ("input",)) else " A lower learning rate only delays it."
        zero = "log1p(-1)" if op.type == "Log1p" else "log(0)"
        layer = f", in layer {op.layer}," if op.layer else ""
        return f"{zero}{layer} came {where_words(op, incident)}: -inf, and NaN in what follows.{later}"

    def evidence(self, op: OpInfo, incident: IncidentInfo, fit: Fit) -> list[str]:
        """A head that gives exactly 0 to whole half lines of inputs, if the op is not a layer's."""
        zero = (
            []
            if op.layer or op.made_of not in ((), ("output",))
            else [output for output in fit.model.outputs if output.activation in CUT_AT_ZERO]
        )
        return [
            f"output {output.path} ends in {output.activation}{layer_words(output)}, which is exactly 0 for "
            "every input below 0"
            for output in zero
        ]

    def remedies(self, op: OpInfo, incident: IncidentInfo, fit: Fit) -> tuple[Remedy, ...]:
        where = location_of_op(op, fit)
        guard = SMALLEST_HALF if "float16" in fit.model.dtype_policy else EPSILON
        others = [
            Remedy(Intervention(kind, op.type), text, location=where) for kind, text in instead_of(op.made_of)
        ]
        word = "Or keep" if others else "Keep"
        return (
            *others,
            Remedy(
                Intervention(InterventionKind.ADD_EPSILON, op.type, guard),
                f"{word} the argument above 0: tf.math.log(v + {guard:g}).",
                location=where,
            ),
        )

    @staticmethod
    def fires() -> list[Run]:
        xlogy = OpInfo("Xlogy", "forward", inputs=made_up.operands(factor=1, argument=0), output="-inf")
        log1p = OpInfo("Log1p", "forward", inputs=made_up.operands(argument=-1), output="-inf")
        return [
            broken_run(log_of(0)),
            broken_run(log_of((-0.1, 0))),
            broken_run(xlogy),
            *(broken_run(replace(log_of(0), made_of=(role,))) for role in ("output", "label", "weight")),
            broken_run(log1p),
            broken_run(log_of(0), of=made_up.model(dtype_policy="mixed_float16")),
        ]

    @staticmethod
    def silent() -> list[Run]:
        return [
            broken_run(log_of(-0.1)),
            broken_run(OpInfo("Log1p", "forward", inputs=made_up.operands(argument=-1.5), output="nan")),
            broken_run(log_of(0), 0.4),
            made_up.run(loss=[0.7, float("nan")], incident={}),
        ]


def instead_of(made_of: tuple[str, ...]) -> Iterator[tuple[InterventionKind, str]]:
    """What else could be written, by what the argument's numbers come from; of a mixture nothing is known."""
    if made_of in ((), ("output",)):
        begin = "Take" if made_of else "Where it is the log of a probability, take"
        yield (
            InterventionKind.USE_LOGITS,
            f"{begin} the loss from logits: log and exp cancel there, as in "
            "keras.losses.BinaryCrossentropy(from_logits=True), tf.nn.log_softmax(logits).",
        )
    elif made_of == ("label",):
        yield (
            InterventionKind.USE_STABLE_FORM,
            "It is the log of a target: for an amount or a count use tf.math.log1p(y), and of a share in "
            "y * log(y) tf.math.xlogy(y, y), which is 0 at 0.",
        )
    elif made_of == ("input",):
        yield (
            InterventionKind.USE_STABLE_FORM,
            "It is the log of an input: for an amount or a count use tf.math.log1p(x).",
        )
    elif made_of == ("weight",):
        yield (
            InterventionKind.USE_STABLE_FORM,
            "It is the log of a weight, which a step may take to 0: let the weight be that log, and take exp "
            "of it where the number itself is wanted.",
        )


def layer_words(output: OutputInfo) -> str:
    layer = output.activation_layer or output.head
    return f" (layer {layer})" if layer else ""


def log_of(argument: float | tuple[float, float]) -> OpInfo:
    where = made_up.line(22, "return -tf.reduce_mean(y * tf.math.log(p))")
    words = made_up.operands(argument=argument)
    return OpInfo("Log", "forward", None, where, words, output="-inf", num_bad=2, size=32, rows=(3, 4))
