"""NW407: a value that float32 holds and float16 does not."""

from __future__ import annotations

from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_seen import data_arrays, went_nonfinite
from nanwatch.diagnose.data_words import capitalise_first, number
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.op_facts import facts, has_infinite_input, location_of_op, loss_is_finite
from nanwatch.diagnose.op_patterns import pattern_of
from nanwatch.diagnose.readings import are_weights_still, incident_of
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.symptoms import NONFINITE_FORWARD
from nanwatch.record.facts import LayerInfo, ModelInfo, Operand, OpInfo, TensorSummary
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

LARGEST_HALF = 65504.0  # the largest float16
BECOMES_INFINITE = 65520.0  # half way to the next that there would be: from here on rounded to inf


class HalfPrecisionOverflow(Rule):
    """A value is too large for float16 in the forward pass.

    ## What it does
    Looks, under a float16 policy, for an input that rounds to infinity (65520 or more), or for a first
    bad op that computes in float16 and gave infinity from finite inputs, or NaN because of a constant
    that is too large for float16, such as a mask of -1e9. A gradient that overflows now and then, and
    is skipped by loss scaling, is healthy and not reported.

    ## Why is this bad
    The loss is not finite at any loss scale, so LossScaleOptimizer skips every step and halves the
    scale without end. The loss is NaN from the first step on, the data and the weights are finite, and
    the weights do not move.

    ## Example
    ```python
    keras.mixed_precision.set_global_policy("mixed_float16")
    model.fit(x, y)  # x is up to 200000
    ```

    ## Use instead
    ```python
    model.fit((x - x.mean(axis=0)) / x.std(axis=0), y)
    # or policy "mixed_bfloat16", which has the range of float32
    ```
    """

    code, name = "NW407", "half-precision-overflow"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        if not computes_in_half(fit.model) or not went_nonfinite(fit, run):
            return
        if any(array.bad for array in data_arrays(fit, run, "inputs")):
            return
        too_large = [
            array
            for array in data_arrays(fit, run, "inputs")
            if largest_magnitude(array.widest) >= BECOMES_INFINITE
        ]
        if too_large:
            yield self.build_input_finding(
                fit, run, too_large[0].called, largest_magnitude(too_large[0].widest)
            )
        else:
            yield from self.find_op_overflow(fit, run)

    def build_input_finding(self, fit: Fit, run: Run, called: str, high: float) -> Finding:
        incident = incident_of(fit, run)
        evidence = facts(incident.op, fit, incident) if incident and incident.op else []
        if are_weights_still(fit):
            evidence.append("the weights have not moved: every step was skipped")
        scale = "Scale the input, which fixes it under any policy: x = (x - x.mean(axis=0)) / x.std(axis=0)."
        return self.finding(
            fit,
            f"{capitalise_first(called)} goes up to {number(high)}, and the model computes in float16, whose "
            f"largest number is {LARGEST_HALF:.0f}: the first layer sees infinity in finite data.",
            *evidence,
            location=fit.input_line(),
            remedies=(
                Remedy(
                    Intervention(InterventionKind.STANDARDISE_INPUT, "0"), scale, location=fit.input_line()
                ),
                bfloat_remedy(),
            ),
            strength=1.0,
            explains=NONFINITE_FORWARD | {"weights-still", "not-learning"},
        )

    def find_op_overflow(self, fit: Fit, run: Run) -> Iterator[Finding]:
        incident = incident_of(fit, run)
        if incident is None or incident.op is None or loss_is_finite(incident):
            return
        op = incident.op
        if pattern_of(op, incident, fit) != "half-precision-overflow":
            return
        where = f" in layer {op.layer}" if op.layer else ""
        yield self.finding(
            fit,
            overflow_words(op, where, incident.step),
            *facts(op, fit, incident),
            location=location_of_op(op, fit),
            layer=op.layer,
            remedies=(*constant_remedies(op), bfloat_remedy(), float32_remedy(op, fit)),
            strength=0.85,
            explains=NONFINITE_FORWARD | {"weights-still", "not-learning"},
            since=incident.step,
        )

    @staticmethod
    def fires() -> list[Run]:
        overflow = OpInfo("MatMul", "forward", "dense", made_up.line(5), output="inf", num_bad=3, size=512)
        infinite = (Operand("input 1", size=8, num_neg_inf=8),)
        mask = OpInfo("Mul", "forward", "dense", made_up.line(5), infinite, "nan")
        return [
            half_run("mixed_float16", 3.0, mask),
            half_run("mixed_float16", 65520.0),
            half_run("mixed_float16", 8e5),
            half_run("mixed_float16", 3.0, overflow),
        ]

    @staticmethod
    def silent() -> list[Run]:
        exponential = OpInfo("Exp", "forward", "dense", inputs=made_up.operands(argument=12), output="inf")
        invalid = OpInfo("Sub", "forward", "dense", output="nan")
        skipped = made_up.run(made_up.model(dtype_policy="mixed_float16"), loss=[0.7, 0.6, 0.5])
        return [
            half_run("mixed_float16", 65519.0),
            half_run("mixed_bfloat16", 8e5),
            half_run("float32", 8e5),
            half_run("mixed_float16", 3.0, exponential),
            half_run("mixed_float16", 3.0, invalid),
            skipped,
        ]


