"""NW117: a batch without a row."""

from __future__ import annotations

import math
from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_seen import went_nonfinite
from nanwatch.diagnose.data_words import number
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.readings import incident_of
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.symptoms import NONFINITE_FORWARD
from nanwatch.record.facts import OpInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run


class EmptyBatch(Rule):
    """A batch without rows enters the training.

    ## What it does
    Looks for a step with 0 rows. If the training stayed finite it is a note: Keras's own losses of
    nothing are 0, and the step changes little.

    ## Why is this bad
    A mean over no rows is 0/0. BatchNormalization takes the mean of the batch, and so do many
    hand-written losses and metrics. One empty batch makes the statistics NaN, and then the weights.

    ## Example
    ```python
    data = data.batch(32).map(drop_unlabelled_rows)  # nothing left of some batches
    ```

    ## Use instead
    ```python
    data = data.filter(is_labelled).batch(32)
    ```
    """

    code, name = "NW117", "empty-batch"

    def missing(self, fit: Fit, run: Run) -> str | None:
        return None if are_rows_counted(fit, run) else "the batches were not counted"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        empty, seen = empty_steps(fit, run)
        if not empty or not are_rows_counted(fit, run) or fit.info.replicas > 1:
            return
        broke = breaks(fit, run, empty[-1])
        text = "Filter the rows before they are put into batches, or drop empty batches with filter()."
        loss = dict(fit.losses()).get(empty[0], math.nan)
        yield self.finding(
            fit,
            f"{batch_words(len(empty))} of {seen} had 0 rows, the first in step {empty[0]}"
            + (": the mean of nothing is NaN." if broke else "; the training stayed finite."),
            *([f"the loss of that step is {number(loss)}"] if math.isfinite(loss) else []),
            location=fit.info.location,
            remedies=(
                Remedy(
                    Intervention(InterventionKind.DROP_EMPTY_BATCHES, "fit"), text, location=fit.info.location
                ),
            ),
            level="error" if broke else "note",
            part="cause" if broke else "contributing",
            strength=1.0 if broke else 0.2,
            explains=NONFINITE_FORWARD if broke else frozenset(),
            since=empty[0],
        )

    @staticmethod
    def fires() -> list[Run]:
        mean = OpInfo(
            "Mean", "forward", "batch_normalization", inputs=made_up.operands(input_0=None), output="nan"
        )
        return [
            rows_run([32, 32, 0], [0.7, 0.6, 0.0], {"role": "gradient", "rows": 0, "op": mean, "loss": 0.0}),
            rows_run([32, 0, 32], [0.7, math.nan, math.nan], {"step": 1, "action": "continue"}),
            rows_run([32, 0, 32], [0.7, 0.0, 0.6]),
        ]

    @staticmethod
    def silent() -> list[Run]:
        return [
            rows_run([32, 32, 1], [0.7, 0.6, 0.5]),
            rows_run([32, 32, 1], [0.7, 0.6, math.nan], {"rows": 1}),
            rows_run([32, 0], [0.7, math.nan], {"step": 1}, replicas=2),
            rows_run([0, 0, 0], [0.7, 0.6, 0.5]),
            rows_run([0, 0, 0], [0.7, 0.6, math.nan], {"rows": 32}),
        ]


def are_rows_counted(fit: Fit, run: Run) -> bool:
    """Whether the rows were counted: where no step has one, the batch was out of reach."""
    incident = incident_of(fit, run)
    if incident is not None and incident.rows == 0:
        return True
    return any(rows > 0 for _, rows in fit.steps.values("rows"))


def empty_steps(fit: Fit, run: Run) -> tuple[list[int], int]:
    """The steps without a row, of those at full resolution, and how many those are."""
    rows = dict(fit.steps.values("rows"))
    incident = incident_of(fit, run)
    if incident is not None and incident.rows is not None:
        rows.setdefault(incident.step, float(incident.rows))
    return [step for step, amount in rows.items() if amount == 0], len(rows)


def breaks(fit: Fit, run: Run, last: int) -> bool:
    """The training went non-finite with an empty batch, or with the step after one."""
    incident = incident_of(fit, run)
    if incident is not None:
        return incident.rows == 0 or incident.step - 1 <= last <= incident.step
    return went_nonfinite(fit, run)


def batch_words(amount: int) -> str:
    return "1 batch" if amount == 1 else f"{amount} batches"


def rows_run(
    rows: list[int], loss: list[float], incident: dict[str, object] | None = None, replicas: int = 1
) -> Run:
    steps = {("rows", "", "value"): [float(amount) for amount in rows]}
    return made_up.run(loss=loss, steps=steps, incident=incident, fit={"replicas": replicas})
