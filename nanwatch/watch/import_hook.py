"""Waits for Keras to be imported, then takes its public seams. Never imports it first."""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, TextIO, TypeGuard

from nanwatch.line_notes import wait_no_more
from nanwatch.record.events import Warned
from nanwatch.record.facts import OnIncident
from nanwatch.record.notes import OtherBackend
from nanwatch.watch.keras_seam import chosen
from nanwatch.watch.keras_seam.patches import Patches
from nanwatch.watch.keras_seam.seams import Taker, missing_seams, take
from nanwatch.watch.launch import user_lines
from nanwatch.watch.launch.disabled import is_disabled
from nanwatch.watch.launch.own_modules import KEPT, own_imports
from nanwatch.watch.recording.run_recorder import RunRecorder
from nanwatch.watch.which_keras import WhichKeras

if TYPE_CHECKING:
    from nanwatch.watch.keras_seam.keras_types import CallbackList, Model, R  # which imports NumPy


class KerasFinder(importlib.abc.MetaPathFinder):
    """Calls ``on_import(module)`` once after the package ``name`` has been imported by the script."""

    def __init__(self, name: str, on_import: Callable[[ModuleType], None]) -> None:
        self.name = name
        self.on_import = on_import
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
            self.on_import(module)

        # Python leaves importlib's own frames out of a traceback down to the one of this name.
        exec_module.__code__ = exec_module.__code__.replace(
            co_filename="<frozen importlib._bootstrap>", co_name="_call_with_frames_removed"
        )
        loader.exec_module = exec_module


@contextlib.contextmanager
def wait_for(arrivals: Mapping[str, Callable[[ModuleType], None]]) -> Iterator[None]:
    """While the block lasts, be told of the packages that the script imports; by their names."""
    finders = [KerasFinder(name, on_import) for name, on_import in arrivals.items()]
    place = sys.meta_path
    place[:0] = finders
    try:
        yield
    finally:
        for finder in finders:
            if finder in place:
                place.remove(finder)


def install_hook(
    recorder: RunRecorder,
    on_incident: OnIncident,
    then: Callable[[ModuleType], None] | None = None,
    is_begun: bool = False,
) -> None:
    """Watch every training of this process from the moment Keras is there; ``then(keras)`` is called last.

    What is patched for it is given back when the run ends. ``is_begun``: Keras may be there by now.
    """

    def meet(keras: ModuleType) -> None:
        take_seams(keras, recorder, on_incident)
        if then is not None:
            with own_imports(), recorder.catch_errors("cutting the script short"):
                then(keras)

    which = WhichKeras(recorder, meet, record_construction)

    def meet_keras_2(module: ModuleType) -> None:
        which.arrived(2, module)

    def meet_keras(module: ModuleType) -> None:
        if hasattr(module, "backend") and module.__name__ == "keras":  # else a keras.py of the script's own
            which.arrived(3, module)

    wait_no_more()
    arrivals = {"tf_keras": meet_keras_2, "keras": meet_keras}
    there = [name for name in arrivals if name in sys.modules] if is_begun else []
    waiting = wait_for({name: arrivals[name] for name in arrivals if name not in there})
    take(recorder.patches, Taker.ARRIVAL, {"sys.meta_path": waiting})
    listen_to_warnings(recorder)
    for name in there:
        arrivals[name](sys.modules[name])


