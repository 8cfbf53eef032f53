"""NW105: features far from scale 1, and harm done by them."""

from __future__ import annotations

import math
from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import capitalise_first, list_words, number, numbered_words
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.first_layers import scale_is_mended
from nanwatch.diagnose.input_scale import Raw, faint_inputs, harm_done, raw_inputs
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.skill import skill_words
from nanwatch.diagnose.symptoms import NONFINITE_FORWARD, STUCK
from nanwatch.record.facts import ColumnSummary, LayerInfo, ModelInfo, TensorSummary
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

BYTE = 255.0


class UnscaledInput(Rule):
    """The features are far from scale 1, and this harms the training.

    ## What it does
    Looks for features with a root mean square above 10 in a model that does not normalise its input,
    and for harm: a first loss many times ln k (or the variance of y) that never comes down, a spike
    after which a layer is dead, or a first layer whose outputs stay at the ends of their range. Raw
    features in a training that goes well are not reported.

    ## Why is this bad
    Activations and gradients grow with the input. A learning rate that suits scaled data then moves the
    weights much too far in the first steps: ReLU layers die, sigmoid and tanh saturate, and the loss
    stays at ln k or becomes non-finite.

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
        message = f"{capitalise_first(raw_words(raw))}, and this harms the training: {harm[0]}."
        clear = strength >= 0.5
        yield self.finding(
            fit,
            message,
            *harm,
            location=fit.input_line(),
            remedies=remedies(raw),
            strength=strength,
            part="cause" if clear else "contributing",
            level="error" if clear else "warning",
            explains={"growth", "large-loss", "dead-activation", "saturated"} | STUCK | NONFINITE_FORWARD,
        )

    def suspect(self, fit: Fit, run: Run) -> Iterator[Finding]:
        seen = [*raw_inputs(fit, run), *faint_inputs(fit, run)]
        raw = max(seen, key=lambda found: found.scale, default=None)
        if raw is None or scale_is_mended(fit):
            return
        yield self.finding(
            fit,
            f"{capitalise_first(raw_words(raw))}, and the training learns too little: {skill_words(fit)}.",
            location=fit.info.location,
            remedies=remedies(raw)[-1:],
            strength=0.5,
            explains=STUCK | {"large-loss", "saturated", "dead-activation"},
            suspected=True,
        )

    @staticmethod
    def fires() -> list[Run]:
        return [
            dead_pixels_run(255.0),
            dead_pixels_run(20.0),
            loud_column_run(5e4, 10, accuracy=0.62),
            saturated_run(0.96),
        ]

    @staticmethod
    def silent() -> list[Run]:
        pixels = [pixel_input(255.0)]
        trains = [30.0] + [0.2] * 150
        embedding = LayerInfo("embed", "embed", "Embedding", weights=("embed/embeddings",))
        rescaling = LayerInfo("rescaling", "rescaling", "Rescaling")
        tokens = made_up.tensor("input", max=20000.0, mean=9000.0, std=5000.0, integral=True)
        return [
            dead_pixels_run(15.0),
            made_up.run(cnn(), loss=trains, inputs=pixels),
            made_up.run(cnn(rescaling), loss=[1.4] * 150, inputs=pixels),
            made_up.run(cnn(embedding), loss=[1.4] * 150, inputs=[tokens]),
            made_up.run(cnn(), loss=[40.0] * 99, inputs=pixels),
            made_up.run(cnn(), loss=[40.0] + [6.9] * 150, inputs=pixels),
            loud_column_run(5e4, 3),
            made_up.run(cnn(), loss=[math.nan] * 3, inputs=pixels, targets=[made_up.labels(0, 1, 2, 3)]),
            made_up.run(cnn(), loss=[math.inf], inputs=pixels, targets=[made_up.labels(0, 1, 2, 3)]),
            loud_column_run(5e4, 10, accuracy=0.63),
            saturated_run(0.94),
        ]


def raw_words(raw: Raw) -> str:
    what = f"{numbered_words('column', raw.columns)} of {raw.called}" if raw.columns else raw.called
    runs = "run" if len(raw.columns) > 1 else "runs"
    return (
        f"{what} {runs} from {number(raw.min)} to {number(raw.max)} (root mean square "
        f"{number(raw.scale)}, where a net expects about 1)"
    )


def remedies(raw: Raw) -> tuple[Remedy, ...]:
    found = []
    if raw.min >= 0.0 and raw.max <= BYTE and not raw.columns:
        text = "Divide the pixels by 255 before the fit: x = x / 255.0."
        found.append(Remedy(Intervention(InterventionKind.SCALE_INPUT, raw.path, 1.0 / BYTE), text))
    which = f"x[:, {list_words(raw.columns)}]" if len(raw.columns) == 1 else "x"
    text = f"Standardise {which} with the training mean and deviation, or make keras.layers.Normalization() "
    text += "(after .adapt(x)) the first layer."
    found.append(Remedy(Intervention(InterventionKind.STANDARDISE_INPUT, raw.path, raw.columns), text))
    return tuple(found)


def pixel_input(high: float) -> TensorSummary:
    return made_up.tensor("input", min=0.0, max=high, mean=high / 2, std=high / 3.4)


def cnn(*first: LayerInfo) -> ModelInfo:
    conv = LayerInfo("conv", "conv", "Conv2D", "relu", 8, weights=("conv/kernel",))
    head = made_up.dense(units=4, activation="softmax")
    return made_up.model(
        *first, conv, head, loss="sparse_categorical_crossentropy", optimizer="SGD", learning_rate=0.1
    )


def dead_pixels_run(high: float) -> Run:
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


def loud_column_run(scale: float, end: float, accuracy: float = 0.513) -> Run:
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
    epochs = [{"accuracy": 0.5}, {"accuracy": accuracy}]
    return made_up.run(of, loss=losses, inputs=[loud], targets=[made_up.labels(0, 1)], epochs=epochs)


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
