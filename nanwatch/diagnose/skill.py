"""How much better than guessing a training is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nanwatch.diagnose.data_words import number
from nanwatch.diagnose.loss_course import (
    closing_loss,
    constant_guess_loss,
    guess_by_formula,
    is_weighted,
    opening_loss,
    sole_labels,
)
from nanwatch.diagnose.readings import accuracies, class_shares, epoch_losses, label_of
from nanwatch.diagnose.statistics import median
from nanwatch.record.facts import OutputInfo
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
    output: OutputInfo | None = None  # of several, whose loss it is

    @property
    def is_little(self) -> bool:
        return self.ended < LITTLE

    @property
    def words(self) -> str:
        of = "the loss" if self.output is None else f"the loss of {output_words(self.output)}"
        return f"{of} ends at {compared_words(self)}"


def compared_words(skill: Skill) -> str:
    """``"0.68, where a constant answer costs 0.693"``."""
    ended = (1.0 - skill.ended) * skill.guess
    return f"{number(ended)}, where a constant answer costs {number(skill.guess)}"


def guess_of(fit: Fit) -> float | None:
    return fit.info.guess_loss if is_weighted(fit) else constant_guess_loss(fit)


def skill_of(fit: Fit) -> Skill | None:
    """The skill of ``fit`` on the rows it was trained on; None where no constant answer is known.

    Of a weighted loss only the loss itself can tell one. At the end stands the mean over the last epoch.
    """
    guess = guess_of(fit)
    if guess is None or guess <= 0:
        return None
    penalty = median(fit.steps.recent_values("penalty", last=20)) if fit.steps.has_column("penalty") else 0.0
    # What a step of the script's own logs as its loss may be anything.
    logged = [] if fit.model.custom_train_step else epoch_losses(fit)[-1:]
    opening, ended = opening_loss(fit), [*logged, closing_loss(fit)][0]
    if opening is None or ended is None or opening != opening or ended != ended:
        return None
    return Skill(1.0 - opening / guess, 1.0 - (ended - penalty) / guess, guess)


def output_words(output: OutputInfo) -> str:
    """An output of several, for a sentence: ``"output 'price'"``."""
    logged = output.loss.logged if output.loss is not None else ""
    return f"output {logged.removesuffix('_loss') or output.path!r}"


def output_skills(fit: Fit) -> list[Skill]:
    """The skill of each of several outputs, as far as it is known; one that counts for nothing has none."""
    if len(fit.model.outputs) < 2:
        return []
    found = []
    for output in fit.model.outputs:
        guess, losses = guess_of_output(fit, output), losses_of_output(fit, output)
        if output.loss is not None and output.loss.weight and guess and losses:
            found.append(Skill(1.0 - losses[0] / guess, 1.0 - losses[-1] / guess, guess, output))
    return [skill for skill in found if math.isfinite(skill.ended)]


def guess_of_output(fit: Fit, output: OutputInfo) -> float | None:
    """What the best constant answer costs one output; only the loss itself knows it of weighted rows."""
    asked = fit.info.guess_losses.get(output.path)
    if asked is not None or is_weighted(fit):
        return asked
    plain = output.loss is not None and "reduction" not in output.loss.config
    guess = guess_by_formula(fit, output) if plain else None
    return guess if guess is not None and guess > 0 else None


def losses_of_output(fit: Fit, output: OutputInfo, validation: bool = False) -> list[float]:
    """The loss of one output in each epoch; where the logs do not tell, what it came to at the end."""
    logged = output.loss.logged if output.loss is not None else ""
    key = f"val_{logged}" if validation else logged
    seen = [float(logs[key]) for logs in fit.epoch_logs() if key in logs]
    if validation or seen:
        return seen if not fit.model.custom_train_step else []
    asked = fit.info.output_losses.get(output.path)
    return [] if asked is None else [asked]


def lacking_outputs(fit: Fit) -> list[Skill]:
    """Of several outputs those that ended little better than guessing, in a training that was long enough."""
    if fit.info.steps < ENOUGH_STEPS or fit.info.cut_short:
        return []
    return [skill for skill in output_skills(fit) if skill.is_little and not is_right_in(fit, skill.output)]


def is_right_in(fit: Fit, output: OutputInfo | None) -> bool:
    right = accuracy_skill(fit, output=output)
    return right is not None and right >= LITTLE


def validation_skill(fit: Fit) -> list[float]:
    """The skill of each epoch on the validation rows, against the answer that is best on the training's."""
    guess = None if fit.info.class_weight else guess_of(fit)
    return [1.0 - loss / guess for loss in epoch_losses(fit, validation=True)] if guess else []


def accuracy_skill(fit: Fit, validation: bool = False, output: OutputInfo | None = None) -> float | None:
    """The share of the way from the largest class's share to 1 that the accuracy has gone.

    In training that of the last epoch; in validation that of the best. ``output``: of several.
    """
    labels = sole_labels(fit) if output is None else label_of(fit, output)
    logged, shares = accuracies(fit, validation, output), class_shares(labels)
    most = max(shares.values(), default=1.0)
    reached = max(logged, default=0.0) if validation else [0.0, *logged][-1]
    return (reached - most) / (1.0 - most) if logged and most < 1.0 else None


def never_generalizes(fit: Fit) -> bool:
    """Whether the training learned, and the validation was no better than guessing in any epoch."""
    right = accuracy_skill(fit, validation=True)
    enough = fit.info.steps >= ENOUGH_STEPS
    return enough and is_at_loss(skill_of(fit), validation_skill(fit), right)


def outputs_at_loss(fit: Fit) -> list[Skill]:
    """Of several outputs those that learned, and whose validation was no better than guessing in any epoch.

    One may be noise by nature, beside others that are not: it leaves a doubt, where all of them are a fault.
    """
    if fit.info.class_weight or fit.info.steps < ENOUGH_STEPS:
        return []
    found = []
    for skill in output_skills(fit):
        assert skill.output is not None
        validated = [
            1.0 - loss / skill.guess for loss in losses_of_output(fit, skill.output, validation=True)
        ]
        if is_at_loss(skill, validated, accuracy_skill(fit, validation=True, output=skill.output)):
            found.append(skill)
    return found


def is_at_loss(trained: Skill | None, validated: Sequence[float], right: float | None) -> bool:
    """A sign test: of a model that knows something of new rows an epoch is below guessing in one of two at
    most, and `VALIDATED` epochs one after the other in less than one of a hundred."""
    if trained is None or trained.is_little or len(validated) < VALIDATED:
        return False
    return max(validated) <= 0.0 and (right is None or right <= RIGHT_BY_CHANCE)


def skill_words(fit: Fit) -> str:
    """How the training ended, for a sentence."""
    lacking = lacking_outputs(fit)
    if lacking:
        return min(lacking, key=lambda skill: skill.ended).words
    found = skill_of(fit)
    return found.words if found is not None else "the training learns almost nothing"


def lacks_skill(fit: Fit) -> bool:
    """Whether the training was long enough to learn, and ended little better than guessing.

    Of several outputs that are measured one by one, one that did is enough.
    """
    known = output_skills(fit)
    if known and len(known) == sum(counts(output) for output in fit.model.outputs):
        return bool(lacking_outputs(fit))
    found, right = skill_of(fit), accuracy_skill(fit)
    if found is None or fit.info.steps < ENOUGH_STEPS or fit.info.cut_short:
        return False
    return found.is_little and (right is None or right < LITTLE)


def counts(output: OutputInfo) -> bool:
    """Whether an output is trained for its own loss."""
    return output.loss is not None and output.loss.weight != 0
