"""NW105: features far from scale 1, and harm done by them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_seen import seen
from nanwatch.diagnose.data_words import listed, number
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.first_layers import (
    dead_at_end,
    first_weighted,
    has_embedding,
    saturated,
    scale_is_mended,
)
from nanwatch.diagnose.loss_course import (
    BLOWN_UP,
    constant_guess_loss,
    first_loss,
    last_loss,
    ln_k,
    peak_loss,
)
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.symptoms import NONFINITE_FORWARD, STUCK
from nanwatch.record.facts import ColumnSummary, LayerInfo, ModelInfo, TensorSummary
from nanwatch.record.run import Fit, Run

# Root mean square of a feature. Standardised, with outliers, it stays below 3; ages, pixels and
# prices lie above 10. Alone it proves nothing: many nets train well on pixels 0..255.
UNSCALED = 10.0
# The loss of an untrained classifier on scaled data is about ln k; 10 times that is hard 0/1
# predictions gone wrong, not an unlucky start. A squared loss grows with the square of the scale.
STARTS_HIGH = 10.0
STARTS_HIGH_SQUARED = 100.0
# A raw net that trains well is below this multiple of the guess long before 100 steps are over.
ENDS_HIGH = 5.0
PATIENCE = 100
# A net that learned anything is below the loss of the best constant guess by this share.
NO_BETTER_THAN_GUESSING = 0.95
GREW = 10.0  # from first to last finite loss, before it stopped being finite
BYTE = 255.0


@dataclass(frozen=True)
class Raw:
    """The input, or the columns of it, with a scale far from 1."""

    path: str
    scale: float
    min: float
    max: float
    columns: tuple[int, ...] = ()


class UnscaledInput(Rule):
    """The features are far from scale 1, and the training suffers from it.

    ## What it does
    Looks for features with a root mean square above 10 in a model that does not normalise its
    input, and for harm done: a first loss many times ln k (or the variance of y) that never comes
    down, a spike after which a layer is dead, a first layer that sits at the ends of its range.
    Raw features in a training that goes well are no finding.

    ## Why is this bad
    Activations and gradients grow with the input, so a rate that suits scaled data throws the
    weights far out in the first steps: ReLU layers die, sigmoid and tanh saturate, the loss stays
    at ln k or goes non-finite.

    ## Example
    ```python
    model.fit(images, labels)  # pixels 0..255
    ```

    ## Use instead
    ```python
    model.fit(images / 255.0, labels)  # or keras.layers.Normalization() as the first layer
    ```
    """

    code, name = "NW105", "unscaled-input"

    def missing(self, fit: Fit, run: Run) -> str | None:
        return None if fit.info.data.inputs else "the inputs were not seen"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        if scale_is_mended(fit):
            return
        raw = max(raw_inputs(fit, run), key=lambda found: found.scale, default=None)
        if raw is None:
            return
        harm, strength = harm_done(fit)
        if not harm:
            return
        where = (
            f"Column{'s' if len(raw.columns) > 1 else ''} {listed(raw.columns)} of t" if raw.columns else "T"
        )
        message = (
            f"{where}he input {raw.path!r} run{'s' if len(raw.columns) < 2 else ''} from {number(raw.min)} to "
            f"{number(raw.max)} (root mean square {number(raw.scale)}, where a net expects about 1), "
            f"and the training suffers: {harm[0]}."
        )
        clear = strength >= 0.5
        yield self.finding(
            fit,
            message,
            *harm,
            location=fit.info.location,
            remedies=remedies(raw),
            strength=strength,
            part="cause" if clear else "contributing",
            level="error" if clear else "warning",
            explains={"growth", "large-loss", "dead-activation", "saturated"} | STUCK | NONFINITE_FORWARD,
        )

    @staticmethod
    def fires() -> list[Run]:
        return [dead_on_pixels(255.0), dead_on_pixels(20.0), loud_column(5e4, 10), saturated_run(0.96)]

    @staticmethod
    def silent() -> list[Run]:
        pixels = [pixel_input(255.0)]
        trains = [30.0] + [0.2] * 150
        embedding = LayerInfo("embed", "embed", "Embedding", weights=("embed/embeddings",))
        rescaling = LayerInfo("rescaling", "rescaling", "Rescaling")
        tokens = made_up.tensor("input", max=20000.0, mean=9000.0, std=5000.0, integral=True)
        return [
            dead_on_pixels(15.0),
            made_up.run(cnn(), loss=trains, inputs=pixels),
            made_up.run(cnn(rescaling), loss=[1.4] * 150, inputs=pixels),
            made_up.run(cnn(embedding), loss=[1.4] * 150, inputs=[tokens]),
            made_up.run(cnn(), loss=[40.0] * 99, inputs=pixels),
            made_up.run(cnn(), loss=[40.0] + [6.9] * 150, inputs=pixels),
            loud_column(5e4, 3),
            saturated_run(0.94),
        ]


def raw_inputs(fit: Fit, run: Run) -> Iterator[Raw]:
    lookup = has_embedding(fit)
    for array in seen(fit, run, "inputs"):
        tensor = array.widest
        if lookup and tensor.integral:
            continue
        loud = [column for column in tensor.columns if scale(column) >= UNSCALED]
        if loud and len(loud) < len(tensor.columns):
            loudest = max(loud, key=scale)
            indices = tuple(column.index for column in loud)
            low, high = min(column.min for column in loud), max(column.max for column in loud)
            yield Raw(array.path, scale(loudest), low, high, indices)
        elif scale(tensor) >= UNSCALED:
            yield Raw(array.path, scale(tensor), tensor.min, tensor.max)


def scale(values: TensorSummary | ColumnSummary) -> float:
    return math.hypot(values.mean, values.std)


def harm_done(fit: Fit) -> tuple[list[str], float]:
    """What was seen to go wrong, in words, and how surely the scale did it."""
    began, guess = first_loss(fit), constant_guess_loss(fit)
    ended = last_loss(fit)
    stuck = guess is not None and ended is not None and ended >= NO_BETTER_THAN_GUESSING * guess
    high = starts_high(fit, began, guess)
    after = aftermath(fit, began, ended, guess, stuck)
    if high and after:
        return [high, *after], 0.9
    first = first_weighted(fit)
    if stuck and first is not None and fit.info.steps >= PATIENCE and saturated(fit, first, 0):
        return [f"the first layer, {first.path}, is saturated from the first step on"], 0.8
    if grew(fit, began):
        return [f"the loss grew to {number(peak_loss(fit))}"], 0.3
    return [], 0.0


def starts_high(fit: Fit, began: float | None, guess: float | None) -> str | None:
    """The sentence that the first loss is orders above that of a net that knows nothing."""
    if began is None or guess is None:
        return None
    nothing = ln_k(fit)
    if nothing is not None:
        k = round(math.exp(nothing))
        words = f"the first loss is {number(began)}, where ln {k} = {nothing:.3g} says nothing is known yet"
        return words if not began < STARTS_HIGH * nothing else None
    if guess > 0 and not began < STARTS_HIGH_SQUARED * guess:
        return f"the first loss is {number(began)}, where guessing the mean of y costs {number(guess)}"
    return None


def aftermath(
    fit: Fit, began: float | None, ended: float | None, guess: float | None, stuck: bool
) -> list[str]:
    """What came of a high start; nothing where the training recovered."""
    if began is None or guess is None:
        return []
    if grew(fit, began) and (ended is None or stuck):
        return [f"it grew to {number(peak_loss(fit))}", *dead_words(fit, ended)]
    if stuck and dead_at_end(fit):
        return dead_words(fit, ended)
    if ended is not None and fit.info.steps >= PATIENCE and ended >= ENDS_HIGH * guess:
        return [
            f"after {fit.info.steps} steps it is {number(ended)}, still above the {number(guess)} of a guess"
        ]
    return []


def dead_words(fit: Fit, ended: float | None) -> list[str]:
    dead = dead_at_end(fit)
    if dead is None or ended is None:
        return []
    return [f"{dead.path} gives zero for every input since, and the loss stays at {number(ended)}"]


def grew(fit: Fit, began: float | None) -> bool:
    """The loss blew up, and did not come back under its beginning other than by a dead net."""
    if began is None or not math.isfinite(began):
        return began is not None
    peak, ended = peak_loss(fit), last_loss(fit)
    if ended is None:
        return peak >= GREW * max(began, 1e-12)
    return peak >= BLOWN_UP * max(began, 1e-12)


def remedies(raw: Raw) -> tuple[Remedy, ...]:
    found = []
    if 0.0 <= raw.min and raw.max <= BYTE and not raw.columns:
        text = "Divide the pixels by 255 before the fit: x = x / 255.0."
        found.append(Remedy("scale_input", raw.path, 1.0 / BYTE, text))
    which = f"x[:, {listed(raw.columns)}]" if len(raw.columns) == 1 else "x"
    text = f"Standardise {which} with the training mean and deviation, or make keras.layers.Normalization() "
    text += "(after .adapt(x)) the first layer."
    found.append(Remedy("standardise_input", raw.path, list(raw.columns), text))
    return tuple(found)


def pixel_input(high: float) -> TensorSummary:
    return made_up.tensor("input", min=0.0, max=high, mean=high / 2, std=high / 3.4)


def cnn(*first: LayerInfo) -> ModelInfo:
    conv = LayerInfo("conv", "conv", "Conv2D", "relu", 8, weights=("conv/kernel",))
    head = made_up.dense(units=4, activation="softmax")
    return made_up.model(
        *first, conv, head, loss="sparse_categorical_crossentropy", optimizer="SGD", learning_rate=0.1
    )


def dead_on_pixels(high: float) -> Run:
    """12 x 12 pixels under SGD 0.1: a spike, then ln 4 for ever and a dead layer."""
    losses = [24.0, 1.6e15, *[1.386] * 60]
    zeros = [0.0, *[4096.0] * 61]
    size = [4096.0] * 62
    return made_up.run(
        cnn(),
        loss=losses,
        inputs=[pixel_input(high)],
        targets=[made_up.labels(0, 1, 2, 3)],
        health={("activation", "conv", "num_zero"): zeros, ("activation", "conv", "size"): size},
    )


def loud_column(scale: float, end: float) -> Run:
    """Column 7 is 5e4 times the others; binary cross-entropy begins in the thousands."""
    columns = [ColumnSummary(n, min=-3, max=3, std=1.0) for n in range(7)]
    columns.append(ColumnSummary(7, min=-3 * scale, max=3 * scale, std=scale))
    loud = made_up.tensor(
        "input", size=5120, min=-3 * scale, max=3 * scale, std=scale / 2.8, columns=tuple(columns)
    )
    of = made_up.model(
        made_up.dense("hidden", 16, "relu"), made_up.dense(activation="sigmoid"), loss="binary_crossentropy"
    )
    losses = [4968.0 - 48 * step for step in range(100)] + [float(end)] * 100
    return made_up.run(of, loss=losses, inputs=[loud], targets=[made_up.labels(0, 1)])


def saturated_run(mean_square: float) -> Run:
    of = made_up.model(
        made_up.dense("hidden", 16, "tanh"), made_up.dense(activation="sigmoid"), loss="binary_crossentropy"
    )
    health = {
        ("activation", "hidden", "size"): [512.0],
        ("activation", "hidden", "mean"): [0.01],
        ("activation", "hidden", "l2_norm"): [math.sqrt(512.0 * mean_square)],
    }
    return made_up.run(
        of, loss=[0.7] * 120, inputs=[pixel_input(255.0)], targets=[made_up.labels(0, 1)], health=health
    )
