"""NW118: NaN or infinity in the validation data alone."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_seen import DataKind, bad_columns, summaries_by_path, went_nonfinite
from nanwatch.diagnose.data_words import bad_elements, bad_kinds, where_bad
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.rule import Rule
from nanwatch.record.facts import ColumnSummary, DataInfo, TensorSummary
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

NAMES: dict[DataKind, str] = {"inputs": "input", "labels": "target", "sample_weights": "sample weight"}


class NonfiniteValidationData(Rule):
    """The validation data have NaN or infinity, and the training data do not.

    ## What it does
    Looks for NaN and infinity in the validation x, y and weights of a training whose own loss stays
    finite. It is a warning if val_loss stays finite too (on some processors relu(NaN) is 0). It is a
    note if the training data have such values as well, for example values that are masked.

    ## Why is this bad
    The training is fine, but everything that watches `val_loss` fails. No comparison with NaN is true,
    so EarlyStopping, ModelCheckpoint(save_best_only=True) and ReduceLROnPlateau do nothing, or the
    wrong thing, without a warning.

    ## Example
    ```python
    model.fit(x, y, validation_data=(x_val, y_val))  # x_val was not imputed
    ```

    ## Use instead
    ```python
    x_val = imputer.transform(x_val)  # as the training data were
    ```
    """

    code, name = "NW118", "nonfinite-validation-data"

    def missing(self, fit: Fit, run: Run) -> str | None:
        data = fit.info.validation_data
        if not fit.info.validation or data.inputs or data.labels or data.sample_weights:
            return None
        return "the validation data were not seen"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        if went_nonfinite(fit, run):
            return
        for kind, noun in NAMES.items():
            for tensor in summaries_by_path(fit.info.validation_data, kind).values():
                if bad_elements(tensor):
                    clean = is_clean(summaries_by_path(fit.info.data, kind).values())
                    yield self.build_finding(fit, noun, tensor, clean)

    def build_finding(self, fit: Fit, noun: str, tensor: TensorSummary, clean: bool) -> Finding:
        columns = [column.index for column in bad_columns(tensor)]
        held = f"The validation {noun} holds {bad_kinds(tensor)} among {tensor.size} values"
        held += f"{where_bad(tensor, columns)}"
        text = (
            "Prepare the validation data as the training data were (the same imputer and scaler), or drop "
            "these rows from it."
        )
        where = fit.info.location
        remedies = (
            Remedy(
                Intervention(InterventionKind.MEND_VALIDATION_DATA, tensor.path, tuple(columns)),
                text,
                location=where,
            ),
        )
        if not validation_broke(fit):
            message = f"{held}, but val_loss is finite: it says nothing about these rows."
            return self.finding(
                fit,
                message,
                location=where,
                remedies=remedies,
                level="warning" if clean else "note",
                strength=0.2,
                certain=clean,
            )
        epochs = [logs for logs in fit.epoch_logs() if not math.isfinite(logs.get("val_loss", 0.0))]
        return self.finding(
            fit,
            f"{held}, but the training went well: val_loss is not finite, and what watches it is useless.",
            f"val_loss is not finite in {len(epochs)} of {len(fit.epoch_logs())} epochs, loss in none",
            location=where,
            remedies=remedies,
            strength=1.0,
            explains={"nonfinite-validation"},
        )

    @staticmethod
    def fires() -> list[Run]:
        column = (ColumnSummary(2, num_nan=4),)
        bad = made_up.tensor("input", size=5120, num_nan=4, bad_rows=(1, 2, 3, 9), columns=column)
        return [
            validated_run([{"loss": 0.6, "val_loss": 0.7}], DataInfo((bad,))),
            validated_run([{"loss": 0.6, "val_loss": math.nan}], DataInfo((bad,))),
            validated_run(
                [{"loss": 0.6, "val_loss": math.inf}], DataInfo(labels=(made_up.labels(0, 1, num_pos_inf=1),))
            ),
        ]

    @staticmethod
    def silent() -> list[Run]:
        bad = DataInfo((made_up.tensor("input", num_nan=4),))
        broken = [{"loss": 0.6, "val_loss": math.nan}]
        return [
            validated_run(broken, DataInfo((made_up.tensor("input"),))),
            made_up.run(
                loss=[0.7, math.nan],
                epochs=broken,
                fit={"validation": True, "validation_data": bad},
                incident={},
            ),
        ]


def is_clean(trained_on: Collection[TensorSummary]) -> bool:
    """Whether the training data were seen, and hold none: else it may be what the model masks."""
    return bool(trained_on) and not any(map(bad_elements, trained_on))


def validation_broke(fit: Fit) -> bool:
    return any(not math.isfinite(logs.get("val_loss", 0.0)) for logs in fit.epoch_logs())


def validated_run(epochs: list[dict[str, float]], data: DataInfo) -> Run:
    return made_up.run(loss=[0.7, 0.6], epochs=epochs, fit={"validation": True, "validation_data": data})
