"""Whether a training ended no better than guessing."""

from __future__ import annotations

from dataclasses import dataclass

from nanwatch.diagnose.data_words import number
from nanwatch.diagnose.loss_course import (
    NO_BETTER_THAN_GUESSING,
    closing_loss,
    constant_guess_loss,
    is_weighted,
)
from nanwatch.record.run import Fit

PATIENCE = 100  # steps; a net that can learn is below the loss of guessing by then, if not by much


@dataclass(frozen=True)
class Guessing:
    """A training that ended where a constant answer would have put it."""

    ended: float
    guess: float

    @property
    def words(self) -> str:
        return f"the loss ends at {number(self.ended)}, where a constant answer costs {number(self.guess)}"


def guessing(fit: Fit, penalty: float = 0.0) -> Guessing | None:
    """None where the training is better than guessing, too short to tell, or cannot be compared.

    ``penalty`` is the part of the loss that does not depend on the data.
    """
    if is_weighted(fit):
        return None
    guess, ended = constant_guess_loss(fit), closing_loss(fit)
    if guess is None or ended is None or guess <= 0 or fit.info.steps < PATIENCE:
        return None
    data = ended - penalty
    return Guessing(data, guess) if data >= NO_BETTER_THAN_GUESSING * guess else None
