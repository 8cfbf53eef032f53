"""NW302: a hidden sigmoid or tanh that sits at the ends of its range."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import count_words, list_words, number
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.first_layers import SATURATED_SIGMOID, SATURATED_TANH, head_paths
from nanwatch.diagnose.guessing import guessing
from nanwatch.diagnose.loss_course import loss_name, sole_labels
from nanwatch.diagnose.optimizer_line import rate_remedy
from nanwatch.diagnose.readings import REGRESSIONS, lasting_since
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.symptoms import STUCK
from nanwatch.record.facts import LayerInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

KINDS = ("tanh", "sigmoid")
AS_MADE = 2  # steps: what is at its ends by then was made so
UNSCALED_TARGET = 10.0  # in deviation
DAMPED = 10.0


class SaturatedActivation(Rule):
    """A hidden layer with sigmoid or tanh outputs only the ends of its range, and the training is stuck.

    ## What it does
    Looks for a hidden layer whose outputs stay almost exactly at 0 and 1 (tanh: at -1 and 1), in a
    training that is no better than guessing.

    ## Why is this bad
    At its ends the curve is flat: its slope is less than a twentieth of the steepest, and so is the
    gradient that goes back to the layers before it. The causes are initial weights that are too large,
    inputs that are not scaled, or a step that was too large. A healthy net can end there too, which is
    why the loss counts.

    ## Example
    ```python
    Dense(64, activation="tanh", kernel_initializer=keras.initializers.RandomNormal(stddev=5.0))
    ```

    ## Use instead
    ```python
    Dense(64, activation="tanh")  # glorot_uniform; with inputs scaled to about 1
    ```
    """

    code, name = "NW302", "saturated-activation"

    def missing(self, fit: Fit, run: Run) -> str | None:
        curved = [layer.path for layer in saturable_layers(fit)]
        if not curved or set(curved) & set(fit.health.paths("activation", "l2_norm")):
            return None
        return "the layers' outputs were not seen"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        stuck = guessing(fit)
        if stuck is None:
            return
        found = [
            (layer, since)
            for layer in saturable_layers(fit)
            if (since := saturated_since(fit, layer)) is not None
        ]
        if not found:
            return
        layer, since = found[0]
        ends = "-1 and 1" if layer.activation == "tanh" else "0 and 1"
        others = [other.name for other, _ in found[1:]]
        yield self.finding(
            fit,
            f"{layer.type} {layer.name!r} ({layer.activation}) has sat at the ends of its range, {ends}, "
            f"since step {since}: hardly any gradient passes, and {stuck.words}.",
            *([f"So {'do' if len(others) > 1 else 'does'} {list_words(others)}."] if others else []),
            *([f"its weights were made by {layer.initializer}"] if layer.initializer else []),
            f"it lasts to the end, over {count_words(fit.info.steps - since, 'step')}",
            location=layer.location,
            layer=layer.path,
            remedies=(remedy(fit, layer, since),),
            strength=0.6,
            shows={"saturated"},
            explains={"saturated", "vanishing-gradient"} | STUCK,
            since=since,
        )

    @staticmethod
    def fires() -> list[Run]:
        return [
            saturated_run(0.96, 0.70),
            saturated_run(0.012, 0.70, activation="sigmoid"),
            saturated_run(0.96, 0.66),
        ]

    @staticmethod
    def silent() -> list[Run]:
        return [
            saturated_run(0.94, 0.70),
            saturated_run(0.013, 0.70, activation="sigmoid"),
            saturated_run(0.96, 0.65),
            saturated_run(0.96, 0.70, steps=99),
            saturated_run(0.96, 0.70, path="dense"),
            saturated_run(0.96, 0.70, looks_before=30),
        ]


def remedy(fit: Fit, layer: LayerInfo, since: int) -> Remedy:
    """A layer that was not at its ends when it was made was driven there: by its targets, or by its rate."""
    labels, optimizer = sole_labels(fit), fit.model.optimizer
    if since <= AS_MADE or optimizer is None or not optimizer.learning_rate:
        return Remedy(
            Intervention(InterventionKind.SET_INITIALIZER, layer.path, "glorot_uniform"),
            "Begin with smaller weights (the default initialiser) and inputs scaled to about 1, or put a "
            "BatchNormalization before the activation.",
            location=layer.location,
        )
    if loss_name(fit) in REGRESSIONS and labels is not None and labels.std > UNSCALED_TARGET:
        return Remedy(
            Intervention(InterventionKind.STANDARDISE_TARGET, labels.path, (labels.mean, labels.std)),
            f"It did not start like this: targets with a deviation of {number(labels.std)} have driven "
            "it there. Standardise them.",
        )
    lower = rate_remedy(fit, float(f"{optimizer.learning_rate / DAMPED:.3g}"))
    return replace(lower, text=f"It did not start like this: steps have driven it there. {lower.text}")


def saturable_layers(fit: Fit) -> list[LayerInfo]:
    ends = head_paths(fit)
    return [layer for layer in fit.model.layers if layer.activation in KINDS and layer.path not in ends]


def saturated_since(fit: Fit, layer: LayerInfo) -> int | None:
    """The step from which every look found the layer at the ends of its range."""
    size = dict(fit.health.values("activation", layer.path, "size"))
    mean = dict(fit.health.values("activation", layer.path, "mean"))
    looks = [
        (step, is_saturated(layer, mean.get(step, 0.0), norm * norm / max(1.0, size.get(step, 1.0))))
        for step, norm in fit.health.values("activation", layer.path, "l2_norm")
    ]
    return lasting_since(looks) if looks else None


def is_saturated(layer: LayerInfo, mean: float, mean_square: float) -> bool:
    """By the mean of a*a for tanh, of a*(1-a) for sigmoid: what is left of the slope."""
    if layer.activation == "tanh":
        return mean_square > SATURATED_TANH
    return mean - mean_square < SATURATED_SIGMOID


def saturated_run(
    value: float,
    ended: float,
    activation: str = "tanh",
    steps: int = 120,
    path: str = "hidden",
    looks_before: int = 0,
    looks_after: int = 0,
) -> Run:
    """A hidden layer whose mean of a*a (tanh) or of a*(1-a) (sigmoid) is ``value`` at every look."""
    size = 512.0
    square = value if activation == "tanh" else 0.5 - value
    norms = [(size * square) ** 0.5] * (40 - looks_before) + [(size * 0.4) ** 0.5] * looks_before
    norms[:looks_after] = [(size * 0.4) ** 0.5] * looks_after
    health = {
        ("activation", path, "size"): [size] * 40,
        ("activation", path, "mean"): [0.0 if activation == "tanh" else 0.5] * 40,
        ("activation", path, "l2_norm"): norms,
    }
    head = made_up.dense(activation="sigmoid")
    of = made_up.model(made_up.dense("hidden", 16, activation), head, loss="binary_crossentropy")
    return made_up.run(of, loss=[0.7] + [ended] * (steps - 1), health=health, targets=[made_up.labels(0, 1)])
