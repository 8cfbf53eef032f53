"""NW110: label rows under categorical cross-entropy that are no distribution."""

from __future__ import annotations

from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_seen import data_arrays, output_of
from nanwatch.diagnose.data_words import count_words, number
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.heads import heads
from nanwatch.diagnose.learned import has_proved_itself
from nanwatch.diagnose.readings import CATEGORICAL, label_width
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.symptoms import STUCK
from nanwatch.record.facts import TensorSummary
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

# A row may be all 0 on purpose: it then has no loss, which masks it. More than 1 has no such use.
MORE_THAN_ONE = 1.0 + 1e-3  # float32 sums of soft labels stray by less


class NotOneHot(Rule):
    """Label rows under categorical cross-entropy do not sum to 1.

    ## What it does
    Looks for labels whose rows sum to more than 1 under categorical cross-entropy, for example rows
    with several 1s.

    ## Why is this bad
    The loss of a row is multiplied by the sum of the row, and its smallest value is not 0: a softmax
    can give one class all of its probability, but not two classes. Rows with several labels are several
    yes-or-no questions.

    ## Example
    ```python
    model.compile(loss="categorical_crossentropy")  # y has rows such as [1, 0, 1]
    ```

    ## Use instead
    ```python
    model.add(Dense(3, activation="sigmoid"))
    model.compile(loss="binary_crossentropy")
    ```
    """

    code, name, level = "NW110", "not-one-hot", "warning"

    def missing(self, fit: Fit, run: Run) -> str | None:
        return None if any(data_arrays(fit, run, "labels")) else "the targets were not seen"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        for array in data_arrays(fit, run, "labels"):
            labels, output = array.widest, output_of(fit, array.path)
            if output is None or output.loss is None or output.loss.name != CATEGORICAL:
                continue
            if label_width(labels) < 2 or (labels.row_sum_max or 0.0) <= MORE_THAN_ONE:
                continue
            text = (
                "If a row may be of several classes, use sigmoid units and binary_crossentropy; else "
                "mend the labels: keras.utils.to_categorical(classes)."
            )
            yield self.finding(
                fit,
                f"{count_words(labels.rows_not_summing_to_one, 'label row')} of {labels.rows} do not sum to "
                f"1, as categorical cross-entropy expects: sums go from {number(labels.row_sum_min or 0.0)} "
                f"to {number(labels.row_sum_max or 0.0)}.",
                # several 1s a row are several answers, which another loss takes; else the data are wrong
                location=fit.model.compile_location if labels.integral else fit.info.location,
                remedies=(Remedy(change_for(fit, labels), text),),
                strength=0.8,
                explains={"large-loss", "poor-accuracy", "growth"} | STUCK,
                certain=not has_proved_itself(fit),
            )

    @staticmethod
    def fires() -> list[Run]:
        return [rows_of_labels(2.0), rows_of_labels(1.0011)]

    @staticmethod
    def silent() -> list[Run]:
        sigmoid = made_up.model(made_up.dense(units=3, activation="sigmoid"), loss="binary_crossentropy")
        several = made_up.tensor("label", shape=(None, 3), row_sum_max=2.0)
        return [rows_of_labels(1.0009), made_up.run(sigmoid, targets=[several])]


def change_for(fit: Fit, labels: TensorSummary) -> Intervention:
    """Sigmoids and their loss where zeros and ones stand under a softmax; else the loss alone."""
    head = next((head for head in heads(fit) if head.label == labels and head.activation == "softmax"), None)
    if head is not None and labels.integral:
        return Intervention(InterventionKind.SET_PROBABILITIES, head.path, "sigmoid")
    return Intervention(InterventionKind.SET_LOSS, "output", "binary_crossentropy")


def rows_of_labels(highest: float) -> Run:
    head = made_up.dense(units=3, activation="softmax")
    labels = made_up.tensor(
        "label", shape=(None, 3), row_sum_min=0.0, row_sum_max=highest, rows_not_summing_to_one=90
    )
    return made_up.run(made_up.model(head, loss=CATEGORICAL), targets=[labels])
