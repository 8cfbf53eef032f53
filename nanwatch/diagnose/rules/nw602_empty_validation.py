"""NW602: a validation without a row."""

from __future__ import annotations

from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.rule import Rule
from nanwatch.record.facts import DataInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

# Keras's sentence when `validation_split` leaves one side without a row.
TOO_SMALL = "not sufficient to split it"


class EmptyValidation(Rule):
    """The validation data have no rows.

    ## What it does
    Looks for validation arrays with 0 rows, and for Keras's exception when there are too few rows to
    split.

    ## Why is this bad
    There is no val_loss, or it is NaN or 0. Callbacks that watch it do nothing, or raise an exception.

    ## Example
    ```python
    model.fit(x, y, validation_data=(x[5000:], y[5000:]))  # x has 5000 rows
    ```

    ## Use instead
    ```python
    model.fit(x[:4000], y[:4000], validation_data=(x[4000:], y[4000:]))
    ```
    """

    code, name, level = "NW602", "empty-validation", "warning"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        data = fit.info.validation_data
        empty = bool(data.inputs) and all(tensor.rows == 0 for tensor in data.inputs)
        refused = TOO_SMALL in (fit.info.error or "")
        if not empty and not refused:
            return
        given = [tensor.rows for tensor in fit.info.data.inputs[:1]]
        text = "Give validation rows of their own: look at len(x_val), or split off a larger share."
        yield self.finding(
            fit,
            "The validation data have 0 rows."
            if empty
            else f"validation_split={fit.info.validation_split:g} leaves one side with 0 rows.",
            *[f"the training data have {rows}" for rows in given],
            location=fit.info.location,
            remedies=(
                Remedy(
                    Intervention(InterventionKind.MEND_VALIDATION_DATA, "fit"),
                    text,
                    location=fit.info.location,
                ),
            ),
            level="error" if refused else "warning",
            strength=0.95,
            explains={"nonfinite-validation", "crash"} if refused else {"nonfinite-validation"},
        )

    @staticmethod
    def fires() -> list[Run]:
        error = f"ValueError: Training data contains 3 samples, which is {TOO_SMALL} into a validation and"
        return [
            validated_run(0),
            made_up.run(fit={"error": error, "status": "crashed", "validation_split": 0.1}),
        ]

    @staticmethod
    def silent() -> list[Run]:
        return [validated_run(1), made_up.run(), made_up.run(fit={"error": "ValueError: another"})]


def validated_run(rows: int) -> Run:
    data = DataInfo((made_up.tensor("input", rows=rows, size=8 * rows),))
    return made_up.run(fit={"validation": True, "validation_data": data})
