"""The guard that holds a bad step's updates back, and takes back those made before it went bad."""

from __future__ import annotations

import contextlib
import functools
import weakref
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from nanwatch.watch.keras_seam import tensorflow_names
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.function_copies import FunctionCopies
from nanwatch.watch.keras_seam.keras_types import Apply, Gradient, Graph, Optimizer, Tensor, Variable
from nanwatch.watch.keras_seam.patches import Patches
from nanwatch.watch.keras_seam.public_tensorflow import tf
from nanwatch.watch.train_step import variable_writes, writes_without_data
from nanwatch.watch.train_step.conditional_update import (
    KeptValue,
    apply_unless,
    in_any_replica,
    is_in_replica,
)
from nanwatch.watch.train_step.eager_ops import not_kept
from nanwatch.watch.train_step.kept_step import KeptStep
from nanwatch.watch.train_step.own_ops import own_ops
from nanwatch.watch.train_step.sentinels import half_square_sum, surely_finite, watchable
from nanwatch.watch.train_step.traced_step import (
    CURRENT,
    CatchErrors,
    TracedStep,
    batch_loss,
    current_step,
    suspend_watching,
)
from nanwatch.watch.train_step.writes_without_data import GuardedUpdate

MAIL_ROOM = 1024  # gradients whose norms a mailbox can carry


@dataclass
class PostedUpdate:
    """Carries numbers out of a function of the script's own, whose tensors cannot leave it.

    Of fixed size, because XLA assigns no variable of unknown shape.
    """

    bad: tf.Variable  # bool scalar
    loss: tf.Variable  # float32 scalar
    sums: tf.Variable  # float32, shape (`MAIL_ROOM`,): half sums of squares of the gradients

    @classmethod
    def box(cls) -> PostedUpdate:
        values = (False, np.float32(0.0), np.zeros([MAIL_ROOM], np.float32))
        return cls(*(tensorflow_names.make_variable(value, "nanwatch_mail") for value in values))

    def post(self, bad: Tensor, loss: Tensor | None, sums: Sequence[Tensor], place: int) -> None:
        """Add an update to those of the step; of several losses the first bad one is kept.

        All are scalars; ``place`` is where its ``sums`` begin.
        """
        if loss is not None:
            self.loss.assign(tf.where(self.bad, self.loss, loss))
        self.bad.assign(tf.logical_or(self.bad, bad))
        if sums and place < MAIL_ROOM:
            kept = tf.stack(list(sums)[: MAIL_ROOM - place])
            rest = place + int(kept.shape[0])
            self.sums.assign(tf.concat([self.sums[:place], kept, self.sums[rest:]], axis=0))


