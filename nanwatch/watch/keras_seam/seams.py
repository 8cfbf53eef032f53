"""The table of every seam that is taken in a process: where, by whom, what for, and in which order.

Where two takers meet on one method the later row is called first, and what it calls the original is the
earlier one. The rows of `Taker.STEP` and below come and go while the others stand.

Not in it are the methods of one model, its layers and its optimizers: those are taken from the objects, by
whom they concern, and given back with them.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from types import ModuleType
from typing import Any, Literal

from nanwatch.record.notes import SeamMissing, SeenBySeams
from nanwatch.watch.keras_seam.chosen import PACKAGES, chosen, is_on_tensorflow
from nanwatch.watch.keras_seam.patches import Patches, Wrapper
from nanwatch.watch.keras_seam.places import Place


class Taker(StrEnum):
    """Who takes a seam, in the order in which they do."""

    ARRIVAL = "import_hook, until Keras comes"
    CHILDREN = "watched_run, for the processes that the script starts"
    WARNINGS = "import_hook, for the run's events"
    TRACEBACKS = "import_hook, for tracebacks as under python"
    LINES = "import_hook, for the lines that made what"
    GRADIENTS = "import_hook, so that graphs are freed"
    FITS = "import_hook, to watch a training"
    SAVES = "recording/saves.py"
    LOOPS = "fit/loops.py"
    OTHER = "which_keras, of the Keras that is not watched"
    CHECK = "check"
    STEP = "train_step, while a step is traced"
    REPEATED_UPDATES = "incident, while a step is repeated"
    REPEATED_GRADIENTS = "incident/autopsy.py, while a step is repeated"
    COPIES = "incident and replay, while a step is compiled anew"


# How a seam is taken, and what its taker gives for it.
# wrap: a method, or a function of a module; a wrapper.
# everywhere: a function, in every module of its package; a wrapper.
# change: a value; a function of what stood there.
# enter: no attribute at all; a context manager.
How = Literal["wrap", "everywhere", "change", "enter"]


@dataclass(frozen=True)
class Seam:
    """One row: ``taker`` takes ``name`` of ``owner``."""

    taker: Taker
    owner: str
    name: str
    why: str
    how: How = "wrap"
    instead: str = ""  # the class whose method is wrapped where ``owner`` has no function of that name

    @property
    def path(self) -> str:
        return f"{self.owner}.{self.name}"


SEAMS = (
    Seam(Taker.ARRIVAL, "sys", "meta_path", "to be told when the script imports Keras", "enter"),
    Seam(Taker.CHILDREN, "os", "execve", "a process that is started is watched too", "enter"),
    Seam(Taker.WARNINGS, "warnings", "showwarning", "what Keras warns of is an event"),
    Seam(Taker.TRACEBACKS, "keras tracebacks", "_EXCLUDED_PATHS", "no frame of nanwatch's", "change"),
    Seam(Taker.TRACEBACKS, "tensorflow tracebacks", "_EXCLUDED_PATHS", "no frame of nanwatch's", "change"),
    Seam(Taker.TRACEBACKS, "tensorflow tracebacks", "filter", "no frame below the script's", "enter"),
    Seam(Taker.LINES, "keras.layers.Layer", "__new__", "the line that made a layer"),
    Seam(Taker.LINES, "keras.Operation", "__new__", "the line that made an operation"),
    Seam(Taker.LINES, "keras.optimizers.Optimizer", "__new__", "the line that made an optimizer"),
    Seam(Taker.LINES, "keras.optimizers.schedules.LearningRateSchedule", "__new__", "the line that made it"),
    Seam(Taker.LINES, "keras.losses.Loss", "__new__", "the line that made a loss"),
    Seam(Taker.LINES, "keras trainer", "compile", "the line of a loss, and of a built-in op's"),
    Seam(Taker.LINES, "keras.layers.Layer", "trainable", "the line that froze a layer", "change"),
    Seam(Taker.GRADIENTS, "tensorflow.RegisterGradient", "__call__", "what is registered holds its graph"),
    Seam(Taker.FITS, "keras.Model", "fit", "a `Watch` among the callbacks"),
    Seam(Taker.FITS, "keras.Model", "train_on_batch", "the model is watched before its step is compiled"),
    Seam(Taker.SAVES, "keras.saving", "save_model", "a save is an event", "everywhere"),
    Seam(Taker.SAVES, "keras.saving", "save_weights", "a save is an event", "everywhere", "keras.Model"),
    Seam(Taker.SAVES, "keras.Model", "export", "a save is an event"),
    Seam(Taker.SAVES, "tensorflow.saved_model", "save", "a save is an event"),
    Seam(Taker.SAVES, "tensorflow.train.Checkpoint", "save", "a save is an event"),
    Seam(Taker.SAVES, "tensorflow.train.Checkpoint", "write", "a save is an event"),
    Seam(Taker.SAVES, "tensorflow.train.CheckpointManager", "save", "it saves, and deletes what is old"),
    Seam(Taker.SAVES, "keras.callbacks.BackupAndRestore", "on_train_begin", "it may keep two backups"),
    Seam(Taker.SAVES, "keras.callbacks.BackupAndRestore", "on_train_end", "it deletes its backup"),
    Seam(Taker.LOOPS, "tensorflow.GradientTape", "__enter__", "a loop's step may begin"),
    Seam(Taker.LOOPS, "tensorflow.GradientTape", "__exit__", "its forward pass is over"),
    Seam(Taker.LOOPS, "tensorflow.GradientTape", "gradient", "its loss"),
    Seam(Taker.LOOPS, "tf.function", "__call__", "where it returns a loop's step is on the host"),
    Seam(Taker.LOOPS, "keras.Model", "__call__", "its model, inputs and predictions"),
    Seam(Taker.LOOPS, "keras.losses.Loss", "__call__", "its labels"),
    Seam(Taker.LOOPS, "keras.optimizers.Optimizer", "apply", "its update, guarded"),
    Seam(Taker.LOOPS, "keras.optimizers.LossScaleOptimizer", "apply", "its update, guarded"),
    Seam(Taker.LOOPS, "keras.optimizers.LossScaleOptimizer", "scale_loss", "whether its loss is scaled"),
    Seam(Taker.OTHER, "the other Keras.layers.Layer", "__new__", "which one the script makes first"),
    Seam(Taker.OTHER, "the other Keras.optimizers.Optimizer", "__new__", "which one the script makes first"),
    Seam(Taker.OTHER, "the other Keras.optimizers.legacy.Optimizer", "__new__", "which one it makes first"),
    Seam(Taker.OTHER, "the other Keras.Model", "fit", "that it is trained, and not watched, is said"),
    Seam(Taker.OTHER, "the other Keras.Model", "train_on_batch", "that it is trained is said"),
    Seam(Taker.CHECK, "keras.Model", "fit", "it is cut short, and writes nothing"),
    Seam(Taker.CHECK, "keras.Model", "evaluate", "it sees one batch"),
    Seam(Taker.CHECK, "keras.Model", "train_on_batch", "its steps are counted"),
    Seam(Taker.CHECK, "keras.optimizers.Optimizer", "apply", "a loop's steps are counted"),
    Seam(Taker.CHECK, "keras.optimizers.LossScaleOptimizer", "apply", "a loop's steps are counted"),
    Seam(Taker.CHECK, "tf.function", "__call__", "the steps of a compiled loop are counted"),
    Seam(Taker.CHECK, "keras.saving", "save_model", "it saves elsewhere", "everywhere"),
    Seam(Taker.CHECK, "keras.saving", "save_weights", "it saves elsewhere", "everywhere", "keras.Model"),
    Seam(Taker.CHECK, "keras.saving", "load_model", "it loads what was saved elsewhere", "everywhere"),
    Seam(
        Taker.CHECK,
        "keras.saving",
        "load_weights",
        "it loads what lies elsewhere",
        "everywhere",
        "keras.Model",
    ),
    Seam(Taker.CHECK, "keras.Model", "export", "it saves elsewhere"),
    Seam(Taker.CHECK, "tensorflow.saved_model", "save", "it saves elsewhere"),
    Seam(Taker.CHECK, "tensorflow.saved_model", "load", "it loads what was saved elsewhere"),
    Seam(Taker.CHECK, "tensorflow.train.Checkpoint", "save", "it saves elsewhere"),
    Seam(Taker.CHECK, "tensorflow.train.Checkpoint", "write", "it saves elsewhere"),
    Seam(Taker.CHECK, "tensorflow.train.CheckpointManager", "save", "it would delete older checkpoints"),
    Seam(Taker.STEP, "keras.optimizers.Optimizer", "apply", "the update, guarded"),
    Seam(Taker.STEP, "keras.optimizers.LossScaleOptimizer", "apply", "the update, guarded"),
    Seam(Taker.STEP, "keras.optimizers.LossScaleOptimizer", "scale_loss", "whether the loss is scaled"),
    Seam(Taker.STEP, "tensorflow.GradientTape", "gradient", "the loss of a step of the script's own"),
    Seam(Taker.STEP, "keras.losses.Loss", "__call__", "what a step of the script's own compares"),
    Seam(Taker.STEP, "tf.function", "__call__", "a function of the script's own is traced anew"),
    Seam(Taker.REPEATED_UPDATES, "keras.optimizers.Optimizer", "apply", "the gradients; no update"),
    Seam(Taker.REPEATED_UPDATES, "keras.optimizers.LossScaleOptimizer", "apply", "the gradients; no update"),
    Seam(Taker.REPEATED_GRADIENTS, "tensorflow.GradientTape", "gradient", "where the backward pass begins"),
    Seam(Taker.COPIES, "tf.function", "__call__", "a function is traced anew"),
)


# What is seen by the seams of a taker; those of the others are for the script's sake, or come with these.
SEEN_BY: Mapping[Taker, SeenBySeams] = {
    Taker.LINES: "lines",
    Taker.FITS: "fits",
    Taker.SAVES: "saves",
    Taker.LOOPS: "loops",
    Taker.STEP: "steps",
}


def take(patches: Patches, taker: Taker, given: Mapping[str, Any]) -> None:
    """Take all seams of ``taker``, in the order of the table; ``given`` is by the path of the seam.

    One that this Keras or TensorFlow has not is left out: `missing_seams` tells.

    Raises:
        KeyError: what is given is not for exactly the taker's seams.
    """
    mine = [seam for seam in SEAMS if seam.taker is taker]
    if {seam.path for seam in mine} != set(given):
        raise KeyError(f"{taker.name}: {sorted({seam.path for seam in mine} ^ set(given))}")
    for seam in mine:
        here = as_it_is_here(seam)
        if is_there(here):
            HOW[here.how](patches, here, given[seam.path])


def as_it_is_here(seam: Seam) -> Seam:
    """The row as this Keras has it."""
    if seam.instead and not is_there(seam):
        return replace(seam, owner=seam.instead, how="wrap")
    return seam


def is_of_tensorflow(seam: Seam) -> bool:
    """Whether it is TensorFlow's own: nothing of it is looked for where Keras computes with another."""
    return seam.owner.partition(".")[0].partition(" ")[0] in ("tensorflow", "tf")


