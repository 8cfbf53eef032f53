"""NW113: batches that hold one class each."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import mean

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

# From so many classes on two neighbours are a narrow choice: what a shuffle buffer leaves of an order.
MANY = 5
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
# What was forgotten shows in the first batch of each stretch of a class. Nets that had 0.43 and 0.59 of
# their rows right in the end paid 0.14 and 0.2 of guessing there, five and nine times what came after.
FORGOTTEN = 0.1  # times the loss of guessing
AFTER_A_CHANGE = 4.0  # times what the rest of the stretch costs
CHANGES = 5
# A script that hands over each batch by itself may rightly give the parts of a GAN one class at a time, by
# turns. A class that lasts for batches at a stretch is an order of the rows.
STRETCH = 2
REAL_AND_MADE = 2  # the classes of a discriminator, which may also guess at its best


class ClassSortedBatches(Rule):
    """The rows are sorted by class, so that a batch has only one class.

    ## What it does
    Compares the number of batches in which all labels are equal with the number to expect from shuffled
    rows. It is an error if the loss jumps above that of guessing at each change of class, or ends
    there, or if the first batch of a class costs several times as much as its other batches. For
    batches that a script passes one by one, it is reported only if such harm is seen, because the parts
    of a GAN correctly get one class at a time.

    ## Why is this bad
    Each batch teaches the net to answer with its class, and the next class first undoes this. The loss
    looks fine as long as one class lasts, and the final net answers with the last class.
    BatchNormalization sees the statistics of one class only.

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
        if not is_classification(output) or label is None or not label.one_hot:
            return None
        if fit.health.has_column("label", label.path, "num_classes"):
            return None
        return "the classes of one-hot labels were not counted batch by batch"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        output = sole_output(fit)
        label = label_of(fit, output)
        if label is None or not is_classification(output):
            return
        if fit.info.data.whole and fit.info.shuffle:
            return  # of four rows, say, the same few pairs come again and again
        batches = batches_of(fit, label)
        chance = chance_of_one_class(label, batches.rows)
        drawn = min(batches.seen, batches_an_epoch(fit))
        if not is_beyond_chance(batches.pure, batches.seen, drawn, chance):
            batches = replace(batches, pure=batches.narrow, neighbours=True)
            chance = chance_of_neighbours(label, batches.rows)
            if not is_beyond_chance(batches.pure, batches.seen, drawn, chance):
                return
        assert chance is not None
        harm = harm_words(fit, batches)
        by_hand = fit.info.kind != "fit"
        parts = len(class_shares(label)) == REAL_AND_MADE and not change_words(fit, batches)
        if by_hand and (not harm or batches.stretch < STRETCH or parts):
            return
        yield self.build_finding(fit, batches, chance, harm)

    def build_finding(self, fit: Fit, batches: Batches, chance: float, harm: Sequence[str]) -> Finding:
        where = fit.info.location
        others = " or of two neighbours" if batches.neighbours else ""
        in_order = where is not None and fit.info.shuffle is False
        line = set_argument(where.code, "fit", "shuffle", "True") if where and in_order else None
        text = (
            "Shuffle the rows: shuffle=True in fit for arrays, dataset.shuffle(number of rows) for tf.data."
            if fit.info.kind == "fit"
            else "Take the rows in another order in each pass, for instance by np.random.permutation."
        )
        return self.finding(
            fit,
            f"In {batches.pure} of {batches.seen} batches (of {batches.rows} rows) all labels are of one "
            f"class{others}; of shuffled rows {amount_words(chance * batches.seen)} would be.",
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
            batches_run([0, 0, 1, 1] * 10, [0.31, 0.05] * 20, kind="train_on_batch"),
            batches_run([0, 1, 2, 3, 4] * 24, [1.7] * 120, counts=FIVE, spread=1),
            batches_run([0, 0, 1, 1, 2, 2] * 20, [1.1] * 120, kind="train_on_batch", counts=THREE),
            batches_run([0, 1] * 60, [0.3] * 120, pure=60, rows=4),
            batches_run([0, 1] * 60, [0.3] * 120, epochs=20),
        ]

    @staticmethod
    def silent() -> list[Run]:
        return [
            batches_run([0, 1] * 10, [0.3] * 20, pure=9),
            batches_run([0] * 20, [0.3] * 20, counts={"0": 980, "1": 20}),
            batches_run([0] * 9, [0.3] * 9),
            batches_run([0, 1, 2, 3, 4] * 24, [1.7] * 120, counts=FIVE, spread=2),
            batches_run([0, 1, 2, 3] * 30, [1.7] * 120, counts=dict.fromkeys("0123", 40), spread=1),
            batches_run([0, 1] * 10, [0.3] * 20, rows=1),
            batches_run([0, 0, 1, 1] * 10, [0.05, 0.05] * 20, kind="train_on_batch"),
            batches_run([0, 0, 1, 1] * 10, [0.06, 0.02] * 20, kind="train_on_batch"),  # learned all the same
            batches_run([0, 0, 1, 1] * 10, [0.3, 0.1] * 20, kind="train_on_batch"),
            batches_run([0, 1] * 20, [0.31, 0.05] * 20, kind="train_on_batch"),
            batches_run([0, 0, 1, 1] * 30, [0.7] * 120, kind="train_on_batch"),  # as a discriminator
            batches_run([], [0.3] * 20, classes_a_batch=[2.0] * 20),
            batches_run([0, 1] * 10, [0.3] * 20, shuffle=True),
            batches_run([0, 1] * 60, [0.3] * 120, pure=60, rows=4, epochs=20),
        ]


