"""NW501: each step goes so far that the next has further to go back."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import count_words, number
from nanwatch.diagnose.dead_layers import dead_layers
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.growth import BEGINS, growth_of_gradients, growth_of_loss
from nanwatch.diagnose.input_scale import raw_inputs
from nanwatch.diagnose.observed import GROWTH
from nanwatch.diagnose.optimizer_line import rate_remedy, rates_of
from nanwatch.diagnose.readings import (
    PATIENCE_STEPS,
    REGRESSIONS,
    SPARSE,
    constant_since,
    finite_losses,
    first_output,
    guess_loss,
    incident_of,
    label_of,
    update_ratios,
)
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.skill import skill_words
from nanwatch.diagnose.statistics import finite_values, median
from nanwatch.diagnose.symptoms import NONFINITE_FORWARD, STUCK
from nanwatch.record.facts import IncidentInfo, ModelInfo, WeightInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.notes import SquaresOverflowed
from nanwatch.record.run import Fit, Run

# A step that multiplies the loss more than this is more than a rate that is somewhat too high:
# raw targets and the like give such leaps as well (a rate too high for its inputs gave 85 a step).
LEAP = 1e4
LONG = 4  # steps of growth that a leap cannot explain
# After a spike of ten times the first loss and more, a net that is dead was killed by it. Seen: 100
# times and more (Adam 1.0); spikes of healthy runs come back to a net that tells rows apart.
SPIKE = BEGINS
# A step of this share of the weights' own norm is a leap: Adam at 0.01 takes 0.05 in its first
# steps, nets that died of their rate took 0.3 to 1.
LARGE_STEP = 0.3
EARLY = 3  # a rate that is too high by far shows at once, where nothing was learned yet
# Weights begin below 1 each, and a bold rate that has brought them here in its first steps is too bold.
LEAPT = 1e3  # root mean square of one variable
# Far worse than at the start, for the whole second half of 40 steps and more.
STAYS_ABOVE = 3.0
FAR_ABOVE = 10.0  # of a loss whose scale is not known
# Of such a loss, which is finite in the end: sums over episodes were seen to grow 600 times in health.
BEYOND_DOUBT = 1e6
# Keras's own rates; ten times that is a choice worth doubting, and up to it the rate is seldom it.
DEFAULT_RATES = {"SGD": 1e-2}
DEFAULT_RATE = 1e-3
BOLD = 10.0
# A target this far from scale 1 makes large gradients at any rate.
UNSCALED_TARGET = 10.0
TINY = 0.1  # of Keras's own rate: below it none is suspected of being too high
# Divisors of a rate that is only suspected: the first that trains is told.
LADDER = (10.0, 100.0, 1000.0)
RISES = 10.0  # times the first rate; a warm-up begins as low, and what it rises to is tried alike
# What speaks for and against, in steps of evidence; the sum is cut to what leaves room for doubt.
LEAST, MOST = 0.2, 0.85


@dataclass(frozen=True)
class Course:
    """What the loss did that a rate can explain, in words."""

    text: str
    evidence: tuple[str, ...]
    since: int
    strength: float
    factor: float | None = None  # by which the loss is multiplied a step, where it is steady


class LearningRateTooHigh(Rule):
    """The learning rate is too high: the loss grows, or one huge step leaves a dead net.

    ## What it does
    Looks at the true loss of every step: growth by a factor of a thousand that ends in inf or stays;
    one spike after which the net gives every row the same answer; or a loss that stays far above its
    start. If the inputs or targets are raw and the rate is not above Keras's default, the rate is less
    likely the cause.

    ## Why is this bad
    A step that goes beyond the other side of a valley meets a steeper slope, so the next step goes even
    further. The loss grows by a constant factor in each step until it overflows; or the weights reach a
    point where every ReLU is zero, and stay there.

    ## Example
    ```python
    keras.optimizers.Adam(1.0)
    ```

    ## Use instead
    ```python
    keras.optimizers.Adam(1e-3)
    ```
    """

    code, name = "NW501", "learning-rate-too-high"

    def missing(self, fit: Fit, run: Run) -> str | None:
        return None if fit.steps.has_column("loss") else "the loss of the steps was not seen"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        if min(rates_of(fit), default=0.0) < 0:
            return  # its sign is at fault, not its size
        incident = incident_of(fit, run)
        if have_squares_overflowed(incident) and (rate_over_default(fit) or 0.0) < BOLD:
            return  # a step of Adam's is no longer for a gradient that large: that is told by itself
        untouched = incident is not None and incident.finite_on_first_weights is False
        if untouched and not have_labels_grown(fit):
            return  # the batch is bad on untouched weights: no step has led there
        course = growing_course(fit, incident) or dying_course(fit) or course_above_start(fit)
        course = course or leapt_course(fit, incident)
        if course is None:
            return
        weighed, doubts = weigh_rate(fit, run, incident)
        optimizer = fit.model.optimizer
        at = (optimizer.location if optimizer else None) or fit.model.compile_location
        yield self.finding(
            fit,
            f"{rate_words(fit)} is too high for this training: {course.text}",
            *course.evidence,
            *doubts,
            location=at,
            remedies=remedies(fit, course),
            strength=min(MOST, max(LEAST, course.strength + weighed)),
            explains={"growth", "large-loss", "dead-activation", "saturated"} | STUCK | NONFINITE_FORWARD,
            since=course.since,
        )

    def suspect(self, fit: Fit, run: Run) -> Iterator[Finding]:
        yield from self.suspect_rise(fit)
        optimizer = fit.model.optimizer
        if optimizer is None or not optimizer.learning_rate or (rate_over_default(fit) or 0.0) < TINY:
            return
        yield self.finding(
            fit,
            f"{rate_words(fit)} is too high for this training: {skill_words(fit)}.",
            *step_words(fit),
            location=optimizer.location or fit.model.compile_location,
            remedies=tuple(
                rate_remedy(fit, float(f"{optimizer.learning_rate / divisor:.3g}")) for divisor in LADDER
            ),
            strength=0.4,
            explains={"growth", "large-loss", "dead-activation", "saturated"} | STUCK,
            suspected=True,
        )

    def suspect_rise(self, fit: Fit) -> Iterator[Finding]:
        """A schedule, or a callback, that turns the rate up while the training goes on."""
        course = [(bucket.row, bucket.max) for bucket in fit.steps.timeline("learning_rate")]
        first, optimizer = next(iter(fit.steps.first_values("learning_rate")), 0.0), fit.model.optimizer
        step, highest = max(course, key=lambda each: each[1], default=(0, 0.0))
        if optimizer is None or first <= 0 or highest < RISES * first:
            return
        at = optimizer.schedule_location or fit.info.location
        change = Intervention(InterventionKind.SET_LEARNING_RATE, "optimizer", float(f"{first:.3g}"))
        text = f"Keep the learning rate at {first:.3g}, or let it rise by less."
        yield self.finding(
            fit,
            f"The learning rate rises from {number(first)} to {number(highest)} (step {step}), which is too "
            f"high for this training: {skill_words(fit)}.",
            *step_words(fit),
            location=at,
            remedies=(Remedy(change, text, location=at),),
            strength=0.5,
            explains={"growth", "large-loss", "dead-activation", "saturated"} | STUCK,
            suspected=True,
        )

    @staticmethod
    def fires() -> list[Run]:
        growing = [85.0**step for step in range(18)]
        overflowed = {"role": "weight", "notes": (SquaresOverflowed("Adam", "dense/kernel"),)}
        return [
            optimizer_run("SGD", 1e-3, [*growing, math.inf], incident={"value": "inf"}),
            optimizer_run("SGD", 5.0, [1.0, 40.0, 1000.0, math.nan], incident={}),
            optimizer_run("Adam", 1.0, [1.6, 900.0, 16.0, *[1.609] * 60], dead_from=2),
            optimizer_run("Adam", 1.0, [1.6, 15.0, 1.6, *[1.609] * 60], dead_from=4, steps=0.3),
            optimizer_run("Adam", 1.0, [0.7] + [2.2] * 59, classes=2),
            optimizer_run("SGD", 0.5, growing, incident={"finite_on_first_weights": False}, labels=growing),
            optimizer_run("SGD", 5.0, [7e11, math.nan], incident={"step": 1}, weights=1.001e3),
            optimizer_run("SGD", 5.0, [20.0] + [201.0] * 40, loss="custom", steps=0.3),
            optimizer_run("Adam", 1e-2, [*growing, math.nan], incident=overflowed),
            optimizer_run("SGD", 1e-3, [1.2**step for step in range(86)], loss="custom"),
        ]

    @staticmethod
    def silent() -> list[Run]:
        data = {"finite_on_first_weights": False}
        growing = [85.0**step for step in range(18)]
        overflowed = {"role": "weight", "notes": (SquaresOverflowed("Adam", "dense/kernel"),)}
        return [
            optimizer_run("SGD", 5.0, [1.0, 40.0, 999.0, math.nan], incident={}),
            optimizer_run("SGD", 5.0, [1.0, 40.0, 1000.0, math.nan], incident=data),
            optimizer_run(
                "SGD", 5.0, [1.0, 40.0, 1000.0, math.nan], incident=data, labels=[1.0, 9.0, 999.0, 1.0]
            ),
            optimizer_run("Adam", 1.0, [1.6, 900.0, 16.0, *[1.2] * 60]),
            optimizer_run("Adam", 1.0, [1.6, 15.0, 15.9, *[1.609] * 60], dead_from=2),
            optimizer_run("Adam", 1.0, [1.6, 15.0, 1.6, *[1.609] * 60], dead_from=4, steps=0.29),
            optimizer_run("Adam", 1e-2, [0.8] * 11 + [2.4e24, 1.6e25], incident={}),
            optimizer_run("Adam", 1.0, [0.7] + [2.0] * 59, classes=2),
            optimizer_run("Adam", 1.0, [0.7] + [2.2] * 30, classes=2),
            optimizer_run("SGD", 5.0, [7e11, math.nan], incident={"step": 1}, weights=999.0),
            optimizer_run("SGD", 5.0, [20.0] + [199.0] * 40, loss="custom", steps=0.3),
            optimizer_run("SGD", 5.0, [20.0] + [201.0] * 40, loss="custom", steps=0.29),
            optimizer_run("SGD", 0.05, [20.0] + [201.0] * 40, loss="custom", steps=0.3),
            optimizer_run("SGD", 0.05, [7e11, math.nan], incident={"step": 1}, weights=2e3),
            optimizer_run("SGD", 1e-3, [1.2**step for step in range(70)], loss="custom"),
            optimizer_run("SGD", 1e-3, [-0.1, 85.0, 85.0**2, 85.0**3], incident={}, loss="custom"),
            optimizer_run("SGD", -5.0, [1.0, 40.0, 1000.0, math.nan], incident={}),
            made_up.run(loss=[0.7] * 30 + [math.nan], incident={"role": "gradient"}),
            optimizer_run("Adam", 9e-3, [*growing, math.nan], incident=overflowed),
        ]


def step_words(fit: Fit) -> Iterator[str]:
    """How far the largest step went, where that is worth a word."""
    step = largest_step(fit, fit.info.steps)
    if step >= LARGE_STEP:
        yield f"A step moved the weights by {number(step)} of their own norm."


def growing_course(fit: Fit, incident: IncidentInfo | None) -> Course | None:
    """The loss grows by orders to the end of what is finite."""
    grown = growth_of_loss(fit)
    if grown is None or (incident is None and not math.isfinite(median(finite_losses(fit)[-1:]))):
        return None
    if incident is None and not is_loss_known(fit) and grown.ratio < BEYOND_DOUBT and not has_leapt(fit):
        return None  # episodes grow longer, and rewards larger: such a loss grows in health
    gradients = growth_of_gradients(fit)
    since = min(grown.since, gradients.since) if gradients else grown.since
    long = grown.steps >= LONG and grown.factor < LEAP
    if not long and since > EARLY and largest_step(fit, since) < LARGE_STEP:
        return None  # a leap out of ordinary steps: the net, not the rate, makes so much of so little
    text = (
        f"the loss grows from {number(grown.start)} to {number(grown.peak)} "
        f"in {grown.steps} step{'' if grown.steps == 1 else 's'}."
    )
    evidence = [f"That is a factor of {number(grown.factor)} a step, from step {grown.since} on."]
    if incident is not None and incident.value == "inf" and incident.role in ("loss", "output"):
        evidence.append(f"In step {incident.step} the {incident.role} is inf, from finite weights.")
    if gradients is not None:
        norms = f"from a norm of {number(gradients.start)} to {number(gradients.peak)}"
        evidence.append(f"The gradients grow with it, {norms}.")
    return Course(text, tuple(evidence), since, 0.7 if long else 0.55, grown.factor if long else None)


def have_squares_overflowed(incident: IncidentInfo | None) -> bool:
    return incident is not None and any(isinstance(note, SquaresOverflowed) for note in incident.notes)


def have_labels_grown(fit: Fit) -> bool:
    """The labels grow with the loss: they are the model's own answers, as in Q-learning, and no data."""
    for path in fit.steps.paths("label", "max"):
        ends = [fit.steps.values("label", path, stat) for stat in ("min", "max")]
        sizes = [max(abs(low), abs(high)) for (_, low), (_, high) in zip(*ends, strict=True)]
        if finite_values(sizes) and max(finite_values(sizes)) >= GROWTH * max(sizes[0], 1.0):
            return True
    return False