def is_there(seam: Seam) -> bool:
    try:
        if is_of_tensorflow(seam) and not is_on_tensorflow():
            return False
        if seam.how == "enter" or known_places(seam) is not None:
            return True
        return hasattr(owner_of(seam), seam.name)
    except Exception:  # the adapter may not even be imported beside an unknown Keras
        return False


def missing_seams() -> list[SeamMissing]:
    """What of the table this Keras and this TensorFlow have not, and what is not watched for that."""
    asked = [seam for seam in SEAMS if is_on_tensorflow() or not is_of_tensorflow(seam)]
    missing = [seam for seam in asked if seam.taker in SEEN_BY and not is_there(as_it_is_here(seam))]
    return [SeamMissing(seam.path, SEEN_BY[seam.taker]) for seam in missing]


def wrap(patches: Patches, seam: Seam, wrapper: Wrapper) -> None:
    for place in places_of(seam):
        patches.wrap(place.owner, place.name, place.fit_in(wrapper))


def wrap_everywhere(patches: Patches, seam: Seam, wrapper: Wrapper) -> None:
    for owner, name, _ in places_of(seam):
        function = getattr(owner, name)
        patches.everywhere(function.__module__.partition(".")[0], function, wrapper)


def change(patches: Patches, seam: Seam, changed: Callable[[Any], object]) -> None:
    for owner, name, _ in places_of(seam):
        patches.set(owner, name, changed(getattr(owner, name)))


