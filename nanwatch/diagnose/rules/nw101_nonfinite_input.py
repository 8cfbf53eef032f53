"""NW101: NaN or infinity in x, before the model has touched it."""

from __future__ import annotations

from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_seen import (
    DataArray,
    bad_columns,
    columns_scaled_away,
    data_arrays,
    layer_adapted_to_bad_data,
    went_nonfinite,
)
from nanwatch.diagnose.data_words import bad_elements, bad_kinds, capitalise_first, count_words, where_bad
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.op_facts import made_in_step_words, op_that_made_data
from nanwatch.diagnose.op_patterns import pattern_of
from nanwatch.diagnose.readings import incident_of
from nanwatch.diagnose.row_words import call_words, drop_rows_words
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.symptoms import NONFINITE_DATA, symptoms_from
from nanwatch.record.facts import ColumnSummary, DataInfo, IncidentInfo, TensorSummary
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

# The model may mask the NaN, and have broken at an op that needs no NaN to break.
ANOTHER_FAULT = 0.8


class NonfiniteInput(Rule):
    """The input has NaN or infinity before it reaches the model.

    ## What it does
    Looks for NaN, inf and -inf in x as it was given to the training, and names the columns and the
    rows. Scaled columns that have no finite value left belong to NW102.

    ## Why is this bad
    One NaN in a row makes its prediction NaN, then the mean loss of the batch, every gradient, and
    after the update every weight. A lower learning rate or gradient clipping changes nothing.

    ## Example
    ```python
    x = np.log(counts)  # counts has zeros: -inf
    model.fit(x, y)
    ```

    ## Use instead
    ```python
    x = np.log(counts + 1e-3)
    keep = np.isfinite(x).all(axis=1)
    model.fit(x[keep], y[keep])
    ```
    """

    code, name = "NW101", "nonfinite-input"

    def missing(self, fit: Fit, run: Run) -> str | None:
        return None if any(data_arrays(fit, run, "inputs")) else "the inputs were not seen"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        for array in data_arrays(fit, run, "inputs"):
            bad = array.bad
            if bad is None:
                continue
            made_by = op_that_made_data(fit, run)
            if made_by is not None:
                said = made_in_step_words(array.called, made_by)
                yield self.finding(fit, said, location=made_by.location, part="consequence")
                continue
            gone = columns_scaled_away(bad)
            partly = tuple(column for column in bad_columns(bad) if column not in gone)
            if gone and not partly:
                continue
            yield self.build_finding(fit, run, array, bad, tuple(column.index for column in partly))

    def build_finding(
        self, fit: Fit, run: Run, array: DataArray, bad: TensorSummary, columns: tuple[int, ...]
    ) -> Finding:
        message = f"{capitalise_first(array.called)} holds {bad_kinds(bad)} among {bad.size} values"
        message += f"{where_bad(bad, columns)}; the model had not touched it yet."
        adapted = layer_adapted_to_bad_data(fit, run)
        if adapted is not None:
            message += f" The statistics of {adapted.name} were taken from it, and are not finite either: "
            message += "repair the data before adapt, too."
        evidence = tuple(self.evidence(fit, run, array))
        incident = incident_of(fit, run)
        location, remedies = fit.input_line(), self.remedies(fit, array, bad, columns)
        if not went_nonfinite(fit, run):
            message += " The loss stayed finite: the model masks these values, or did not reach them."
            return self.finding(
                fit, message, *evidence, location=location, part="contributing", level="note", strength=0.2
            )
        if array.batch_is_clean and adapted is None:
            return self.finding(
                fit,
                message,
                *evidence,
                location=location,
                remedies=remedies,
                part="contributing",
                level="warning",
                strength=0.3,
            )
        return self.finding(
            fit,
            message,
            *evidence,
            location=location,
            remedies=remedies,
            strength=ANOTHER_FAULT if incident and breaks_by_itself(incident, fit) else 1.0,
            explains=NONFINITE_DATA
            if adapted is None
            else NONFINITE_DATA | symptoms_from("nonfinite-weight"),
        )

    def evidence(self, fit: Fit, run: Run, array: DataArray) -> Iterator[str]:
        incident = incident_of(fit, run)
        if incident is None or array.batch is None:
            return
        bad = bad_elements(array.batch)
        if not bad:
            yield f"the batch of step {incident.step}, where the training broke, has a finite input"
            return
        rows = array.batch.bad_rows
        place = f" in {count_words(len(rows), 'row')} of {array.batch.rows}" if rows else ""
        yield f"the batch of step {incident.step} holds {bad_kinds(array.batch)}{place}"
        if incident.finite_on_first_weights is False:
            yield "the same batch is non-finite with the weights of step 0 too: the data are at fault"
        if rows and incident.bad_rows and set(incident.bad_rows) == set(rows):
            yield "row by row, exactly the rows with a non-finite input give a non-finite loss"

    def remedies(
        self, fit: Fit, array: DataArray, bad: TensorSummary, columns: tuple[int, ...]
    ) -> tuple[Remedy, ...]:
        called = call_words(fit, "x", bad)
        where = f"{called}[:, {columns[0]}]" if len(columns) == 1 and called == "x" else called
        remedies = [
            Remedy(
                Intervention(InterventionKind.DROP_NONFINITE_ROWS, array.path, bad.bad_rows),
                drop_rows_words(fit, "x", bad),
            )
        ]
        if bad.num_nan:
            text = f"Or fill the gaps in {where} with the column's median over its finite values"
            text += ", before the dataset is made of it." if fit.info.given_as == "dataset" else "."
            remedies.append(Remedy(Intervention(InterventionKind.IMPUTE_INPUT, array.path, columns), text))
        if bad.num_neg_inf or bad.num_pos_inf:
            text = (
                f"The infinities in {where} come from a log of 0 or a division by 0 made earlier; "
                "fix that: np.log(v + 1e-3) or np.log1p(v), or a small constant in the divisor."
            )
            remedies.append(
                Remedy(Intervention(InterventionKind.MEND_PREPROCESSING, array.path, columns), text)
            )
        return tuple(remedies)

    @staticmethod
    def fires() -> list[Run]:
        two_percent = made_up.tensor(
            "input",
            size=5120,
            num_nan=13,
            shape=(None, 8),
            columns=(ColumnSummary(2, min=-3, max=3, std=1), ColumnSummary(3, num_nan=13, std=1)),
        )
        log_of_zero = made_up.tensor("input", size=5120, num_neg_inf=51, shape=(None, 8))
        # Near the threshold of NW102: a whole column, but nothing else looks scaled.
        raw = ColumnSummary(0, min=2, max=90, mean=40, std=20)
        empty = made_up.tensor(
            "input", size=1280, num_nan=640, shape=(None, 2), columns=(raw, ColumnSummary(1, num_nan=640))
        )
        only_batch = DataInfo((made_up.tensor("input", rows=32, size=256, num_nan=1, bad_rows=(4,)),))
        return [
            made_up.run(
                inputs=[two_percent], loss=[float("nan")], incident={"finite_on_first_weights": False}
            ),
            made_up.run(inputs=[log_of_zero], loss=[0.7, float("nan")]),
            made_up.run(inputs=[empty], loss=[float("nan")]),
            made_up.run(inputs=[made_up.tensor("input", num_nan=1)], loss=[0.7, 0.6]),
            made_up.run(loss=[0.7, float("nan")], incident={"batch": only_batch, "bad_rows": (4,)}),
        ]

    @staticmethod
    def silent() -> list[Run]:
        scaled = ColumnSummary(0, min=-3, max=3, std=1)
        gone = made_up.tensor(
            "input", size=1280, num_nan=640, shape=(None, 2), columns=(scaled, ColumnSummary(1, num_nan=640))
        )
        nan_label = made_up.labels(0, 1, num_nan=1)
        return [
            made_up.run(inputs=[made_up.tensor("input")]),
            made_up.run(inputs=[made_up.tensor("input")], loss=[0.7, float("nan")], incident={}),
            made_up.run(inputs=[made_up.tensor("input")], targets=[nan_label], loss=[float("nan")]),
            made_up.run(inputs=[gone], loss=[float("nan")]),
        ]


def breaks_by_itself(incident: IncidentInfo, fit: Fit) -> bool:
    """The autopsy's op is of a pattern that gives NaN from finite inputs."""
    return incident.op is not None and pattern_of(incident.op, incident, fit) is not None
