"""A loop of the script's own: GradientTape and a Keras optimizer, without ``fit``."""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from nanwatch.record.notes import LoopOnReplicas, LoopUnderXla, OnParameterServers
from nanwatch.watch.fit.bare_functions import call_again
from nanwatch.watch.fit.fit_observer import FitObserver, observe_loop, observer_of
from nanwatch.watch.fit.training import LoopTraining
from nanwatch.watch.incident.handler import OnIncident
from nanwatch.watch.keras_seam.keras_types import (
    Loss,
    Model,
    Optimizer,
    R,
    Structure,
    Tensor,
    Variable,
)
from nanwatch.watch.keras_seam.public_tensorflow import tf
from nanwatch.watch.keras_seam.seams import Taker, take
from nanwatch.watch.keras_seam.tensorflow_names import is_traced_for_xla
from nanwatch.watch.launch import user_lines
from nanwatch.watch.recording.run_recorder import RunRecorder
from nanwatch.watch.train_step import graph_places, traced_step
from nanwatch.watch.train_step.loss_uses import note_use
from nanwatch.watch.train_step.own_fault import may_be_own
from nanwatch.watch.train_step.tape_recording import HELD, note_target, observe_call, thread_recording
from nanwatch.watch.train_step.tape_step import TapeStepRecorder
from nanwatch.watch.train_step.traced_step import suspend_watching


