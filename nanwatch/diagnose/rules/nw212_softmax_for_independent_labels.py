"""NW212: a softmax for labels of which a row may have several."""

from __future__ import annotations

from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import count_words, number
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.heads import Head, activation_remedy, heads
from nanwatch.diagnose.label_classes import rows_without_one_class
from nanwatch.diagnose.readings import BINARY, REGRESSIONS, label_width
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.symptoms import STUCK
from nanwatch.record.facts import TensorSummary
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

# Under categorical cross-entropy a row of zeros is left out of the loss, and one of several ones is a
# finding about the labels.
LOSSES = (*REGRESSIONS, BINARY, "binary_focal_crossentropy")
# Classes that exclude each other have a row without one, or with a slip of the pen, now and then.
MANY = 0.05  # of the rows
SEVERAL = 1.5  # between a row of one 1 and one of two


class SoftmaxForIndependentLabels(Rule):
    """A softmax shares out 1, but a row of labels can have several ones, or none.

    ## What it does
    Looks for a softmax output with labels of zeros and ones, one for each unit, of which more than one
    row in twenty does not sum to 1.

    ## Why is this bad
    What one label gets, another one loses. For a row with two labels the best answer of a softmax is a
    half for each. For a row without labels it must still share out 1. With a threshold of one half
    nothing comes out right, and the loss stops far above 0.

    ## Example
    ```python
    model.add(Dense(3, activation="softmax"))  # y has rows such as [1, 0, 1] and [0, 0, 0]
    model.compile(loss="mse")
    ```

    ## Use instead
    ```python
    model.add(Dense(3, activation="sigmoid"))
    model.compile(loss="binary_crossentropy")
    ```
    """

    code, name = "NW212", "softmax-for-independent-labels"

    def missing(self, fit: Fit, run: Run) -> str | None:
        return None if fit.info.data.labels else "the targets were not seen"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        for head in heads(fit):
            labels = head.label
            if labels is None or not is_softmax_over(head, labels):
                continue
            count, rows = rows_without_one_class(labels), labels.size // label_width(labels)
            if count <= MANY * rows:
                continue
            several = (labels.row_sum_max or 0.0) > SEVERAL
            yield self.finding(
                fit,
                f"{head.words} shares out 1 by softmax, but in {count:,} of {rows:,} rows of the labels "
                f"{'several are 1, or none is' if several else 'none is 1'}: each of the {head.units} is a "
                "separate question.",
                f"the rows of the labels sum to between {number(labels.row_sum_min or 0.0)} and "
                f"{number(labels.row_sum_max or 0.0)}",
                f"{count_words(head.units or 0, 'unit')}, whose answers always sum to 1",
                location=head.location,
                layer=head.path,
                remedies=remedies(head),
                level="error" if several else "warning",  # of none, a softmax can still say "each alike"
                strength=0.9 if several else 0.6,
                explains=STUCK | {"large-loss", "poor-accuracy"},
            )

    @staticmethod
    def fires() -> list[Run]:
        return [
            labelled_run("mean_squared_error", 0, 3, 400),
            labelled_run(BINARY, 1, 2, 33),
            labelled_run("mean_absolute_error", 0, 1, 100),
        ]

    @staticmethod
    def silent() -> list[Run]:
        return [
            labelled_run(BINARY, 1, 2, 32),
            labelled_run("mean_squared_error", 1, 1, 0),
            labelled_run("mean_squared_error", 0, 3, 400, activation="sigmoid"),
            labelled_run("categorical_crossentropy", 0, 1, 400),
            labelled_run("mean_squared_error", 0, 3, 400, integral=False),
            labelled_run("mean_squared_error", 0, 9, 400, max=3.0),
        ]


def is_softmax_over(head: Head, labels: TensorSummary) -> bool:
    """The head's softmax runs over units of which each has a column of the labels."""
    units = head.units or 0
    over = head.activation == "softmax" and head.output.softmax_axis_size == units > 1
    return over and head.loss in LOSSES and label_width(labels) == units


def remedies(head: Head) -> tuple[Remedy, ...]:
    """Under a regression loss a sigmoid and its own loss; or the sigmoid alone."""
    alone = activation_remedy(head, "sigmoid")
    text = f'Give {head.words} activation="sigmoid": then each unit answers by itself.'
    sigmoid = Remedy(alone.intervention, text, alone.line, alone.location)
    if head.loss not in REGRESSIONS:
        return (sigmoid,)
    both = Intervention(InterventionKind.SET_PROBABILITIES, head.path, "sigmoid")
    text = f'Give {head.words} activation="sigmoid", and compile with loss="binary_crossentropy".'
    return Remedy(both, text, location=head.location), sigmoid


def labelled_run(
    loss: str, low: int, high: int, without: int, activation: str = "softmax", **facts: object
) -> Run:
    """Three units, and 640 rows of labels whose sums lie between these; ``without`` do not sum to 1."""
    known = {
        "shape": (None, 3),
        "size": 1920,
        "integral": True,
        "one_hot": not without,
        "row_sum_min": float(low),
        "row_sum_max": float(high),
        "rows_not_summing_to_one": without,
    }
    labels = made_up.tensor("label", "output", **{**known, **facts})
    of = made_up.model(made_up.dense(units=3, activation=activation), loss=loss)
    return made_up.run(of, targets=[labels])
