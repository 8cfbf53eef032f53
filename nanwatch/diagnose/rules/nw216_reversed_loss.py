"""NW216: a loss that right answers cost the most."""

from __future__ import annotations

from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import number
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.loss_course import closing_loss, sole_output
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.skill import ENOUGH_STEPS
from nanwatch.diagnose.symptoms import STUCK
from nanwatch.record.facts import AnswerLosses, LossInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

# Of what the labels cost above the best constant answer: what may be saved by answering by the input, and how
# far towards the constant a training has gone that follows such a loss. A loss that measures a distance, to
# which the opposite of the labels is right, pays for looking at the input: 1 of it.
NOTHING_TO_GAIN = 0.1
FOLLOWED = 0.5
# Of the larger of both: what rounding, smoothing and a term of its own make of a loss that is least for them.
MORE = 0.1


class ReversedLoss(Rule):
    """A hand-written loss is largest for right answers, and smallest for an answer that is the same for
    all rows.

    ## What it does
    When the script has ended, asks your own loss what the labels themselves cost as answers, what their
    opposite costs, and what the best constant answer costs. It is reported if the labels cost more than
    the constant, if looking at the input gains nothing over the constant, and if the training has gone
    there.

    ## Why is this bad
    An optimizer makes the loss as small as possible. An overlap (Dice, intersection over union), a
    likelihood or an agreement is large when the answers are right. If you minimise it, the model learns
    to answer nothing, while the loss falls as if all were well.

    ## Example
    ```python
    def dice_loss(y, p):
        return 2 * ops.sum(y * p) / (ops.sum(y) + ops.sum(p))
    ```

    ## Use instead
    ```python
    def dice_loss(y, p):
        return 1 - 2 * ops.sum(y * p) / (ops.sum(y) + ops.sum(p))
    ```
    """

    code, name = "NW216", "reversed-loss"

    def missing(self, fit: Fit, run: Run) -> str | None:
        output = sole_output(fit)
        own = output is not None and output.loss is not None and output.loss.name == "custom"
        asked = fit.info.answer_losses is not None
        return "the loss was not asked what right answers cost" if own and not asked else None

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        output, answers, guess = sole_output(fit), fit.info.answer_losses, fit.info.guess_loss
        ended = closing_loss(fit)
        if output is None or output.loss is None or output.loss.name != "custom" or answers is None:
            return
        if guess is None or ended is None or fit.info.steps < ENOUGH_STEPS:
            return
        above = answers.right - guess
        if above <= MORE * max(abs(answers.right), abs(guess)):
            return
        if guess - answers.opposite > NOTHING_TO_GAIN * above or ended - guess > FOLLOWED * above:
            return
        at = fit.model.compile_location
        change = Intervention(InterventionKind.MEND_LOSS, "loss", float(f"{answers.right:.3g}"))
        given = output.loss.given or "a function"
        text = f"Return {answers.right:.3g} - what it returns, or the negative of it."
        yield self.finding(
            fit,
            f"The loss, {given}, is {number(answers.right)} where the answers are the labels themselves, and "
            f"{number(guess)} where they are the same for every row: it falls as they get worse.",
            f"The training has brought it to {number(ended)}",
            location=at,
            remedies=(Remedy(change, text, location=at),),
            strength=0.9,
            explains=STUCK | {"zero-loss", "dead-activation", "weights-still", "saturated"},
        )

    @staticmethod
    def fires() -> list[Run]:
        return [
            dice_run(1.0, 8e-5, 1e-5, ended=5e-4),
            dice_run(1.0, 0.0, 0.0, ended=0.49),
            dice_run(0.112, 0.1, 0.1, ended=0.1),
            dice_run(1.0, 0.09, 0.001, ended=0.1),
        ]

    @staticmethod
    def silent() -> list[Run]:
        return [
            dice_run(0.0, 0.6, 1.0, ended=0.1),
            dice_run(-1.0, -0.4, 0.0, ended=-0.9),
            dice_run(1.0, 0.0, 0.0, ended=0.51),
            dice_run(0.11, 0.1, 0.1, ended=0.09),
            dice_run(1.0, 0.1, 0.001, ended=0.09),
            dice_run(1.0, 0.25, 0.0, ended=0.02),  # a distance, of pairs that are alike
            dice_run(1.0, 8e-5, 1e-5, ended=5e-4, steps=99),
            dice_run(1.0, 8e-5, 1e-5, ended=5e-4, loss="binary_crossentropy"),
        ]


def dice_run(
    right: float, guess: float, opposite: float, ended: float, steps: int = 240, loss: str = "custom"
) -> Run:
    """Masks under a loss that was asked what these answers cost."""
    given = LossInfo(loss, "dice_loss")
    of = made_up.model(made_up.dense(activation="sigmoid"), output_facts={"loss_info": given})
    facts = {"guess_loss": guess, "answer_losses": AnswerLosses(right, opposite)}
    losses = [0.4] + [ended] * (steps - 1)
    return made_up.run(of, loss=losses, targets=[made_up.labels(0, 1)], fit=facts)