@dataclass
class Loops:
    """All loops of a process; `arm` it once Keras is there."""

    recorder: RunRecorder
    on_incident: OnIncident
    observers: list[weakref.ref[FitObserver]] = field(default_factory=list)
    # by functions of the script's own: the loops whose steps are in them; copies without nanwatch's ops
    steps: weakref.WeakKeyDictionary[Any, weakref.WeakSet[FitObserver]] = field(
        default_factory=weakref.WeakKeyDictionary
    )
    bare: weakref.WeakKeyDictionary[Any, Any] = field(default_factory=weakref.WeakKeyDictionary)
    # by functions that have been called: whether they give gradients, and make no update
    gives_gradients: weakref.WeakKeyDictionary[Any, bool] = field(default_factory=weakref.WeakKeyDictionary)

    def arm(self) -> None:
        wrappers = {
            "tensorflow.GradientTape.__enter__": self.enter_tape,
            "tensorflow.GradientTape.__exit__": self.leave_tape,
            "tensorflow.GradientTape.gradient": self.differentiate,
            "tf.function.__call__": self.call_function,
            "keras.Model.__call__": self.call_model,
            "keras.losses.Loss.__call__": self.call_loss,
            "keras.optimizers.Optimizer.apply": self.apply_optimizer,
            "keras.optimizers.LossScaleOptimizer.apply": self.apply_optimizer,
            "keras.optimizers.LossScaleOptimizer.scale_loss": self.scale_loss,
        }
        take(self.recorder.of_keras, Taker.LOOPS, wrappers)

    def enter_tape(self, original: Callable[[tf.GradientTape], R], tape: tf.GradientTape) -> R:
        recording = thread_recording()
        if not recording.tapes:
            recording.forget()
            if tf.executing_eagerly() and traced_step.current_step() is None and self.recorder.ours:
                recording.calls.clear()
                with self.recorder.catch_errors("keeping the ops of a step"):
                    recording.ops.start(self.recorder.catch_errors)
        recording.tapes += 1
        with self.recorder.catch_errors("seeing a tape"):
            recording.note_tape(tape)
        return original(tape)

    def leave_tape(self, original: Callable[..., R], tape: tf.GradientTape, *args: object) -> R:
        thread_recording().tapes -= 1
        with self.recorder.catch_errors("seeing a tape"):
            thread_recording().stop_meeting()
            if not thread_recording().tapes:
                thread_recording().ops.stop()
        return original(tape, *args)

    def differentiate(
        self,
        original: Callable[..., R],
        /,
        tape: tf.GradientTape,
        target: Structure,
        *args: object,
        **kwargs: object,
    ) -> R:
        if traced_step.current_step() is None:
            with self.recorder.catch_errors("seeing a tape"):
                note_target(target, sources_in(args, kwargs), self.recorder.catch_errors)
            with self.see_gradients():
                return original(tape, target, *args, **kwargs)
        return original(tape, target, *args, **kwargs)

    def see_gradients(self) -> contextlib.AbstractContextManager[object]:
        """In this block a tape computes gradients."""
        if not tf.executing_eagerly():
            return graph_places.note_gradients(self.recorder.catch_errors)
        ops = thread_recording().ops
        return ops.differentiate() if ops.kept else contextlib.nullcontext()

    def call_model(self, original: Callable[..., R], model: Model, /, *args: object, **kwargs: object) -> R:
        recording = thread_recording()
        if not recording.tapes or traced_step.current_step() is not None or getattr(HELD, "inside", False):
            return original(model, *args, **kwargs)
        HELD.inside = True
        try:
            return observe_call(recording, original, model, args, kwargs, self.recorder.catch_errors)
        finally:
            HELD.inside = False

    def call_loss(
        self,
        original: Callable[..., R],
        loss: Loss,
        /,
        y_true: Structure,
        y_pred: Structure,
        *args: object,
        **kwargs: object,
    ) -> R:
        recording = thread_recording()
        if recording.tapes and traced_step.current_step() is None:
            recording.labels, recording.loss = y_true, loss
            with self.recorder.catch_errors("seeing what a loss is given"):
                note_use(recording.loss_uses, loss, y_true, y_pred)
        since = graph_places.begin()
        with recording.ops.inside_loss():
            result = original(loss, y_true, y_pred, *args, **kwargs)
        with self.recorder.catch_errors("seeing a loss"):
            graph_places.note_loss(since)
        return result

    def scale_loss(self, original: Callable[..., R], optimizer: Optimizer, loss: Structure) -> R:
        thread_recording().is_scaled = True
        return original(optimizer, loss)

    def apply_optimizer(
        self,
        original: Callable[..., object],
        optimizer: Optimizer,
        grads: Iterable[Tensor | None],
        trainable_variables: Iterable[Variable] | None = None,
    ) -> object:
        ours = traced_step.current_step() is None and self.recorder.ours
        if trainable_variables is None or not ours or getattr(HELD, "applying", False):
            return original(optimizer, grads, trainable_variables)
        grads, variables = list(grads), list(trainable_variables)
        observer: FitObserver | None = None
        with self.recorder.catch_errors("taking up a loop"):
            if self.can_be_watched(sys._getframe()):
                observer = self.begin(optimizer)
        if observer is None or observer.is_bare or not isinstance(observer.training, LoopTraining):
            return original(optimizer, grads, variables)
        HELD.applying = True
        ops = thread_recording().ops
        ops.stop()
        try:
            observer.training.tape.apply(functools.partial(original, optimizer), grads, variables)
            if tf.executing_eagerly():
                observer.after_steps(1)
        finally:
            HELD.applying = False
            with self.recorder.catch_errors("letting go of what a step showed"):
                thread_recording().note_applied()
        return optimizer.iterations

    def can_be_watched(self, frame: FrameType) -> bool:
        """Whether an update that is made here can be; where not, that is noted."""
        if tf.distribute.has_strategy():
            if OnParameterServers() not in self.recorder.info.not_watched:  # else it is of that fit
                self.recorder.note_not_watched(LoopOnReplicas())
            return False
        if not tf.executing_eagerly() and is_traced_for_xla(frame):
            self.recorder.note_not_watched(LoopUnderXla())
            return False
        return True

    def begin(self, optimizer: Optimizer) -> FitObserver:
        """The observer of this optimizer's loop, whose record has begun."""
        observer = observer_of(optimizer)
        if observer is None or observer.recorder is not self.recorder:
            with tf.init_scope():
                observer = observe_loop(optimizer, self.recorder, self.on_incident)
            living = [found for found in self.observers if found() is not None]
            self.observers = [*living, weakref.ref(observer)]
        with tf.init_scope():
            observer.begin_loop()
        if not tf.executing_eagerly() and getattr(HELD, "steps", None) is not None:
            HELD.steps.append(observer)
        return observer

    def call_function(
        self, original: Callable[..., R], function: Callable[..., R], /, *args: object, **kwargs: object
    ) -> R:
        if not tf.executing_eagerly() or traced_step.current_step() is not None:
            return original(function, *args, **kwargs)
        bare = self.bare.get(function) if self.bare else None
        if bare is not None:
            with suspend_watching():
                return original(bare, *args, **kwargs)
        steps: list[FitObserver] = []  # of the loops that are traced in this call
        HELD.steps = steps
        failed: Exception | None = None
        try:
            with self.keep_call(function, steps):
                result = original(function, *args, **kwargs)
        except Exception as error:
            self.note_steps(function, steps)
            if function not in self.steps or not may_be_own(error):
                raise
            if not self.can_be_made_again(function):
                self.note_own_fault(function, error)
                raise
            failed = error
        finally:
            HELD.steps = None  # what was traced is not held between two calls
        self.note_steps(function, steps)
        if failed is not None:
            return self.go_on_bare(failed, function, args, kwargs)
        for found in self.observers:
            observer = found()
            if observer is not None and observer.fit is not None and is_of_this_thread(observer):
                observer.after_steps(1)
        return result

    @contextlib.contextmanager
    def keep_call(self, function: Callable[..., object], steps: list[FitObserver]) -> Iterator[None]:
        """A call of a function that gives gradients is kept until the update.

        Whether it does is known when it has been traced; ``steps`` are the loops whose updates are in it.
        """
        recording, is_kept = thread_recording(), False
        before = list(recording.losses)
        with self.recorder.catch_errors("keeping a call that gives gradients"):
            is_kept = self.may_give_gradients(function)
        if not is_kept:
            yield
            return
        with recording.keep_call() as number:
            yield
        with self.recorder.catch_errors("keeping a call that gives gradients"):
            new = [loss for loss in recording.losses if all(loss is not each for each in before)]
            given = not steps and any(loss.graph is not None for loss in new)
            if not self.gives_gradients.setdefault(function, given):
                del recording.calls.kept[number:]
            elif recording.are_calls_large(number):
                self.gives_gradients[function] = False
                recording.calls.clear()

    def may_give_gradients(self, function: Callable[..., object]) -> bool:
        """Of one that is called for the first time it is not known yet."""
        if thread_recording().tapes or not self.recorder.ours:
            return False
        if function not in self.gives_gradients and not user_lines.is_users(file_of(function)):
            self.gives_gradients[function] = False
        return self.gives_gradients.get(function, True)

    def note_steps(self, function: Callable[..., object], steps: list[FitObserver]) -> None:
        """The loops whose steps were traced in a call of ``function``."""
        if steps:
            self.steps.setdefault(function, weakref.WeakSet()).update(steps)

    def go_on_bare(self, failed: Exception, function: Callable[..., R], args: Any, kwargs: Any) -> R:
        """A call of ``function`` failed, and nanwatch may be to blame: it is made without, and so are the
        next ones. Raises what it raises then: that is the script's own."""
        for observer in self.steps[function]:
            observer.is_bare = True
        self.bare[function], result = call_again(function, self.steps_in(function), failed, args, kwargs)
        self.note_own_fault(function, failed)
        return result

    def steps_in(self, function: Callable[..., object]) -> list[TapeStepRecorder]:
        found = [observer.training for observer in self.steps[function]]
        return [training.tape for training in found if isinstance(training, LoopTraining)]

    def can_be_made_again(self, function: Callable[..., object]) -> bool:
        """Whether a call makes one step: of several, none but the last one is held."""
        return all(step.is_repeatable for step in self.steps_in(function))

    def note_own_fault(self, function: Callable[..., object], failed: Exception) -> None:
        for observer in self.steps[function]:
            observer.is_bare = True
            observer.note_own_fault(failed)


def file_of(function: Any) -> str:
    """Where the Python of a ``tf.function`` is written; empty where that is not known."""
    written = inspect.unwrap(function.python_function)
    code = getattr(getattr(written, "__func__", written), "__code__", None)
    return "" if code is None else code.co_filename


def sources_in(args: tuple[object, ...], kwargs: Mapping[str, object]) -> Structure:
    """What a tape's ``gradient`` was told to differentiate with respect to."""
    return args[0] if args else kwargs.get("sources")


def is_of_this_thread(observer: FitObserver) -> bool:
    """Whether the loop is this thread's, or of one that has ended. Another sees to its own."""
    return observer.thread is threading.current_thread() or not observer.thread.is_alive()
