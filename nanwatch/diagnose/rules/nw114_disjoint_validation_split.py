"""NW114: validation rows of classes that the training never sees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import count_words, list_words
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.loss_course import sole_output
from nanwatch.diagnose.readings import accuracies, class_shares, is_classification, label_of
from nanwatch.diagnose.rule import Rule
from nanwatch.record.facts import DataInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

# Half the validation rows cannot be answered: no longer a rare class that fell into one part.
MOST_UNSEEN = 0.5
SOME_UNSEEN = 0.1


class DisjointValidationSplit(Rule):
    """The validation data have classes that are not in the training data.

    ## What it does
    Compares the classes of the training labels with those of the validation labels.

    ## Why is this bad
    `validation_split` takes the last rows in their order, before any shuffling. If the rows are sorted
    by class, the validation part has only classes that the training never saw: the validation accuracy
    is 0, and the validation loss grows while the training improves.

    ## Example
    ```python
    model.fit(x, y, validation_split=0.25)  # y is 0 0 0 ... 1 1 1 ... 3 3 3
    ```

    ## Use instead
    ```python
    order = np.random.permutation(len(x))
    model.fit(x[order], y[order], validation_split=0.25)
    ```
    """

    code, name = "NW114", "disjoint-validation-split"

    def missing(self, fit: Fit, run: Run) -> str | None:
        if not (fit.info.validation or fit.info.validation_split) or fit.info.validation_data.labels:
            return None
        return "the validation targets were not seen"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        output = sole_output(fit)
        data = fit.info.data
        if not is_classification(output) or not (data.whole or data.labels_counted):
            return
        trained = class_shares(label_of(fit, output))
        validated = class_shares(label_of(fit, output, validation=True))
        known = {name for name, share in trained.items() if share > 0}
        unseen = {name: share for name, share in validated.items() if share > 0 and name not in known}
        total = sum(unseen.values())
        if not known or total < SOME_UNSEEN:
            return
        yield self.build_finding(fit, sorted(known, key=float), sorted(unseen, key=float), total)

    def build_finding(self, fit: Fit, known: list[str], unseen: list[str], total: float) -> Finding:
        split = fit.info.validation_split
        why = f" validation_split={split:g} takes the last rows in their order." if split else ""
        scores = accuracies(fit, validation=True)
        evidence = [f"validation accuracy {scores[-1]:.3g} in the last epoch"] if scores else []
        text = (
            "Shuffle rows and labels together first: order = np.random.permutation(len(x)); x[order], "
            "y[order]; or split with sklearn's train_test_split(stratify=y)."
        )
        most = total >= MOST_UNSEEN
        return self.finding(
            fit,
            f"{total:.0%} of the validation rows have {count_words(len(unseen), 'label')} "
            f"({list_words(unseen)}) that the training rows do not have: theirs are {list_words(known)}."
            f"{why}",
            *evidence,
            location=fit.info.location,
            remedies=(
                Remedy(Intervention(InterventionKind.SHUFFLE_ROWS, "fit"), text, location=fit.info.location),
            ),
            level="error" if most else "warning",
            strength=0.95 if most else 0.6,
            explains={"poor-validation"},
        )

    @staticmethod
    def fires() -> list[Run]:
        return [
            split_run((0, 1, 2), {"3": 160}),
            split_run((0, 1, 2), {"2": 90, "3": 10}),
            batchwise_run((0, 1, 2), {"3": 160}, counted=True),
        ]

    @staticmethod
    def silent() -> list[Run]:
        return [
            split_run((0, 1, 2), {"2": 91, "3": 9}),
            split_run((0, 1, 2, 3), {"3": 160}),
            batchwise_run((0, 1, 2), {"3": 160}, counted=False),
        ]


def split_run(trained: tuple[float, ...], validated: dict[str, int]) -> Run:
    """These classes in the training labels, and these rows of classes in the validation labels."""
    head = made_up.dense(units=4, activation="softmax")
    labels = made_up.labels(3.0, classes=validated)
    logs = [{"accuracy": 0.87, "val_accuracy": 0.0}]
    fit = {"validation_split": 0.25, "validation_data": DataInfo(labels=(labels,))}
    of = made_up.model(head, loss="sparse_categorical_crossentropy")
    return made_up.run(of, targets=[made_up.labels(*trained)], epochs=logs, fit=fit)


def batchwise_run(trained: tuple[float, ...], validated: dict[str, int], counted: bool) -> Run:
    """The same of data that came batch by batch: every label counted, or only some batches seen."""
    found = split_run(trained, validated)
    (fit,) = found.fits
    data = replace(fit.info.data, whole=False, labels_counted=counted)
    return replace(found, fits=(replace(fit, info=replace(fit.info, data=data)),))
