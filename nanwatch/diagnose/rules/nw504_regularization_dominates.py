"""NW504: penalties that outweigh the loss of the data."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import number
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.guessing import guessing
from nanwatch.diagnose.readings import incident_of
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.skill import skill_words
from nanwatch.diagnose.statistics import finite_values, median
from nanwatch.diagnose.symptoms import STUCK
from nanwatch.record.facts import LayerInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

DOMINATES = 0.9  # of the whole loss, at the beginning or at the end
# Or half of it at the beginning, and at the end a ten-thousandth of that, as a squared norm has when
# the weights are down to a hundredth: they went where the penalty is least, not where the data are.
HALF = 0.5
GONE = 1e-4
SMALLEST = 0.1  # of the loss at the beginning, from which on a trial without may show the fault
LAST = 20  # steps
BRINGS = STUCK | {"large-loss", "growth", "weights-still", "dead-activation", "vanishing-gradient"}
FIRST = 5
USUAL = 1e-4  # the penalty of the textbooks' examples; 1e-2 is Keras's own default
# A layer is named where the regularisers whose cost can be reckoned make at least this much of the
# penalty: what `add_loss` adds, and a regulariser of the script, are in no layer's config.
MOST = 0.5
# The sum of absolute values over the norm is this times the root of their number: 0.87 for values
# spread evenly, as Keras initialises weights, 0.80 for normal ones.
SPREAD = 0.8
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
    """Nearly the whole loss consists of penalties, and the model does not learn the data.

    ## What it does
    Computes the share of the penalties in the loss: those of regularizers on weights and on layer
    outputs, and those that layers add with `add_loss`. It is reported if this share is above 0.9 at the
    beginning or at the end, or above a half and then gone together with the weights, and if the rest of
    the loss is no better than guessing.

    ## Why is this bad
    The optimizer reduces the largest part first. It moves the weights to 0, where the penalty is
    smallest, and the model gives one answer to every row. The printed loss falls all the time.

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
        if fit.steps.has_column("penalty") or not any(is_penalised(layer) for layer in fit.model.layers):
            return None
        return "the penalties in the loss were not seen"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        course = penalties(fit)
        if len(course) < LAST or incident_of(fit, run) is not None:
            return
        began = shares(course[:FIRST])
        ended = shares(course[-LAST:])
        stuck = guessing(fit, penalty=median([penalty for penalty, _ in course[-LAST:]]))
        gone = are_weights_gone(course)
        if stuck is None or (max(began, ended) <= DOMINATES and not (gone and began > HALF)):
            return
        layer, words = heaviest(fit, course[0][0])
        yield self.finding(
            fit,
            f"Of the loss, {began:.1%} was penalties at the beginning and {ended:.1%} at the end. What the "
            f"data cost is no better than guessing: {number(stuck.ended)}, where a constant answer costs "
            f"{number(stuck.guess)}.",
            *(["It has fallen to nothing since, and the weights with it."] if gone else []),
            *words,
            location=(layer.location if layer else None) or fit.model.compile_location,
            layer=layer.path if layer else None,
            remedies=(remedy(layer),),
            strength=0.85,
            explains=BRINGS,
        )

    def suspect(self, fit: Fit, run: Run) -> Iterator[Finding]:
        course = penalties(fit)
        if len(course) < LAST or shares(course[:FIRST]) < SMALLEST:
            return
        layer, words = heaviest(fit, course[0][0])
        yield self.finding(
            fit,
            f"Of the loss, {shares(course[:FIRST]):.1%} was penalties at the beginning, and the data are not "
            f"learned: {skill_words(fit)}.",
            *words,
            location=(layer.location if layer else None) or fit.model.compile_location,
            layer=layer.path if layer else None,
            remedies=(remedy(layer),),
            strength=0.5,
            explains=BRINGS,
            suspected=True,
        )

    @staticmethod
    def fires() -> list[Run]:
        return [
            penalised_run({"l2": 10.0}, first=160.0, last=0.4),
            penalised_run({"l2": 0.4}, first=6.3, last=6.3),
            penalised_run({"l1": 1.0}, first=56.0, last=0.1),
            penalised_run({"l2": 10.0}, first=81.0, last=1.0, on="activity"),
            penalised_run({}, first=6.3, last=6.3),
            penalised_run({"l2": 0.1}, first=0.7, last=0.69e-4),
        ]

    @staticmethod
    def silent() -> list[Run]:
        return [
            penalised_run({"l2": 0.4}, first=6.2, last=6.2),
            penalised_run({"l2": 0.1}, first=0.7, last=0.71e-4),
            penalised_run({"l2": 0.1}, first=0.68, last=0.1e-4),
            penalised_run({"l2": 10.0}, first=160.0, last=0.4, data=0.65),
            penalised_run({"l2": 10.0}, first=160.0, last=0.4, steps=99),
            made_up.run(),
        ]


def remedy(layer: LayerInfo | None) -> Remedy:
    return Remedy(
        Intervention(InterventionKind.SET_REGULARIZER, layer.path if layer else "model", USUAL),
        f"Begin with a penalty of {USUAL:g}, or none, and raise it while validation improves.",
        location=layer.location if layer else None,
    )


@dataclass(frozen=True)
class Term:
    """One regulariser, on a weight or on what a layer gives out, and what it cost at the beginning."""

    layer: LayerInfo
    given: str  # "L2(10)"
    on: str
    cost: float | None  # None where norms do not tell

    @property
    def words(self) -> str:
        cost = "" if self.cost is None else f", which cost about {number(self.cost)} at the beginning"
        return f"the heaviest is {self.given} on {self.on}{cost}"