def enter(patches: Patches, seam: Seam, context: contextlib.AbstractContextManager[object]) -> None:
    patches.enter(context)


HOW: Mapping[How, Callable[[Patches, Seam, Any], None]] = {
    "wrap": wrap,
    "everywhere": wrap_everywhere,
    "change": change,
    "enter": enter,
}


def places_of(seam: Seam) -> Sequence[Place]:
    """Where the Keras of this process has the seam; of what it lacks: nowhere. Imports it."""
    known = known_places(seam)
    return [Place(owner_of(seam), seam.name)] if known is None else known


def known_places(seam: Seam) -> Sequence[Place] | None:
    """Where the adapter has it; None: where the table says."""
    if seam.owner.partition(".")[0] != "keras":
        return None
    from nanwatch.watch.keras_seam import adapter  # which imports NumPy

    return adapter.seam().places(seam.owner, seam.name)


def owner_of(seam: Seam) -> type | ModuleType:
    """The class or module that has the seam. Imports it."""
    if seam.owner in WITHOUT_A_PUBLIC_NAME:
        return private_owner(seam.owner)
    module, _, rest = seam.owner.partition(".")
    kind = chosen()
    module = {"keras": PACKAGES[kind], "the other Keras": PACKAGES[2 if kind == 3 else 3]}.get(module, module)
    found = importlib.import_module(module)
    for name in rest.split(".") if rest else ():
        found = getattr(found, name)
    return found


WITHOUT_A_PUBLIC_NAME = ("keras trainer", "keras tracebacks", "tensorflow tracebacks", "tf.function")


def private_owner(name: str) -> type | ModuleType:
    from nanwatch.watch.keras_seam import tensorflow_names
    from nanwatch.watch.keras_seam.adapter import seam

    found: dict[str, Callable[[], type | ModuleType]] = {
        "keras trainer": seam().trainer,
        "keras tracebacks": seam().tracebacks,
        "tensorflow tracebacks": tensorflow_names.tracebacks,
        "tf.function": tensorflow_names.function_class,
    }
    return found[name]()
