"""NW120: a Normalization that was adapted to a column that does not vary."""

from __future__ import annotations

from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.adapted_scaling import AdaptedScaling, adapted_scaling, columns_of
from nanwatch.diagnose.data_words import number, numbered_words
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.readings import epoch_losses
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.symptoms import STUCK
from nanwatch.record.facts import AdaptedInfo, ColumnSummary, DataInfo, LayerInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

# A standardised value beyond this is met once in a lifetime; what is divided by 1e-7 is a million.
FAR_OUT = 1e3
WORSE = 2.0  # times the loss of the training; over-fitting does as much, but not by such a column


class AdaptedOnConstant(Rule):
    """`Normalization.adapt` saw a column that is constant, but other rows have other values there.

    ## What it does
    Looks for a `Normalization` with a deviation of 0 in some columns, and for values in the training or
    the validation data that differ from its mean there.

    ## Why is this bad
    The layer divides by the deviation, or by 1e-7 if the deviation is 0. If a column was constant while
    it was adapted (a rare flag, for example), the first row that differs becomes a number of ten
    million, and the loss of this row hides all the others. It is finite, so nothing looks broken.

    ## Example
    ```python
    scale.adapt(x[:1000])  # column 7 is 0 in all of these rows
    ```

    ## Use instead
    ```python
    varies = x[:1000].std(axis=0) > 0
    scale.adapt(x[:1000, varies])
    ```
    """

    code, name = "NW120", "adapted-on-constant"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        found = adapted_scaling(fit)
        constant = found.constant() if found else []
        if found is None or not constant:
            return
        trained = far_columns(found, fit.info.data, constant)
        validated = far_columns(found, fit.info.validation_data, constant)
        differ = trained or validated
        if not differ:
            return
        harm = bool(trained) or is_worse(fit)
        worst = max(differ, key=found.farthest)
        places = [column.index for column in differ]
        explains = {"poor-validation"} | ({"large-loss", "growth", "saturated"} if trained else set())
        rows = "training" if trained else "validation"
        yield self.finding(
            fit,
            f"{found.layer.name} was adapted to rows in which {numbered_words('column', places)} did not "
            f"vary; the {rows} input runs from {number(worst.min)} to {number(worst.max)} in column "
            f"{worst.index}, and divided by 1e-7 that becomes {number(found.farthest(worst))}.",
            *evidence(fit, constant, found),
            location=found.layer.location,
            layer=found.layer.path,
            remedies=(remedy(fit, places),),
            level="error" if harm else "warning",
            strength=0.95 if harm else 0.5,
            explains=explains | STUCK if trained else explains,
        )

    @staticmethod
    def fires() -> list[Run]:
        return [
            adapted_run(0.0, other=1.0, val_loss=1.5e7),
            adapted_run(1e-14, other=1.0, val_loss=0.21),
            adapted_run(0.0, other=1.1e-4, val_loss=9.0),
            adapted_run(0.0, other=1.0, trained=True),
        ]

    @staticmethod
    def silent() -> list[Run]:
        return [
            adapted_run(1.1e-14, other=1.0, val_loss=1.5e7),
            adapted_run(0.0, other=0.9e-4, val_loss=9.0),
            adapted_run(0.0, other=0.0, val_loss=9.0),
            adapted_run(0.25, other=1.0, val_loss=0.2),
        ]


def far_columns(found: AdaptedScaling, data: DataInfo, constant: list[int]) -> list[ColumnSummary]:
    return [column for column in columns_of(data, constant) if found.farthest(column) > FAR_OUT]


def is_worse(fit: Fit) -> bool:
    losses, validated = epoch_losses(fit), epoch_losses(fit, validation=True)
    return bool(losses) and bool(validated) and validated[-1] >= WORSE * abs(losses[-1])


def evidence(fit: Fit, constant: list[int], found: AdaptedScaling) -> Iterator[str]:
    yield f"a deviation of 0 in {numbered_words('column', constant)}, of {len(found.deviations)}"
    losses, validated = epoch_losses(fit), epoch_losses(fit, validation=True)
    if losses and validated:
        yield f"the loss ends at {number(losses[-1])}, val_loss at {number(validated[-1])}"


def remedy(fit: Fit, places: list[int]) -> Remedy:
    said = numbered_words("column", places)
    text = (
        f"Leave {said} out, or adapt the layer to rows in which it varies; a flag of 0 and 1 needs no "
        "scaling at all."
    )
    change = Intervention(InterventionKind.DROP_COLUMNS, fit.info.data.inputs[0].path, tuple(places))
    return Remedy(change, text, location=fit.input_line())


def adapted_run(variance: float, other: float, val_loss: float = 0.2, trained: bool = False) -> Run:
    """Column 1 of two varied so much when it was adapted; in the validation, or in the training, it runs
    from 0 to ``other``."""
    adapted = AdaptedInfo((0.0, 0.0), (1.0, variance))
    layer = LayerInfo(
        "scale", "scale", "Normalization", location=made_up.line(4, "Normalization()"), adapted=adapted
    )
    columns = (ColumnSummary(0, min=-3, max=3, std=1), ColumnSummary(1, max=other, std=other / 10))
    still = (columns[0], ColumnSummary(1))
    given = made_up.tensor("input", columns=columns if trained else still, shape=(None, 2), size=1280)
    outside = DataInfo((made_up.tensor("input", columns=columns, shape=(None, 2), size=1280),))
    return made_up.run(
        made_up.model(layer, made_up.dense()),
        inputs=[given],
        epochs=[{"loss": 0.2, "val_loss": val_loss}],
        fit={"validation": True, "validation_data": outside},
    )
