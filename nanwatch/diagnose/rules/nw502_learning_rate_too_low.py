"""NW502: a learning rate that moves nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import number
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.guessing import PATIENCE, guessing
from nanwatch.diagnose.optimizer_line import rate_remedy, rates_of, rewrite_rate
from nanwatch.diagnose.outcome import has_improved
from nanwatch.diagnose.readings import incident_of, liveliness, update_ratios
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.skill import skill_words
from nanwatch.diagnose.statistics import finite_values
from nanwatch.diagnose.symptoms import STUCK
from nanwatch.record.facts import OptimizerInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

# Of their norm, over the whole training. Fine-tuning at 1e-5 moves weights by 1e-2 in 100 steps;
# what has moved by a ten-thousandth still answers as it was made.
MOVED = 1e-4
# The gradient's norm over that of the weights. A net with one of 1e-3 is alive: a step of rate 0.1
# would move it by 1e-4 at once. With less, the gradient is what is missing, not the rate.
ALIVE = 1e-3
# What Keras takes for these by itself; rates that are larger than a tenth of it are not low.
USUAL = {"SGD": 1e-2}
DEFAULT = 1e-3
LOW = 0.1
# What is tried in the place of a rate that is only suspected: shares of Keras's own; the first that trains
# is told. A rate near Keras's own is not suspected: most trainings of few steps learn faster at ten times it.
LADDER = (1.0, 10.0, 0.1)
# A rate of which a hundredth is left at half-way. Of the schedules in use a step decay of ten at each third
# has a tenth, a cosine a half; exponential ones that end at a millionth have a thousandth.
FALLEN = 0.01
# Beside the root of the squared gradients, 1e-3 to 1; up to 0.1 it is in use for some networks.
LARGE_EPSILON = 1.0
KERAS_EPSILON = 1e-7
# A schedule may begin with any rate: what counts is the rate of nine tenths of the training. The
# steepest one in use, a linear or cosine decay to 0, has 0.9 of its first rate left after a tenth.
BEGINNING = 0.1


class LearningRateTooLow(Rule):
    """The learning rate is so low that the weights hardly move during the whole training.

    ## What it does
    Looks for a training in which the weights moved by less than a ten-thousandth of their norm,
    although there are gradients, the rate is below the usual ones, and the loss has not improved. For a
    schedule, the first tenth of the training does not count: a schedule whose steps were counted in
    epochs has ended by then, and nothing more is learned after it.

    ## Why is this bad
    The model answers almost as it was initialised. The loss changes only in the last digits from epoch
    to epoch, and this looks like a model that cannot learn. It is easy to get a learning rate wrong by
    orders of magnitude: 1e-8 is an epsilon.

    ## Example
    ```python
    keras.optimizers.Adam(1e-8)
    ```

    ## Use instead
    ```python
    keras.optimizers.Adam(1e-3)
    ```
    """

    code, name = "NW502", "learning-rate-too-low"

    def missing(self, fit: Fit, run: Run) -> str | None:
        return None if update_ratios(fit) else "the weights' changes were not seen"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        rates = rates_of(fit)
        if fit.info.steps < PATIENCE or not rates or incident_of(fit, run) is not None:
            return
        if min(rates) < 0:
            return  # its sign is at fault
        optimizer = fit.model.optimizer
        usual = USUAL.get(optimizer.type if optimizer else "", DEFAULT)
        later = rates[int(BEGINNING * len(rates)) :]
        decayed = max(rates) > LOW * usual >= max(later)
        moved = distance_moved(fit, fit.info.steps * BEGINNING if decayed else 0)
        if moved >= MOVED or (moved == 0 and not decayed) or max(later) > LOW * usual:
            return
        if liveliness(fit) < ALIVE or is_rising(rates):
            return
        stuck = not has_improved(fit) and (guessing(fit) or changes_nothing(fit))
        if stuck or decayed:  # what was learned in the first tenth is no excuse for the other nine
            yield self.build_finding(fit, rates, later, moved, decayed, usual)

    def suspect(self, fit: Fit, run: Run) -> Iterator[Finding]:
        optimizer = fit.model.optimizer
        if optimizer is None or not optimizer.learning_rate or optimizer.learning_rate <= 0:
            return
        epsilon = optimizer.config.get("epsilon")
        if isinstance(epsilon, float | int) and epsilon >= LARGE_EPSILON and optimizer.type != "SGD":
            yield self.suspect_epsilon(fit, optimizer, float(epsilon))
        usual = USUAL.get(optimizer.type, DEFAULT)
        highest, late = highest_rates(fit)
        if max(highest, optimizer.learning_rate) > LOW * usual and late <= FALLEN * highest:
            yield self.suspect_fall(fit, max(highest, optimizer.learning_rate), late, usual)
        if optimizer.learning_rate > LOW * usual:
            return
        yield self.finding(
            fit,
            f"The learning rate {number(optimizer.learning_rate)} of {optimizer.type} is too low for this "
            f"training: {skill_words(fit)}.",
            location=optimizer.location or fit.model.compile_location,
            remedies=tuple(rate_remedy(fit, float(f"{usual * share:.3g}")) for share in LADDER),
            strength=0.4,
            explains={"weights-still"} | STUCK,
            suspected=True,
        )

    def suspect_fall(self, fit: Fit, highest: float, late: float, usual: float) -> Finding:
        """The first step may come after the first fall: the rate that Keras would take is tried as well."""
        optimizer = fit.model.optimizer
        at = (optimizer.schedule_location if optimizer else None) or fit.info.location
        text = (
            "Let the rate fall more slowly, or not at all: decay_steps of a schedule counts steps, a "
            "callback gets the rate that it returned last. The training was repeated at {rate:g}."
        )
        return self.finding(
            fit,
            f"The learning rate falls from {highest:g} to {late:g} in the first half of the training, too "
            f"soon for it: {skill_words(fit)}.",
            location=at,
            remedies=tuple(
                Remedy(
                    Intervention(InterventionKind.SET_LEARNING_RATE, "optimizer", rate),
                    text.format(rate=rate),
                    location=at,
                )
                for rate in dict.fromkeys((highest, max(highest, usual)))
            ),
            strength=0.5,
            explains={"weights-still"} | STUCK,
            suspected=True,
        )

    def suspect_epsilon(self, fit: Fit, optimizer: OptimizerInfo, epsilon: float) -> Finding:
        at = optimizer.location or fit.model.compile_location
        change = Intervention(InterventionKind.SET_EPSILON, "optimizer", KERAS_EPSILON)
        return self.finding(
            fit,
            f"{optimizer.type} divides each step by epsilon={number(epsilon)} or more, and hardly moves: "
            f"{skill_words(fit)}.",
            location=at,
            remedies=(Remedy(change, f"Set epsilon={KERAS_EPSILON:g}, which is Keras's own.", location=at),),
            strength=0.55,
            explains={"weights-still"} | STUCK,
            suspected=True,
        )

    def build_finding(
        self, fit: Fit, rates: list[float], later: list[float], moved: float, decayed: bool, usual: float
    ) -> Finding:
        optimizer = fit.model.optimizer
        at = (optimizer.location if optimizer else None) or fit.model.compile_location
        line = rewrite_rate(optimizer, at, usual) if optimizer is not None and at is not None else None
        begins = f"At a learning rate of {max(rates):g} the weights"
        text = f"Raise the learning rate to {usual:g}."
        if decayed:
            at = (optimizer.schedule_location if optimizer else None) or at
            begins = (
                f"The learning rate falls from {max(rates):g} to {max(later):g} in the first tenth of the "
                "training, and since then the weights"
            )
            line, text = None, "Stretch the schedule over the training: decay_steps counts steps, not epochs."
        return self.finding(
            fit,
            f"{begins} moved by {number(moved)} of their norm in {fit.info.steps} steps, although there is a "
            "gradient: nothing can be learned at this rate.",
            f"the gradient's norm is {number(liveliness(fit))} of the weights'",
            *([stuck.words] if (stuck := guessing(fit)) else []),
            location=at,
            remedies=(
                Remedy(Intervention(InterventionKind.SET_LEARNING_RATE, "optimizer", usual), text, line, at),
            ),
            level="warning" if decayed and has_improved(fit) else "error",
            strength=0.85,
            explains={"weights-still"} | STUCK,
        )

    @staticmethod
    def fires() -> list[Run]:
        return [
            slow_run(1e-8, 2e-8),
            slow_run(1e-4, 0.9e-6),
            slow_run(1e-3, 1e-8, optimizer="SGD"),
            slow_run(1e-3, 0.0, decays_after=10),
            slow_run(1e-3, 0.0, decays_after=10, ended=0.6),
        ]

    @staticmethod
    def silent() -> list[Run]:
        return [
            slow_run(1e-8, 1.1e-6),
            slow_run(1.1e-4, 2e-8),
            slow_run(1e-8, 2e-8, gradient=0.9e-3),
            slow_run(1e-8, 2e-8, steps=99),
            slow_run(1e-8, 2e-8, ended=0.6),
            slow_run(1e-8, 0.0),
            slow_run(-1e-8, 2e-8),
            slow_run(1e-8, 2e-8, warms_up=True),
            slow_run(1e-3, 0.0, decays_after=11),
        ]


def highest_rates(fit: Fit) -> tuple[float, float]:
    """The highest rate of the training, and that of its second half; infinite where none was recorded."""
    course = fit.steps.timeline("learning_rate")
    late = [bucket.max for bucket in course if bucket.row >= fit.info.steps // 2]
    return max((bucket.max for bucket in course), default=0.0), max(late, default=math.inf)


def is_rising(rates: list[float]) -> bool:
    """The rate is on its way up: a warm-up that is not over."""
    return len(rates) > 1 and rates[-1] > rates[0]


def distance_moved(fit: Fit, since: float = 0) -> float:
    """The way of the weights from step ``since`` on, of their norm, if each step went on straight."""
    ratios = finite_values([ratio for step, ratio in update_ratios(fit) if step >= since])
    return sum(ratios) / len(ratios) * (fit.info.steps - since) if ratios else math.inf


def changes_nothing(fit: Fit) -> bool:
    """The epochs' losses are one number to three digits, where it is not known what a guess costs."""
    losses = [logs["loss"] for logs in fit.epoch_logs() if "loss" in logs]
    return len(losses) > 1 and max(losses) - min(losses) <= 1e-3 * abs(losses[-1])


