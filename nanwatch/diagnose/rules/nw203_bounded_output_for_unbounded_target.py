"""NW203: the output cannot reach the targets."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

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
# Under a softmax: half of the rows and more, and one that is a tenth and more away from 1. Shares that were
# rounded to two digits are off by a few hundredths.
MOST_ROWS = 0.5
SUMS_APART = 0.1


class BoundedOutputForUnboundedTarget(Rule):
    """The output layer's activation cannot reach the targets.

    ## What it does
    Compares the range of the output's activation (sigmoid and softmax 0 to 1, tanh -1 to 1, relu from 0
    up) with the targets of a regression loss. The units of a softmax also sum to 1, so it cannot reach
    rows of targets that have another sum.

    ## Why is this bad
    No weights can produce targets outside the range. The predictions go to the end of the range, where
    the activation is flat and passes no gradient: the loss stops far above 0.

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
            if rows_miss_one(head):
                yield self.build_rows_finding(fit, head)
                continue
            if head.activation == "softmax" and not are_comparable(head):
                continue  # numbers of classes: the loss does not fit, whatever the range
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

    def build_rows_finding(self, fit: Fit, head: Head) -> Finding:
        label = head.label
        assert label is not None
        sums = f"{number(label.row_sum_min or 0.0)} to {number(label.row_sum_max or 0.0)}"
        return self.finding(
            fit,
            f"{head.words} has 'softmax', whose units sum to 1 in every row, but rows of the targets sum to "
            f"anything from {sums}.",
            f"{label.rows_not_summing_to_one:,} of {label.rows:,} rows do not sum to 1",
            location=head.location,
            layer=head.path,
            remedies=(rows_remedy(head),),
            strength=0.85,
            explains=STUCK | {"large-loss", "saturated"},
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
            regression_run("softmax", units=10, min=0.0, max=100.0, mean=33.0, std=30.0),
            rows_run(0.5),
            rows_run(1.0, sums=(0.89, 1.0)),
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
            regression_run("softmax", units=10, min=0.0, max=9.0, mean=4.0, std=2.0, integral=True),
            rows_run(0.49),
            rows_run(1.0, sums=(0.91, 1.09)),
            rows_run(1.0, integral=True, max=1.0),
            regression_run("relu", min=0.0, max=400.0, mean=90.0, std=60.0),
            made_up.run(
                made_up.model(made_up.dense(activation="sigmoid"), loss="binary_crossentropy"),
                targets=[made_up.labels(0, 1, 2)],
            ),
        ]


def rows_run(share: float, sums: tuple[float, float] = (0.5, 2.0), **facts: Any) -> Run:
    """Three numbers a row under softmax, of which this share of the rows does not sum to 1."""
    known = {"shape": (None, 3), "min": 0.0, "max": 0.9, "rows_not_summing_to_one": int(640 * share)}
    label = made_up.tensor("label", "output", row_sum_min=sums[0], row_sum_max=sums[1], **{**known, **facts})
    return made_up.run(made_up.model(made_up.dense(units=3, activation="softmax")), targets=[label])


def regression_run(activation: str, units: int = 1, **facts: float) -> Run:
    target = made_up.tensor("label", "output", **facts)
    return made_up.run(made_up.model(made_up.dense(units=units, activation=activation)), targets=[target])


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


def are_comparable(head: Head) -> bool:
    """Whether each unit is compared with a number that it might give: each with its own, or all with one."""
    assert head.label is not None
    width, units = label_width(head.label), head.units or 1
    are_classes = head.label.integral and head.label.min >= 0.0 and head.label.max < units
    return width == units or (width == 1 and len(head.output.shape or ()) == 2 and not are_classes)


def rows_miss_one(head: Head) -> bool:
    """Most rows of the targets sum to something else than 1, by more than rounding, under a softmax.

    Zeros and ones, of which a row may have several, are labels of classes.
    """
    label = head.label
    if head.activation != "softmax" or label is None or label_width(label) != head.units or is_binary(label):
        return False
    low, high = label.row_sum_min, label.row_sum_max
    if low is None or high is None or max(abs(low - 1.0), abs(high - 1.0)) <= SUMS_APART:
        return False
    return label.rows_not_summing_to_one >= MOST_ROWS * label.rows > 0


def is_binary(label: TensorSummary) -> bool:
    return label.integral and (label.min, label.max) == (0.0, 1.0)


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


def rows_remedy(head: Head) -> Remedy:
    """A sigmoid, of shares each by itself."""
    label = head.label
    shares = label is not None and label.min >= 0.0 and label.max <= 1.0
    new = "sigmoid" if shares else "linear"
    text = (
        f'Give {head.words} activation="sigmoid": each unit is then its own share.'
        if shares
        else f"Leave the activation of {head.words} out."
    )
    change = Intervention(InterventionKind.SET_ACTIVATION, head.path, new)
    return Remedy(change, text, rewrite_activation(head, new), head.location)


def remedy(head: Head) -> Remedy:
    text = f"Leave the activation of {head.words} out, or bring the targets into its range."
    if head.label is not None and (head.units or 1) > 1 == label_width(head.label):
        text += " Give it 1 unit: now all of them are compared with the same number."
    return Remedy(
        Intervention(InterventionKind.SET_ACTIVATION, head.path, "linear"),
        text,
        rewrite_activation(head, "linear"),
        head.location,
    )
