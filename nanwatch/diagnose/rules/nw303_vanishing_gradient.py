"""NW303: a gradient that is gone before it reaches the first layer."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import list_words, number
from nanwatch.diagnose.dead_layers import dead_layers
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.guessing import guessing
from nanwatch.diagnose.patch import set_activation, set_argument
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.skill import skill_words
from nanwatch.diagnose.statistics import finite_values, median
from nanwatch.diagnose.symptoms import STUCK
from nanwatch.record.facts import LayerInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

# A layer of sigmoids passes on at most a quarter of the gradient: over 7 layers, 6e-5 of it. The
# kernels of healthy nets differ by a factor of 100 at most.
VANISHED = 1e-4
LEAST_LAYERS = 4  # with fewer, no layer by layer loss comes to so much: something else has
# From so many layers on a trial may show that they are the fault, where they add up to 1: a sigmoid passes on
# a quarter of the gradient at its steepest, tanh all of it.
SHARES = {"tanh": 0.25, "softsign": 0.25}
LAST = 20  # steps
GLOROT = ("GlorotUniform", "GlorotNormal")
SHRINKING = ("sigmoid", "tanh", "hard_sigmoid", "softsign", "softmax")


class VanishingGradient(Rule):
    """The gradient shrinks from layer to layer, and the first layers learn nothing.

    ## What it does
    Compares the gradient of the first layer with that of the last, as root mean square over the
    kernel's elements, in a training that is no better than guessing.

    ## Why is this bad
    Each sigmoid multiplies the gradient by a quarter at most. Only a millionth reaches the first of ten
    layers. These layers stay as they were initialised, and their output is nearly the same for every
    row.

    ## Example
    ```python
    for _ in range(12):
        model.add(Dense(32, activation="sigmoid"))
    ```

    ## Use instead
    ```python
    for _ in range(12):
        model.add(Dense(32, activation="relu"))  # fewer layers, BatchNormalization, skip connections
    ```
    """

    code, name = "NW303", "vanishing-gradient"

    def missing(self, fit: Fit, run: Run) -> str | None:
        return None if fit.steps.paths("gradient", "l2_norm") else "the gradients were not seen"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        kernels = in_a_row(fit, kernels_of(fit))
        stuck = guessing(fit)
        if stuck is None or len(kernels) < LEAST_LAYERS or any(dead_layers(fit)):
            return
        first, last = kernels[0], kernels[-1]
        if last.gradient <= 0 or first.gradient > VANISHED * last.gradient:
            return
        steepest = min(pairwise(kernels), key=lambda pair: pair[0].gradient / (pair[1].gradient or math.inf))
        layer = first.layer
        share = first.gradient / last.gradient
        squashing = squashing_layer(fit, kernels)
        remedy_at = squashing or layer
        yield self.finding(
            fit,
            f"Over {len(kernels)} layers the gradient shrinks to {number(share)} of what it is at the last: "
            f"{number(first.gradient)} an element in {layer.name}, {number(last.gradient)} in "
            f"{last.layer.name}. {stuck.words[0].upper()}{stuck.words[1:]}.",
            f"steepest between {steepest[1].layer.name} and {steepest[0].layer.name}",
            *activation_words(fit, kernels),
            location=remedy_at.location,
            layer=layer.path,
            remedies=(begin_remedy(layer) if squashing is None else hidden_remedy(squashing),),
            strength=0.7,
            shows={"vanishing-gradient"},
            explains={"vanishing-gradient", "weights-still"} | STUCK,
        )

    def suspect(self, fit: Fit, run: Run) -> Iterator[Finding]:
        squashing = [layer for layer in hidden_layers(fit) if layer.activation in SHRINKING]
        if sum(SHARES.get(layer.activation or "", 0.5) for layer in squashing) < 1.0:
            return
        first, kernels = squashing[0], kernels_of(fit)
        names = sorted({layer.activation or "" for layer in squashing})
        yield self.finding(
            fit,
            f"{len(squashing)} hidden layers squash what they are given ({' and '.join(names)}), and the "
            f"gradient that is left for the first moves it too little: {skill_words(fit)}.",
            *(
                f"an element's gradient is {number(kernel.gradient)} in {kernel.layer.name}"
                for kernel in (kernels[:1] + kernels[-1:] if len(kernels) > 1 else [])
            ),
            location=first.location,
            layer=first.path,
            remedies=(hidden_remedy(first),),
            strength=0.5,
            explains={"vanishing-gradient", "weights-still"} | STUCK,
            suspected=True,
        )

    @staticmethod
    def fires() -> list[Run]:
        return [
            gradients_run([1e-6, 1e-4, 1e-2, 1.0]),
            gradients_run([0.99e-4, 1e-2, 0.1, 1.0]),
            gradients_run([0.0, 1e-20, 1e-9, 1.0]),
            gradients_run([1e-6, 1e-4, 1e-2, 1.0], activation="relu"),
        ]

    @staticmethod
    def silent() -> list[Run]:
        return [
            gradients_run([1.1e-4, 1e-2, 0.1, 1.0]),
            gradients_run([1e-6, 1e-3, 1.0]),
            gradients_run([1e-6, 1e-4, 1e-2, 1.0], ended=0.65),
            gradients_run([1e-6, 1e-4, 1e-2, 1.0], steps=99),
            gradients_run([0.0, 0.0, 0.0, 0.0]),
        ]


@dataclass(frozen=True)
class Kernel:
    layer: LayerInfo
    gradient: float  # root mean square over the elements, the median of the last steps


def kernels_of(fit: Fit) -> list[Kernel]:
    """The first matrix of every layer that has a gradient, in the order of the forward pass."""
    sizes = {weight.path: weight.shape for weight in fit.model.weights}
    found = []
    for layer in fit.model.layers:
        matrix = next((path for path in layer.weights if len(sizes.get(path, ())) > 1), None)
        norms = finite_values(fit.steps.recent_values("gradient", matrix or "", "l2_norm", last=LAST))
        if matrix is not None and norms:
            elements = math.prod(size or 1 for size in sizes[matrix])
            found.append(Kernel(layer, median(norms) / math.sqrt(elements)))
    return found


def in_a_row(fit: Fit, kernels: Sequence[Kernel]) -> list[Kernel]:
    """``kernels`` with one head: of several, which lie side by side, the one with the least gradient."""
    heads = {output.head for output in fit.model.outputs}
    ends = [kernel for kernel in kernels if kernel.layer.path in heads]
    least = min(ends, key=lambda kernel: kernel.gradient, default=None)
    return [kernel for kernel in kernels if kernel.layer.path not in heads or kernel is least]


def squashing_layer(fit: Fit, kernels: Sequence[Kernel]) -> LayerInfo | None:
    """The first, from the first kernel on, whose activation squashes; the head's is none of them."""
    heads = {path for output in fit.model.outputs for path in (output.head, output.activation_layer)}
    begin = fit.model.layers.index(kernels[0].layer)
    behind = (layer for layer in fit.model.layers[begin:] if layer.path not in heads)
    return next((layer for layer in behind if layer.activation in SHRINKING), None)