def listen_to_warnings(recorder: RunRecorder) -> None:
    """Keep what Keras warns of; it is shown as it would have been."""

    def showwarning(
        show: Callable[..., None],
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        with recorder.catch_errors("noting a warning"):
            if "keras" in filename or "tensorflow" in filename or user_lines.is_users(filename):
                running = recorder.last_fit
                fit = recorder.num_fits if running is None else running
                recorder.add_event(Warned(fit, str(message)[:1000], category.__name__))
        show(message, category, filename, lineno, file, line)

    take(recorder.patches, Taker.WARNINGS, {"warnings.showwarning": showwarning})


def take_seams(keras: ModuleType, recorder: RunRecorder, on_incident: OnIncident) -> None:
    """Take all that a run watches by, now that Keras is there."""
    if chosen.backend() not in chosen.WATCHED_BACKENDS:
        recorder.note_not_watched(OtherBackend(chosen.backend()))
        return
    on_tensorflow = chosen.is_on_tensorflow()
    from nanwatch.watch.keras_seam.hidden_frames import hide_frames

    with recorder.catch_errors("leaving TensorFlow's tracebacks alone"):
        beneath = frozenset[str]() if recorder.is_part and not KEPT else user_lines.below_the_script()
        hide_frames(recorder.of_keras, user_lines.OWN, beneath)
    note_lines(recorder.of_keras)
    if on_tensorflow:
        from nanwatch.watch.keras_seam.held_gradients import register_for_graph

        registered = {"tensorflow.RegisterGradient.__call__": register_for_graph}
        take(recorder.of_keras, Taker.GRADIENTS, registered)
    join_fits(recorder, on_incident)
    for missing in missing_seams():
        recorder.note_not_watched(missing)
    with recorder.catch_errors("getting ready for a training"):
        from nanwatch.watch.fit import callback, fit_observer  # noqa: F401 - at hand for every fit
    with recorder.catch_errors("taking the seams of what is saved"):
        from nanwatch.watch.recording.saves import Saves

        Saves(recorder).arm()
    if not on_tensorflow:  # a loop of another backend's asks nothing of Keras by which it could be seen
        return
    with recorder.catch_errors("taking the seams of loops"):
        from nanwatch.watch.fit.loops import Loops

        Loops(recorder, on_incident).arm()


def note_lines(patches: Patches) -> None:
    """Remember which of the script's lines made a layer, an optimizer or a schedule, or compiled a model."""
    wrappers = {
        "keras.layers.Layer.__new__": record_construction,
        "keras.Operation.__new__": record_construction,
        "keras.optimizers.Optimizer.__new__": record_construction,
        "keras.optimizers.schedules.LearningRateSchedule.__new__": record_construction,
        "keras.losses.Loss.__new__": record_construction,
        "keras trainer.compile": record_compile,
        "keras.layers.Layer.trainable": with_freezing_noted,
    }
    take(patches, Taker.LINES, wrappers)


BY_HAND: list[Patches] = []  # what notes the lines for a `Watch` that is passed by hand, once it does


def note_lines_by_hand(keras: ModuleType) -> None:
    """Note lines in this process from now on, and for good; nothing else of Keras is taken.

    In a script that nanwatch has started they are noted for its run. Raises whatever fails.
    """
    if BY_HAND or KEPT or is_disabled() or not hasattr(keras, "backend"):  # a keras.py of the script's own
        return
    if chosen.backend() not in chosen.WATCHED_BACKENDS:
        return
    patches = Patches()
    try:
        note_lines(patches)
    except BaseException:
        patches.undo()
        raise
    BY_HAND.append(patches)


def record_construction(original: Callable[..., R], cls: type, /, *args: object, **kwargs: object) -> R:
    thing = original(cls, *args, **kwargs)
    chosen.settle(chosen.chosen())  # by what is made first
    user_lines.mark_line(thing, sys._getframe(1))
    return thing


def with_freezing_noted(given: property) -> property:
    """``trainable``, which remembers the line that sets it to False."""

    def put(layer: object, value: object) -> None:
        if not value:
            user_lines.mark_frozen(layer, sys._getframe(1))
        if given.fset is not None:
            given.fset(layer, value)

    return property(given.fget, put, given.fdel, given.__doc__)


def record_compile(original: Callable[..., R], model: Model, /, *args: object, **kwargs: object) -> R:
    user_lines.mark_compile(model, sys._getframe(1))
    return original(model, *args, **kwargs)


def join_fits(recorder: RunRecorder, on_incident: OnIncident) -> None:
    """Add a `Watch` to the callbacks of every ``fit``, unless the script passes its own; attach to a model
    that is trained batch by batch, before its step is compiled."""

    def fit(original: Callable[..., R], model: Model, /, *args: object, **kwargs: object) -> R:
        take_back = nothing_to_do
        if recorder.ours:
            with imports_of_a_fit(), recorder.catch_errors("joining fit"):
                if is_callback_list(given := callbacks_of(args, kwargs)):
                    take_back = lend_watch(given, model, recorder, on_incident)
                else:
                    args, kwargs = with_watch(args, kwargs, recorder, on_incident)
        try:
            return original(model, *args, **kwargs)
        finally:
            take_back()
            leave(model)

    def train_on_batch(original: Callable[..., R], model: Model, /, *args: object, **kwargs: object) -> R:
        observer = None
        if recorder.ours:
            with imports_of_a_fit(), recorder.catch_errors("joining train_on_batch"):
                from nanwatch.watch.fit.backend_training import left_alone_for
                from nanwatch.watch.fit.fit_observer import observe_model, observer_of

                held = observer_of(model)
                if (left_alone := left_alone_for(model)) is not None:
                    recorder.note_not_watched(left_alone)
                else:
                    observer = observe_model(model, recorder, held.on_incident if held else on_incident)
        try:
            return original(model, *args, **kwargs)
        finally:
            leave(model)
            del observer  # held till here: Keras may not have made yet what holds it

    def leave(model: Model) -> None:
        with recorder.catch_errors("leaving a model"):
            from nanwatch.watch.fit.fit_observer import detach_observer

            detach_observer(model)

    wrappers = {"keras.Model.fit": fit, "keras.Model.train_on_batch": train_on_batch}
    take(recorder.of_keras, Taker.FITS, wrappers)


def imports_of_a_fit() -> contextlib.AbstractContextManager[None]:
    """`own_imports` where the script has thrown ours out; threads that train at once do without."""
    at_hand = {"nanwatch.watch.fit.callback", "nanwatch.watch.fit.fit_observer"} <= sys.modules.keys()
    return contextlib.nullcontext() if at_hand else own_imports()


Arguments = tuple[tuple[object, ...], dict[str, object]]  # by position, by name
CALLBACKS_PLACE = 5  # of fit's positional arguments behind self: x, y, batch_size, epochs, verbose


def with_watch(
    args: tuple[object, ...], kwargs: dict[str, object], recorder: RunRecorder, on_incident: OnIncident
) -> Arguments:
    """The arguments of ``fit`` with a `Watch` among the callbacks."""
    from nanwatch.watch.fit.callback import Watch

    given = callbacks_of(args, kwargs)
    if isinstance(given, list | tuple):
        own = next((item for item in given if isinstance(item, Watch)), None)
        if own is not None:
            own.recorder, own.injected = recorder, True
            return args, kwargs
    watch = Watch(on_incident=on_incident)
    watch.recorder, watch.injected = recorder, True
    return with_callback(args, kwargs, watch)


def is_callback_list(given: object) -> TypeGuard[CallbackList]:
    """Whether it is a CallbackList made by hand, which Keras takes as it is."""
    from nanwatch.watch.keras_seam.chosen import keras

    return isinstance(given, keras.callbacks.CallbackList)


def lend_watch(
    given: CallbackList, model: Model, recorder: RunRecorder, on_incident: OnIncident
) -> Callable[[], None]:
    """Put a `Watch` behind the callbacks of a list of the script's own, which has long met its model.

    Answers what takes it away again.
    """
    from nanwatch.watch.fit.callback import Watch

    own = next((item for item in given.callbacks if isinstance(item, Watch)), None)
    watch = own or Watch(on_incident=on_incident)
    watch.recorder, watch.injected = recorder, True
    watch.set_params(given.params)
    watch.join(model)
    if own is not None:
        return nothing_to_do
    given.callbacks.append(watch)

    def take_back() -> None:
        given.callbacks[:] = [item for item in given.callbacks if item is not watch]

    return take_back


def nothing_to_do() -> None:
    pass


def callbacks_of(args: tuple[object, ...], kwargs: dict[str, object]) -> object:
    """What ``fit`` was given as callbacks."""
    return args[CALLBACKS_PLACE] if len(args) > CALLBACKS_PLACE else kwargs.get("callbacks")


def with_callback(args: tuple[object, ...], kwargs: dict[str, object], callback: object) -> Arguments:
    """The arguments of ``fit`` with ``callback`` behind those it was given."""
    given = callbacks_of(args, kwargs)
    if given is None:
        callbacks = [callback]
    else:
        callbacks = [*given, callback] if isinstance(given, list | tuple) else [given, callback]
    if len(args) > CALLBACKS_PLACE:
        return (*args[:CALLBACKS_PLACE], callbacks, *args[CALLBACKS_PLACE + 1 :]), kwargs
    return args, {**kwargs, "callbacks": callbacks}
