"""Every kind of note has its words, word by word."""

from __future__ import annotations

import typing
from typing import Any

import pytest

from nanwatch.explain.notes import (
    held_back_words,
    incident_note_words,
    not_watched_words,
    own_error_words,
)
from nanwatch.record import notes
from nanwatch.record.watchpoints import Watchpoint

MB = 2**20
WORDS: list[tuple[typing.Callable[[Any], str], Any, str]] = [
    (
        incident_note_words,
        notes.LookedInto(),
        "the process ended while it looked into the step: what is not told here it had not found out",
    ),
    (incident_note_words, notes.ReplayStopped(30.0), "the replay was stopped after 30 s"),
    (incident_note_words, notes.ReplayStopped(0.5), "the replay was stopped after 0.5 s"),
    (incident_note_words, notes.ReplayRaised("UnknownError"), "the replay raised UnknownError"),
    (
        incident_note_words,
        notes.OnlyCompiled(False),
        "op by op the step stays finite, compiled as a graph it does not: the compiler's own doing",
    ),
    (
        incident_note_words,
        notes.OnlyCompiled(True, placed=True),
        "op by op the step stays finite, compiled with XLA it does not: the op was found by compiling it",
    ),
    (
        incident_note_words,
        notes.OnlyCompiled(False, placed=True, together=True),
        "op by op the step stays finite, compiled as a graph it does not: the op was found by compiling it; "
        "by itself it is finite, so it is how the compiler computes it with those before it",
    ),
    (
        incident_note_words,
        notes.OnlyCompiled(True),
        "op by op the step stays finite, compiled with XLA it does not: the compiler's own doing",
    ),
    (
        incident_note_words,
        notes.StayedFinite(),
        "the step stayed finite when it was repeated: what happened was not deterministic",
    ),
    (
        incident_note_words,
        notes.DrawnAgain(),
        "the step was repeated with other random numbers than it had: it draws some in a loop, or in what "
        "XLA compiles, where they cannot be held",
    ),
    (
        incident_note_words,
        notes.NotRepeatable(),
        "no autopsy: the step or its batch is not one that can be repeated",
    ),
    (
        incident_note_words,
        notes.LayersOnly("torch"),
        "no autopsy: on PyTorch the layers of a step are looked at, not its ops",
    ),
    (incident_note_words, notes.RowsNotTried(7, 32, 5.0), "only 7 of 32 rows were tried in 5 s"),
    (
        incident_note_words,
        notes.FirstWeightsNotHeld(),
        "the weights of the first step were not held: too large, or not yet built then",
    ),
    (
        incident_note_words,
        notes.SquaresOverflowed("Adam", "dense/kernel"),
        "the gradient of dense/kernel was finite, but so large that its square overflows: what Adam keeps of "
        "squares went bad, and the weights with it",
    ),
    (
        incident_note_words,
        notes.UpdateMayStay(),
        "the step makes updates in functions of its own: one before the bad one may stay",
    ),
    (
        incident_note_words,
        notes.LeftOutOfSnapshot("optimizer", 700 * MB + 1, 512 * MB),
        "the snapshot leaves out 700 MB of optimizer: over the limit of 512 MB",
    ),
    (
        incident_note_words,
        notes.LeftOutOfSnapshot("held", 700 * MB, 512 * MB),
        "the snapshot leaves out 700 MB of what the step was given and drew: over the limit of 512 MB",
    ),
    (
        incident_note_words,
        notes.LeftOutOfSnapshot("captured", 700 * MB, 512 * MB),
        "the snapshot leaves out 700 MB of variables outside the model: over the limit of 512 MB",
    ),
    (
        not_watched_words,
        notes.OtherKeras(),
        "a model of another Keras was trained too: of Keras 2 (tf_keras) and Keras 3 the one is watched that "
        "the script uses first",
    ),
    (
        not_watched_words,
        notes.OtherBackend("mlx"),
        "Keras runs on mlx: only TensorFlow, JAX and PyTorch are watched",
    ),
    (
        not_watched_words,
        notes.LeftAlone("jax", "distribution"),
        "a fit on JAX under keras.distribution",
    ),
    (not_watched_words, notes.LeftAlone("jax", "nnx"), "a fit on JAX with Flax NNX"),
    (
        not_watched_words,
        notes.LeftAlone("jax", "steps_per_execution"),
        "a fit on JAX with steps_per_execution, which this version of Keras compiles as one",
    ),
    (
        not_watched_words,
        notes.LeftAlone("torch", "torch_compile"),
        "a fit on PyTorch with jit_compile=True, by which torch.compile makes the step",
    ),
    (
        not_watched_words,
        notes.ChildNotWatched("python -I worker.py", "-I"),
        "a child process: -I keeps nanwatch out of it: python -I worker.py",
    ),
    (
        not_watched_words,
        notes.ChildNotWatched("/other/python worker.py"),
        "a child process that imported Keras in another Python environment: /other/python worker.py",
    ),
    (
        not_watched_words,
        notes.LoopUnderXla(),
        "a loop whose step is compiled with XLA (jit_compile=True), which cannot be watched; "
        "without jit_compile it is watched",
    ),
    (
        not_watched_words,
        notes.LoopOnReplicas(),
        "a loop of the script's own under a strategy of tf.distribute (fit is watched under one)",
    ),
    (
        not_watched_words,
        notes.OnParameterServers(),
        "a fit under ParameterServerStrategy, whose steps run in other processes",
    ),
    (
        not_watched_words,
        notes.HeldForOthers(4),
        "what made step 4 bad: another worker saw it, and the record of that one tells of it",
    ),
    (
        not_watched_words,
        notes.NotDense(Watchpoint("input", "0"), "SparseTensor"),
        "input 0: a SparseTensor",
    ),
    (
        not_watched_words,
        notes.NotDense(Watchpoint("label", "y"), "SymbolicTensor", "string"),
        "label y: a tensor of dtype string",
    ),
    (not_watched_words, notes.RoleOutOfReach("gradient"), "gradient: made where no sentinel reaches"),
    (
        not_watched_words,
        notes.LayerOutOfReach("lstm/cell"),
        "lstm/cell: called inside a loop or a function of its own",
    ),
    (not_watched_words, notes.NotMet(Watchpoint("activation", "dense")), "activation dense"),
    (
        not_watched_words,
        notes.SeamMissing("keras.Model.fit", "fits"),
        "trainings by fit or train_on_batch: this version of Keras or TensorFlow has no keras.Model.fit",
    ),
    (
        held_back_words,
        notes.EndedByDeadline(110.0, 120.0),
        "the rest of the script, after 110 of the deadline's 120 seconds",
    ),
    (
        held_back_words,
        notes.EndedByTrainOnBatch(20),
        "the rest of the script, after 20 steps of train_on_batch",
    ),
    (held_back_words, notes.EndedByLoop(8), "the rest of the script, after 8 steps of its own loop"),
    (held_back_words, notes.WriterHeldBack("CSVLogger", "log.csv"), "CSVLogger (log.csv)"),
    (held_back_words, notes.WriterHeldBack("RemoteMonitor"), "RemoteMonitor"),
    (held_back_words, notes.SavedElsewhere("m.keras"), "m.keras (saved for the time of the check alone)"),
    (
        held_back_words,
        notes.FailedBehindCut("IndexError"),
        "the end of the script: it failed with IndexError behind a training that was cut short, "
        "which may come of that and does not count",
    ),
    (
        own_error_words,
        notes.OwnError("reading the data of fit", "KeyError", "'x'"),
        "nanwatch's own error while watching: reading the data of fit: KeyError: 'x'",
    ),
]


@pytest.mark.parametrize(("words", "note", "expected"), WORDS)
def test_the_words(words: typing.Callable[[Any], str], note: Any, expected: str) -> None:
    assert words(note) == expected


def test_every_kind_has_words() -> None:
    assert {type(note) for _, note, _ in WORDS} == set(typing.get_args(notes.Note))


def test_no_two_kinds_have_one_name() -> None:
    kinds = [cls.kind for cls in typing.get_args(notes.Note)]
    assert len(set(kinds)) == len(kinds)
