"""NW504: penalties on the weights that outweigh the loss of the data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import number
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.guessing import guessing
from nanwatch.diagnose.readings import incident_of
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.statistics import finite, median
from nanwatch.diagnose.symptoms import STUCK
from nanwatch.record.facts import LayerInfo
from nanwatch.record.run import Fit, Run

DOMINATES = 0.9  # of the whole loss, at the beginning or at the end
LAST = 20  # steps
FIRST = 5
USUAL = 1e-4  # the penalty of the textbooks' examples; 1e-2 is Keras's own default
# Keras names the argument by the weight: kernel_regularizer, and the variable ".../kernel".
VARIABLES = {
    "kernel": "kernel",
    "bias": "bias",
    "recurrent": "recurrent_kernel",
    "embeddings": "embeddings",
    "depthwise": "depthwise_kernel",
    "pointwise": "pointwise_kernel",
    "gamma": "gamma",
    "beta": "beta",
}


class RegularizationDominates(Rule):
    """Nearly the whole loss is the penalty on the weights, and the data are not learned.

    ## What it does
    Computes the share of the penalties in the loss: from the penalties themselves where they were
    recorded, else from each regulariser's factor and the norm of its weights. It speaks where this is
    above 0.9 and what is left is no better than guessing.

    ## Why is this bad
    The optimizer lowers what weighs most. It brings the weights to 0, where the penalty is least, and
    the model gives one answer to every row. The printed loss falls all the while.

    ## Example
    ```python
    Dense(32, activation="relu", kernel_regularizer=keras.regularizers.L2(10.0))
    ```

    ## Use instead
    ```python
    Dense(32, activation="relu", kernel_regularizer=keras.regularizers.L2(1e-4))
    ```
    """

    code, name = "NW504", "regularization-dominates"

    def missing(self, fit: Fit, run: Run) -> str | None:
        if fit.steps.has("penalty") or not any(unknown_penalty(layer) for layer in fit.model.layers):
            return None
        return "the penalties in the loss were not seen"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        course = penalties(fit)
        if len(course) < LAST or incident_of(fit, run) is not None:
            return
        began = shares(course[:FIRST])
        ended = shares(course[-LAST:])
        stuck = guessing(fit, penalty=median([penalty for penalty, _ in course[-LAST:]]))
        if max(began, ended) <= DOMINATES or stuck is None:
            return
        heaviest = max(terms(fit), key=lambda term: term.first(fit), default=None)
        layer = heaviest.layer if heaviest else None
        yield self.finding(
            fit,
            f"Of the loss, {began:.1%} was penalty on the weights at the beginning and {ended:.1%} at the "
            f"end. What the data cost is no better than guessing: {number(stuck.ended)}, where a constant "
            f"answer costs {number(stuck.guess)}.",
            *([heaviest.words(fit)] if heaviest else []),
            location=(layer.location if layer else None) or fit.model.compile_location,
            layer=layer.path if layer else None,
            remedies=(
                Remedy(
                    "set_regularizer",
                    layer.path if layer else "model",
                    USUAL,
                    f"Begin with a penalty of {USUAL:g}, or none, and raise it while validation improves.",
                    location=layer.location if layer else None,
                ),
            ),
            strength=0.85,
            explains={"large-loss", "weights-still", "dead-activation", "vanishing-gradient"} | STUCK,
        )

    @staticmethod
    def fires() -> list[Run]:
        return [
            penalised(10.0, first=4.0, last=0.2, data=0.69),
            penalised(0.4, first=4.1, last=4.1, data=0.69),
            penalised(0.4, first=4.1, last=4.1, data=0.69, name="L1L2"),
            recorded(6.3, 0.69),
        ]

    @staticmethod
    def silent() -> list[Run]:
        return [
            penalised(0.4, first=3.9, last=3.9, data=0.69),
            penalised(10.0, first=4.0, last=0.2, data=0.65),
            penalised(10.0, first=4.0, last=0.2, data=0.69, steps=99),
            recorded(6.2, 0.69),
            recorded(6.3, 0.65),
            made_up.run(),
        ]


@dataclass(frozen=True)
class Term:
    """One regulariser and the weight that it is on."""

    layer: LayerInfo
    weight: str
    factor: float

    def norms(self, fit: Fit) -> list[float]:
        return [norm for _, norm in fit.steps.values("weight", self.weight, "l2_norm")]

    def penalty(self, norm: float) -> float:
        return self.factor * norm * norm

    def first(self, fit: Fit) -> float:
        return self.penalty(next(iter(self.norms(fit)), 0.0))

    def words(self, fit: Fit) -> str:
        norms = self.norms(fit)
        course = f" from a norm of {number(norms[0])} to {number(norms[-1])}" if norms else ""
        return f"the heaviest is L2({self.factor:g}) on {self.weight}, which went{course}"


def terms(fit: Fit) -> list[Term]:
    found = []
    for layer in fit.model.layers:
        for argument, variable in VARIABLES.items():
            given = layer.config.get(f"{argument}_regularizer")
            weight = next((path for path in layer.weights if path.endswith(f"/{variable}")), None)
            factor = factor_of(given)
            if weight is not None and factor and layer.trainable:
                found.append(Term(layer, weight, factor))
    return found


def factor_of(given: Any) -> float | None:
    """The factor of an L2 regulariser as ``get_config`` writes it; None for any other."""
    config = given.get("config") if isinstance(given, Mapping) else None
    if not isinstance(config, Mapping) or config.get("l1"):
        return None
    factor = config.get("l2")
    return float(factor) if isinstance(factor, int | float) else None


def unknown_penalty(layer: LayerInfo) -> bool:
    """A regulariser that is not L2, or one on what a layer gives out: norms do not tell what it costs."""
    given = {name: value for name, value in layer.config.items() if name.endswith("_regularizer") and value}
    return any(name.startswith("activity") or factor_of(value) is None for name, value in given.items())


def penalties(fit: Fit) -> list[tuple[float, float]]:
    """(penalty, whole loss) of the steps kept; a weight is recorded after the step, a loss before."""
    losses = dict(fit.losses())
    if fit.steps.has("penalty"):
        return [(penalty, losses[step]) for step, penalty in fit.steps.values("penalty") if step in losses]
    total: dict[int, float] = {}
    for term in terms(fit):
        for step, norm in fit.steps.values("weight", term.weight, "l2_norm"):
            total[step + 1] = total.get(step + 1, 0.0) + term.penalty(norm)
    return [(penalty, losses[step]) for step, penalty in sorted(total.items()) if step in losses]


def shares(course: list[tuple[float, float]]) -> float:
    """The share of the penalty in the loss, in the middle of these steps."""
    known = finite([penalty / loss for penalty, loss in course if loss > 0])
    return median(known) if known else 0.0


def penalised(
    factor: float, first: float, last: float, data: float, steps: int = 140, name: str = "L2"
) -> Run:
    """A kernel whose norm goes from ``first`` to ``last`` under a penalty of ``factor``."""
    config = {"kernel_regularizer": {"class_name": name, "config": {"l1": 0.0, "l2": factor}}}
    hidden = made_up.dense("hidden", 32, "relu", config=config)
    of = made_up.model(hidden, made_up.dense(activation="sigmoid"), loss="binary_crossentropy")
    norms = [first] * (steps // 2) + [last] * (steps - steps // 2)
    losses = [data + factor * norm * norm for norm in norms]
    columns = {("weight", "hidden/kernel", "l2_norm"): norms}
    return made_up.run(of, loss=losses, steps=columns, targets=[made_up.labels(0, 1)])


def recorded(penalty: float, data: float) -> Run:
    of = made_up.model(made_up.dense(activation="sigmoid"), loss="binary_crossentropy")
    steps = {("penalty", "", "value"): [penalty] * 120}
    return made_up.run(of, loss=[penalty + data] * 120, steps=steps, targets=[made_up.labels(0, 1)])
