"""NW305: a recurrent layer whose activation has no upper bound."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_seen import DataKind, data_arrays, went_nonfinite
from nanwatch.diagnose.data_words import number
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.growth import growth_of_loss
from nanwatch.diagnose.op_patterns import pattern_of
from nanwatch.diagnose.readings import finite_losses, incident_of
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.symptoms import NONFINITE_FORWARD
from nanwatch.record.facts import DataInfo, LayerInfo, ModelInfo, OpInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

RECURRENT = ("LSTM", "GRU", "SimpleRNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")
UNBOUNDED = (
    "relu",
    "linear",
    "exponential",
    "elu",
    "selu",
    "leaky_relu",
    "softplus",
    "gelu",
    "silu",
    "swish",
)
# Repeated over fewer steps, a factor of 2 a step stays below 1000.
LONG = 10
KINDS: tuple[DataKind, ...] = ("inputs", "labels", "sample_weights")


class UnboundedRecurrentActivation(Rule):
    """A recurrent layer has relu, linear or another unbounded activation, and its state exploded.

    ## What it does
    Looks for an LSTM, GRU or SimpleRNN with an activation without an upper bound, in a training whose
    loss jumped away or became non-finite after finite steps.

    ## Why is this bad
    The layer feeds its output back to itself at every time step. tanh keeps it within 1. With relu it
    can be multiplied by the recurrent weights hundreds of times. After a few ordinary batches, one
    update makes the factor larger than 1, and then the output is inf.

    ## Example
    ```python
    LSTM(32, activation="relu")
    ```

    ## Use instead
    ```python
    LSTM(32)  # tanh
    ```
    """

    code, name = "NW305", "unbounded-recurrent-activation"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        grown = growth_of_loss(fit)
        if not went_nonfinite(fit, run) and grown is None:
            return
        if broke_before_any_step(fit, run) or broke_elsewhere(fit, run):
            return
        for layer in fit.model.layers:
            if layer.type in RECURRENT and layer.activation in UNBOUNDED and steps_of(fit, layer) >= LONG:
                yield self.build_finding(fit, run, layer, grown.peak if grown else None)

    def build_finding(self, fit: Fit, run: Run, layer: LayerInfo, peak: float | None) -> Finding:
        incident = incident_of(fit, run)
        steps = steps_of(fit, layer)
        series = f"{steps} time steps" if math.isfinite(steps) else "each time step"
        evidence = [
            f"{len(finite_losses(fit))} steps had a finite loss, the first {number(finite_losses(fit)[0])}"
        ]
        if peak is not None:
            evidence.append(f"then it grew to {number(peak)}")
        if incident:
            evidence.append(f"step {incident.step} broke at {incident.role} {incident.path}".rstrip())
        since = incident.step if incident else 0
        return self.finding(
            fit,
            f"The layer {layer.name} ({layer.type}) feeds its output back over {series} through "
            f"{layer.activation!r}, which has no upper bound, and the training blew up.",
            *evidence,
            location=layer.location,
            layer=layer.path,
            remedies=(
                Remedy(
                    Intervention(InterventionKind.SET_ACTIVATION, layer.path, "tanh"),
                    f'Leave the activation of the {layer.type} at "tanh".',
                    location=layer.location,
                ),
            ),
            strength=0.95,
            explains=NONFINITE_FORWARD | {"growth"},
            since=max(0, since - 1),
        )

    @staticmethod
    def fires() -> list[Run]:
        ordinary = [0.6, 0.8] * 7
        return [
            recurrent_run("relu", [*ordinary, math.nan]),
            recurrent_run("relu", [*ordinary, math.nan], length=10),
            recurrent_run("linear", [*ordinary, 2e24, 1.5e25]),
        ]

    @staticmethod
    def silent() -> list[Run]:
        ordinary = [0.6, 0.8] * 7
        bad = DataInfo((made_up.tensor("input", num_nan=1),))
        log = OpInfo("Log", "forward", inputs=made_up.operands(argument=0), output="-inf")
        return [
            recurrent_run("tanh", [*ordinary, math.nan]),
            recurrent_run("relu", ordinary),
            recurrent_run("relu", [*ordinary, math.nan], length=9),
            recurrent_run("relu", [math.nan]),
            recurrent_run("relu", [*ordinary, math.nan], batch=bad),
            recurrent_run("relu", [*ordinary, math.nan], op=log, loss=math.nan),
        ]


def broke_before_any_step(fit: Fit, run: Run) -> bool:
    """The data, or the weights as they were made, give no number: no state had time to grow."""
    incident = incident_of(fit, run)
    return not finite_losses(fit) or (incident is not None and incident.finite_on_first_weights is False)


def broke_elsewhere(fit: Fit, run: Run) -> bool:
    """The bad batch has bad data, or the autopsy's op is of a pattern that needs no growth."""
    incident = incident_of(fit, run)
    if incident is None:
        return False
    if any(array.batch and array.bad for kind in KINDS for array in data_arrays(fit, run, kind)):
        return True
    return incident.op is not None and pattern_of(incident.op, incident, fit) is not None


def steps_of(fit: Fit, layer: LayerInfo) -> float:
    """The time steps of the input; infinite where its shape does not tell."""
    shapes = [tensor.shape for tensor in fit.info.data.inputs if len(tensor.shape) > 1]
    lengths = [shape[1] for shape in shapes if shape[1] is not None]
    return max(lengths, default=math.inf)


def recurrent_run(activation: str, losses: list[float], length: int = 300, **incident: Any) -> Run:
    """64 series of this length into an LSTM, under Adam 1e-2."""
    lstm = LayerInfo("lstm", "lstm", "LSTM", activation, 32, location=made_up.line(6, "LSTM(32)"))
    of: ModelInfo = made_up.model(lstm, made_up.dense(), learning_rate=1e-2)
    series = [made_up.tensor("input", shape=(None, length, 4), rows=64, size=256 * length)]
    broke = {"role": "activation", "path": "lstm", **incident}
    return made_up.run(of, loss=losses, inputs=series, incident=None if math.isfinite(losses[-1]) else broke)
