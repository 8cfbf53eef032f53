"""A kept training made again for some steps, as it was or with a change: the course of its loss."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import tensorflow as tf

from nanwatch.replay.attribute import attribute
from nanwatch.replay.constant_answer import best_constant, constant_loss
from nanwatch.replay.output_losses import OutputLosses, loss_of
from nanwatch.replay.own_step import as_tensors, loss_of_own_step, packed, run_own_step
from nanwatch.watch.data.kept_rows import Rows, batches_of
from nanwatch.watch.incident.autopsy import restore_after
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.function_copies import copy_all_functions
from nanwatch.watch.keras_seam.keras_types import Model, Optimizer, Structure, Tensor, Weights
from nanwatch.watch.recording.run_recorder import KeptTraining
from nanwatch.watch.train_step.traced_step import suspend_watching

Loss = Callable[[Structure, Structure, Structure], Tensor]  # of y, y_pred and sample_weight; a scalar
# Of x, y and sample_weight: the loss of the data, all of it, and of several outputs each one's own.
Step = Callable[[Structure, Structure, Structure], tuple[Tensor, Tensor, dict[str, Tensor]]]
WINDOW = 20  # batches at least over which a skill is told: one batch's loss is noisy
LONGEST = 100  # batches at most, where an epoch is longer


@dataclass(frozen=True)
class Setup:
    """All that a training is made of. A change gives another one."""

    model: Model
    loss: Loss
    optimizer: type[Any]
    config: dict[str, Any]  # of the optimizer
    rows: Rows
    batch_size: int
    shuffled: bool
    first_weights: Weights | None  # None: those that the model has
    first_state: Weights
    penalised: bool = True  # what layers add to the loss counts
    rates: tuple[tuple[int, float], ...] = ()  # (step, the rate from it on), where it does not stay as it is
    own_step: bool = False  # the model's ``train_step`` is run as the script wrote it
    besides: tuple[tf.Variable, ...] = ()  # that are trained too, though the model does not know them
    slots: Weights | None = None  # of the optimizer's variables; None: it begins anew
    since: int = 0  # the step of the training as it was that these weights are from
    learned_at: float | None = None  # the least rate up to that step; None where a schedule gave it
    inference: bool = False  # the loss that is told is that of predictions as anybody gets them later


@dataclass
class Course:
    """The steps of one training.

    ``skills`` has one number a step: 1 - its batch's loss / the loss of the best constant answer, without
    the penalties of the layers. Empty where no constant answer has a loss above 0.
    ``guess`` is that answer's loss; below 0 it is for labels that are no probabilities, under cross-entropy.
    ``raised`` is the type of the exception that ended it; then it is not finite either.
    """

    losses: list[float] = field(default_factory=list)
    skills: list[float] = field(default_factory=list)
    window: int = WINDOW
    finite: bool = True
    guess: float | None = None
    raised: str | None = None
    parts: dict[str, list[float]] = field(default_factory=dict)  # of several outputs, by their losses' keys
    guesses: dict[str, float] = field(default_factory=dict)  # by those keys, as far as they are above 0

    def tells_of(self, key: str) -> bool:
        """Whether the loss of this output was seen, and what guessing costs it is known."""
        return key in self.parts and key in self.guesses

    def of(self, key: str) -> Course:
        """The course of the loss of one output."""
        losses, guess = self.parts[key], self.guesses[key]
        skills = [1.0 - loss / guess for loss in losses]
        return Course(losses, skills, self.window, self.finite, guess, self.raised)

    @property
    def steps(self) -> int:
        return len(self.losses)

    def recent(self, until: int | None = None) -> list[float]:
        """The skills of the last steps, a window of them."""
        return self.skills[:until][-self.window :]

    def skill(self, until: int | None = None) -> float | None:
        """The mean over the last window; None where it is not known, or the training went non-finite."""
        recent = self.recent(until)
        return sum(recent) / len(recent) if recent and self.finite else None


def setup_of(kept: KeptTraining) -> Setup:
    """The training as it was.

    Raises:
        ValueError: the script has changed the model since.
    """
    if len(kept.model.trainable_variables) != len(kept.first_weights):
        raise ValueError("the model trains other weights than in the fit")
    config = seam().config_with_rate(kept.optimizer, kept.rate)
    rows = weighted(kept.rows, kept.class_weight)
    return Setup(
        kept.model,
        loss_of(kept.model, kept.loss),
        type(kept.optimizer),
        config,
        rows,
        kept.batch_size,
        kept.shuffled,
        kept.first_weights,
        kept.first_state,
        rates=kept.rates,
        own_step=kept.own_step,
    )


def setup_at_best(setup: Setup, kept: KeptTraining) -> Setup | None:
    """The rest of the training from its best point on; None where that is not held, or is not what it had.

    A rate that callbacks have changed is the one of that step.
    """
    best = kept.best
    if best is None or len(best.weights) != len(kept.model.trainable_variables):
        return None
    rate = next((rate for step, rate in reversed(kept.rates) if step <= best.step), kept.rate)
    before = [rate for step, rate in kept.rates if step < best.step]
    return replace(
        setup,
        config=setup.config if rate is None else {**setup.config, "learning_rate": rate},
        first_weights=best.weights,
        first_state=best.state,
        rates=tuple((step - best.step, later) for step, later in kept.rates if step > best.step),
        slots=best.slots,
        since=best.step,
        learned_at=None if kept.rate is None else min([kept.rate, *before]),
    )


def weighted(rows: Rows, class_weight: dict[str, float] | None) -> Rows:
    """``rows`` with the weight of each row's class, as ``fit`` does it."""
    if not class_weight:
        return rows
    labels = np.asarray(seam().flatten(rows.y)[0])
    classes = (
        labels.argmax(axis=-1) if labels.ndim > 1 and labels.shape[-1] > 1 else labels.reshape(len(labels))
    )
    known = {float(name): weight for name, weight in class_weight.items()}
    return rows.with_weights(np.array([known.get(float(each), 1.0) for each in classes], np.float32))