def slow_run(
    rate: float,
    ratio: float,
    gradient: float = 0.5,
    steps: int = 100,
    ended: float = 0.72,
    optimizer: str = "Adam",
    warms_up: bool = False,
    decays_after: int | None = None,
) -> Run:
    """Steps that move the weights by ``ratio`` of their norm each, under this rate."""
    rates = [rate * (0.1 if warms_up and step < steps // 2 else 1.0) for step in range(steps)]
    if decays_after is not None:
        rates = [rate if step < decays_after else rate * 1e-9 for step in range(steps)]
    columns = {
        ("learning_rate", "", "value"): rates,
        ("gradient", "dense/kernel", "l2_norm"): [gradient] * steps,
        ("weight", "dense/kernel", "l2_norm"): [1.0] * steps,
    }
    health = {
        ("update", "dense/kernel", "l2_norm"): [ratio] * 12,
        ("weight", "dense/kernel", "l2_norm"): [1.0] * 12,
    }
    of = made_up.model(
        made_up.dense(activation="sigmoid"),
        loss="binary_crossentropy",
        optimizer=optimizer,
        learning_rate=rate,
    )
    losses = [0.72] * (steps // 2) + [ended] * (steps - steps // 2)
    return made_up.run(of, loss=losses, steps=columns, health=health, targets=[made_up.labels(0, 1)])
