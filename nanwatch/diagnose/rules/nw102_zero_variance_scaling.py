"""NW102: a constant column was divided by its standard deviation of 0."""

from __future__ import annotations

from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_seen import columns_scaled_away, data_arrays, went_nonfinite
from nanwatch.diagnose.data_words import count_words, numbered_words
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.symptoms import NONFINITE_DATA
from nanwatch.record.facts import ColumnSummary, TensorSummary
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run


class ZeroVarianceScaling(Rule):
    """A constant column was divided by its standard deviation (or range) of 0.

    ## What it does
    Looks for columns of x that have no finite value left, while the other columns are standardised or
    scaled to [0, 1]. `(x - x.mean(0)) / x.std(0)` does this to a constant column.

    ## Why is this bad
    The raw data were finite, so looking at them shows nothing. The scaled column is 0/0 in every row,
    and every prediction, loss and gradient becomes NaN at the first step.

    ## Example
    ```python
    x = (x - x.mean(axis=0)) / x.std(axis=0)  # column 5 is 3.0 in every row
    ```

    ## Use instead
    ```python
    varies = x.std(axis=0) > 0
    x = (x[:, varies] - x[:, varies].mean(axis=0)) / x[:, varies].std(axis=0)
    ```
    """

    code, name = "NW102", "zero-variance-scaling"

    def missing(self, fit: Fit, run: Run) -> str | None:
        return None if any(data_arrays(fit, run, "inputs")) else "the inputs were not seen"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        if not went_nonfinite(fit, run):
            return
        for array in data_arrays(fit, run, "inputs"):
            bad = array.bad
            gone = columns_scaled_away(bad) if bad else ()
            if bad is None or not gone or array.batch_is_clean:
                continue
            yield self.build_finding(fit, array.called, bad, gone)

    def build_finding(
        self, fit: Fit, called: str, bad: TensorSummary, gone: tuple[ColumnSummary, ...]
    ) -> Finding:
        indices = [column.index for column in gone]
        have = "has" if len(gone) == 1 else "have"
        message = (
            f"{numbered_words('column', indices).capitalize()} of {called} {have} no finite value in "
            f"{count_words(bad.rows, 'row')} while the other columns are scaled: a constant column divided "
            "by its standard deviation of 0."
        )
        evidence = [
            f"column {column.index}: {column.num_nan} NaN, {column.num_inf} inf, of {bad.rows}"
            for column in gone[:3]
        ]
        return self.finding(
            fit,
            message,
            *evidence,
            location=fit.input_line(),
            remedies=remedies(bad.path, indices),
            strength=1.0,
            explains=NONFINITE_DATA,
        )

    @staticmethod
    def fires() -> list[Run]:
        return [
            made_up.run(inputs=[tensor_scaled_by_hand(640)], loss=[float("nan")]),
            made_up.run(inputs=[tensor_scaled_by_hand(0, num_inf=640)], loss=[float("nan")], incident={}),
            made_up.run(inputs=[tensor_scaled_by_hand(640, others_mean=0.17)], loss=[float("nan")]),
        ]

    @staticmethod
    def silent() -> list[Run]:
        return [
            made_up.run(inputs=[tensor_scaled_by_hand(639)], loss=[float("nan")]),
            made_up.run(inputs=[tensor_scaled_by_hand(640, others_mean=0.19)], loss=[float("nan")]),
            made_up.run(inputs=[tensor_scaled_by_hand(640)], loss=[0.7, 0.6]),
            made_up.run(inputs=[made_up.tensor("input")]),
        ]


def remedies(path: str, columns: list[int]) -> tuple[Remedy, ...]:
    said = numbered_words("column", columns)
    drop = f"Drop {said}: x = np.delete(x, {columns}, axis=1). A constant says nothing."
    keep = "Or guard the divisor: std = x.std(axis=0); std[std == 0] = 1.0; StandardScaler does the same."
    return (
        Remedy(Intervention(InterventionKind.DROP_COLUMNS, path, tuple(columns)), drop),
        Remedy(Intervention(InterventionKind.GUARD_SCALING, path, tuple(columns)), keep),
    )


def tensor_scaled_by_hand(num_nan: int, num_inf: int = 0, others_mean: float = 0.0) -> TensorSummary:
    """8 columns of 640 rows, standardised; column 5 has this many bad values."""
    columns = [ColumnSummary(n, min=-3, max=3, mean=others_mean, std=1) for n in range(8)]
    columns[5] = ColumnSummary(5, num_nan, num_inf)
    return made_up.tensor(
        "input",
        size=5120,
        shape=(None, 8),
        num_nan=num_nan,
        num_pos_inf=num_inf,
        columns=tuple(columns),
    )