@contextlib.contextmanager
def made_again(setup: Setup) -> Iterator[Model]:
    """The model of ``setup`` on its first weights; what the block does to it is undone."""
    with suspend_watching(), restore_after(setup.model), copy_all_functions():
        state = seam().state_variables(setup.model)
        if len(state) == len(setup.first_state):
            for variable, value in zip(state, setup.first_state, strict=True):
                variable.assign(value)
        if setup.first_weights is not None:
            for variable, value in zip(setup.model.trainable_variables, setup.first_weights, strict=True):
                variable.assign(value)
        yield setup.model


Enough = Callable[[Course], bool]  # whether the training need not go on


def train(
    setup: Setup,
    steps: int,
    deadline: float,
    seed: int = 0,
    enough: Enough | None = None,
    catch: tuple[type[Exception], ...] = (),
) -> Course:
    """Up to ``steps`` steps, until ``deadline`` (of `time.perf_counter`); less where ``enough`` says so.

    An exception of ``catch`` ends it. Nothing of the model's is changed when it is over.
    """
    an_epoch = -(-setup.rows.length // setup.batch_size)
    course = Course(window=min(max(WINDOW, an_epoch), LONGEST))
    with made_again(setup) as model:
        try:
            for loss, parts in losses_of(setup, model, steps, deadline, seed, course):
                course.losses.append(loss)
                for key, part in parts.items():
                    course.parts.setdefault(key, []).append(float(np.asarray(part)))
                if course.guess is not None and course.guess > 0:
                    course.skills.append(1.0 - loss / course.guess)
                if course.steps % course.window == 0 and enough is not None and enough(course):
                    break
        except catch as error:
            course.raised = type(error).__name__
        course.finite = course.finite and course.raised is None and are_finite(model)
    return course


def losses_of(
    setup: Setup, model: Model, steps: int, deadline: float, seed: int, course: Course
) -> Iterator[tuple[float, dict[str, Tensor]]]:
    """The loss of each step as it is made, and that of each of several outputs; the first that is not finite
    is noted and ends them."""
    course.guess, course.guesses = guesses_of(setup, model)
    optimizer: Optimizer = setup.optimizer.from_config(setup.config)
    seam().build(optimizer, [*model.trainable_variables, *setup.besides])
    if setup.slots is not None:
        take_up(optimizer, setup.slots, setup.config)
    step = (own_step_of if setup.own_step else step_of)(setup, model, optimizer)
    rates = dict(setup.rates)
    for number, batch in enumerate(batches_of(setup.rows, setup.batch_size, setup.shuffled, seed)):
        if number >= steps or time.perf_counter() > deadline:
            return
        if number in rates:
            set_rate(optimizer, rates[number])
        data_loss, total, parts = step(*(as_tensors(part) for part in batch))
        found = float(np.asarray(data_loss))
        if not (math.isfinite(found) and math.isfinite(float(np.asarray(total)))):
            course.finite = False
            return
        yield found, parts


def guesses_of(setup: Setup, model: Model) -> tuple[float | None, dict[str, float]]:
    """The loss of the best constant answer, asked of the loss, or of the step that the script wrote; and that
    of each of several outputs, by its key."""
    if setup.own_step:
        return constant_loss(lambda rows: loss_of_own_step(model, rows), setup.rows, model), {}
    found = best_constant(lambda rows: loss_of_answers(setup.loss, rows), setup.rows, model)
    if found is None:
        return None, {}
    if not isinstance(setup.loss, OutputLosses):
        return found.loss, {}
    y, weight = as_tensors(found.rows.y), as_tensors(found.rows.sample_weight)
    apart = setup.loss.apart(y, found.answers, weight)
    costs = {key: float(np.asarray(part)) for key, part in apart.items() if setup.loss.weights[key]}
    return found.loss, {key: cost for key, cost in costs.items() if math.isfinite(cost) and cost > 0}


def loss_of_answers(loss: Loss, rows: Rows) -> Callable[[Structure], Tensor]:
    y, weight = as_tensors(rows.y), as_tensors(rows.sample_weight)
    return lambda answers: loss(y, answers, weight)


def take_up(optimizer: Any, slots: Weights, config: dict[str, Any]) -> None:
    """Let ``optimizer`` go on from what its variables were, at the rate of ``config``.

    Raises:
        ValueError: it has others.
    """
    for variable, value in zip(seam().kept_by(optimizer), slots, strict=True):
        variable.assign(value)
    if isinstance(config.get("learning_rate"), int | float):
        set_rate(optimizer, config["learning_rate"])


def set_rate(optimizer: Any, rate: float) -> None:
    (getattr(optimizer, "inner_optimizer", None) or optimizer).learning_rate = rate


def own_step_of(setup: Setup, model: Model, optimizer: Optimizer) -> Step:
    """As `step_of`, of the step that the script wrote; of its loss no part is known to be the data's."""

    def step(
        x: Structure, y: Structure, sample_weight: Structure
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        with attribute(model, "optimizer", optimizer):
            loss = run_own_step(model, packed(x, y, sample_weight))
        return loss, loss, {}

    return seam().compile(step, reduce_retracing=True)


def step_of(setup: Setup, model: Model, optimizer: Optimizer) -> Step:
    """A compiled step: forward, backward, update. Answers the loss of the data, and all of it.

    The loss of the data is that of the predictions as anybody gets them: Keras looks behind a softmax or
    sigmoid for its logits, which learn though the predictions may not.
    """
    wants_logits = any(
        seam().loss_arguments(loss).get("from_logits") for _, loss in seam().losses_of(setup.model)
    )
    variables: list[Any] = [*model.trainable_variables, *setup.besides]
    sources = list(map(seam().tensorflow_variable, variables))

    def apart(y: Structure, y_pred: Structure, sample_weight: Structure) -> tuple[Tensor, dict[str, Tensor]]:
        if isinstance(setup.loss, OutputLosses):
            parts = setup.loss.apart(y, y_pred, sample_weight)
            return setup.loss.sum_of(parts), parts
        return setup.loss(y, y_pred, sample_weight), {}

    def step(
        x: Structure, y: Structure, sample_weight: Structure
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        with tf.GradientTape() as tape:
            y_pred = model(x, training=True)
            data_loss, parts = apart(y, y_pred, sample_weight)
            total = data_loss
            for penalty in model.losses if setup.penalised else ():
                total += tf.cast(penalty, total.dtype)
            scaled = seam().scale_loss(optimizer, total)
        gradients = tape.gradient(scaled, sources)
        seam().apply(optimizer, seam().unscaled(optimizer, gradients), variables)
        if setup.inference:
            data_loss, parts = apart(y, seam().map_structure(tf.identity, model(x)), sample_weight)
        elif not wants_logits:
            data_loss, parts = apart(y, seam().map_structure(tf.identity, y_pred), sample_weight)
        return data_loss, total, parts

    return seam().compile(step, reduce_retracing=True)


def are_finite(model: Model) -> bool:
    checks = [tf.reduce_all(tf.math.is_finite(tf.convert_to_tensor(v))) for v in model.trainable_variables]
    return all(bool(check) for check in checks)