@dataclass
class UpdateGuard:
    """Holds back the updates of a step of which a loss or a gradient is not finite."""

    halted: tf.Variable  # bool scalar: an earlier step was bad and nothing is applied any more
    mail: PostedUpdate
    catch_errors: CatchErrors
    hold: bool = True  # False: on_incident="continue", the update is applied whatever it is
    several: bool = False  # the step is the script's own: it may apply more than one update
    out_of_hand: bool = False  # it does, from functions of its own: a later one cannot take back an earlier
    # What the mail is about, by optimizer and variables: a function is traced once, and called again.
    posted: dict[tuple[int, ...], list[Gradient]] = field(default_factory=dict)
    loss_posted: bool = False
    traced: weakref.ref[TracedStep] | None = None  # the step that ``updates`` are of
    updates: list[GuardedUpdate] = field(default_factory=list)
    copies: FunctionCopies = field(init=False)
    kept: KeptStep | None = None  # where a step that has failed is made again from its parts
    loss_graph: weakref.ref[Graph] | None = None  # that a loss was traced in last
    inside: int = 0  # replicas that are being traced now
    patches: Patches = field(default_factory=Patches)  # of the model that is being traced

    def __post_init__(self) -> None:
        self.copies = FunctionCopies(self.catch_errors)

    def apply(
        self,
        optimizer: Optimizer,
        original: Apply,
        grads: Iterable[Tensor | None],
        trainable_variables: Sequence[Variable] | None = None,
    ) -> None:
        """In the place of an optimizer's ``apply``. Raises what that does."""
        grads = list(grads)
        seen = current_step()
        if seen is None or seen.applying:
            original(grads, trainable_variables)
            return
        seen.applying = True
        try:
            with not_kept():
                self.decide(seen, optimizer, original, grads, trainable_variables)
        finally:
            seen.applying = False

    def decide(
        self,
        seen: TracedStep,
        optimizer: Optimizer,
        original: Apply,
        grads: list[Tensor | None],
        given: Sequence[Variable] | None,
    ) -> None:
        variables = list(given or seam().trained_by(optimizer))
        seen.optimizers.append(optimizer)
        held: Tensor | None = None
        with self.catch_errors("weighing the gradients"), own_ops(), self.wait():
            held = self.weigh(seen, optimizer, grads, variables)
        if held is None or not self.hold or all(grad is None for grad in grads):
            original(grads, given)  # without a gradient nothing is updated, and Keras says so
            return
        with self.catch_errors("building an optimizer"):  # else the update does, inside the condition
            if not seam().is_built(optimizer):
                seam().build(optimizer, variables)
        kept: list[KeptValue] = []
        if self.several:
            with self.catch_errors("keeping what an update changes"), own_ops():
                kept, lost = seen.updated_before()
                self.out_of_hand |= lost
                seen.before_update([*variables, *seam().kept_by(optimizer)])
        apply = functools.partial(apply_unseen, original) if is_in_replica() else original
        with variable_writes.note_ops(seen.guarded_ops):
            apply_unless(held, apply, grads, given, kept=kept)
        if seen.graph is not None:
            with self.catch_errors("remembering an update"):
                self.note_update(seen, GuardedUpdate.of(original, grads, given))

    def wait(self) -> contextlib.AbstractContextManager[object]:
        return contextlib.nullcontext() if self.kept is None else self.kept.wait()

    def note_update(self, seen: TracedStep, update: GuardedUpdate) -> None:
        """Remember what the step updates; of each function in it, as that was traced last."""
        if self.traced is None or self.traced() is not seen:
            self.traced, self.updates = weakref.ref(seen), []
        self.updates = [each for each in self.updates if not update.is_later_trace_of(each)]
        self.updates.append(update)

    def make_up_for_missing_data(self) -> None:
        """The step was called for a batch that did not come: write what it writes without a guard."""
        with suspend_watching():
            for update in self.updates:
                writes_without_data.make(update)

    def weigh(
        self,
        seen: TracedStep,
        optimizer: Optimizer,
        grads: list[Tensor | None],
        variables: list[Variable],
    ) -> Tensor:
        """Whether this update is to be held back, a bool scalar; what was seen goes into ``seen``."""
        known = list(map(Gradient, grads, variables))
        present = [grad for grad, _ in known if watchable(grad)]
        raw = [half_square_sum(grad) for grad in present]
        sums = unscale_sums(raw, seam().scale_of_gradients(optimizer))
        loss = batch_loss(seen, optimizer)
        bad = self.is_bad(seen, optimizer, raw, present)
        if not seen.here():
            return self.post(seen, optimizer, known, bad, loss, sums)
        seen.gradients += known
        seen.sums += sums
        if loss is not None:
            seen.losses.append(loss)
        seen.bad = bad if seen.bad is None else tf.logical_or(seen.bad, bad)
        held: Tensor = tf.logical_or(seen.bad, self.halted)
        if self.posted:
            held = tf.logical_or(held, self.mail.bad)
        if is_in_replica():
            held = seen.held = in_any_replica(held)
        return held

    def post(
        self,
        seen: TracedStep,
        optimizer: Optimizer,
        known: list[Gradient],
        bad: Tensor,
        loss: Tensor | None,
        sums: Sequence[Tensor],
    ) -> Tensor:
        """As `weigh`, where the update is made in a function of the script's own; all are scalars."""
        key = (id(optimizer), *(id(variable) for _, variable in known))
        place = 0
        for other, gradients in self.posted.items():
            if other == key:
                break
            place += sum(watchable(grad) for grad, _ in gradients)
        self.posted[key] = known
        self.loss_posted |= loss is not None
        self.mail.post(bad, loss, sums, place)
        held: Tensor = tf.logical_or(self.mail.bad, self.halted)
        if seen.bad is not None and seen.graph is not None:
            held = tf.logical_or(held, seen.bad)
        return held

    def collect(self, seen: TracedStep) -> tuple[Tensor, Tensor | None]:
        """(bad, loss) of the updates that were posted in this step; their gradients go into ``seen``.

        A bool scalar, and a float32 scalar where one was posted.
        """
        bad, loss = tf.identity(self.mail.bad), tf.identity(self.mail.loss)
        sums = tf.unstack(tf.identity(self.mail.sums))
        gradients = [pair for known in self.posted.values() for pair in known]
        seen.gradients += gradients
        seen.sums += sums[: sum(watchable(grad) for grad, _ in gradients)]
        self.mail.bad.assign(False)
        return bad, loss if self.loss_posted else None

    def is_bad(
        self, seen: TracedStep, optimizer: Optimizer, sums: Sequence[Tensor], grads: Sequence[Tensor]
    ) -> Tensor:
        """Whether the loss or a gradient is not finite, a bool scalar."""
        loss = batch_loss(seen, optimizer)
        fine = tf.constant(True) if loss is None else tf.math.is_finite(loss)
        if not seam().is_loss_scaling(optimizer):  # it skips an overflow itself: that is health
            fine = tf.logical_and(fine, surely_finite(sums, grads))
        bad: Tensor = tf.logical_not(fine)
        return bad


def apply_unseen(
    original: Apply, grads: Sequence[Tensor | None], variables: Sequence[Variable] | None
) -> object:
    """``original``, which a strategy calls in threads of its own: that is no loop of the script's."""
    if current_step() is not None:
        return original(grads, variables)
    CURRENT.seen = TracedStep(tensorflow_names.traced_graph(), applying=True)
    try:
        return original(grads, variables)
    finally:
        CURRENT.seen = None


def loss_of_step(seen: TracedStep, optimizer: Optimizer | None) -> Tensor | None:
    """The loss of the step, a float32 scalar: of several, the first that is not finite, else the last."""
    if len(seen.losses) < 2:
        return batch_loss(seen, optimizer)
    loss = seen.losses[-1]
    for earlier in reversed(seen.losses[:-1]):
        loss = tf.where(tf.math.is_finite(earlier), loss, earlier)
    return loss


def unscale_sums(sums: Sequence[Tensor], factor: Variable | float | None) -> list[Tensor]:
    """Sums of squares, float32 scalars, as they were without ``factor`` on the loss."""
    if factor is None:
        return list(sums)
    square = tf.square(tf.cast(factor, tf.float32))
    return [tf.divide(value, square) for value in sums]
