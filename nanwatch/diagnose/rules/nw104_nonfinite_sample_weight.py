"""NW104: a class or sample weight that is NaN or infinite."""

from __future__ import annotations

import math
from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_seen import DataArray, data_arrays, went_nonfinite
from nanwatch.diagnose.data_words import bad_kinds, capitalise_first, list_words, where_bad
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.readings import incident_of
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.symptoms import NONFINITE_LOSS
from nanwatch.record.facts import DataInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run


class NonfiniteSampleWeight(Rule):
    """A class weight or a sample weight is NaN or infinite.

    ## What it does
    Looks for NaN and infinity in `class_weight` and in the sample weights.

    ## Why is this bad
    The loss of a row is multiplied by its weight. So x, y and the predictions are finite, and the loss
    is not. Weights computed as `total / count` are infinite for a class that does not occur. They do
    harm as soon as a row of that class comes, for example in another split.

    ## Example
    ```python
    weight = {c: len(y) / np.sum(y == c) for c in range(3)}  # no row of class 2: inf
    ```

    ## Use instead
    ```python
    weight = {c: len(y) / max(np.sum(y == c), 1) for c in range(3)}
    ```
    """

    code, name = "NW104", "nonfinite-sample-weight"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        yield from self.find_bad_class_weights(fit, run)
        for array in data_arrays(fit, run, "sample_weights"):
            if array.bad is not None and not bad_classes(fit):
                yield self.build_sample_finding(fit, run, array)

    def find_bad_class_weights(self, fit: Fit, run: Run) -> Iterator[Finding]:
        bad = bad_classes(fit)
        if not bad:
            return
        words = list_words([f"{name}: {value}" for name, value in bad.items()])
        text = "Give such a class a finite weight: total / max(count, 1); one that does not occur needs none."
        yield self.build_finding(
            fit,
            run,
            f"class_weight is not finite for class {words}.",
            Remedy(
                Intervention(InterventionKind.SET_CLASS_WEIGHT, "class_weight", tuple(bad)),
                text,
                location=fit.info.location,
            ),
            any(array.batch_is_clean for array in data_arrays(fit, run, "sample_weights")),
        )

    def build_sample_finding(self, fit: Fit, run: Run, array: DataArray) -> Finding:
        bad = array.bad
        assert bad is not None
        message = f"{capitalise_first(array.called)} holds {bad_kinds(bad)} among {bad.size} values"
        message += f"{where_bad(bad, ())}."
        text = "Make the weights finite before the fit, and leave a row out with the weight 0, not NaN."
        remedy = Remedy(
            Intervention(InterventionKind.MEND_SAMPLE_WEIGHT, array.path, bad.bad_rows),
            text,
            location=fit.info.location,
        )
        return self.build_finding(fit, run, message, remedy, array.batch_is_clean)

    def build_finding(self, fit: Fit, run: Run, message: str, remedy: Remedy, elsewhere: bool) -> Finding:
        """``elsewhere``: the guilty batch has finite weights."""
        where = fit.info.location
        if not went_nonfinite(fit, run):
            message += " The loss stayed finite: no row with such a weight was reached."
            return self.finding(
                fit,
                message,
                location=where,
                remedies=(remedy,),
                part="contributing",
                level="note",
                strength=0.2,
            )
        incident = incident_of(fit, run)
        if elsewhere or (incident and incident.finite_on_first_weights):
            return self.finding(
                fit,
                message,
                location=where,
                remedies=(remedy,),
                part="contributing",
                level="warning",
                strength=0.3,
            )
        return self.finding(
            fit,
            message,
            location=where,
            remedies=(remedy,),
            strength=0.95,
            explains={"nonfinite-sample-weight"} | NONFINITE_LOSS,
        )

    @staticmethod
    def fires() -> list[Run]:
        infinite = {"class_weight": {"0": 1.0, "2": math.inf}}
        nan = made_up.tensor("sample_weight", num_nan=3, bad_rows=(5, 6, 7))
        batch = DataInfo(sample_weights=(made_up.tensor("sample_weight", rows=32, size=32, num_nan=1),))
        return [
            made_up.run(fit=infinite, loss=[0.7, math.nan]),
            made_up.run(fit=infinite, loss=[0.7, 0.6]),
            made_up.run(sample_weights=[nan], loss=[math.nan]),
            made_up.run(loss=[math.nan], incident={"batch": batch}),
        ]

    @staticmethod
    def silent() -> list[Run]:
        return [
            made_up.run(fit={"class_weight": {"0": 1.0, "1": 1e6}}, loss=[0.7, math.nan]),
            made_up.run(sample_weights=[made_up.tensor("sample_weight")], loss=[0.7, math.nan]),
            made_up.run(loss=[0.7, math.nan], incident={}),
        ]


def bad_classes(fit: Fit) -> dict[str, float]:
    weights = fit.info.class_weight or {}
    return {name: value for name, value in weights.items() if not math.isfinite(value)}