def heaviest(fit: Fit, penalty: float) -> tuple[LayerInfo | None, list[str]]:
    """The layer that makes the most of ``penalty``, and the term in words; none where it is not plain."""
    found = terms(fit)
    if len({term.layer.path for term in found}) == 1 and all(term.cost is None for term in found):
        return found[0].layer, [f"the only regulariser is {found[0].given} on {found[0].on}"]
    known = [term for term in found if term.cost is not None]
    if not known or sum(term.cost or 0.0 for term in known) < MOST * penalty:
        return None, []
    first = max(known, key=lambda term: term.cost or 0.0)
    return first.layer, [first.words]


def terms(fit: Fit) -> list[Term]:
    """The regularisers that the layers were given; of a frozen layer Keras leaves the weights' out."""
    found = []
    for layer in fit.model.layers:
        for argument, variable in VARIABLES.items():
            given = layer.config.get(f"{argument}_regularizer")
            path = next((path for path in layer.weights if path.endswith(f"/{variable}")), None)
            if given and path is not None and layer.trainable:
                norm = fit.steps.first_values("weight", path, "l2_norm")[:1]
                found.append(Term(layer, name_of(given), path, cost_of(given, norm, weight_size(fit, path))))
        given = layer.config.get("activity_regularizer")
        if given:
            found.append(
                Term(layer, name_of(given), f"the output of {layer.name}", activity_cost(fit, layer))
            )
    return found


def activity_cost(fit: Fit, layer: LayerInfo) -> float | None:
    """Keras shares the penalty on what a layer gives out among the rows of the batch."""
    rows = next(iter(fit.steps.first_values("rows")), 0.0)
    norm = fit.first_activation_norms(layer.path)[:1]
    size = math.prod(extent or 1 for extent in (layer.output_shape or ())[1:]) * rows
    cost = cost_of(layer.config["activity_regularizer"], norm, size)
    return cost / rows if cost is not None and rows else None


def cost_of(given: Any, norms: list[float], size: float) -> float | None:
    """What an L1, L2 or L1L2 regulariser, as ``get_config`` writes it, asks of values of this norm."""
    config = given.get("config") if isinstance(given, Mapping) else None
    if not isinstance(config, Mapping) or not norms or not {"l1", "l2"} & set(config):
        return None
    l1, l2 = (float(config.get(name) or 0.0) for name in ("l1", "l2"))
    return l2 * norms[0] ** 2 + l1 * SPREAD * math.sqrt(size) * norms[0]


def weight_size(fit: Fit, path: str) -> float:
    shape = next((weight.shape for weight in fit.model.weights if weight.path == path), ())
    return float(math.prod(extent or 1 for extent in shape))


def name_of(given: Any) -> str:
    """The regulariser as one writes it: ``L2(10)``."""
    if not isinstance(given, Mapping):
        return "a regulariser of the script"
    config = given.get("config")
    factors = [value for value in config.values() if value] if isinstance(config, Mapping) else []
    known = all(isinstance(value, int | float) for value in factors)
    inside = ", ".join(f"{value:g}" for value in factors) if known else ""
    return f"{given.get('class_name', 'a regulariser')}({inside})"


def is_penalised(layer: LayerInfo) -> bool:
    names = [name for name, value in layer.config.items() if name.endswith("_regularizer") and value]
    return any(layer.trainable or name.startswith("activity") for name in names)


def penalties(fit: Fit) -> list[tuple[float, float]]:
    """(penalty, whole loss) of the steps kept."""
    losses = dict(fit.losses())
    return [(penalty, losses[step]) for step, penalty in fit.steps.values("penalty") if step in losses]


def are_weights_gone(course: list[tuple[float, float]]) -> bool:
    """The penalty has fallen to nothing of what it was."""
    began, ended = (median([penalty for penalty, _ in part]) for part in (course[:FIRST], course[-LAST:]))
    return ended < GONE * began


def shares(course: list[tuple[float, float]]) -> float:
    """The share of the penalty in the loss, in the middle of these steps."""
    known = finite_values([penalty / loss for penalty, loss in course if loss > 0])
    return median(known) if known else 0.0


def penalised_run(
    factors: dict[str, float],
    first: float,
    last: float,
    data: float = 0.69,
    steps: int = 140,
    on: str = "kernel",
) -> Run:
    """A net of two layers whose penalty goes from ``first`` to ``last``; ``factors`` on the hidden one."""
    given = {"class_name": "".join(factors).upper(), "config": factors}
    config = {f"{on}_regularizer": given} if factors else {}
    hidden = made_up.dense("hidden", 32, "relu", config=config)
    of = made_up.model(hidden, made_up.dense(activation="sigmoid"), loss="binary_crossentropy")
    course = [first] * (steps // 2) + [last] * (steps - steps // 2)
    columns = {
        ("penalty", "", "value"): course,
        ("rows", "", "value"): [32.0] * steps,
        ("weight", "hidden/kernel", "l2_norm"): [4.0] * steps,
        ("activation", "hidden", "l2_norm"): [16.0] * steps,
    }
    losses = [data + penalty for penalty in course]
    return made_up.run(of, loss=losses, steps=columns, targets=[made_up.labels(0, 1)])
