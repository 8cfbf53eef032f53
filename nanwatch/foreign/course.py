"""What a training did, by the numbers of its epochs alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from nanwatch.foreign.log import LOSS, Epoch, Progress, Training

VAL_LOSS = "val_loss"
VALIDATION = "val_"

# How many epochs must look alike before anything is called standing still: of fewer, two are often alike.
STILL_EPOCHS = 3
# Keras prints four digits: accuracies that differ by less are one number; the share of a validation of a
# million rows moves by more when one row in a thousand changes.
SAME_SHARE = 1e-4
# An accuracy this near 1/k is at chance for k classes, once it does not move: one row in 200.
NEAR_CHANCE = 0.005
MOST_CLASSES = 1000
# A loss that moves by less than this part of itself from its least to its largest is flat; the slowest
# healthy training that was tried (SGD at 0.003) moved by 0.03 in its flattest five epochs.
FLAT = 0.005
# A smaller loss has too few digits, as Keras prints it, for a standstill to be told from a slow fall.
RESOLVED = 0.02
# Without an accuracy a loss that hardly moves may have converged; not so the mean of squares that a target in
# the thousands makes.
HUGE_LOSS = 1e3
# The loss of a guesser is ln(k), the printed one rounded and a batch's noise away from it.
NEAR_LN_K = 0.01
# Loss over the share of errors where every prediction is a hard 0 or 1 that Keras clips at 1e-7: ln 1e7 =
# 16.12, 15.94 and 15.42 by the rounding of float32 and the epsilon of the version.
HARD = (15.2, 16.3)
HARD_ERRORS = 0.02  # a smaller share of errors makes the ratio one of roundings
# A loss that ends at this many times its least, and above where it began, has grown; at the bottom of its
# course a loss may well go from 1e-6 to 1e-5.
GROWN = 10.0
# A loss is a guesser's from this part of the least entropy on that classes with such a largest share have.
GUESSED = 0.98
# A loss that begins at this many times a guesser's has weights or data far too large at first.
STARTED_HIGH = 5.0
IMBALANCED = 0.75  # a share above it may be that of the common class while something is learned
OVERFITTED = 1.2  # times the least validation loss, while the training's own loss still falls
LEARNED_ACCURACY = 0.2  # by so much the training's accuracy must have risen to have learned something
COIN = 0.06  # as near to chance all validation accuracies stay where nothing is carried over
FALLEN = 0.1  # part of itself by which a loss must fall to be called falling
NEVER_RIGHT = 0.005  # an accuracy below which nothing is ever right


@dataclass(frozen=True)
class WentBad:
    """From ``epoch`` on ``name`` was no number."""

    name: str
    epoch: int
    infinite: bool  # infinite there, not NaN
    finite_before: int  # epochs
    last_finite: Progress | None = None
    first_bad: Progress | None = None
    ended_finite: bool = False  # it became a number again


@dataclass(frozen=True)
class StoodStill:
    """``name``, an accuracy, was the same number from ``since`` to the end."""

    name: str
    share: float
    since: int
    epochs: int
    classes: int | None  # k where the share is 1/k


@dataclass(frozen=True)
class Flat:
    """The loss hardly moved; ``classes`` where it is ln(k); ``exact`` where no printed digit moved."""

    value: float
    epochs: int
    classes: int | None
    exact: bool


Trend = Literal["falling", "growing", "flat", "unclear"]


@dataclass(frozen=True)
class Course:
    """All that is seen of one training."""

    epochs: int
    first: float | None  # the first and the last finite loss
    last: float | None
    trend: Trend
    loss_bad: WentBad | None = None
    val_bad: WentBad | None = None  # of the validation loss, where the loss was still finite
    still: tuple[StoodStill, ...] = ()
    flat: Flat | None = None
    hard: float | None = None  # loss over share of errors, where all predictions are 0 or 1
    grown: float | None = None  # last over least
    best_epoch: int | None = None  # where overfitting began
    best: float | None = None
    last_val: float | None = None
    coin: float | None = None  # the validation's accuracy, which stays at chance while the training learns
    never_right: bool = False  # the accuracy is 0 all along
    guesses: bool = False  # the loss is no less than that of the best constant answer, and does not fall
    accuracy: tuple[float, float] | None = None  # the first and the last

    @property
    def started_high(self) -> bool:
        """Whether the first loss was a multiple of what guessing costs."""
        if self.first is None or self.accuracy is None or not 0 < self.accuracy[1] < IMBALANCED:
            return False
        return self.first >= STARTED_HIGH * least_entropy(self.accuracy[1])

    @property
    def is_exactly_flat(self) -> bool:
        """Whether no printed digit of the loss moved."""
        return self.flat is not None and self.flat.exact

    @property
    def is_negative(self) -> bool:
        return self.last is not None and self.last < 0

    @property
    def is_zero(self) -> bool:
        return self.epochs > 1 and self.first == self.last == 0.0

    @property
    def is_stuck(self) -> bool:
        """Whether the training's own accuracy stood at chance in all its epochs, but for the first."""
        return any(
            each.classes is not None
            and not each.name.startswith(VALIDATION)
            and each.epochs >= max(self.epochs - 1, STILL_EPOCHS)
            for each in self.still
        )