def dying_course(fit: Fit) -> Course | None:
    """A huge loss or a huge step, and soon after it the same answer for every row."""
    losses = [(step, value) for step, value in fit.losses() if math.isfinite(value)]
    dead_since = death_step(fit)
    if len(losses) < PATIENCE_STEPS or not dead_since:
        return None  # a net that was dead from the start was not killed by a step
    start = losses[0][1]
    spikes = [entry for entry in losses[1:] if dead_since - PATIENCE_STEPS <= entry[0] <= dead_since + 1]
    at, peak = max(spikes, key=lambda entry: entry[1], default=(0, 0.0))
    step = largest_step(fit, dead_since)
    if not (0 < SPIKE * start <= peak) and step < LARGE_STEP:
        return None
    end = median([value for _, value in losses[-max(5, len(losses) // 10) :]])
    text = (
        f"the loss goes from {number(start)} to {number(peak)} at step {at}, "
        f"and the net is dead since step {dead_since}."
    )
    evidence = [f"The loss stays at {number(end)} from then on."]
    if step >= LARGE_STEP:
        evidence.append(f"Before that a step moved the weights by {number(step)} of their own norm.")
    return Course(text, tuple(evidence), min(at, dead_since), 0.75)


def death_step(fit: Fit) -> int | None:
    """The step since which a layer is dead, or the predictions are the same for every row."""
    dead = min((layer.since for layer in dead_layers(fit)), default=None)
    output = first_output(fit)
    return constant_since(fit, output.path) if dead is None and output is not None else dead


def largest_step(fit: Fit, until: int) -> float:
    """The largest step up to this one, as a share of the weights' own norm."""
    ratios = [ratio for step, ratio in update_ratios(fit) if step <= until and math.isfinite(ratio)]
    return max(ratios, default=0.0)


def course_above_start(fit: Fit) -> Course | None:
    """The loss is far above its start for the whole second half."""
    losses = finite_losses(fit)
    output = first_output(fit)
    if len(losses) < 2 * PATIENCE_STEPS or output is None or output.loss is None:
        return None
    guess, known = guess_loss(fit, output), is_loss_known(fit)
    if not known and not has_leapt(fit):
        return None  # what a loss of the script's own means, and whether it may grow, nobody knows
    start = max(losses[0], guess or 0.0)
    half = losses[len(losses) // 2 :]
    if start <= 0 or median(half) < (STAYS_ABOVE if known else FAR_ABOVE) * start or min(half) < start:
        return None
    text = f"the loss starts at {number(losses[0])} and stays at {number(median(half))}, far above."
    lowest = f"Its lowest value in the second half of the training is {number(min(half))}."
    return Course(text, (lowest,), 1, 0.55)


def is_loss_known(fit: Fit) -> bool:
    """Whether it is known of what size the loss should be, and so that it should not grow."""
    output = first_output(fit)
    named = output is not None and output.loss is not None and output.loss.name in REGRESSIONS
    return named or guess_loss(fit, output) is not None


def leapt_course(fit: Fit, incident: IncidentInfo | None) -> Course | None:
    """The first steps are over before a growth can be seen, and have left weights that nothing else makes."""
    if incident is None or incident.step > EARLY or (rate_over_default(fit) or 0.0) < BOLD:
        return None
    leapt = [
        (size, step, weight.path)
        for weight in fit.model.weights
        if weight.trainable
        for step, norm in fit.steps.values("weight", weight.path, "l2_norm")
        if step < incident.step and LEAPT <= (size := norm / math.sqrt(elements(weight))) < math.inf
    ]
    if not leapt:
        return None
    size, step, path = max(leapt)
    text = f"after step {step} the values of {path} are {number(size)} in the root mean square."
    losses = finite_losses(fit)
    said = f"It broke after {count_words(incident.step, 'step')}, the last of which had a loss of "
    return Course(text, (f"{said}{number(losses[-1])}.",) if losses else (), 0, 0.55)


def elements(weight: WeightInfo) -> int:
    return math.prod(side or 1 for side in weight.shape)


def has_leapt(fit: Fit) -> bool:
    """Whether a bold rate moved the weights by much of their own norm in the first steps."""
    return (rate_over_default(fit) or 0.0) >= BOLD and largest_step(fit, EARLY) >= LARGE_STEP


def weigh_rate(fit: Fit, run: Run, incident: IncidentInfo | None) -> tuple[float, list[str]]:
    """What else speaks for the rate (above 0) or against it, with the words for it."""
    total, words = 0.0, []
    label = label_of(fit, first_output(fit))
    output = first_output(fit)
    regression = output is not None and output.loss is not None and output.loss.name in REGRESSIONS
    if any(raw_inputs(fit, run)):
        total -= 0.2
        words.append("The inputs are far from scale 1, which asks for a lower rate.")
    if regression and label is not None and label.std > UNSCALED_TARGET:
        total -= 0.1
        words.append("The targets are far from scale 1, which asks for a lower rate.")
    times = rate_over_default(fit)
    if times is not None and times >= BOLD:
        total += 0.1
        words.append(f"The rate is {number(times)} times Keras's own for {optimizer_type(fit)}.")
    if incident is not None and incident.finite_on_first_weights:
        total += 0.1
        words.append("The same batch gives a finite loss on the weights of step 0.")
    return total, words


def rate_over_default(fit: Fit) -> float | None:
    optimizer = fit.model.optimizer
    if optimizer is None or not optimizer.learning_rate:
        return None
    return optimizer.learning_rate / DEFAULT_RATES.get(optimizer.type, DEFAULT_RATE)


def optimizer_type(fit: Fit) -> str:
    return fit.model.optimizer.type if fit.model.optimizer else "the optimizer"


def rate_words(fit: Fit) -> str:
    optimizer = fit.model.optimizer
    if optimizer is None or optimizer.learning_rate is None:
        return "The learning rate"
    return f"The learning rate {number(optimizer.learning_rate)} of {optimizer.type}"


def remedies(fit: Fit, course: Course) -> tuple[Remedy, ...]:
    """A bold rate goes back to Keras's own; any other down by as much as the growth asks for."""
    optimizer = fit.model.optimizer
    if optimizer is None or optimizer.learning_rate is None:
        return ()
    times = rate_over_default(fit) or 1.0
    divisor = times if times >= BOLD else 10.0 ** round(math.log10(damping(course)))
    return (rate_remedy(fit, float(f"{optimizer.learning_rate / divisor:.3g}")),)


def damping(course: Course) -> float:
    """How much lower a rate must be.

    On a parabola a step multiplies the error by 1 - rate x curvature, and the loss by its square:
    a loss that grows by f a step has rate x curvature = 1 + sqrt(f), where 2 is the limit. A tenth
    of that leaves room for batches steeper than the mean.
    """
    return min(10.0 * (1.0 + math.sqrt(course.factor)), 1000.0) if course.factor else 10.0


def optimizer_run(
    optimizer: str,
    rate: float,
    losses: list[float],
    *,
    classes: int = 5,
    dead_from: int | None = None,
    steps: float = 0.01,
    incident: Mapping[str, Any] | None = None,
    labels: list[float] | None = None,
    weights: float | None = None,
    loss: str = SPARSE,
) -> Run:
    """Labels of so many classes on scaled inputs; a hidden layer that may die of steps of this size."""
    of: ModelInfo = made_up.model(
        made_up.dense("hidden", 32, "relu"),
        made_up.dense(units=classes, activation="softmax"),
        loss=loss,
        optimizer=optimizer,
        learning_rate=rate,
    )
    norms = [0.0 if dead_from is not None and step >= dead_from else 3.0 for step in range(len(losses))]
    return made_up.run(
        of,
        loss=losses,
        inputs=[made_up.tensor("input")],
        targets=[made_up.labels(*range(classes))],
        steps={
            ("activation", "hidden", "l2_norm"): norms,
            **{("label", "0", stat): values for stat in ("min", "max") for values in [labels] if values},
            **({} if weights is None else {("weight", "hidden/kernel", "l2_norm"): [16 * weights] * 2}),
        },
        health={
            ("update", "hidden/kernel", "l2_norm"): [steps] * len(losses),
            ("weight", "hidden/kernel", "l2_norm"): [1.0] * len(losses),
        },
        incident=incident,
    )
