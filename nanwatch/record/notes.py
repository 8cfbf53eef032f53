"""What the watching could not do, left out or had to change: a kind a class, with its facts.

The words for them are made where they are read, in `nanwatch.explain.notes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nanwatch.record.tables import Variant
from nanwatch.record.watchpoints import Role, Watchpoint

# -- of an incident: what the autopsy and the questions after it could not do -------------------------


@dataclass(frozen=True)
class ReplayStopped(Variant):
    """The step took too long, op by op."""

    kind = "replay-stopped"
    seconds: float


@dataclass(frozen=True)
class ReplayRaised(Variant):
    kind = "replay-raised"
    error: str  # the exception's type


@dataclass(frozen=True)
class OnlyCompiled(Variant):
    """Op by op the step stays finite, compiled as it was it does not."""

    kind = "only-compiled"
    jit: bool
    placed: bool = False  # the op was found by compiling it
    together: bool = False  # by itself, compiled too, that op gives a finite number


@dataclass(frozen=True)
class StayedFinite(Variant):
    """Neither op by op nor compiled did the step go bad again."""

    kind = "stayed-finite"


@dataclass(frozen=True)
class DrawnAgain(Variant):
    """The step was repeated with other random numbers than it had, where these cannot be held."""

    kind = "drawn-again"


@dataclass(frozen=True)
class NotRepeatable(Variant):
    """The step or its batch cannot be run again."""

    kind = "not-repeatable"


@dataclass(frozen=True)
class RowsNotTried(Variant):
    kind = "rows-not-tried"
    tried: int
    rows: int
    seconds: float


@dataclass(frozen=True)
class FirstWeightsNotHeld(Variant):
    kind = "first-weights-not-held"


@dataclass(frozen=True)
class UpdateMayStay(Variant):
    """The step makes updates in functions of its own, which cannot be taken back."""

    kind = "update-may-stay"


@dataclass(frozen=True)
class LeftOutOfSnapshot(Variant):
    kind = "left-out-of-snapshot"
    part: str  # "batch", "weights", "optimizer", ...
    size: int  # bytes
    limit: int  # bytes


@dataclass(frozen=True)
class SquaresOverflowed(Variant):
    """Gradients were finite, their squares were not, and the optimizer holds what is not finite since."""

    kind = "squares-overflowed"
    optimizer: str  # its class
    gradient: str  # the path of the first such variable


@dataclass(frozen=True)
class LayersOnly(Variant):
    """Of a bad step on another backend than TensorFlow the layers were looked at, and no ops."""

    kind = "layers-only"
    backend: str


@dataclass(frozen=True)
class LookedInto(Variant):
    """The step is being looked into, or the process ended in the middle of it."""

    kind = "looked-into"


IncidentNote = (
    LookedInto
    | ReplayStopped
    | ReplayRaised
    | OnlyCompiled
    | StayedFinite
    | DrawnAgain
    | NotRepeatable
    | LayersOnly
    | RowsNotTried
    | FirstWeightsNotHeld
    | UpdateMayStay
    | SquaresOverflowed
    | LeftOutOfSnapshot
)

# -- what was not watched ----------------------------------------------------------------------------


@dataclass(frozen=True)
class OtherKeras(Variant):
    """Of Keras 2 and Keras 3 the one was trained of which the script made something second."""

    kind = "other-keras"


@dataclass(frozen=True)
class OtherBackend(Variant):
    kind = "other-backend"
    backend: str


# What a training may have on another backend than TensorFlow, that keeps it from being watched.
Feature = Literal["distribution", "nnx", "steps_per_execution", "torch_compile"]


@dataclass(frozen=True)
class LeftAlone(Variant):
    """A training on a backend that is watched, by a way of training that is not."""

    kind = "left-alone"
    backend: str
    feature: Feature


@dataclass(frozen=True)
class LoopUnderXla(Variant):
    """A loop of the script's own compiles its step with XLA, in which nothing of nanwatch's can stand."""

    kind = "loop-under-xla"


@dataclass(frozen=True)
class LoopOnReplicas(Variant):
    """A loop of the script's own trains under a strategy of ``tf.distribute``."""

    kind = "loop-on-replicas"


