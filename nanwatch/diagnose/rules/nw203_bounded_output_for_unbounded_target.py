"""NW203: the output cannot reach the targets."""

from __future__ import annotations

import math
from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import number
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.heads import Head, heads, prediction_range, range_words, rewrite_activation
from nanwatch.diagnose.readings import REGRESSIONS, label_width
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.skill import skill_words
from nanwatch.diagnose.symptoms import STUCK
from nanwatch.record.facts import TensorSummary
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

RANGES = {
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
    "relu": (0.0, math.inf),
    "relu6": (0.0, 6.0),
    "softplus": (0.0, math.inf),
    "exponential": (0.0, math.inf),
}
# How far the targets reach beyond the range, in standard deviations of the targets: a tenth is a
# rounding, and costs next to nothing.
REACHES_OUT = 0.1
# The end of the range lies within one standard deviation of the targets' mean: of bell-shaped
# targets a sixth and more are out of reach. Further out it may be a few stray rows.
BULK_OUTSIDE = 1.0


class BoundedOutputForUnboundedTarget(Rule):
    """The output layer's activation cannot reach the targets.

    ## What it does
    Compares the range of the output's activation (sigmoid and softmax 0 to 1, tanh -1 to 1, relu
    from 0 up) with the targets of a regression loss.

    ## Why is this bad
    No weights give the targets outside the range. The predictions run up against its end, where
    the activation is flat and passes no gradient on: the loss stops at a floor far above 0.

    ## Example
    ```python
    Dense(1, activation="sigmoid")  # loss="mse", prices in the thousands
    ```

    ## Use instead
    ```python
    Dense(1)  # no activation; and scale the targets
    ```
    """

    code, name = "NW203", "bounded-output-for-unbounded-target"

    def missing(self, fit: Fit, run: Run) -> str | None:
        return None if fit.info.data.labels else "the targets were not seen"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        for head in heads(fit):
            reach = RANGES.get(head.activation)
            if reach is None or head.label is None or head.loss not in REGRESSIONS or is_constant(head):
                continue
            if head.activation == "softmax" and label_width(head.label) != head.units:
                continue  # not compared unit by unit: the loss does not fit, whatever the range
            beyond = deviations_outside(head.label, *reach)
            if beyond <= REACHES_OUT:
                continue
            bulk = are_many_outside(head.label, *reach)
            yield self.finding(
                fit,
                f"{head.words} has {head.activation!r}, which gives {interval(*reach)}, "
                f"but the targets run from {number(head.label.min)} to {number(head.label.max)}.",
                *evidence(fit, run, head, beyond),
                location=head.location,
                layer=head.path,
                remedies=(remedy(head),),
                level="error" if bulk else "warning",
                strength=0.9 if bulk else 0.5,
                explains=STUCK | {"large-loss", "saturated", "dead-activation", "growth"},
            )

    def suspect(self, fit: Fit, run: Run) -> Iterator[Finding]:
        for head in heads(fit):
            reach = RANGES.get(head.activation)
            if reach is None or head.loss not in REGRESSIONS or is_constant(head):
                continue
            yield self.finding(
                fit,
                f"{head.words} has {head.activation!r} as the output under {head.loss}, which keeps it from "
                f"the targets: {skill_words(fit)}.",
                location=head.location,
                layer=head.path,
                remedies=(remedy(head),),
                strength=0.55,
                explains=STUCK | {"large-loss", "saturated", "dead-activation"},
                suspected=True,
            )

    @staticmethod
    def fires() -> list[Run]:
        return [
            regression_run("sigmoid", min=2e4, max=4e5, mean=1.8e5, std=8e4),
            regression_run("tanh", min=-3.0, max=3.0, mean=0.0, std=1.0),
            regression_run("relu", min=-0.12, max=5.0, mean=2.0, std=1.0),
            regression_run("sigmoid", min=0.0, max=5.0, mean=0.4, std=0.2),
        ]

    @staticmethod
    def silent() -> list[Run]:
        return [
            regression_run("relu", min=-0.09, max=5.0, mean=2.0, std=1.0),
            regression_run("sigmoid", min=0.0, max=1.0, mean=0.5, std=0.3),
            made_up.run(
                made_up.model(made_up.dense(units=5, activation="softmax")),
                targets=[made_up.labels(0, 1, 2, 3, 4)],
            ),
            regression_run("linear", min=-3.0, max=3.0, mean=0.0, std=1.0),
            regression_run("softmax", min=-3.0, max=3.0, mean=0.0, std=1.0),
            regression_run("relu", min=0.0, max=400.0, mean=90.0, std=60.0),
            made_up.run(
                made_up.model(made_up.dense(activation="sigmoid"), loss="binary_crossentropy"),
                targets=[made_up.labels(0, 1, 2)],
            ),
        ]


def regression_run(activation: str, **facts: float) -> Run:
    target = made_up.tensor("label", "output", **facts)
    return made_up.run(made_up.model(made_up.dense(activation=activation)), targets=[target])


def deviations_outside(label: TensorSummary, low: float, high: float) -> float:
    """How far the targets lie outside the range, in their own standard deviations."""
    beyond = max(low - label.min, label.max - high, 0.0)
    if beyond == 0.0:
        return 0.0
    return beyond / label.std if label.std > 0 else math.inf


def are_many_outside(label: TensorSummary, low: float, high: float) -> bool:
    near = BULK_OUTSIDE * label.std
    below = label.min < low and label.mean - near <= low
    return below or (label.max > high and label.mean + near >= high)


def is_constant(head: Head) -> bool:
    """A softmax over one unit is 1 whatever it is given: that is another fault."""
    return head.activation == "softmax" and head.output.softmax_axis_size == 1


def interval(low: float, high: float) -> str:
    return f"{number(low)} and more" if math.isinf(high) else f"{number(low)} to {number(high)}"


def evidence(fit: Fit, run: Run, head: Head, beyond: float) -> Iterator[str]:
    assert head.label is not None
    label = head.label
    yield f"Targets: mean {number(label.mean)}, standard deviation {number(label.std)}."
    if math.isfinite(beyond):
        yield f"They reach {beyond:.3g} standard deviations beyond the activation's range."
    seen = prediction_range(fit, run, head.output)
    if seen is not None:
        yield f"Seen: {range_words(seen)}."


def remedy(head: Head) -> Remedy:
    text = f"Leave the activation of {head.words} out, or bring the targets into its range."
    return Remedy(
        Intervention(InterventionKind.SET_ACTIVATION, head.path, "linear"),
        text,
        rewrite_activation(head, "linear"),
        head.location,
    )
