"""NW301: a ReLU layer that gives zero for every input."""

from __future__ import annotations

import math
from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import list_words, number
from nanwatch.diagnose.dead_layers import dead_layers, input_is_zero
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.patch import set_activation
from nanwatch.diagnose.readings import (
    SPARSE,
    constant_since,
    first_output,
    guess_loss,
    incident_of,
    last_loss,
    spread_looks,
)
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.symptoms import STUCK
from nanwatch.record.facts import LayerInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

# Three digits: a dead net gives the best constant answer, whose loss is the prior entropy.
SAME_AS_GUESSING = 5e-3


class DeadRelu(Rule):
    """A ReLU layer outputs zero for every input, and stays like that.

    ## What it does
    Looks for a layer with relu whose whole output is zero in each of the last 20 steps or more, with an
    input that is not zero.

    ## Why is this bad
    At zero a ReLU passes no gradient back: this layer and those before it stop learning. If there is no
    path around it, every row gets the same prediction, and the loss is that of guessing by the class
    shares: ln k for k balanced classes. Layers seldom die without a reason: look for one huge step
    before, caused by a high learning rate or raw inputs.

    ## Example
    ```python
    keras.optimizers.Adam(1.0)  # the first steps push every bias far below 0
    ```

    ## Use instead
    ```python
    keras.optimizers.Adam(1e-3)  # inputs scaled to about 1; or Dense(32, activation="leaky_relu")
    ```
    """

    code, name = "NW301", "dead-relu"

    def missing(self, fit: Fit, run: Run) -> str | None:
        seen = fit.steps.paths("activation", "l2_norm") or fit.health.paths("activation", "num_zero")
        return None if seen else "the layers' outputs were not seen"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        incident = incident_of(fit, run)
        # The relu of NaN is 0 on a CPU: what falls silent with the bad step did not die.
        dead = [layer for layer in dead_layers(fit) if incident is None or layer.since < incident.step]
        if not dead or input_is_zero(fit):
            return
        first = dead[0]
        output = first_output(fit)
        blocked = output is not None and constant_since(fit, output.path) is not None
        yield self.finding(
            fit,
            f"{first.layer.type} {first.layer.name!r} gives 0 for every input "
            f"since step {first.since} ({first.steps} steps): no gradient passes through it.",
            *evidence(fit, [other.layer.name for other in dead[1:]], blocked),
            location=first.layer.location,
            layer=first.layer.path,
            remedies=(remedy(first.layer),),
            level="error" if blocked or is_guessing(fit) else "warning",
            strength=0.7 if blocked else 0.5,
            shows={"dead-activation"},
            explains={"dead-activation"} | STUCK,
            since=first.since,
        )

    @staticmethod
    def fires() -> list[Run]:
        return [
            relu_run([3.0] * 10 + [0.0] * 20),
            relu_run([0.0] * 40),
            relu_run([0.0] * 40, whole=False),
            relu_run([3.0] * 10 + [0.0] * 30, broke_at=11),
        ]

    @staticmethod
    def silent() -> list[Run]:
        return [
            relu_run([3.0] * 10 + [0.0] * 19),
            relu_run([0.0] * 40 + [0.01]),
            relu_run([0.0] * 40, activation="tanh"),
            relu_run([0.0] * 40, given=0.0),
            relu_run([3.0] * 10 + [0.0] * 30, broke_at=10),
        ]


def is_guessing(fit: Fit) -> bool:
    """The loss is that of guessing by the class shares, to three digits."""
    guess = guess_loss(fit, first_output(fit))
    return guess is not None and abs(last_loss(fit) - guess) <= SAME_AS_GUESSING * guess


def evidence(fit: Fit, others: list[str], blocked: bool) -> Iterator[str]:
    if others:
        yield f"So do {list_words(others)}." if len(others) > 1 else f"So does {others[0]}."
    output = first_output(fit)
    guess = guess_loss(fit, output)
    if guess is not None and is_guessing(fit):
        k = math.exp(guess)
        name = f"ln {round(k)}" if abs(k - round(k)) < 0.01 else "the entropy of the class shares"
        yield f"The loss stays at {last_loss(fit):.4g}; {name} is {guess:.4g}."
    if blocked and output is not None:
        spread = spread_looks(fit, output.path)[-1][1]
        yield f"Over the rows of a batch the predictions spread by {number(spread)}."


def remedy(layer: LayerInfo) -> Remedy:
    text = f"Give {layer.name} a slope below 0 (leaky_relu); a lower rate and scaled inputs keep it alive."
    line = (
        set_activation(layer.location.code, layer.type, "leaky_relu", layer.activation, layer.units)
        if (layer.location)
        else None
    )
    return Remedy(
        Intervention(InterventionKind.SET_ACTIVATION, layer.path, "leaky_relu"),
        text,
        line,
        layer.location,
        general_damper=True,
    )


def relu_run(
    norms: list[float],
    activation: str = "relu",
    given: float = 1.0,
    whole: bool = True,
    broke_at: int | None = None,
) -> Run:
    """A hidden layer whose output has these norms, seen in every step or only in the full looks."""
    hidden = made_up.dense("hidden", 16, activation)
    head = made_up.dense(units=3, activation="softmax")
    steps = {("input", "0", "l2_norm"): [given] * len(norms)}
    health = {}
    if whole:
        steps["activation", "hidden", "l2_norm"] = norms
    else:
        health = {
            ("activation", "hidden", "num_zero"): [512.0 if norm == 0 else 9.0 for norm in norms],
            ("activation", "hidden", "size"): [512.0] * len(norms),
        }
    return made_up.run(
        made_up.model(hidden, head, loss=SPARSE),
        loss=[1.0986] * len(norms),
        steps=steps,
        health=health,
        incident=None if broke_at is None else {"step": broke_at, "action": "continue"},
    )
