"""What the numbers of a training say against it, though no fault is found in it."""

from __future__ import annotations

import math
from collections.abc import Iterator

from nanwatch.diagnose.data_words import list_words, number
from nanwatch.diagnose.learned import has_floor_of_zero, learned
from nanwatch.diagnose.loss_course import constant_guess_loss
from nanwatch.diagnose.outcome import has_improved, is_part, kept_losses, share_words
from nanwatch.diagnose.readings import (
    CROSSENTROPIES,
    REGRESSIONS,
    accuracies,
    class_shares,
    epoch_losses,
    first_output,
    label_of,
    last_loss,
)
from nanwatch.diagnose.skill import (
    RIGHT_BY_CHANCE,
    Skill,
    accuracy_skill,
    compared_words,
    lacking_outputs,
    lacks_skill,
    output_words,
    outputs_at_loss,
    skill_of,
    validation_skill,
)
from nanwatch.record.run import Fit

HARDLY_BETTER = 0.1  # of skill
FAR_WORSE = -1.0  # of it: twice the loss of guessing; generators that learned were seen at 1.4 times it
WORSE = -0.05  # of skill: the loss of a batch or two is as far from that of all
# A net too sure of itself is punished on new rows: seen at up to 8 times the loss of guessing.
FAR_OFF = 10.0
FAR_APART = 100.0  # times the largest loss of a training epoch, where that of guessing is not known
# Sums over the pixels of a picture were seen at some thousands.
LARGE = 1e5
LEAST_EPOCHS = 5  # of validation, before none of them says anything


def doubts(fit: Fit) -> list[str]:
    """Clauses such as "val_loss ends at 1.5e+07, where a constant answer costs 1.02", the gravest first."""
    found = [*nonfinite_logs(fit), *far_validation(fit)]
    if fit.info.steps and not is_part(fit):
        found += [*unskilled(fit), *unsure(fit)]
    return found


def nonfinite_logs(fit: Fit) -> Iterator[str]:
    """The numbers of the epochs that are NaN or infinite."""
    epochs = fit.epoch_logs()
    bad: dict[str, int] = {}
    for logs in epochs:
        for name, value in logs.items():
            bad[name] = bad.get(name, 0) + (not math.isfinite(value))
    words = [f"{name} in {count} of {len(epochs)} epochs" for name, count in bad.items() if count]
    if words:
        yield f"some of its numbers are NaN or infinite: {list_words(words)}"


def far_validation(fit: Fit) -> Iterator[str]:
    """A loss on the validation rows that is out of all proportion."""
    ended = [loss for loss in epoch_losses(fit, validation=True) if math.isfinite(loss)][-1:]
    guess, trained = constant_guess_loss(fit), [abs(loss) for loss in kept_losses(fit)]
    if not ended:
        return
    if guess is not None and ended[0] > FAR_OFF * max(guess, *trained, 0.0):
        yield f"val_loss ends at {number(ended[0])}, where a constant answer costs {number(guess)}"
    elif guess is None and trained and ended[0] > FAR_APART * max(trained) > 0:
        yield f"val_loss ends at {number(ended[0])}, and loss at {number(kept_losses(fit)[-1])}"


def skill_clause(found: Skill) -> str:
    of = "the training" if found.output is None else output_words(found.output)
    if found.ended >= HARDLY_BETTER:
        return f"{of} has learned little"
    return f"{of} is {'worse' if found.ended < WORSE else 'little better'} than guessing"


def is_measured_by_guessing(fit: Fit, found: Skill) -> bool:
    """Whether a constant answer is what the losses are to be measured by.

    To one that pushes rows apart it may cost little, and one with a floor of its own says nothing by it,
    if it is not far above. Labels of one class are a generator's, whose loss is that of a balance.
    """
    known = (*CROSSENTROPIES, *REGRESSIONS)
    outputs = fit.model.outputs if found.output is None else (found.output,)
    ours = all(output.loss is not None and output.loss.name in known for output in outputs)
    one_class = len(class_shares(label_of(fit, found.output or first_output(fit)))) == 1
    above_zero = one_class or not has_floor_of_zero(fit, found.output)
    return ours and (found.ended <= FAR_WORSE or not above_zero)


def unskilled(fit: Fit) -> Iterator[str]:
    """An end little better than a constant answer's, in training or on every validation row."""
    found = skill_of(fit)
    lacking = [skill for skill in lacking_outputs(fit) if is_measured_by_guessing(fit, skill)]
    nothing = sorted((skill for skill in lacking if skill.ended < HARDLY_BETTER), key=lambda each: each.ended)
    for skill in nothing:
        yield f"{skill_clause(skill)}: its loss ends at {compared_words(skill)}"
    if not nothing and found is not None and lacks_skill(fit) and is_measured_by_guessing(fit, found):
        yield f"{skill_clause(found)}: {found.words}"
    lost = [output_words(skill.output) for skill in outputs_at_loss(fit) if skill.output is not None]
    if lost:
        yield f"{list_words(lost)} learned the rows of the training, and is worse than guessing in validation"
    validated, right = validation_skill(fit), accuracy_skill(fit, validation=True)
    if len(validated) < LEAST_EPOCHS or not max(validated) <= 0.0:
        return
    if right is None or right <= RIGHT_BY_CHANCE:
        yield f"none of the {len(validated)} epochs was better than guessing in validation"


def unsure(fit: Fit) -> Iterator[str]:
    """An end of which it is not known what a constant answer would come to."""
    if learned(fit) is None and last_loss(fit) > LARGE:
        yield f"its loss ends at {number(last_loss(fit))}"
    words = None if has_improved(fit) else share_words(fit)
    if words is not None:
        yield f"its accuracy, {accuracies(fit)[-1]:.4f}, {words}, and its loss has not improved"
