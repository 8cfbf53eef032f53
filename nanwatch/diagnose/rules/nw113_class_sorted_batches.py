"""NW113: batches that hold one class each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import number
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.guessing import guessing
from nanwatch.diagnose.loss_course import constant_guess_loss, sole_output
from nanwatch.diagnose.patch import set_argument
from nanwatch.diagnose.readings import class_shares, is_classification, label_of, label_width
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.statistics import binomial_p_value, median
from nanwatch.diagnose.symptoms import STUCK
from nanwatch.record.facts import ColumnSummary, TensorSummary
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

# Half of all batches of a single class: shuffled rows come to this only where one class has nearly
# all of them, and that the second condition excludes.
MOSTLY = 0.5
ALPHA = 1e-6  # how seldom shuffled rows would look so; a hundred fits a day give one in thirty years
LEAST_BATCHES = 10
# Right after the class changes, a net that has forgotten the other one is worse than guessing by
# far (seen: 3.6 times the loss of guessing); one that learned them all is below it.
JUMP = 2.0  # times the loss of guessing
QUIET = 0.5  # times it, in the middle: between the changes the net is right
JUMPS = 3  # one is a spike


class ClassSortedBatches(Rule):
    """The rows come sorted by class, so that a batch holds one class alone.

    ## What it does
    Compares the batches in which all labels are the same with how many there would be if the rows
    were shuffled. It is an error where the loss leaps above that of guessing at each change of class,
    or ends there.

    ## Why is this bad
    Each batch teaches the net to answer with its class, and the next class begins by undoing that.
    The loss looks fine while one class lasts; the net that remains answers with the last class.
    BatchNormalization sees statistics of one class only.

    ## Example
    ```python
    model.fit(x, y, shuffle=False)  # y is 0 0 0 ... 1 1 1; or a tf.data pipeline without shuffle()
    ```

    ## Use instead
    ```python
    model.fit(x, y)  # fit shuffles arrays by itself
    # or: dataset.shuffle(len(x)).batch(32)
    ```
    """

    code, name = "NW113", "class-sorted-batches"

    def missing(self, fit: Fit, run: Run) -> str | None:
        output = sole_output(fit)
        label = label_of(fit, output)
        if fit.info.kind != "fit" or not is_classification(output) or label is None or not label.one_hot:
            return None
        if fit.health.has_column("label", label.path, "num_classes"):
            return None
        return "the classes of one-hot labels were not counted batch by batch"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        output = sole_output(fit)
        label = label_of(fit, output)
        if fit.info.kind != "fit" or label is None or not is_classification(output):
            return  # the parts of a GAN are rightly fed one class at a time, by train_on_batch
        if fit.info.data.whole and fit.info.shuffle:
            return  # of four rows, say, the same few pairs come again and again
        batches = batches_of(fit, label)
        chance = chance_of_one_class(label, batches.rows)
        if batches.seen < LEAST_BATCHES or batches.pure < MOSTLY * batches.seen or chance is None:
            return
        if batches.pure <= chance * batches.seen:
            return
        drawn = min(batches.seen, batches_an_epoch(fit))
        pure = round(batches.pure / batches.seen * drawn)
        if pure <= chance * drawn or binomial_p_value(pure, drawn, chance) > ALPHA:
            return
        yield self.build_finding(fit, batches, chance)

    def build_finding(self, fit: Fit, batches: Batches, chance: float) -> Finding:
        stuck = guessing(fit)
        harm = forgetting_words(fit) or ([stuck.words] if stuck else [])
        where = fit.info.location
        in_order = where is not None and fit.info.shuffle is False
        line = set_argument(where.code, "fit", "shuffle", "True") if where and in_order else None
        text = (
            "Shuffle the rows: shuffle=True in fit for arrays, dataset.shuffle(number of rows) for tf.data."
        )
        return self.finding(
            fit,
            f"In {batches.pure} of {batches.seen} batches (of {batches.rows} rows) all labels are of one "
            f"class; of shuffled rows {amount_words(chance * batches.seen)} would be.",
            *harm,
            location=where,
            remedies=(Remedy(Intervention(InterventionKind.SHUFFLE_ROWS, "fit", True), text, line, where),),
            level="error" if harm else "warning",
            strength=0.9 if harm else 0.6,
            # swung from class to class, a net may be thrown where it answers nothing
            explains={"poor-accuracy", "poor-validation", "dead-activation", "growth"} | STUCK,
            since=0,
        )

    @staticmethod
    def fires() -> list[Run]:
        return [
            batches_run([0] * 10 + [1] * 10, [1.4, 0.1, 0.1, 0.1, 0.1] * 4),
            batches_run([0] * 10 + [1] * 10, [0.3] * 20),
            batches_run([0, 1] * 10, [0.3] * 20, pure=10),
            batches_run([], [0.3] * 20, classes_a_batch=[1.0] * 20),
            batches_run([0] * 60 + [1] * 60, [0.7] * 120),
            batches_run([0, 1] * 60, [0.3] * 120, pure=60, rows=4),
            batches_run([0, 1] * 60, [0.3] * 120, epochs=20),
        ]

    @staticmethod
    def silent() -> list[Run]:
        return [
            batches_run([0, 1] * 10, [0.3] * 20, pure=9),
            batches_run([0] * 20, [0.3] * 20, counts={"0": 980, "1": 20}),
            batches_run([0] * 9, [0.3] * 9),
            batches_run([0, 1] * 10, [0.3] * 20, rows=1),
            batches_run([0, 1] * 10, [0.3] * 20, kind="train_on_batch"),
            batches_run([], [0.3] * 20, classes_a_batch=[2.0] * 20),
            batches_run([0, 1] * 10, [0.3] * 20, shuffle=True),
            batches_run([0, 1] * 60, [0.3] * 120, pure=60, rows=4, epochs=20),
        ]


@dataclass(frozen=True)
class Batches:
    seen: int
    pure: int  # of one class
    rows: int  # of most of them


def batches_of(fit: Fit, label: TensorSummary) -> Batches:
    """From the extremes of every step's labels; from the looks where the labels are one-hot."""
    rows = [int(count) for _, count in fit.steps.values("rows")] or [fit.info.batch_size or 0]
    usual = int(median(rows))
    if label.one_hot:
        counts = [count for _, count in fit.health.values("label", label.path, "num_classes")]
        return Batches(len(counts), sum(count == 1 for count in counts), usual)
    if not label.integral or label_width(label) > 1:
        return Batches(0, 0, usual)
    low = [value for _, value in fit.steps.values("label", label.path, "min")]
    high = [value for _, value in fit.steps.values("label", label.path, "max")]
    pure = sum(a == b for a, b in zip(low, high, strict=True))
    data = fit.info.data
    if not (data.whole or data.labels_counted) and len(set(low)) < 2:
        return Batches(len(low), 0, usual)  # only one class was seen: there may be no other
    return Batches(len(low), pure, usual)


