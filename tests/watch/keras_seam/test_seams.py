"""The table of seams says all that is patched, and in which order; after a run nothing is."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import nanwatch
from nanwatch.check.budget import CheckBudget
from nanwatch.check.seams import shorten
from nanwatch.record.facts import IncidentInfo, OnIncident, RunInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.read import read_run
from nanwatch.replay import again
from nanwatch.replay.trial import try_interventions
from nanwatch.watch import import_hook
from nanwatch.watch.keras_seam.optimizer_updates import wrappers_of_classes
from nanwatch.watch.keras_seam.patches import ABSENT, PLACES, Patches, Place, modules_of
from nanwatch.watch.keras_seam.seams import SEAMS, Seam, Taker, as_it_is_here, owner_of, take
from nanwatch.watch.recording.run_recorder import RunRecorder
from tests.watch.model_kinds import BATCH, OwnCompiledStep, classes, mlp, own, table

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # Keras's own saving
]

PACKAGES = ("keras", "tensorflow", "warnings")
MADE_LATER = (PLACES, "__annotations__", "__slotnames__")  # by Python itself, when it is asked for them
OF_A_RUN = (
    Taker.ARRIVAL,
    Taker.WARNINGS,
    Taker.TRACEBACKS,
    Taker.LINES,
    Taker.GRADIENTS,
    Taker.FITS,
    Taker.SAVES,
    Taker.LOOPS,
)


def owners() -> list[Any]:
    """Every module and every class of Keras and TensorFlow."""
    modules = [module for package in PACKAGES for module in modules_of(package)]
    values = [value for module in modules for value in list(vars(module).values()) if isinstance(value, type)]
    kinds = [value for value in values if value.__module__.partition(".")[0] in PACKAGES]
    return list({id(each): each for each in (*modules, *kinds)}.values())


def all_attributes() -> list[tuple[Any, dict[str, Any]]]:
    return [(owner, dict(vars(owner))) for owner in owners()]


def changed(before: list[tuple[Any, dict[str, Any]]]) -> set[tuple[Any, str]]:
    """(owner, name) of what is no longer as it was, lazy imports apart."""
    found = set()
    for owner, held in before:
        now = vars(owner)
        different = [name for name, value in held.items() if now.get(name, ABSENT) is not value]
        new = [name for name in now if name not in held and not isinstance(owner, ModuleType)]
        found |= {(owner, name) for name in (*different, *new) if name not in MADE_LATER}
    return found


def places_of(*takers: Taker) -> set[tuple[Any, str]]:
    """(owner, name) of what these takers patch, by the table."""
    found = set()
    for seam in SEAMS:
        if seam.taker in takers and seam.how != "enter":
            found |= {(owner, seam.name) for owner in owners_of(seam)}
    return found


def owners_of(seam: Seam) -> list[Any]:
    seam = as_it_is_here(seam)
    owner = owner_of(seam)
    if seam.how != "everywhere":
        return [owner]
    function = getattr(owner, seam.name)
    return [module for module in modules_of("keras") if vars(module).get(seam.name) is function]


def arm(recorder: RunRecorder, on_incident: OnIncident = "raise") -> None:
    """As ``nanwatch run`` does, where Keras is there already."""
    import_hook.install_hook(recorder, on_incident)
    import_hook.take_seams(keras, recorder, on_incident)


@contextmanager
def run_in(folder: Path, on_incident: OnIncident = "raise") -> Iterator[RunRecorder]:
    recorder = RunRecorder(folder, "train.py", ("train.py",))
    arm(recorder, on_incident)
    try:
        yield recorder
    finally:
        recorder.end("finished", 0)


def fit(model: Any, x: Any = None, **given: Any) -> Any:
    x = table() if x is None else x
    return model.fit(x, classes()[: len(x)], **{"batch_size": BATCH, "verbose": 0, **given})


def small() -> Any:
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def run_compiled_loop(steps: int = 3) -> None:
    model, optimizer, loss = small(), keras.optimizers.SGD(), keras.losses.MeanSquaredError()

    @tf.function
    def step(x: Any, y: Any) -> None:
        with tf.GradientTape() as tape:
            value = loss(y, model(x, training=True))
        optimizer.apply_gradients(
            zip(tape.gradient(value, model.trainable_variables), model.trainable_variables, strict=True)
        )

    for _ in range(steps):
        step(tf.constant(table()[:8]), tf.constant(classes()[:8, None]))


@pytest.fixture(scope="module", autouse=True)
def warmed() -> None:
    """TensorFlow has its context, and a class that had no ``__new__`` the one that it keeps once patched."""
    with Patches() as patches:
        import_hook.note_lines(patches)
    run_compiled_loop()


# -- the table ---------------------------------------------------------------------------------------


def test_a_row_is_there_once() -> None:
    rows = [(seam.taker, seam.path) for seam in SEAMS]
    assert len(set(rows)) == len(rows)
    order = list(Taker)
    assert [seam.taker for seam in SEAMS] == sorted((seam.taker for seam in SEAMS), key=order.index)
    assert {seam.taker for seam in SEAMS} == set(Taker)


@pytest.mark.parametrize("seam", SEAMS, ids=lambda seam: f"{seam.taker.name}-{seam.path}")
def test_a_row_names_what_is_there(seam: Seam) -> None:
    assert seam.why
    if seam.taker is Taker.OTHER:
        pytest.importorskip("tf_keras")
    if seam.how != "enter":
        assert hasattr(owner_of(as_it_is_here(seam)), seam.name)


def test_a_taker_takes_exactly_its_rows() -> None:
    before = all_attributes()
    with Patches() as patches:
        with pytest.raises(KeyError, match=r"FITS: \['keras.Model.fit'\]"):
            take(patches, Taker.FITS, {"keras.Model.train_on_batch": len})
        with pytest.raises(KeyError, match=r"COPIES: \['keras.Model.fit'\]"):
            take(patches, Taker.COPIES, {"keras.Model.fit": len, "tf.function.__call__": len})
        assert patches.entries == []
    assert changed(before) == set()


def test_a_run_takes_what_the_table_says(tmp_path: Path) -> None:
    before, finders = all_attributes(), list(sys.meta_path)
    with run_in(tmp_path) as recorder:
        assert changed(before) == places_of(*OF_A_RUN)
        assert len(sys.meta_path) == len(finders) + 2
        run_compiled_loop()
        assert changed(before) == places_of(*OF_A_RUN)
        assert recorder.info.errors == ()
    assert changed(before) == set()
    assert sys.meta_path == finders
    assert [one.info.steps for one in read_run(recorder.folder).fits] == [3]


def test_a_check_takes_what_the_table_says(tmp_path: Path) -> None:
    before = all_attributes()
    recorder = RunRecorder(tmp_path, "train.py", ("train.py",))
    arm(recorder)
    short = CheckBudget(recorder, 20)
    shorten(short)
    assert changed(before) == places_of(*OF_A_RUN, Taker.CHECK)
    run_compiled_loop()
    entries = [*recorder.patches.entries, *recorder.of_keras.entries]
    taken = [place for place in entries if isinstance(place, Place)]
    short.close("finished", 0)
    assert changed(before) == set()
    assert recorder.info.errors == ()
    rows = [seam for seam in SEAMS if seam.taker in (*OF_A_RUN, Taker.CHECK)]
    expected = [(owner, seam.name) for seam in rows if seam.how != "enter" for owner in owners_of(seam)]
    assert [(place.owner, place.name) for place in taken] == expected


def test_a_replay_takes_what_a_run_takes() -> None:
    before = all_attributes()
    goal = again.Goal(RunInfo("train.py"), IncidentInfo(0, 1, 0, "loss"), {})
    with goal.watching() as recorder:
        import_hook.take_seams(keras, recorder, "raise")
        assert changed(before) == places_of(*OF_A_RUN)
    assert changed(before) == set()


def test_a_traced_step_takes_what_the_table_says(tmp_path: Path) -> None:
    """And gives it back when it is traced."""
    seen: list[set[Any]] = []

    def loss(y: Any, y_pred: Any) -> Any:
        seen.append(changed(before))
        return tf.reduce_mean(tf.square(y - y_pred))

    model = small()
    model.compile("sgd", loss)
    before = all_attributes()
    fit(model, callbacks=[nanwatch.Watch(tmp_path)])
    assert changed(before) == set()
    assert seen
    assert all(found == places_of(Taker.STEP) for found in seen)


TAKEN = (Taker.STEP, Taker.REPEATED_UPDATES, Taker.REPEATED_GRADIENTS, Taker.COPIES)


def test_an_incident_takes_what_the_table_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The autopsy, the guilty rows, the step compiled anew, and the trial of a remedy."""
    taken: set[tuple[Any, str]] = set()
    plain = Place.take

    def noting(place: Place) -> None:
        if isinstance(place.owner, type | ModuleType):
            taken.add((place.owner, place.name))
        plain(place)

    monkeypatch.setattr(Place, "take", noting)
    before = all_attributes()
    x = table()
    x[20, 2] = np.nan
    model = own(OwnCompiledStep)
    with pytest.raises(nanwatch.TrainingHalted):
        fit(model, x, callbacks=[nanwatch.Watch(tmp_path)], shuffle=False)
    change = Intervention(InterventionKind.DROP_NONFINITE_ROWS, "")
    try_interventions(small(), (tf.constant(x[:8]), tf.constant(classes()[:8])), [change])
    assert changed(before) == set()
    assert taken == places_of(*TAKEN)


