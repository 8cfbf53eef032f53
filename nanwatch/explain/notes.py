"""The notes of a record in words."""

from __future__ import annotations

from typing import assert_never

from nanwatch.record import notes
from nanwatch.record.backends import NAMES
from nanwatch.record.notes import HeldBack, IncidentNote, NotWatched, OwnError
from nanwatch.record.watchpoints import Watchpoint

MEGABYTE = 2**20
# What the parts of a snapshot are called, where the name does not say it.
PARTS = {"held": "what the step was given and drew", "captured": "variables outside the model"}
SEEN_BY_SEAMS: dict[notes.SeenBySeams, str] = {
    "lines": "which lines of the script made what",
    "fits": "trainings by fit or train_on_batch",
    "saves": "what the script saves",
    "loops": "training loops of the script's own",
    "steps": "updates inside a step",
}
FEATURES: dict[notes.Feature, str] = {
    "distribution": "under keras.distribution",
    "nnx": "with Flax NNX",
    "steps_per_execution": "with steps_per_execution, which this version of Keras compiles as one",
    "torch_compile": "with jit_compile=True, by which torch.compile makes the step",
}


def incident_note_words(note: IncidentNote) -> str:
    """What the autopsy, or a question asked after it, could not do."""
    match note:
        case notes.LookedInto():
            return (
                "the process ended while it looked into the step: what is not told here it had not found out"
            )
        case notes.ReplayStopped(seconds):
            return f"the replay was stopped after {seconds:g} s"
        case notes.ReplayRaised(error):
            return f"the replay raised {error}"
        case notes.OnlyCompiled(jit, placed, together):
            how = "with XLA" if jit else "as a graph"
            why = "the op was found by compiling it" if placed else "the compiler's own doing"
            if together:
                why += "; by itself it is finite, so it is how the compiler computes it with those before it"
            return f"op by op the step stays finite, compiled {how} it does not: {why}"
        case notes.StayedFinite():
            return "the step stayed finite when it was repeated: what happened was not deterministic"
        case notes.DrawnAgain():
            return (
                "the step was repeated with other random numbers than it had: it draws some in a loop, or in "
                "what XLA compiles, where they cannot be held"
            )
        case notes.NotRepeatable():
            return "no autopsy: the step or its batch is not one that can be repeated"
        case notes.LayersOnly(backend):
            where = NAMES.get(backend, backend)
            return f"no autopsy: on {where} the layers of a step are looked at, not its ops"
        case notes.RowsNotTried(tried, rows, seconds):
            return f"only {tried} of {rows} rows were tried in {seconds:g} s"
        case notes.FirstWeightsNotHeld():
            return "the weights of the first step were not held: too large, or not yet built then"
        case notes.UpdateMayStay():
            return "the step makes updates in functions of its own: one before the bad one may stay"
        case notes.SquaresOverflowed(optimizer, gradient):
            return (
                f"the gradient of {gradient} was finite, but so large that its square overflows: what "
                f"{optimizer} keeps of squares went bad, and the weights with it"
            )
        case notes.LeftOutOfSnapshot(part, size, limit):
            what = f"{size / MEGABYTE:.0f} MB of {PARTS.get(part, part)}"
            return f"the snapshot leaves out {what}: over the limit of {limit / MEGABYTE:.0f} MB"
    assert_never(note)


def not_watched_words(note: NotWatched) -> str:
    match note:
        case notes.OtherKeras():
            return (
                "a model of another Keras was trained too: of Keras 2 (tf_keras) and Keras 3 the one is "
                "watched that the script uses first"
            )
        case notes.OtherBackend(backend):
            return f"Keras runs on {backend}: only TensorFlow, JAX and PyTorch are watched"
        case notes.LeftAlone(backend, feature):
            return f"a fit on {NAMES.get(backend, backend)} {FEATURES[feature]}"
        case notes.LoopUnderXla():
            return (
                "a loop whose step is compiled with XLA (jit_compile=True), which cannot be watched; "
                "without jit_compile it is watched"
            )
        case notes.LoopOnReplicas():
            return "a loop of the script's own under a strategy of tf.distribute (fit is watched under one)"
        case notes.OnParameterServers():
            return "a fit under ParameterServerStrategy, whose steps run in other processes"
        case notes.HeldForOthers(step):
            return f"what made step {step} bad: another worker saw it, and the record of that one tells of it"
        case notes.ChildNotWatched(command, option):
            if option:
                return f"a child process: {option} keeps nanwatch out of it: {command}"
            return f"a child process that imported Keras in another Python environment: {command}"
        case notes.NotDense(watchpoint, kind, dtype):
            said = f"a {kind}" if dtype is None else f"a tensor of dtype {dtype}"
            return f"{watchpoint_words(watchpoint)}: {said}"
        case notes.RoleOutOfReach(role):
            return f"{role}: made where no sentinel reaches"
        case notes.LayerOutOfReach(layer):
            return f"{layer}: called inside a loop or a function of its own"
        case notes.NotMet(watchpoint):
            return watchpoint_words(watchpoint)
        case notes.SeamMissing(name, part):
            return f"{SEEN_BY_SEAMS[part]}: this version of Keras or TensorFlow has no {name}"
    assert_never(note)


def held_back_words(note: HeldBack) -> str:
    """What a check did not let the script do."""
    match note:
        case notes.EndedByDeadline(seconds, deadline):
            return f"the rest of the script, after {seconds:.0f} of the deadline's {deadline:.0f} seconds"
        case notes.EndedByTrainOnBatch(steps):
            return f"the rest of the script, after {steps} steps of train_on_batch"
        case notes.EndedByLoop(steps):
            return f"the rest of the script, after {steps} steps of its own loop"
        case notes.WriterHeldBack(name, place):
            return f"{name} ({place})" if place else name
        case notes.SavedElsewhere(path):
            return f"{path} (saved for the time of the check alone)"
        case notes.FailedBehindCut(error):
            return (
                f"the end of the script: it failed with {error} behind a training that was cut short, "
                "which may come of that and does not count"
            )
    assert_never(note)


def own_error_words(error: OwnError) -> str:
    return f"nanwatch's own error while watching: {error.doing}: {error.type}: {error.message}"


def watchpoint_words(watchpoint: Watchpoint) -> str:
    return f"{watchpoint.role} {watchpoint.path}"
