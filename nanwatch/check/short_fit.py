"""``fit``, ``evaluate`` and ``train_on_batch`` of a check: few steps, one batch of validation."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from nanwatch.check.budget import CheckBudget
from nanwatch.check.writing_callbacks import is_held_back
from nanwatch.record.notes import EndedByTrainOnBatch
from nanwatch.watch.fit.fit_observer import observer_of
from nanwatch.watch.import_hook import Arguments
from nanwatch.watch.keras_seam.callbacks import EitherCallback
from nanwatch.watch.keras_seam.keras_types import Model, R
from nanwatch.watch.keras_seam.patches import Wrapper

STEPS = "_nanwatch_steps"


class StopEarly(EitherCallback):
    """Ends a fit after ``short.max_steps`` batches, and each validation after one."""

    def __init__(self, short: CheckBudget) -> None:
        super().__init__()
        self.short = short
        self.epoch = 0
        self.done = 0
        self.last = -1  # the last batch of this epoch

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        self.epoch, self.last = epoch, -1

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        self.short.go_on()
        self.done += batch - self.last
        self.last = batch
        if self.done < self.short.max_steps:
            return
        self.model.stop_training = True
        observer = observer_of(self.model)
        if self.more_to_come() and observer is not None and observer.fit is not None:
            self.short.cut.add(observer.fit.info.index)

    def on_test_batch_end(self, batch: int, logs: object = None) -> None:
        self.model.stop_evaluating = True

    def more_to_come(self) -> bool:
        steps = self.params.get("steps")
        return self.epoch + 1 < self.params.get("epochs", 1) or steps is None or self.last + 1 < steps


def shorten_fits(short: CheckBudget) -> dict[str, Wrapper]:
    """The wrappers, by seam."""
    return {
        "keras.Model.fit": functools.partial(fit, short),
        "keras.Model.evaluate": functools.partial(evaluate, short),
        "keras.Model.train_on_batch": functools.partial(train_on_batch, short),
    }


def fit(
    short: CheckBudget, original: Callable[..., R], model: Model, /, *args: object, **kwargs: object
) -> R:
    short.go_on()
    before = model.steps_per_execution
    with short.recorder.catch_errors("cutting fit short"):
        args, kwargs = shorter(original, model, args, kwargs, short)
        change_steps_per_execution(model, divisor(short.max_steps, before))
    try:
        return short.in_training(original, model, *args, **kwargs)
    finally:
        with short.recorder.catch_errors("giving back steps_per_execution"):
            change_steps_per_execution(model, before)


def shorter(
    original: Callable[..., object],
    model: Model,
    args: tuple[object, ...],
    kwargs: dict[str, object],
    short: CheckBudget,
) -> Arguments:
    """The arguments of ``fit``: what writes taken out, what stops put in, validation at every epoch."""
    try:
        found = dict(inspect.signature(original).bind(model, *args, **kwargs).arguments)
    except TypeError:  # Keras will say what is wrong with them
        return args, kwargs
    found.pop("self")
    found["callbacks"] = with_stop(found.get("callbacks"), model, short)
    found["validation_freq"] = 1
    return (), found


def with_stop(given: Any, model: Model, short: CheckBudget) -> object:
    """The callbacks that a check lets be, and the one that ends it."""
    stop = StopEarly(short)
    if hasattr(given, "append") and hasattr(given, "callbacks"):  # a CallbackList made by hand
        given.callbacks = [each for each in given.callbacks if not is_held_back(each, short)]
        stop.set_model(model)
        stop.set_params(given.params or {})
        given.append(stop)
        return given
    listed = list(given) if isinstance(given, list | tuple) else [given]
    return [each for each in listed if each is not None and not is_held_back(each, short)] + [stop]


def divisor(steps: int, wanted: int) -> int:
    """The most steps in one execution, ``wanted`` at most, that add up to ``steps``."""
    return max(count for count in range(1, min(steps, int(wanted)) + 1) if steps % count == 0)


def change_steps_per_execution(model: Model, count: int) -> None:
    if model.steps_per_execution != count:
        model.steps_per_execution = count
        model.train_function = model.test_function = None


def evaluate(
    short: CheckBudget, original: Callable[..., R], model: Model, /, *args: object, **kwargs: object
) -> R:
    """An ``evaluate`` of the script's own sees one batch. That of ``fit`` has its callbacks."""
    short.go_on()
    with short.recorder.catch_errors("cutting evaluate short"):
        args, kwargs = one_batch(original, model, args, kwargs, short)
    return original(model, *args, **kwargs)


def one_batch(
    original: Callable[..., object],
    model: Model,
    args: tuple[object, ...],
    kwargs: dict[str, object],
    short: CheckBudget,
) -> Arguments:
    try:
        found = inspect.signature(original).bind(model, *args, **kwargs).arguments
    except TypeError:
        return args, kwargs
    given = found.get("callbacks")
    if hasattr(given, "callbacks"):
        return args, kwargs
    listed = list(given) if isinstance(given, list | tuple) else [given]
    chosen = {name: value for name, value in found.items() if name not in ("self", "kwargs")}
    kept = [each for each in listed if each is not None and not is_held_back(each, short)]
    return (), {**chosen, **found.get("kwargs", {}), "callbacks": [*kept, StopEarly(short)]}


def train_on_batch(
    short: CheckBudget, original: Callable[..., R], model: Model, /, *args: object, **kwargs: object
) -> R:
    short.go_on()
    done = vars(model).get(STEPS, 0)
    if done >= short.max_steps:
        short.end(EndedByTrainOnBatch(done))
    vars(model)[STEPS] = done + 1
    return short.in_training(original, model, *args, **kwargs)
