"""NW213: the loss of a quantity on labels that are classes."""

from __future__ import annotations

from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import capitalise_first, number
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.guessing import PATIENCE
from nanwatch.diagnose.heads import Head, heads, prediction_range, range_words
from nanwatch.diagnose.label_classes import form_of_classes
from nanwatch.diagnose.loss_course import NO_BETTER_THAN_GUESSING, closing_loss
from nanwatch.diagnose.loss_line import loss_remedy
from nanwatch.diagnose.readings import BINARY, CATEGORICAL
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.skill import LITTLE, accuracy_skill, skill_words
from nanwatch.diagnose.symptoms import STUCK
from nanwatch.record.facts import TensorSummary
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

ABSOLUTE, PERCENTAGE = "mean_absolute_error", "mean_absolute_percentage_error"
SQUARED = "mean_squared_error"


class RegressionLossOnClasses(Rule):
    """The labels are classes, but the loss is made for regression.

    ## What it does
    Looks for mean absolute error, or mean absolute percentage error, on labels of 0 and 1 or on one-hot
    rows. Squared error on a linear output is only suspected, in a training without skill: it is
    reported if the training learns when it is repeated with a cross-entropy.

    ## Why is this bad
    The best answer under absolute error is the median. For one-hot rows it is 0 for every class, and
    for rare labels it is 0 as well, so such a training ends with a model that answers 0 to everything.
    A percentage of a label that is 0 has no upper limit.

    ## Example
    ```python
    model.add(Dense(10, activation="softmax"))
    model.compile(loss="mae")  # y is one-hot
    ```

    ## Use instead
    ```python
    model.add(Dense(10, activation="softmax"))
    model.compile(loss="categorical_crossentropy")
    ```
    """

    code, name = "NW213", "regression-loss-on-classes"

    def missing(self, fit: Fit, run: Run) -> str | None:
        return None if fit.info.data.labels else "the targets were not seen"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        for head in heads(fit):
            if head.loss not in (ABSOLUTE, PERCENTAGE) or not is_of_classes(head):
                continue
            assert head.label is not None
            answer, cost = best_constant(head.label, head.loss)
            stuck = is_stuck(fit, head, cost)
            beyond = head.loss == PERCENTAGE
            seen = prediction_range(fit, run, head.output)
            yield self.finding(
                fit,
                f"{capitalise_first(labels_words(head))} under {head.loss}: the best constant answer is "
                f"{answer}, which costs {number(cost)}"
                + (f", and the loss ends at {number(closing_loss(fit) or 0.0)}." if stuck else "."),
                *(["a share of a label that is 0 is divided by 1e-7"] if beyond else []),
                *([f"seen: {range_words(seen)}"] if seen else []),
                location=fit.model.compile_location,
                layer=head.path,
                remedies=(remedy(fit, head),),
                level="error" if stuck or beyond else "warning",
                strength=0.9 if stuck or beyond else 0.6,
                explains=STUCK | {"large-loss", "poor-accuracy", "dead-activation", "saturated", "growth"},
            )

    def suspect(self, fit: Fit, run: Run) -> Iterator[Finding]:
        for head in heads(fit):
            if head.loss == SQUARED and head.activation == "linear" and is_of_classes(head):
                yield self.finding(
                    fit,
                    f"{capitalise_first(labels_words(head))} under {head.loss}, and {head.words} has no "
                    f"activation: {skill_words(fit)}.",
                    location=fit.model.compile_location,
                    layer=head.path,
                    remedies=(remedy(fit, head),),
                    strength=0.5,
                    explains=STUCK,
                    suspected=True,
                )

    @staticmethod
    def fires() -> list[Run]:
        ten = made_up.tensor("label", "output", shape=(None, 10), integral=True, one_hot=True, mean=0.1)
        return [
            classes_run(ABSOLUTE, "softmax", ten, 0.1, units=10),
            classes_run(ABSOLUTE, "sigmoid", rare(0.2), 0.191),
            classes_run(ABSOLUTE, "sigmoid", rare(0.2), 0.1),
            classes_run(PERCENTAGE, "sigmoid", rare(0.2), 1e7),
            classes_run(SQUARED, "linear", rare(0.2), 0.158, proven=True),
        ]

    @staticmethod
    def silent() -> list[Run]:
        quantity = made_up.tensor("label", "output", min=0.0, max=1.0, mean=0.2, std=0.1)
        counts = made_up.labels(0, 1, 2)
        return [
            classes_run(ABSOLUTE, "linear", quantity, 0.2),
            classes_run(ABSOLUTE, "linear", counts, 0.6),
            classes_run(BINARY, "sigmoid", rare(0.2), 0.5),
            classes_run(SQUARED, "linear", rare(0.2), 0.158),
            classes_run(SQUARED, "linear", rare(0.2), 0.05, proven=True),
            classes_run(SQUARED, "sigmoid", rare(0.2), 0.158, proven=True),
        ]