# -- after a run, and two at a time ------------------------------------------------------------------


def test_the_end_of_a_run_puts_everything_back(tmp_path: Path) -> None:
    before, show = all_attributes(), warnings.showwarning
    with run_in(tmp_path) as recorder:
        fit(mlp())
        model = small()
        model.train_on_batch(table()[:8], classes()[:8])
        model.save(tmp_path / "model.keras")
    assert changed(before) == set()
    assert warnings.showwarning is show
    assert recorder.patches.entries == []
    fit(small())
    assert [one.info.kind for one in read_run(recorder.folder).fits] == ["fit", "train_on_batch"]


def steps_of(recorder: RunRecorder) -> list[int]:
    return [one.info.steps for one in read_run(recorder.folder).fits]


ENDS: Mapping[str, Callable[[RunRecorder, RunRecorder], tuple[RunRecorder, RunRecorder]]] = {
    "the inner one ends first": lambda outer, inner: (inner, outer),
    "the outer one ends first": lambda outer, inner: (outer, inner),
}


@pytest.mark.parametrize("ends", ENDS)
def test_two_runs_nest(ends: str, tmp_path: Path) -> None:
    """Of two the outer one sees a fit; the one that is left sees what follows, and then none."""
    before = all_attributes()
    outer, inner = (RunRecorder(tmp_path / name, "train.py", ()) for name in ("outer", "inner"))
    for recorder in (outer, inner):
        arm(recorder)
    fit(small())
    first, last = ENDS[ends](outer, inner)
    first.end("finished", 0)
    so_far = len(steps_of(last))
    fit(small())
    run_compiled_loop()
    last.end("finished", 0)
    fit(small())
    run_compiled_loop()
    assert (first.info.errors, last.info.errors) == ((), ())
    assert steps_of(last)[so_far:] == [8, 3]
    assert len(steps_of(first)) + so_far == 1
    assert changed(before) == set()


@pytest.mark.parametrize("outer_first", [False, True])
def test_two_traced_steps_nest(outer_first: bool, tmp_path: Path) -> None:
    """Two models that are traced at once, in two threads: neither puts back what the other has put in."""
    before = all_attributes()
    given = wrappers_of_classes(lambda optimizer, original, *args: original(*args))
    outer, inner = Patches(), Patches()
    with ExitStack() as stack:
        for patches in (outer, inner):
            stack.enter_context(patches)
            take(patches, Taker.REPEATED_UPDATES, given)
        (outer if outer_first else inner).undo()
        assert changed(before) == places_of(Taker.REPEATED_UPDATES)
        fit(small(), epochs=1)
    assert changed(before) == set()
