"""NW111: class labels that are no whole numbers."""

from __future__ import annotations

from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_seen import data_arrays, output_of
from nanwatch.diagnose.data_words import capitalise_first, number
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.label_classes import SPARSE
from nanwatch.diagnose.readings import label_width
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.symptoms import STUCK
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run


class FractionalClassLabel(Rule):
    """Class labels are not whole numbers, and are rounded down without a warning.

    ## What it does
    Looks for labels such as 0.0039 or 1.5 under sparse categorical cross-entropy.

    ## Why is this bad
    The loss converts the labels to integers: 0.0039 and 0.99 are both class 0. If the labels were
    scaled together with the pixels, all of them are class 0: the loss falls to nearly 0 at once and the
    accuracy looks odd or perfect, but nothing was learned.

    ## Example
    ```python
    data = data / 255.0  # the label column as well
    ```

    ## Use instead
    ```python
    x, y = data[:, 1:] / 255.0, data[:, 0].astype("int32")
    ```
    """

    code, name = "NW111", "fractional-class-label"

    def missing(self, fit: Fit, run: Run) -> str | None:
        return None if any(data_arrays(fit, run, "labels")) else "the targets were not seen"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        for array in data_arrays(fit, run, "labels"):
            labels, output = array.widest, output_of(fit, array.path)
            if output is None or output.loss is None or output.loss.name != SPARSE:
                continue
            if (
                labels.integral
                or not labels.size
                or label_width(labels) > 1
                or labels.min == labels.max == 0.0
            ):
                continue
            text = "Take the class numbers as they were before any scaling: y = y.astype('int32')."
            yield self.finding(
                fit,
                f"{capitalise_first(array.called)} under sparse categorical cross-entropy has labels that "
                f"are not whole numbers (from {number(labels.min)} to {number(labels.max)}); they are "
                f"rounded down to classes {int(labels.min)} to {int(labels.max)}.",
                *(
                    [f"the first labels: {', '.join(number(v) for v in labels.example)}"]
                    if labels.example
                    else []
                ),
                location=fit.info.location,
                remedies=(
                    Remedy(
                        Intervention(InterventionKind.CAST_LABELS, array.path, "int32"),
                        text,
                        location=fit.info.location,
                    ),
                ),
                strength=0.95,
                explains={"zero-loss", "poor-accuracy"} | STUCK,
            )

    @staticmethod
    def fires() -> list[Run]:
        return [fractions(0.0353, False), fractions(4.5, False)]

    @staticmethod
    def silent() -> list[Run]:
        of = made_up.model(made_up.dense(activation="sigmoid"), loss="binary_crossentropy")
        soft = made_up.tensor("label", max=0.9, integral=False)
        return [fractions(4.0, True), made_up.run(of, targets=[soft])]


def fractions(high: float, integral: bool) -> Run:
    head = made_up.dense(units=10, activation="softmax")
    labels = made_up.tensor("label", min=0.0, max=high, integral=integral, example=(0.0, high))
    return made_up.run(made_up.model(head, loss=SPARSE), targets=[labels])
