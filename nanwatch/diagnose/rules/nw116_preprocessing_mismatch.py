"""NW116: the validation data, or the backbone's, were prepared otherwise than those of fit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nanwatch.diagnose import made_up
from nanwatch.diagnose.adapted_scaling import EPSILON, AdaptedScaling, adapted_scaling
from nanwatch.diagnose.data_seen import data_arrays, summaries_by_path
from nanwatch.diagnose.data_words import bad_elements, number
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.first_layers import has_embedding
from nanwatch.diagnose.guessing import guessing
from nanwatch.diagnose.input_scale import root_mean_square
from nanwatch.diagnose.readings import accuracies, epoch_losses
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.statistics import median
from nanwatch.diagnose.symptoms import STUCK
from nanwatch.record.facts import AdaptedInfo, ColumnSummary, DataInfo, LayerInfo, TensorSummary
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

# Parts of one data set have the same root mean square within a factor of 2 or 3, long tails
# included; a forgotten division by 255 or a forgotten scaler makes 40 to 255.
FACTOR = 10.0
WORSE = 2.0  # times the training loss: what over-fitting of some epochs does as well, but not both
SMALL_SCALE = 0.02  # a Rescaling by 1/255 (0.0039) or 1/127.5; one by 1/10 may be meant
ALREADY_SCALED = 5.0  # pixels in [0, 1] or standardised ones stay below; raw ones reach 255


class PreprocessingMismatch(Rule):
    """The validation inputs were prepared in another way than the training inputs, or inputs were scaled
    twice.

    ## What it does
    Compares the scale of the inputs of fit with that of the validation inputs, column by column if
    there are columns. It also looks for inputs near 1 that the model itself divides by 255 before its
    first weights (also in a model inside it), or that go through a `Normalization` that was adapted to
    other values.

    ## Why is this bad
    The net gets numbers that it has never seen. The training goes well, and the validation is bad from
    the first epoch on, which looks like over-fitting but is not. Inputs that are scaled twice are
    nearly 0 in every row, so a layer sees only its bias.

    ## Example
    ```python
    model.fit(x_train / 255.0, y_train, validation_data=(x_val, y_val))
    ```

    ## Use instead
    ```python
    model.fit(x_train / 255.0, y_train, validation_data=(x_val / 255.0, y_val))
    ```
    """

    code, name = "NW116", "preprocessing-mismatch"

    def missing(self, fit: Fit, run: Run) -> str | None:
        if not (fit.info.validation or fit.info.validation_split) or fit.info.validation_data.inputs:
            return None
        return "the validation inputs were not seen"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        yield from self.find_other_scale(fit)
        yield from self.find_double_scaling(fit, run)
        yield from self.find_other_statistics(fit)

    def find_other_scale(self, fit: Fit) -> Iterator[Finding]:
        validated = summaries_by_path(fit.info.validation_data, "inputs")
        for path, trained in summaries_by_path(fit.info.data, "inputs").items():
            other = validated.get(path)
            if other is None or (has_embedding(fit) and trained.integral):
                continue
            ratio = ratio_of_scales(trained, other)
            if ratio is not None and not 1 / FACTOR < ratio < FACTOR:
                yield self.build_finding(fit, trained, other, ratio)

    def build_finding(self, fit: Fit, trained: TensorSummary, other: TensorSummary, ratio: float) -> Finding:
        harm = validation_harm(fit)
        times = ratio if ratio > 1 else 1 / ratio
        text = (
            "Prepare both in the same way: fit the scaler on the training rows, and apply it to all others."
        )
        return self.finding(
            fit,
            f"The validation input runs from {number(other.min)} to {number(other.max)}, that of "
            f"the training from {number(trained.min)} to {number(trained.max)}: a scale {number(times)} "
            f"times as {'large' if ratio > 1 else 'small'}.",
            *harm,
            location=fit.info.location,
            remedies=(
                Remedy(
                    Intervention(InterventionKind.SCALE_VALIDATION, trained.path, ratio),
                    text,
                    location=fit.info.location,
                ),
            ),
            level="error" if harm else "note",
            strength=0.95 if harm else 0.2,
            explains={"poor-validation"},
        )

    def find_double_scaling(self, fit: Fit, run: Run) -> Iterator[Finding]:
        layer = first_rescaling(fit)
        arrays = list(data_arrays(fit, run, "inputs"))
        if layer is None or len(arrays) != 1 or not is_scaled_already(arrays[0].widest, layer):
            return  # of several inputs it is not known which the layer scales
        (array,) = arrays
        stuck = guessing(fit)
        given, scale = array.widest, float(layer.config["scale"])
        text = "Feed the raw pixels (0 to 255): the model rescales them itself. Or leave that layer out."
        yield self.finding(
            fit,
            f"The input runs from {number(given.min)} to {number(given.max)}, and {layer.name} multiplies it "
            f"by {number(scale)}: the layers after it see at most {number(largest_value(given) * scale)}.",
            *([stuck.words] if stuck else []),
            location=fit.info.location,
            layer=layer.path,
            remedies=(
                Remedy(
                    Intervention(InterventionKind.SCALE_INPUT, array.path, 1 / scale),
                    text,
                    location=fit.info.location,
                ),
            ),
            level="error" if stuck else "warning",
            strength=0.85 if stuck else 0.5,
            explains=STUCK | {"vanishing-gradient"},
        )

    def find_other_statistics(self, fit: Fit) -> Iterator[Finding]:
        """A `Normalization` that was adapted to raw columns, and is given scaled ones; or the other way."""
        found = adapted_scaling(fit)
        middle = middle_column(fit, found) if found else None
        if found is None or middle is None or 1 / FACTOR < middle[0] / middle[1] < FACTOR:
            return
        given, adapted = middle
        stuck = guessing(fit)
        text = "Give the model the data that the layer was adapted to, or adapt it to the data that it gets."
        yield self.finding(
            fit,
            f"{found.layer.name} was adapted to columns with a standard deviation of {number(adapted)} in "
            f"the middle one, and is given columns with one of {number(given)}.",
            *([stuck.words] if stuck else []),
            location=fit.info.location,
            layer=found.layer.path,
            remedies=(
                Remedy(
                    Intervention(InterventionKind.MEND_PREPROCESSING, fit.info.data.inputs[0].path),
                    text,
                    location=fit.info.location,
                ),
            ),
            level="error" if stuck else "warning",
            strength=0.85 if stuck else 0.5,
            explains=STUCK | {"vanishing-gradient", "large-loss", "growth"},
        )

    @staticmethod
    def fires() -> list[Run]:
        return [
            pair_run(1.0, 255.0, [0.2, 52.0]),
            pair_run(1.0, 10.0, [0.2, 0.41]),
            pair_run(50.0, 5.0, [0.2, 0.41]),
            pair_run(1.0, 20.0, [0.2, 0.2]),
            rescaled_run(1.0, 0.693),
            rescaled_run(5.0, 0.5),
            adapted_run(10.1, 0.693),
            adapted_run(0.099, 0.2),
        ]

    @staticmethod
    def silent() -> list[Run]:
        outlier = made_up.tensor("input", std=40.0, max=1e4, columns=columns_of_scales(1.0, 1.0, 300.0))
        table = made_up.tensor("input", columns=columns_of_scales(1.0, 1.0, 1.0))
        return [
            pair_run(1.0, 9.9, [0.2, 52.0]),
            pair_run(1.0, 0.11, [0.2, 52.0]),
            compared_run(table, outlier, [0.2, 52.0]),
            rescaled_run(255.0, 0.693),
            rescaled_run(5.1, 0.693),
            made_up.run(made_up.model(rescaling(0.1), made_up.dense()), inputs=[made_up.tensor("input")]),
            rescaled_run(1.0, 0.693, table=True),
            adapted_run(9.9, 0.693),
            adapted_run(0.101, 0.693),
        ]


def ratio_of_scales(trained: TensorSummary, other: TensorSummary) -> float | None:
    """How much larger ``other`` is: of the middle column where both are tables, so no one column tells."""
    if bad_elements(trained) or bad_elements(other):
        return None
    if len(trained.columns) > 1 and len(trained.columns) == len(other.columns):
        pairs = [
            (root_mean_square(a), root_mean_square(b))
            for a, b in zip(trained.columns, other.columns, strict=True)
        ]
        ratios = [b / a for a, b in pairs if a > 0 and b > 0]
        return median(ratios) if ratios else None
    a, b = root_mean_square(trained), root_mean_square(other)
    return b / a if a > 0 and b > 0 else None


def validation_harm(fit: Fit) -> list[str]:
    losses, validated = epoch_losses(fit), epoch_losses(fit, validation=True)
    if not losses or not validated or losses[-1] <= 0 or not validated[-1] >= WORSE * losses[-1]:
        return []
    words = [f"the loss ends at {number(losses[-1])}, val_loss at {number(validated[-1])}"]
    reached, outside = accuracies(fit), accuracies(fit, validation=True)
    if reached and outside:
        words.append(f"the accuracy is {reached[-1]:.4f} in training and {outside[-1]:.4f} in validation")
    return words


def first_rescaling(fit: Fit) -> LayerInfo | None:
    """A Rescaling by a small number that stands before every layer with weights."""
    for layer in fit.model.layers:
        if layer.type == "Rescaling":
            factor = layer.config.get("scale")
            small = isinstance(factor, int | float) and 0 < factor <= SMALL_SCALE
            return layer if small else None
        if layer.weights:
            return None
    return None


def is_scaled_already(given: TensorSummary, layer: LayerInfo) -> bool:
    return 0 < largest_value(given) <= ALREADY_SCALED


def largest_value(given: TensorSummary) -> float:
    return max(abs(given.min), abs(given.max))


def middle_column(fit: Fit, found: AdaptedScaling) -> tuple[float, float] | None:
    """The deviation that is given, and the one that the layer was adapted to, of the middle column."""
    pairs = [
        (column.std, found.deviations[column.index])
        for column in fit.info.data.inputs[0].columns
        if column.std > 0 and found.deviations[column.index] > EPSILON
    ]
    pairs.sort(key=lambda pair: pair[0] / pair[1])
    return pairs[len(pairs) // 2] if pairs else None


def columns_of_scales(*scales: float) -> tuple[ColumnSummary, ...]:
    return tuple(
        ColumnSummary(index, min=-3 * value, max=3 * value, std=value) for index, value in enumerate(scales)
    )


def pair_run(trained: float, validated: float, losses: list[float]) -> Run:
    """Inputs of these scales, in training and in validation; the last loss and val_loss."""
    first = made_up.tensor("input", min=0.0, max=trained, mean=trained / 2, std=trained / 4)
    other = made_up.tensor("input", min=0.0, max=validated, mean=validated / 2, std=validated / 4)
    return compared_run(first, other, losses)


def compared_run(first: TensorSummary, other: TensorSummary, losses: list[float]) -> Run:
    fit = {"validation": True, "validation_data": DataInfo((other,))}
    return made_up.run(inputs=[first], epochs=[{"loss": losses[0], "val_loss": losses[1]}], fit=fit)


def rescaling(factor: float) -> LayerInfo:
    config: dict[str, Any] = {"scale": factor, "offset": 0.0}
    return LayerInfo("rescaling", "rescaling", "Rescaling", config=config)


def rescaled_run(high: float, ended: float, table: bool = False) -> Run:
    """Inputs up to ``high`` before a Rescaling by 1/255, with a ``table`` beside them; how the loss ends."""
    of = made_up.model(rescaling(1 / 255), made_up.dense(activation="sigmoid"), loss="binary_crossentropy")
    inputs = [made_up.tensor("input", min=0.0, max=high, mean=high / 2, std=high / 4)]
    inputs += [made_up.tensor("input", "1")] if table else []
    return made_up.run(of, loss=[0.7] + [ended] * 120, inputs=inputs, targets=[made_up.labels(0, 1)])


def adapted_run(deviation: float, ended: float) -> Run:
    """Standardised columns before a Normalization that was adapted to this deviation; how the loss ends."""
    adapted = AdaptedInfo((0.0,) * 3, (deviation**2,) * 3)
    layer = LayerInfo("normalization", "normalization", "Normalization", adapted=adapted)
    of = made_up.model(layer, made_up.dense(activation="sigmoid"), loss="binary_crossentropy")
    table = made_up.tensor("input", columns=columns_of_scales(1.0, 1.0, 1.0))
    return made_up.run(of, loss=[0.7] + [ended] * 120, inputs=[table], targets=[made_up.labels(0, 1)])
