"""NW103: NaN or infinity in y."""

from __future__ import annotations

from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_seen import DataArray, data_arrays, went_nonfinite
from nanwatch.diagnose.data_words import bad_elements, bad_kinds, capitalise_first, where_bad
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.op_facts import made_in_step_words, op_that_made_data
from nanwatch.diagnose.readings import incident_of
from nanwatch.diagnose.row_words import drop_rows_words
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.symptoms import NONFINITE_LOSS
from nanwatch.record.facts import DataInfo, IncidentInfo, TensorSummary
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run


class NonfiniteTarget(Rule):
    """The target has NaN or infinity.

    ## What it does
    Looks for NaN, inf and -inf in y as it was given to the training, and names the rows.

    ## Why is this bad
    The input, the weights and the predictions are finite, but the loss is not: the difference to a NaN
    is NaN. One such row spoils its batch and, after the update, every weight.

    ## Example
    ```python
    model.fit(x, y)  # y[77] is NaN: a price nobody filled in
    ```

    ## Use instead
    ```python
    keep = np.isfinite(y)
    model.fit(x[keep], y[keep])
    ```
    """

    code, name = "NW103", "nonfinite-target"

    def missing(self, fit: Fit, run: Run) -> str | None:
        return None if any(data_arrays(fit, run, "labels")) else "the targets were not seen"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        for array in data_arrays(fit, run, "labels"):
            made_by = op_that_made_data(fit, run)
            if array.bad is not None and made_by is not None:
                said = made_in_step_words(array.called, made_by)
                yield self.finding(fit, said, location=made_by.location, part="consequence")
            elif array.bad is not None:
                yield self.build_finding(fit, run, array, array.bad)

    def build_finding(self, fit: Fit, run: Run, array: DataArray, bad: TensorSummary) -> Finding:
        incident = incident_of(fit, run)
        message = f"{capitalise_first(array.called)} holds {bad_kinds(bad)} among {bad.size} values"
        message += f"{where_bad(bad, ())}."
        evidence = tuple(self.evidence(incident, array)) if incident else ()
        location = fit.info.location
        if not went_nonfinite(fit, run):
            message += " The loss stayed finite: the loss masks these values, or did not reach them."
            return self.finding(
                fit, message, *evidence, location=location, part="contributing", level="note", strength=0.2
            )
        drop = Remedy(
            Intervention(InterventionKind.DROP_NONFINITE_ROWS, array.path, bad.bad_rows),
            drop_rows_words(fit, "y", bad)
            + " Do not fill it in: the model would learn a value that you made up.",
        )
        if array.batch_is_clean or (incident and incident.finite_on_first_weights):
            return self.finding(
                fit,
                message,
                *evidence,
                location=location,
                remedies=(drop,),
                part="contributing",
                level="warning",
                strength=0.3,
            )
        return self.finding(
            fit,
            message,
            *evidence,
            location=location,
            remedies=(drop,),
            # Predictions that are bad by themselves have another cause, beside this one.
            strength=0.6 if incident and any(map(bad_elements, incident.outputs)) else 1.0,
            explains={"nonfinite-target"} | NONFINITE_LOSS,
        )

    def evidence(self, incident: IncidentInfo, array: DataArray) -> Iterator[str]:
        if array.batch is None:
            return
        if not bad_elements(array.batch):
            yield f"the batch of step {incident.step}, where the training broke, has a finite target"
            return
        yield f"the batch of step {incident.step} holds {bad_kinds(array.batch)} in its target"
        if incident.outputs and not any(map(bad_elements, incident.outputs)):
            yield (
                "the input and the predictions of that batch are finite"
                if are_inputs_finite(incident)
                else "the predictions of that batch are finite"
            )
        if incident.finite_on_first_weights is False:
            yield "the same batch is non-finite with the weights of step 0 too: the data are at fault"

    @staticmethod
    def fires() -> list[Run]:
        one = made_up.tensor("label", "output", num_nan=1, bad_rows=(77,))
        batch = DataInfo(
            (made_up.tensor("input", rows=32, size=256),),
            (made_up.tensor("label", "output", rows=32, size=32, num_nan=1, bad_rows=(13,)),),
        )
        predictions = (made_up.tensor("output", "output", rows=32, size=32),)
        return [
            made_up.run(targets=[one], loss=[0.9, float("nan")]),
            made_up.run(
                targets=[one], loss=[float("nan")], incident={"batch": batch, "outputs": predictions}
            ),
            made_up.run(loss=[float("nan")], incident={"batch": batch}),
            made_up.run(targets=[one], loss=[0.9, 0.8]),
        ]

    @staticmethod
    def silent() -> list[Run]:
        nan_input = made_up.tensor("input", num_nan=1)
        return [
            made_up.run(targets=[made_up.tensor("label", "output")]),
            made_up.run(inputs=[nan_input], targets=[made_up.tensor("label", "output")], loss=[float("nan")]),
            made_up.run(targets=[made_up.tensor("label", "output", max=1.8e5)], loss=[float("nan")]),
        ]


def are_inputs_finite(incident: IncidentInfo) -> bool:
    return bool(incident.batch.inputs) and not any(map(bad_elements, incident.batch.inputs))
