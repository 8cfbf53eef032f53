"""How much better than guessing a training is."""

from __future__ import annotations

from dataclasses import dataclass

from nanwatch.diagnose.data_words import number
from nanwatch.diagnose.loss_course import closing_loss, constant_guess_loss, opening_loss, sole_labels
from nanwatch.diagnose.readings import accuracies, class_shares, epoch_losses
from nanwatch.diagnose.statistics import median
from nanwatch.record.run import Fit

# Fewer updates than that tell nothing of where a training would go: demos are cut short on purpose.
ENOUGH_STEPS = 100
# Trainings at fault that stay finite were seen to end at 0.46 and below, the same ones mended at 0.39
# and above; in between lie weak signals. It decides only whether trials are made, which decide the rest.
LITTLE = 0.5
VALIDATED = 7  # epochs: 2^-7 is below 0.01
RIGHT_BY_CHANCE = 0.1  # of the way from the largest share to 1, the best of several epochs


@dataclass(frozen=True)
class Skill:
    """1 - loss / loss of the best constant answer, without penalties: 0 is guessing, 1 perfect."""

    began: float
    ended: float
    guess: float  # the loss of the best constant answer

    @property
    def is_little(self) -> bool:
        return self.ended < LITTLE

    @property
    def words(self) -> str:
        ended = (1.0 - self.ended) * self.guess
        return f"the loss ends at {number(ended)}, where a constant answer costs {number(self.guess)}"


def skill_of(fit: Fit) -> Skill | None:
    """The skill of ``fit`` on the rows it was trained on; None where no constant answer is known.

    A weighted loss has none: it lies anywhere. At the end stands the mean over the last epoch.
    """
    guess = constant_guess_loss(fit)
    if guess is None or guess <= 0 or fit.info.class_weight or fit.info.data.sample_weights:
        return None
    penalty = median(fit.steps.recent_values("penalty", last=20)) if fit.steps.has_column("penalty") else 0.0
    opening, ended = opening_loss(fit), [*epoch_losses(fit)[-1:], closing_loss(fit)][0]
    if opening is None or ended is None or opening != opening or ended != ended:
        return None
    return Skill(1.0 - opening / guess, 1.0 - (ended - penalty) / guess, guess)


def validation_skill(fit: Fit) -> list[float]:
    """The skill of each epoch on the validation rows, against the answer that is best on the training's."""
    guess = constant_guess_loss(fit)
    return [1.0 - loss / guess for loss in epoch_losses(fit, validation=True)] if guess else []


def accuracy_skill(fit: Fit, validation: bool = False) -> float | None:
    """The share of the way from the largest class's share to 1 that the accuracy has gone.

    In training that of the last epoch; in validation that of the best.
    """
    logged, shares = accuracies(fit, validation), class_shares(sole_labels(fit))
    most = max(shares.values(), default=1.0)
    reached = max(logged, default=0.0) if validation else [0.0, *logged][-1]
    return (reached - most) / (1.0 - most) if logged and most < 1.0 else None


def never_generalizes(fit: Fit) -> bool:
    """Whether the training learned, and the validation was no better than guessing in any epoch.

    A sign test: of a model that knows something of new rows an epoch is below guessing in one of two at
    most, and `VALIDATED` epochs one after the other in less than one of a hundred.
    """
    trained, validated = skill_of(fit), validation_skill(fit)
    right = accuracy_skill(fit, validation=True)
    if trained is None or trained.is_little or len(validated) < VALIDATED or fit.info.steps < ENOUGH_STEPS:
        return False
    return max(validated) <= 0.0 and (right is None or right <= RIGHT_BY_CHANCE)


def skill_words(fit: Fit) -> str:
    """How the training ended, for a sentence."""
    found = skill_of(fit)
    return found.words if found is not None else "the training learns next to nothing"


def lacks_skill(fit: Fit) -> bool:
    """Whether the training was long enough to learn, and ended little better than guessing."""
    found, right = skill_of(fit), accuracy_skill(fit)
    if found is None or fit.info.steps < ENOUGH_STEPS or fit.info.cut_short:
        return False
    return found.is_little and (right is None or right < LITTLE)