def is_of_classes(head: Head) -> bool:
    """Labels that tell of classes, one number for each unit, that no constant softmax stands before."""
    known = head.alone and head.label is not None and head.output.softmax_axis_size != 1
    form = form_of_classes(head.label, head.units) if known and head.label else None
    return form == "one-hot" or (form == "yes-or-no" and head.activation != "softmax")


def labels_words(head: Head) -> str:
    return f"one-hot rows of {head.units}" if head.label and head.label.one_hot else "labels of 0 and 1"


def best_constant(labels: TensorSummary, loss: str) -> tuple[str, float]:
    """The answer in words, and its loss."""
    shares = [column.mean for column in labels.columns] or [labels.mean]
    if loss == PERCENTAGE:
        return "0", 100.0 * sum(shares) / len(shares)
    cost = sum(min(share, 1.0 - share) for share in shares) / len(shares)
    if all(share < 0.5 for share in shares):
        return "0, the median", cost
    return "the median of each, 0 or 1" if shares[1:] else "1, the median", cost


def is_stuck(fit: Fit, head: Head, cost: float) -> bool:
    """No better than that answer, by the loss and by the accuracy, which can be right where a loss is not."""
    ended, right = closing_loss(fit) if head.alone else None, accuracy_skill(fit)
    if ended is None or fit.info.steps < PATIENCE or (right is not None and right >= LITTLE):
        return False
    return ended >= NO_BETTER_THAN_GUESSING * cost


def remedy(fit: Fit, head: Head) -> Remedy:
    """The cross-entropy of the labels' form; with its activation, where the head has another."""
    form = "one-hot" if head.label is not None and head.label.one_hot else "yes-or-no"
    activation, loss = ("softmax", CATEGORICAL) if form == "one-hot" else ("sigmoid", BINARY)
    if head.activation == activation or (form == "one-hot" and head.activation == "sigmoid"):
        return loss_remedy(fit, head, loss)
    text = f'Give {head.words} activation="{activation}", and compile with loss="{loss}".'
    change = Intervention(InterventionKind.SET_PROBABILITIES, head.path, activation)
    return Remedy(change, text, location=fit.model.compile_location)


def rare(share: float) -> TensorSummary:
    """Labels of 0 and 1 with this share of ones."""
    std = (share * (1 - share)) ** 0.5
    return made_up.labels(0, 1, mean=share, std=std, deviation=min(share, 1 - share))


def classes_run(
    loss: str, activation: str, labels: TensorSummary, ended: float, units: int = 1, proven: bool = False
) -> Run:
    """How the loss ends on these labels; a cross-entropy was tried, and cured where it is ``proven``."""
    of = made_up.model(made_up.dense(units=units, activation=activation), loss=loss)
    change = Intervention(InterventionKind.SET_PROBABILITIES, "dense", "sigmoid")
    trials = made_up.cured(change) if proven else []
    return made_up.run(of, loss=[0.5] + [ended] * 149, targets=[labels], trials=trials)
