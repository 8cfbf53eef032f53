"""NW510: a loss with no floor, down which the training runs away."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import number
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.growth import BEGINS, growth_of_gradients
from nanwatch.diagnose.observed import GROWTH
from nanwatch.diagnose.readings import PATIENCE_STEPS, first_loss, incident_of
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.statistics import median
from nanwatch.diagnose.symptoms import symptoms_from
from nanwatch.record.facts import Location, LossInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

# A likelihood of narrow densities, a critic that is held and an actor of large rewards end at minus tens
# to minus hundreds; six that ran away were at minus 1,700 and more.
FALLEN = GROWTH  # times the loss at the start, or 1
# What runs down a slope without an end is twice as far after twice the steps where one layer pulls, and
# further the more there are: six were 3.9 times as far and more. What nears a floor was at 1.5 times at most.
FURTHER = 2.5
# A net that is pulled without an end grows: eleven times its first norm and more. Those that learned grew by
# three where they were led to targets of hundreds. Where an exp makes the growth, the gradients show it.
GROWN = 5.0
PART = 0.1  # of the training: of so much a level is the median

RUNS_AWAY = {"growth", "negative-loss", "large-loss", "not-learning"}


class UnboundedObjective(Rule):
    """The loss has no lower bound, and the training makes it smaller forever.

    ## What it does
    Looks for a loss of your own that has fallen below 0 by more than a thousand times its start, was at
    less than two fifths of that in the middle of the training, and whose weights or gradients grew by
    orders of magnitude with it. Negative losses alone are not reported: likelihoods, policies and
    critics have them.

    ## Why is this bad
    An optimizer makes the loss as small as it can. If larger numbers alone make it smaller, then that
    is all the model learns. Examples are the critic of a Wasserstein GAN without a limit on its slope,
    a distance between vectors to push apart without a margin, a divergence or a log-probability with
    the wrong sign, or a profit to maximise without a limit on the stake. The numbers grow until they
    overflow.

    ## Example
    ```python
    loss = tf.reduce_mean(critic(fake)) - tf.reduce_mean(critic(real))
    loss = tf.reduce_mean(same * distance - (1 - same) * distance)
    ```

    ## Use instead
    ```python
    loss = tf.reduce_mean(critic(fake)) - tf.reduce_mean(critic(real)) + 10.0 * gradient_penalty
    loss = tf.reduce_mean(same * distance + (1 - same) * tf.maximum(0.0, margin - distance))
    ```
    """

    code, name = "NW510", "unbounded-objective"

    def missing(self, fit: Fit, run: Run) -> str | None:
        return None if fit.steps.has_column("loss") else "the loss of the steps was not seen"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        course = course_of(fit)
        if course is None or not course.runs_away or not is_own_loss(fit) or fit.info.cut_short:
            return
        drawn = list(what_is_drawn(fit))
        if drawn:
            yield self.build_finding(fit, run, course, drawn)

    def build_finding(self, fit: Fit, run: Run, course: Course, drawn: list[str]) -> Finding:
        broke = " until it overflows" if incident_of(fit, run) is not None else ""
        at = line_of_loss(fit)
        return self.finding(
            fit,
            f"The loss has no lower bound: it falls from {number(course.start)} to {number(course.end)}"
            f"{broke}, and was at {number(course.middle)} in the middle of the training.",
            *drawn,
            location=at,
            remedies=(
                Remedy(
                    Intervention(InterventionKind.MEND_LOSS, "loss"),
                    "Check its sign first, then give it a lower bound: for a critic a gradient penalty or "
                    "clipped weights, for a distance to push apart a margin, for a log-variance a least "
                    "value, for a gain to maximise a bounded head or a cost of its size.",
                    location=at,
                ),
            ),
            strength=0.9,
            explains=RUNS_AWAY | symptoms_from("nonfinite-weight"),
            since=course.since,
        )

    @staticmethod
    def fires() -> list[Run]:
        return [
            falling_run([-0.001 * step**2 for step in range(1100)]),
            falling_run([-0.3] * 5 + [-0.02 * 1.05**step for step in range(300)], weights=1.0, gradients=1e6),
            falling_run([-0.001 * step**2 for step in range(1100)], weights=5.1),
            falling_run([-0.001 * step**2 for step in range(1100)], own_step=True),
        ]

    @staticmethod
    def silent() -> list[Run]:
        squares = [-0.001 * step**2 for step in range(1100)]
        return [
            falling_run([-0.0008 * step**2 for step in range(1100)]),
            falling_run([-2e3 * min(1.0, step / 400) for step in range(600)]),
            falling_run(squares, weights=4.9),
            falling_run(squares, loss="binary_crossentropy"),
            falling_run([-value for value in squares]),
            falling_run([30.0 - 0.2 * step for step in range(600)]),
        ]


@dataclass(frozen=True)
class Course:
    """The loss at the beginning of a training, in its middle and at its end; and since when it runs away."""

    start: float
    middle: float
    end: float
    since: int

    @property
    def runs_away(self) -> bool:
        """It is below 0 by orders, and has not slowed down."""
        return self.end <= -FALLEN * max(abs(self.start), 1.0) and self.end <= FURTHER * self.middle


def course_of(fit: Fit) -> Course | None:
    """None of few steps. What is not finite is left out: it comes when the numbers overflow."""
    finite = [(step, loss) for step, loss in fit.steps.means("loss") if math.isfinite(loss)]
    if not finite or finite[-1][0] < 2 * PATIENCE_STEPS:
        return None
    start = first_loss(fit)
    away = -BEGINS * max(abs(start), 1.0)
    since = next((int(step) for step, loss in finite if loss <= away), int(finite[-1][0]))
    return Course(start, level_at(finite, 0.5), level_at(finite, 1.0), since)


def level_at(losses: Sequence[tuple[float, float]], share: float) -> float:
    """The median loss of a tenth of the training around, or before, this share of it; the nearest one's
    where no step of that tenth was kept."""
    last = losses[-1][0]
    middle = min(share, 1.0 - PART / 2) * last
    near = [loss for step, loss in losses if abs(step - middle) <= PART / 2 * last]
    return median(near or [min(losses, key=lambda entry: abs(entry[0] - middle))[1]])


def is_own_loss(fit: Fit) -> bool:
    """Whether no output is under a loss of Keras's: below 0 those are by their labels alone."""
    return all(output.loss is None or output.loss.name == "custom" for output in fit.model.outputs)