def remedy(layer: LayerInfo) -> Remedy:
    text = "Use relu in the hidden layers, and fewer of them; BatchNormalization or skip connections help."
    at = layer.location
    line = (
        set_activation(at.code, layer.type, "relu", layer.activation, layer.units)
        if at is not None and layer.activation in SHRINKING
        else None
    )
    return Remedy(Intervention(InterventionKind.SET_ACTIVATION, layer.path, "relu"), text, line, at)


def activation_words(fit: Fit, kernels: Sequence[Kernel]) -> Iterator[str]:
    """Which activations stand between the first kernel and the last."""
    begin, end = (fit.model.layers.index(each.layer) for each in (kernels[0], kernels[-1]))
    kinds = Counter(layer.activation for layer in fit.model.layers[begin:end] if layer.activation)
    if kinds:
        yield f"on the way: {list_words([f'{count} x {kind}' for kind, count in kinds.items()])}"


def begin_remedy(layer: LayerInfo) -> Remedy:
    """Where no activation squashes, the kernels are too small."""
    fits_relu = layer.activation not in (None, "linear", "selu")
    initializer = "he_normal" if fits_relu else "glorot_uniform"
    text = (
        "No activation squashes its input: the weights are too small. Start in all layers with "
        f"kernel_initializer={initializer!r}; BatchNormalization or skip connections help."
    )
    change = Intervention(InterventionKind.SET_INITIALIZER, "model", initializer)
    return Remedy(change, text, location=layer.location)


def hidden_layers(fit: Fit) -> list[LayerInfo]:
    """The layers with weights, but for the heads."""
    heads = {output.head for output in fit.model.outputs}
    return [layer for layer in fit.model.layers if layer.weights and layer.path not in heads]


def hidden_remedy(first: LayerInfo) -> Remedy:
    """With the initializer that goes with relu, where the layer has Keras's own."""
    mended, line = remedy(first), None
    text = "Use relu in all hidden layers."
    if first.initializer in GLOROT:
        text = 'Use relu in all hidden layers, and kernel_initializer="he_normal", which is made for it.'
        line = mended.line and set_argument(mended.line, first.type, "kernel_initializer", '"he_normal"')
    change = Intervention(InterventionKind.SET_HIDDEN_ACTIVATIONS, "model", "relu")
    return replace(mended, intervention=change, text=text, line=line or mended.line)


def gradients_run(
    gradients: list[float], ended: float = 0.69, steps: int = 120, activation: str = "sigmoid"
) -> Run:
    """Layers whose kernels have these gradients, front to back."""
    kinds = [activation] * (len(gradients) - 1) + ["sigmoid"]
    layers = [made_up.dense(f"dense_{place}", 1, kind) for place, kind in enumerate(kinds)]
    columns = {
        ("gradient", f"dense_{place}/kernel", "l2_norm"): [value] * steps
        for place, value in enumerate(gradients)
    }
    of = made_up.model(*layers, loss="binary_crossentropy")
    return made_up.run(of, loss=[0.7] + [ended] * (steps - 1), steps=columns, targets=[made_up.labels(0, 1)])