def course_of(training: Training, units: int | None = None) -> Course:
    """What is seen of ``training``, whose head has ``units`` units where that is known."""
    losses = [value for _, value in training.series(LOSS)]
    finite = [value for value in losses if math.isfinite(value)]
    accuracies = [name for name in training.names() if is_accuracy(name)]
    bad = went_bad(training, LOSS)
    own = next((name for name in accuracies if not name.startswith(VALIDATION)), None)
    shares = [value for _, value in training.series(own)] if own else []
    still = tuple(found for name in accuracies if (found := stood_still(training, name)) is not None)
    best_epoch, best, last_val = overfitting(training)
    return Course(
        len(training.epochs),
        finite[0] if finite else None,
        finite[-1] if finite else None,
        trend_of(finite),
        bad,
        validation_bad(training, bad),
        still,
        flat_loss(finite, shares, units) if bad is None else None,
        hard_ratio(training, own) if bad is None else None,
        grown(finite),
        best_epoch,
        best,
        last_val,
        coin_share(training, own, units),
        bool(shares) and bad is None and len(shares) >= STILL_EPOCHS and max(shares) < NEVER_RIGHT,
        bad is None and guesses(losses, shares, still),
        (shares[0], shares[-1]) if shares else None,
    )


def is_accuracy(name: str) -> bool:
    """``acc``, ``val_accuracy``, ``dense_2_binary_accuracy``; not ``top_5_accuracy``."""
    word = name.lower().removeprefix(VALIDATION)
    return (word == "acc" or word.endswith(("accuracy", "_acc"))) and "top" not in word


def went_bad(training: Training, name: str) -> WentBad | None:
    series = training.series(name)
    at = next((place for place, (_, value) in enumerate(series) if not math.isfinite(value)), None)
    if at is None:
        return None
    number, value = series[at]
    epoch: Epoch = next(each for each in training.epochs if each.number == number)
    seen_inside = name == LOSS and epoch.first_bad is not None
    return WentBad(
        name,
        number,
        math.isinf(value),
        at,
        epoch.last_finite if seen_inside else None,
        epoch.first_bad if seen_inside else None,
        math.isfinite(series[-1][1]),
    )


def validation_bad(training: Training, loss_bad: WentBad | None) -> WentBad | None:
    """The validation loss's own fault: where the training's was finite in that epoch, and the next."""
    found = went_bad(training, VAL_LOSS)
    if found is None or (loss_bad is not None and loss_bad.epoch <= found.epoch + 1):
        return None
    return found


def stood_still(training: Training, name: str) -> StoodStill | None:
    """Where ``name`` ends on one and the same number; not where that is 1: there is nothing left to learn."""
    series = [(number, value) for number, value in training.series(name) if math.isfinite(value)]
    if not series or series[-1][1] >= 1 - SAME_SHARE:
        return None
    end = series[-1][1]
    alike = 0
    for _, value in reversed(series):
        if abs(value - end) > SAME_SHARE / 2:
            break
        alike += 1
    after_bad = went_bad(training, LOSS) is not None and alike >= 2
    if alike < STILL_EPOCHS and not after_bad:
        return None
    return StoodStill(name, end, series[-alike][0], alike, classes_of_share(end))


def classes_of_share(share: float) -> int | None:
    """k where ``share`` is 1/k; of many classes only where it is so to all digits."""
    if share <= 0 or share >= IMBALANCED:
        return None
    k = round(1 / share)
    near = min(NEAR_CHANCE, 0.05 / k)
    return k if 2 <= k <= MOST_CLASSES and abs(share - 1 / k) <= near else None


