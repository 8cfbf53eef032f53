"""NW306: weights that begin far too large, or all alike."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import number
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.loss_course import (
    NO_BETTER_THAN_GUESSING,
    closing_loss,
    constant_guess_loss,
    opening_loss,
)
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.skill import skill_words
from nanwatch.diagnose.symptoms import NONFINITE_FORWARD, STUCK
from nanwatch.record.facts import LayerInfo, ModelInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

# Proper initialisers keep the norm of the activations within a factor of about 2 a layer, and
# within 10 over a deep stack; ten thousand from first to last hidden layer is the weights' doing.
BLOW_UP = 1e4
LEAST_LAYERS = 2
# What these make has the deviation that keeps the norm (Glorot and Bengio 2010, He et al. 2015): what
# grows behind them grows by the input, or by an op of the model's own.
PROPER = frozenset(
    f"{kind}{shape}" for kind in ("Glorot", "He", "Lecun") for shape in ("Uniform", "Normal")
) | {"Orthogonal"}
STARTS_HIGH = 100.0  # times the loss of guessing; a squared loss squares the blow-up
ALIKE = ("Zeros", "Ones", "Constant")
PATIENCE = 50  # steps


class PoorInitialization(Rule):
    """The initial weights are far too large, or all units of a hidden layer start with the same weights.

    ## What it does
    Looks at the first step: activations whose norm grows by a factor of ten thousand from the first to
    the last hidden layer, with a first loss that is infinite or orders of magnitude above guessing.
    Also looks for a hidden layer with a constant initialiser in a training that learns nothing.

    ## Why is this bad
    A layer that multiplies its input by 8 multiplies it by 8 to the power of 40 in a stack of 40. Units
    that start with the same weights get the same gradient and stay the same, so a hidden layer of 64
    works like one unit. With zeros no gradient passes at all.

    ## Example
    ```python
    Dense(64, kernel_initializer=keras.initializers.RandomNormal(stddev=1.0))
    ```

    ## Use instead
    ```python
    Dense(64, kernel_initializer="he_normal")  # or the default, glorot_uniform
    ```
    """

    code, name = "NW306", "poor-initialization"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        hidden = hidden_layers(fit)
        yield from self.find_large_weights(fit, hidden)
        yield from self.find_equal_units(fit, hidden)

    def suspect(self, fit: Fit, run: Run) -> Iterator[Finding]:
        odd = [
            layer
            for layer in hidden_layers(fit)
            if layer.initializer is not None and layer.initializer not in (*PROPER, *ALIKE)
        ]
        if len(odd) >= LEAST_LAYERS:  # one small layer is slow to leave a plateau, and does leave it
            others = " and others" if odd[1:] else ""
            yield self.finding(
                fit,
                f"The weights of {odd[0].name}{others} begin as {odd[0].initializer} "
                f"makes them, which does not fit the layer's width: {skill_words(fit)}.",
                location=odd[0].location,
                layer=odd[0].path,
                remedies=(every_initializer_remedy(odd),),
                strength=0.5,
                explains=STUCK | {"large-loss", "vanishing-gradient", "saturated", "dead-activation"},
                suspected=True,
            )

    def find_large_weights(self, fit: Fit, hidden: list[LayerInfo]) -> Iterator[Finding]:
        norms = finite_norms(fit, hidden)
        if len(norms) < LEAST_LAYERS or not has_begun_high(fit):
            return
        (first, small), (last, large) = norms[0], norms[-1]
        if large < BLOW_UP * small:
            return
        steepest = max(range(1, len(norms)), key=lambda place: ratio(norms[place][1], norms[place - 1][1]))
        layer = norms[steepest][0]
        if layer.initializer in PROPER:
            return
        others = [each for each in hidden if each != layer and each.initializer == layer.initializer]
        made = f", made by {layer.initializer}," if layer.initializer else ""
        yield self.finding(
            fit,
            f"The weights{made} begin far too large: at the first step the activations grow from a norm of "
            f"{number(small)} in {first.name} to {number(large)} in {last.name}, over {len(norms)} layers.",
            f"the first loss is {number(opening_loss(fit) or math.nan)}",
            f"most in {layer.name}: {number(ratio(norms[steepest][1], norms[steepest - 1][1]))}-fold",
            location=layer.location,
            layer=layer.path,
            remedies=(every_initializer_remedy([layer, *others]),),
            strength=0.9,
            explains=NONFINITE_FORWARD | {"large-loss", "growth"} | STUCK,
        )

    def find_equal_units(self, fit: Fit, hidden: list[LayerInfo]) -> Iterator[Finding]:
        guess, ended = constant_guess_loss(fit), closing_loss(fit)
        if guess is None or ended is None or fit.info.steps < PATIENCE:
            return
        alike = [layer for layer in hidden if begins_alike(layer) and width_of(fit, layer) > 1]
        if not alike or ended < NO_BETTER_THAN_GUESSING * guess:
            return
        layer = alike[0]
        yield self.finding(
            fit,
            f"All {width_of(fit, layer)} units of {layer.name} start with the same weights "
            f"({made_by(layer)}): they get the same gradient and "
            f"stay the same. The loss is {number(ended)}; guessing costs "
            f"{number(guess)}.",
            location=layer.location,
            layer=layer.path,
            remedies=(every_initializer_remedy(alike),),
            strength=0.9,
            explains=STUCK | {"weights-still", "dead-activation", "vanishing-gradient"},
        )

    @staticmethod
    def fires() -> list[Run]:
        return [
            deep_run(8.0, [math.inf]),
            deep_run(2.6, [200.0]),
            deep_run(2.6, [200.0], in_looks=True),
            alike_run("Zeros", 0.69),
            alike_run("Constant", 0.66),
            alike_run(None, 0.66, begins_as=0.0),
        ]

    @staticmethod
    def silent() -> list[Run]:
        return [
            deep_run(2.4, [200.0]),
            deep_run(2.4, [200.0], in_looks=True),
            deep_run(8.0, [60.0]),
            deep_run(1.0, [math.inf]),
            deep_run(8.0, [math.inf], "HeNormal"),
            deep_run(8.0, [math.nan], layers=2),
            alike_run("GlorotUniform", 0.69),
            alike_run("Zeros", 0.65),
            alike_run(None, 0.65, begins_as=0.0),
            alike_run(None, 0.66, begins_as=None),
        ]


def hidden_layers(fit: Fit) -> list[LayerInfo]:
    """The layers with weights, the heads left out: a head may well begin at zero."""
    heads = {output.head for output in fit.model.outputs}
    return [layer for layer in fit.model.layers if layer.weights and layer.path not in heads]


def begins_alike(layer: LayerInfo) -> bool:
    return layer.initializer in ALIKE or layer.begins_as is not None


def made_by(layer: LayerInfo) -> str:
    if layer.begins_as is None:
        return f"kernel_initializer {layer.initializer}"
    return f"each of them is {number(layer.begins_as)}"


def width_of(fit: Fit, layer: LayerInfo) -> int:
    """Its units; of a layer that does not say, the last axis of its first matrix."""
    shapes = (weight.shape for weight in fit.model.weights if weight.layer == layer.path)
    last = next((shape[-1] for shape in shapes if len(shape) >= 2), None)
    return layer.units or last or 0


def finite_norms(fit: Fit, hidden: list[LayerInfo]) -> list[tuple[LayerInfo, float]]:
    """The norms of the first step, up to the first that is not finite: what made it so is not known."""
    found: list[tuple[LayerInfo, float]] = []
    for layer in hidden:
        norm = first_norm(fit, layer)
        if norm is None:
            continue
        if not math.isfinite(norm):
            break
        found.append((layer, norm))
    return found


def first_norm(fit: Fit, layer: LayerInfo) -> float | None:
    norms = fit.first_activation_norms(layer.path)
    return norms[0] if norms else None


def ratio(after: float, before: float) -> float:
    return after / before if before else math.inf


def has_begun_high(fit: Fit) -> bool:
    began, guess = opening_loss(fit), constant_guess_loss(fit)
    if began is None:
        return False
    return not math.isfinite(began) or (guess is not None and began >= STARTS_HIGH * guess)


def initializer_remedy(layer: LayerInfo) -> Remedy:
    proper = "he_normal" if layer.activation in ("relu", "leaky_relu", "elu") else "glorot_uniform"
    text = f'Give {layer.name} kernel_initializer="{proper}", which fits the deviation to the layer\'s width.'
    if layer.begins_as is not None:
        text = f'Let add_weight of {layer.name} draw its matrix with initializer="{proper}".'
    return Remedy(
        Intervention(InterventionKind.SET_INITIALIZER, layer.path, proper), text, location=layer.location
    )


def every_initializer_remedy(layers: list[LayerInfo]) -> Remedy:
    mended = initializer_remedy(layers[0])
    if len(layers) == 1:
        return mended
    return replace(
        mended,
        intervention=replace(mended.intervention, target="model"),
        text=f"{mended.text} Do the same for the other layers that it makes.",
    )


def deep_run(
    factor: float,
    losses: list[float],
    initial: str = "RandomNormal",
    layers: int = 11,
    in_looks: bool = False,
) -> Run:
    """11 hidden layers, each of which multiplies the norm by ``factor``; NaN behind the first ``layers``.

    ``in_looks``: what they give out is not recorded at every step.
    """
    hidden = [made_up.dense(f"dense_{n}", 64, initializer=initial) for n in range(11)]
    norms = [5.0 * factor**n if n < layers else math.nan for n in range(11)]
    seen = {("activation", layer.path, "l2_norm"): [norm] for layer, norm in zip(hidden, norms, strict=True)}
    targets = [made_up.tensor("label", min=-3.0, max=3.0, mean=0.0, std=1.0)]
    of = made_up.model(*hidden, made_up.dense())
    if in_looks:
        return made_up.run(of, loss=losses, health=seen, targets=targets)
    return made_up.run(of, loss=losses, steps=seen, targets=targets)


def alike_run(initial: str | None, ended: float, begins_as: float | None = None) -> Run:
    of: ModelInfo = made_up.model(
        made_up.dense("hidden", 16, "relu", initializer=initial, begins_as=begins_as),
        made_up.dense(activation="sigmoid", initializer="Zeros"),
        loss="binary_crossentropy",
    )
    return made_up.run(of, loss=[0.7] + [ended] * 60, targets=[made_up.labels(0, 1)])