@dataclass(frozen=True)
class OnParameterServers(Variant):
    """A model trains under a ``ParameterServerStrategy``, whose workers know nothing of nanwatch."""

    kind = "on-parameter-servers"


@dataclass(frozen=True)
class HeldForOthers(Variant):
    """A step that was held back because of what another worker saw, whose record tells of it."""

    kind = "held-for-others"
    step: int


@dataclass(frozen=True)
class ChildNotWatched(Variant):
    """A Python that the script started, and that nanwatch was kept out of."""

    kind = "child-not-watched"
    command: str
    option: str = ""  # of its command line; "": it imported Keras in another Python environment


@dataclass(frozen=True)
class NotDense(Variant):
    """A part of the batch that is no dense tensor of numbers."""

    kind = "not-dense"
    watchpoint: Watchpoint
    type: str
    dtype: str | None = None  # of a tensor


@dataclass(frozen=True)
class RoleOutOfReach(Variant):
    """The loss, or the gradients, are made where no sentinel reaches."""

    kind = "role-out-of-reach"
    role: Role


@dataclass(frozen=True)
class LayerOutOfReach(Variant):
    """A layer is called inside a loop or a function of its own."""

    kind = "layer-out-of-reach"
    layer: str


@dataclass(frozen=True)
class NotMet(Variant):
    """What has its place in the rows and was not met in the traced step: its numbers are none."""

    kind = "not-met"
    watchpoint: Watchpoint


SeenBySeams = Literal["lines", "fits", "saves", "loops", "steps"]


@dataclass(frozen=True)
class SeamMissing(Variant):
    """Keras, or TensorFlow, has no such function or class, by which nanwatch would have seen a part."""

    kind = "seam-missing"
    name: str  # "keras.optimizers.Optimizer.apply"
    part: SeenBySeams


NotWatched = (
    OtherKeras
    | OtherBackend
    | LeftAlone
    | LoopUnderXla
    | LoopOnReplicas
    | HeldForOthers
    | OnParameterServers
    | ChildNotWatched
    | NotDense
    | RoleOutOfReach
    | LayerOutOfReach
    | NotMet
    | SeamMissing
)

# -- what a check did not let the script do, or not where it wanted ----------------------------------


@dataclass(frozen=True)
class EndedByDeadline(Variant):
    kind = "ended-by-deadline"
    seconds: float  # after which the script was ended
    deadline: float


@dataclass(frozen=True)
class EndedByTrainOnBatch(Variant):
    kind = "ended-by-train-on-batch"
    steps: int


@dataclass(frozen=True)
class EndedByLoop(Variant):
    kind = "ended-by-loop"
    steps: int


@dataclass(frozen=True)
class WriterHeldBack(Variant):
    """A callback, or a CheckpointManager, that would have written over an earlier run's files."""

    kind = "writer-held-back"
    name: str
    place: str = ""


@dataclass(frozen=True)
class SavedElsewhere(Variant):
    kind = "saved-elsewhere"
    path: str  # where the script wanted it


@dataclass(frozen=True)
class FailedBehindCut(Variant):
    """The script failed behind a training that was cut short, which may be why."""

    kind = "failed-behind-cut"
    error: str  # the exception's type


ScriptEnded = EndedByDeadline | EndedByTrainOnBatch | EndedByLoop
HeldBack = ScriptEnded | WriterHeldBack | SavedElsewhere | FailedBehindCut

# -- nanwatch's own fault ----------------------------------------------------------------------------


@dataclass(frozen=True)
class OwnError(Variant):
    """An error of nanwatch's own, while watching; the training goes on."""

    kind = "error"
    doing: str  # what was being done: "reading the data of fit"
    type: str  # of the exception
    message: str
    fit: int | None = None  # the training that went on unwatched because of it


Note = IncidentNote | NotWatched | HeldBack | OwnError