@dataclass(frozen=True)
class Batches:
    seen: int
    pure: int  # of one class
    rows: int  # of most of them
    narrow: int = 0  # of one class, or of two whose numbers are neighbours
    neighbours: bool = False  # ``pure`` counts those
    classes: tuple[
        tuple[int, float | None], ...
    ] = ()  # (step, the class it holds alone), where every step tells

    @property
    def stretch(self) -> float:
        """The median number of batches one after the other that hold the same class alone."""
        return median([float(len(steps)) for steps in stretches_of(self.classes)] or [0.0])


def batches_of(fit: Fit, label: TensorSummary) -> Batches:
    """From the extremes of every step's labels; from the looks where the labels are one-hot."""
    rows = [int(count) for _, count in fit.steps.values("rows")] or [fit.info.batch_size or 0]
    usual = int(median(rows))
    if label.one_hot:
        counts = [count for _, count in fit.health.values("label", label.path, "num_classes")]
        return Batches(len(counts), sum(count == 1 for count in counts), usual)
    if not label.integral or label_width(label) > 1:
        return Batches(0, 0, usual)
    low = fit.steps.values("label", label.path, "min")
    high = fit.steps.values("label", label.path, "max")
    alone = [(step, a if a == b else None) for (step, a), (_, b) in zip(low, high, strict=True)]
    pure = sum(value is not None for _, value in alone)
    data = fit.info.data
    if not (data.whole or data.labels_counted) and len({value for _, value in low}) < 2:
        return Batches(len(low), 0, usual)  # only one class was seen: there may be no other
    narrow = sum(b - a <= 1 for (_, a), (_, b) in zip(low, high, strict=True))
    return Batches(len(low), pure, usual, narrow, classes=tuple(alone))


def stretches_of(classes: Sequence[tuple[int, float | None]]) -> list[list[int]]:
    """The steps of each run of batches that hold the same class alone."""
    runs = itertools.groupby(classes, key=lambda each: each[1])
    return [[step for step, _ in same] for held, same in runs if held is not None]


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


def chance_of_neighbours(label: TensorSummary, rows: int) -> float | None:
    """How often a batch of shuffled rows holds one class, or two neighbours; None for fewer than `MANY`."""
    shares = [share for _, share in sorted(class_shares(label).items(), key=lambda each: float(each[0]))]
    if len(shares) < MANY or rows < 2:
        return None
    pairs = sum((one + other) ** rows for one, other in itertools.pairwise(shares))
    return pairs - sum(share**rows for share in shares[1:-1])  # which two pairs have


def is_beyond_chance(seen_so: int, seen: int, drawn: int, chance: float | None) -> bool:
    """Whether most batches are so, and far more than of shuffled rows would be: ``drawn`` are draws."""
    if chance is None or seen < LEAST_BATCHES or seen_so < MOSTLY * seen or seen_so <= chance * seen:
        return False
    count = round(seen_so / seen * drawn)
    return count > chance * drawn and binomial_p_value(count, drawn, chance) <= ALPHA


def amount_words(expected: float) -> str:
    return "none" if expected < 0.5 else f"about {expected:.0f}"


def harm_words(fit: Fit, batches: Batches) -> list[str]:
    stuck = guessing(fit)
    return forgetting_words(fit) or change_words(fit, batches) or ([stuck.words] if stuck else [])


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


def change_words(fit: Fit, batches: Batches) -> list[str]:
    """What the first batch of a class costs, beside those that follow it, in the second half."""
    guess, losses = constant_guess_loss(fit), dict(fit.losses())
    late = [
        [losses[step] for step in steps if math.isfinite(losses.get(step, math.nan))]
        for steps in stretches_of(batches.classes)
        if steps[0] >= fit.info.steps // 2
    ]
    long = [costs for costs in late if len(costs) > 1]
    if guess is None or len(long) < CHANGES:
        return []
    first, rest = mean(costs[0] for costs in long), mean(cost for costs in long for cost in costs[1:])
    if first < FORGOTTEN * guess or first < AFTER_A_CHANGE * rest:
        return []
    return [
        f"in the second half the first batch of a class costs {number(first)}, the next ones "
        f"{number(rest)}: what one class taught, the next undoes; guessing costs {number(guess)}"
    ]


THREE = {"0": 40, "1": 40, "2": 40}
FIVE = dict.fromkeys("01234", 40)


def batches_run(
    classes: list[int],
    loss: list[float],
    pure: int | None = None,
    rows: int = 32,
    counts: dict[str, int] | None = None,
    kind: str = "fit",
    classes_a_batch: list[float] | None = None,
    shuffle: bool | None = None,
    spread: int = 0,
    epochs: int = 1,
) -> Run:
    """Batches of these classes, each with the next ``spread``; only the first ``pure`` without another."""
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
            1.0 if other else float(value + spread) for value, other in zip(classes, mixed, strict=True)
        ]
    head = made_up.dense(activation="sigmoid")
    of = made_up.model(head, loss="binary_crossentropy")
    fit = {"kind": kind, "shuffle": shuffle, "epochs": epochs}
    return made_up.run(of, loss=loss, steps=steps, health=health, targets=[targets], fit=fit)