def overflow_words(op: OpInfo, where: str, step: int) -> str:
    largest = f"float16, whose largest number is {LARGEST_HALF:.0f}"
    if has_infinite_input(op):
        return (
            f"{op.type}{where} was given an infinity at step {step}, where the script may have written a "
            f"large number, such as a mask of -1e9: it computes in {largest}, and 0 times infinity is NaN."
        )
    return f"{op.type}{where} gave {op.output or 'inf'} at step {step} from finite inputs, in {largest}."


def constant_remedies(op: OpInfo) -> tuple[Remedy, ...]:
    if not has_infinite_input(op):
        return ()
    text = "Use a constant that fits in float16: tf.where(keep, v, v.dtype.min), or -1e4 in place of -1e9."
    return (
        Remedy(
            Intervention(InterventionKind.CLIP_ARGUMENT, op.type, LARGEST_HALF), text, location=op.location
        ),
    )


def computes_in_half(model: ModelInfo) -> bool:
    return model.dtype_policy in ("mixed_float16", "float16") or any(
        layer.dtype == "float16" for layer in model.layers
    )


def largest_magnitude(tensor: TensorSummary) -> float:
    return max(abs(tensor.min), abs(tensor.max))


def bfloat_remedy() -> Remedy:
    text = 'Compute in bfloat16, which has the range of float32: set_global_policy("mixed_bfloat16").'
    return Remedy(Intervention(InterventionKind.SET_DTYPE_POLICY, "model", "mixed_bfloat16"), text)


def float32_remedy(op: OpInfo, fit: Fit) -> Remedy:
    """For the layer by its name; what no layer makes is cast."""
    layer = fit.layer(op.layer)
    change = Intervention(InterventionKind.SET_DTYPE_POLICY, op.layer or "", "float32")
    if layer is None:
        text = "Or compute this in float32: tf.cast(v, tf.float32) before it."
        return Remedy(change, text, location=op.location)
    own = f"{layer.type} {layer.name!r} alone"
    text = f"Or let {own} compute in float32: dtype='float32' in its construction."
    return Remedy(change, text, location=layer.location)


def half_run(policy: str, high: float, op: OpInfo | None = None) -> Run:
    """One NaN loss under ``policy``, with an input up to ``high``."""
    dtype = "float16" if policy == "mixed_float16" else "float32"
    layer = LayerInfo("dense", "dense", "Dense", "linear", 1, dtype=dtype, location=made_up.line(5))
    of = made_up.model(layer, dtype_policy=policy)
    incident = {"op": op, "loss": float("nan"), "rows": 32} if op else None
    inputs = [made_up.tensor("input", min=-high, max=high, std=high / 3)]
    return made_up.run(of, loss=[float("nan")] * 5, inputs=inputs, incident=incident)