def batches_an_epoch(fit: Fit) -> int:
    """How many different batches there may be: what comes again in each epoch was drawn once."""
    epochs = max(1, fit.info.epochs, len(fit.epoch_logs()))
    return fit.info.steps_per_epoch or -(-fit.info.steps // epochs)


def chance_of_one_class(label: TensorSummary, rows: int) -> float | None:
    """How often a batch of shuffled rows is of one class; None for one class, or batches of one row."""
    shares = [share for share in class_shares(label).values() if share > 0]
    if len(shares) < 2 or rows < 2:
        return None
    return sum(share**rows for share in shares)


def amount_words(expected: float) -> str:
    return "none" if expected < 0.5 else f"about {expected:.0f}"


def forgetting_words(fit: Fit) -> list[str]:
    """The leaps of the loss in the second half of the training, in words."""
    guess = constant_guess_loss(fit)
    course = fit.steps.timeline("loss")
    late = [bucket for bucket in course if bucket.row >= fit.info.steps // 2]
    if guess is None or not late:
        return []
    leaps = [bucket.max for bucket in late if bucket.max >= JUMP * guess]
    middle = median([bucket.mean for bucket in late])
    if len(leaps) < JUMPS or middle > QUIET * guess:
        return []
    return [
        f"the loss is {number(middle)} in the middle of a class and leaps to {number(max(leaps))} "
        f"{len(leaps)} times in the second half of the training; guessing costs {number(guess)}"
    ]


def batches_run(
    classes: list[int],
    loss: list[float],
    pure: int | None = None,
    rows: int = 32,
    counts: dict[str, int] | None = None,
    kind: str = "fit",
    classes_a_batch: list[float] | None = None,
    shuffle: bool | None = None,
    epochs: int = 1,
) -> Run:
    """Batches of these classes, the first ``pure`` of them without another class in it."""
    steps = {("rows", "", "value"): [float(rows)] * len(loss)}
    health = {}
    targets = made_up.labels(0, 1, **({"classes": counts} if counts else {}))
    if classes_a_batch is not None:
        columns = (ColumnSummary(0, mean=0.5), ColumnSummary(1, mean=0.5))
        targets = made_up.labels(0, 1, one_hot=True, shape=(None, 2), columns=columns)
        health = {("label", "output", "num_classes"): classes_a_batch}
    else:
        mixed = [0 if pure is None or place < pure else 1 for place in range(len(classes))]
        steps["label", "output", "min"] = [
            float(value) * (not other) for value, other in zip(classes, mixed, strict=True)
        ]
        steps["label", "output", "max"] = [
            1.0 if other else float(value) for value, other in zip(classes, mixed, strict=True)
        ]
    head = made_up.dense(activation="sigmoid")
    of = made_up.model(head, loss="binary_crossentropy")
    fit = {"kind": kind, "shuffle": shuffle, "epochs": epochs}
    return made_up.run(of, loss=loss, steps=steps, health=health, targets=[targets], fit=fit)
