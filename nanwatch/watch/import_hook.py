"""Waits for Keras to be imported, then takes its public seams. Never imports it first."""

from __future__ import annotations

import functools
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import warnings
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from nanwatch.record.events import Warned
from nanwatch.record.notes import OtherBackend, OtherKeras, OwnCallbackList
from nanwatch.watch.launch import user_lines
from nanwatch.watch.recording.run_recorder import RunRecorder


class KerasFinder(importlib.abc.MetaPathFinder):
    """Calls ``arrived(module)`` once after the package ``name`` has been imported by the script."""

    def __init__(self, name: str, arrived: Callable[[ModuleType], None]) -> None:
        self.name = name
        self.arrived = arrived
        self.searching = False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.name or self.searching:
            return None
        self.searching = True  # the search below comes by here again
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self.searching = False
        if spec is not None and spec.loader is not None:
            self.follow(spec.loader)
        return spec

    def follow(self, loader: Any) -> None:
        """Be told when ``loader`` has executed the module. To be found is not to be imported."""
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            del loader.exec_module
            if self in sys.meta_path:
                sys.meta_path.remove(self)
            execute(module)
            self.arrived(module)

        loader.exec_module = exec_module


def install_hook(recorder: RunRecorder, on_incident: Any, then: Callable[[Any], None] | None = None) -> None:
    """Watch every training of this process from the moment Keras is there; ``then(keras)`` is called last."""

    def arrived(keras: ModuleType) -> None:
        with recorder.catch_errors("taking Keras's seams"):
            take_seams(keras, recorder, on_incident)
        if then is not None:
            with recorder.catch_errors("cutting the script short"):
                then(keras)

    def legacy(module: ModuleType) -> None:
        recorder.note_not_watched(OtherKeras())

    sys.meta_path.insert(0, KerasFinder("keras", arrived))
    sys.meta_path.insert(0, KerasFinder("tf_keras", legacy))
    listen_to_warnings(recorder)


def listen_to_warnings(recorder: RunRecorder) -> None:
    """Keep what Keras warns of; it is shown as it would have been."""
    show = warnings.showwarning

    def showwarning(
        message: Any, category: Any, filename: str, lineno: int, file: Any = None, line: Any = None
    ) -> None:
        if "keras" in filename or "tensorflow" in filename or user_lines.is_users(filename):
            running = [number for number, fit in enumerate(recorder.fits) if fit.status == "running"]
            fit = running[-1] if running else len(recorder.fits)
            recorder.add_event(Warned(fit, str(message)[:1000], category.__name__))
        show(message, category, filename, lineno, file, line)

    warnings.showwarning = showwarning


def take_seams(keras: Any, recorder: RunRecorder, on_incident: Any) -> None:
    """Wrap what makes layers and optimizers, ``compile``, ``fit`` and ``make_train_function``."""
    if keras.backend.backend() != "tensorflow":
        recorder.note_not_watched(OtherBackend(keras.backend.backend()))
        return
    from nanwatch.watch.keras_seam import keras_names

    with recorder.catch_errors("leaving TensorFlow's tracebacks alone"):
        keras_names.hide_frames(user_lines.OWN, user_lines.below_the_script())
    record_construction(keras.layers.Layer)
    record_construction(keras.Operation)
    record_construction(keras.optimizers.Optimizer)
    record_construction(keras.optimizers.schedules.LearningRateSchedule)
    record_compile(keras.Model)
    inject_watch(keras.Model, recorder, on_incident)
    watch_train_on_batch(keras.Model, recorder, on_incident)
    from nanwatch.watch.fit.loops import Loops
    from nanwatch.watch.recording.saves import Saves

    Saves(recorder).arm()
    Loops(recorder, on_incident).arm()


def record_construction(cls: Any) -> None:
    """Note the user's line for every instance of ``cls`` and its subclasses."""
    original = cls.__new__

    def __new__(made: Any, *args: Any, **kwargs: Any) -> Any:
        thing = original(made) if original is object.__new__ else original(made, *args, **kwargs)
        user_lines.mark_line(thing, sys._getframe(1))
        return thing

    cls.__new__ = __new__


def record_compile(cls: Any) -> None:
    """Note the user's line of every ``compile``.

    On the class that defines it: Keras asks whether a model has a ``compile`` of its own, and then
    loads a saved model without compiling it.
    """
    cls = next(owner for owner in cls.__mro__ if "compile" in vars(owner))
    original = cls.compile

    @functools.wraps(original)
    def compile(self: Any, *args: Any, **kwargs: Any) -> Any:
        user_lines.mark_compile(self, sys._getframe(1))
        return original(self, *args, **kwargs)

    cls.compile = compile


def inject_watch(cls: Any, recorder: RunRecorder, on_incident: Any) -> None:
    """Add a `Watch` to the callbacks of every ``fit``, unless the script passes its own."""
    original = cls.fit

    @functools.wraps(original)
    def fit(self: Any, *args: Any, **kwargs: Any) -> Any:
        if recorder.ours:
            with recorder.catch_errors("joining fit"):
                args, kwargs = with_watch(args, kwargs, recorder, on_incident)
        return original(self, *args, **kwargs)

    cls.fit = fit


CALLBACKS_PLACE = 5  # of fit's positional arguments behind self: x, y, batch_size, epochs, verbose


def with_watch(
    args: tuple[Any, ...], kwargs: dict[str, Any], recorder: RunRecorder, on_incident: Any
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of ``fit`` with a `Watch` among the callbacks."""
    from nanwatch.watch.fit.callback import Watch

    given = callbacks_of(args, kwargs)
    if isinstance(given, list | tuple):
        own = next((item for item in given if isinstance(item, Watch)), None)
        if own is not None:
            own.recorder, own.injected = recorder, True
            return args, kwargs
    elif hasattr(given, "append") and hasattr(given, "callbacks"):  # a CallbackList made by hand
        recorder.note_not_watched(OwnCallbackList())
        return args, kwargs
    watch = Watch(on_incident=on_incident)
    watch.recorder, watch.injected = recorder, True
    return with_callback(args, kwargs, watch)


def callbacks_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What ``fit`` was given as callbacks."""
    return args[CALLBACKS_PLACE] if len(args) > CALLBACKS_PLACE else kwargs.get("callbacks")


def with_callback(
    args: tuple[Any, ...], kwargs: dict[str, Any], callback: Any
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of ``fit`` with ``callback`` behind those it was given."""
    given = callbacks_of(args, kwargs)
    if given is None:
        callbacks = [callback]
    else:
        callbacks = [*given, callback] if isinstance(given, list | tuple) else [given, callback]
    if len(args) > CALLBACKS_PLACE:
        return (*args[:CALLBACKS_PLACE], callbacks, *args[CALLBACKS_PLACE + 1 :]), kwargs
    return args, {**kwargs, "callbacks": callbacks}


def watch_train_on_batch(cls: Any, recorder: RunRecorder, on_incident: Any) -> None:
    """Attach to a model that is trained batch by batch, before its step is compiled."""
    original = cls.train_on_batch

    @functools.wraps(original)
    def train_on_batch(self: Any, *args: Any, **kwargs: Any) -> Any:
        if recorder.ours:
            with recorder.catch_errors("joining train_on_batch"):
                from nanwatch.watch.fit.fit_observer import observe_model, observer_of

                if observer_of(self) is None:
                    observe_model(self, recorder, on_incident)
        return original(self, *args, **kwargs)

    cls.train_on_batch = train_on_batch