def what_is_drawn(fit: Fit) -> Iterator[str]:
    """What the loss has drawn with it, in words."""
    norms = weight_norms(fit)
    if len(norms) > 1 and norms[-1] >= GROWN * norms[0]:
        yield f"the weights grew with it, from a norm of {number(norms[0])} to {number(norms[-1])}"
    grown = growth_of_gradients(fit)
    if grown is not None:
        yield f"the gradients grew with it, from a norm of {number(grown.start)} to {number(grown.peak)}"


def weight_norms(fit: Fit) -> list[float]:
    """The norm of all trainable weights together, step by step where it was kept."""
    squares: dict[int, float] = {}
    for weight in fit.model.weights:
        for step, norm in fit.steps.values("weight", weight.path, "l2_norm") if weight.trainable else ():
            squares[step] = squares.get(step, 0.0) + norm * norm
    return [math.sqrt(square) for square in squares.values() if math.isfinite(square)]


def line_of_loss(fit: Fit) -> Location | None:
    """That of the loss itself in a step of the script's own; else that of ``compile``."""
    return fit.info.loss_location or fit.model.compile_location or fit.info.location


def falling_run(
    losses: list[float],
    *,
    weights: float = 20.0,
    gradients: float = 1.0,
    loss: str = "custom",
    own_step: bool = False,
    ends: Mapping[str, Any] | None = None,
) -> Run:
    """A loss of the script's own, beside which weights and gradients grow by these factors in the end."""
    of = made_up.model(output_facts={"loss_info": LossInfo(loss)}, custom_train_step=own_step)
    shares = [step / len(losses) for step in range(len(losses))]
    columns = {
        ("weight", "dense/kernel", "l2_norm"): [1.0] + [weights**share for share in shares[1:-1]] + [weights],
        ("gradient", "dense/kernel", "l2_norm"): [gradients**share for share in shares],
    }
    where = made_up.line(8, "loss = ops.mean(fake) - ops.mean(real)") if own_step else None
    return made_up.run(of, loss=losses, steps=columns, fit={"loss_location": where}, incident=ends)