def flat_loss(losses: Sequence[float], shares: Sequence[float], units: int | None) -> Flat | None:
    """A loss that hardly moves from the first epoch on, where that is no end of a course."""
    if len(losses) < STILL_EPOCHS or abs(losses[-1]) < RESOLVED:
        return None
    middle = sorted(losses)[len(losses) // 2]
    if max(losses) - min(losses) > FLAT * abs(middle):
        return None
    share = shares[-1] if shares else None
    exact = max(losses) == min(losses)
    if not exact and not is_idle(middle, share):
        return None
    return Flat(middle, len(losses), classes_of_loss(middle, share, units), exact)


def is_idle(loss: float, share: float | None) -> bool:
    """Whether a loss that hardly moves is that of a guesser, and not of a training that was gone on with."""
    if share is None:
        return loss >= HUGE_LOSS
    if not 0 < share <= IMBALANCED:
        return False
    return loss >= GUESSED * least_entropy(share)


def classes_of_loss(loss: float, share: float | None, units: int | None) -> int | None:
    """k where ``loss`` is ln(k) for the k of the head, of the accuracy, or of two classes."""
    known = {2, units or 2, 2 if units == 1 else units or 2}
    if share is not None and 0 < share < IMBALANCED:
        known |= {round(1 / share)}
    for k in sorted(known):
        near_share = share is None or abs(share - 1 / k) < COIN
        if k >= 2 and abs(loss - math.log(k)) <= NEAR_LN_K * math.log(k) and near_share:
            return k
    return None


def guesses(losses: Sequence[float], shares: Sequence[float], still: Sequence[StoodStill]) -> bool:
    """Whether an accuracy stood still for half of the training while its loss was that of a guesser."""
    if len(losses) < STILL_EPOCHS or not shares or not 0 < shares[-1] < IMBALANCED:
        return False
    if shares[-1] - shares[0] >= COIN:
        return False
    long = [each for each in still if each.epochs >= max(STILL_EPOCHS, len(losses) / 2)]
    if not any(0 < each.share < IMBALANCED for each in long):
        return False
    half = losses[len(losses) // 2 :]
    falls = half[-1] < half[0] - FALLEN * abs(half[0])
    return not falls and losses[-1] >= GUESSED * least_entropy(shares[-1])


def least_entropy(share: float) -> float:
    """What the best constant answer costs at least, where the largest class has this share of the rows."""
    if share < 0.5:
        return -math.log(share)
    return -share * math.log(share) - (1 - share) * math.log1p(-share)


def hard_ratio(training: Training, accuracy: str | None) -> float | None:
    """Loss over errors, where that is what predictions of 0 and 1 cost, in each of several epochs."""
    if accuracy is None or len(training.epochs) < 2:
        return None
    pairs = [(each.values.get(LOSS), each.values.get(accuracy)) for each in training.epochs]
    errors = [(loss, 1 - share) for loss, share in pairs if loss is not None and share is not None]
    if len(errors) < 2 or any(wrong < HARD_ERRORS for _, wrong in errors):
        return None
    ratios = [loss / wrong for loss, wrong in errors]
    low, high = HARD
    return ratios[-1] if all(low <= ratio <= high for ratio in ratios) else None


def grown(losses: Sequence[float]) -> float | None:
    """The last loss over the least before it, where it is a multiple; of a loss that is never below 0."""
    if len(losses) < 2 or min(losses) <= 0:
        return None
    factor = losses[-1] / min(losses[:-1])
    return factor if factor >= GROWN and losses[-1] > losses[0] else None


def trend_of(losses: Sequence[float]) -> Trend:
    if len(losses) < 2:
        return "unclear"
    first, last = losses[0], losses[-1]
    if last < first - FALLEN * abs(first):
        return "falling"
    if grown(losses) is not None:
        return "growing"
    return "flat" if max(losses) - min(losses) <= FLAT * abs(first) else "unclear"


def overfitting(training: Training) -> tuple[int | None, float | None, float | None]:
    """Where the validation loss was least, if it has risen since while the training's fell."""
    series = [(number, value) for number, value in training.series(VAL_LOSS) if math.isfinite(value)]
    losses = dict(training.series(LOSS))
    if len(series) < STILL_EPOCHS:
        return None, None, None
    number, best = min(series, key=lambda entry: entry[1])
    end, last = series[-1]
    fell = losses.get(end, math.inf) < losses.get(number, -math.inf)
    if best <= 0 or last < OVERFITTED * best or end - number < 2 or not fell:
        return None, None, None
    return number, best, last


def coin_share(training: Training, accuracy: str | None, units: int | None) -> float | None:
    """The validation's accuracy, where it stays a guesser's in every epoch although the training's rises."""
    if accuracy is None:
        return None
    own = [value for _, value in training.series(accuracy)]
    other = [value for _, value in training.series(VALIDATION + accuracy)]
    if len(other) < STILL_EPOCHS or own[-1] - own[0] < LEARNED_ACCURACY:
        return None
    if max(other) < NEVER_RIGHT:
        return other[-1]
    chance = 1 / max(units or 2, 2)
    if all(abs(value - chance) <= COIN * 2 * chance for value in other):
        return other[-1]
    still = stood_still(training, VALIDATION + accuracy)
    return other[-1] if still is not None and still.epochs == len(other) and still.classes else None
