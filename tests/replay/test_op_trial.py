"""Remedies at the op that made a number non-finite, tried on the frozen step of fits and of loops."""

import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from nanwatch.explain.sentences import trial_sentence
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.trials import Trial, TrialOutcome
from nanwatch.replay.op_trial import try_at_op
from nanwatch.watch.launch.script import run_program
from nanwatch.watch.launch.starting import Program
from nanwatch.watch.recording.run_recorder import RunRecorder
from nanwatch.watch.watched_run import end_record
from tests.programs.running import report_on, seams, silence

pytestmark = [pytest.mark.tensorflow, pytest.mark.filterwarnings("ignore::RuntimeWarning")]
K = InterventionKind
SCRIPTS = Path(__file__).parent.parent / "watch" / "incident" / "singularities"
BEGIN = """
import keras, numpy as np, tensorflow as tf
keras.utils.set_random_seed(0)
x = np.random.normal(size=(64, 4)).astype("float32")
net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(1)])
"""
LOOP = (
    BEGIN
    + """
optimizer = keras.optimizers.SGD(0.01)
{before}
@tf.function
def step(rows):
    with tf.GradientTape() as tape:
        far = tf.square(net(rows))
        loss = tf.reduce_mean({loss})
    gradients = tape.gradient(loss, net.trainable_variables)
    optimizer.apply_gradients(zip(gradients, net.trainable_variables))

for _ in range(3):
    step(x[:32])
"""
)
FIT = (
    BEGIN
    + """
{before}
def own_loss(y, far):
    far = tf.square(far)
    return tf.reduce_mean({loss})

net.compile("sgd", own_loss)
net.fit(x, x[:, :1], batch_size=32, verbose=0)
"""
)
INSIDE = "@tf.function\ndef inside(far):\n    return {}\n"
BRANCH = "def inside(far):\n    return tf.cond(tf.reduce_sum(far) > -1.0, lambda: {}, lambda: 0.0 * far)\n"
TURNS = (
    "@tf.function\ndef inside(far):\n    found = tf.zeros_like(far)\n    for _ in tf.range(2):\n"
    "        found += {}\n    return found\n"
)


CHAIN = (
    "def chain(far):\n    for _ in range(12):\n        far = tf.exp(1e3 + 9.0 * far)\n    return far * 1e-9\n"
)


def bad_step_of(folder: Path, script: str) -> Any:
    """The step at which the training of ``script`` was halted."""
    keras.backend.clear_session()
    (folder / "train.py").write_text(script)
    with silence():
        recorder = RunRecorder(folder, str(folder / "train.py"), ("train.py",))
        recorder.keeps_trainings = True
        with seams(keras, recorder, "raise"):
            ending = run_program(Program(str(folder / "train.py")))
        end_record(recorder, ending)
    assert recorder.info.errors == ()
    assert recorder.bad_step is not None
    return recorder.bad_step


def tried(ran: Any, *changes: Intervention) -> list[Trial]:
    """The trials; no variable of the step is changed by them."""
    variables = ran.trace.graph.variables
    before = [np.array(variable.numpy()) for variable in variables]
    found = try_at_op(ran, changes, time.perf_counter() + 60)
    for variable, value in zip(variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    return found


def change(kind: InterventionKind, value: float | None = None) -> Intervention:
    return Intervention(kind, "op", value)


ZERO = "(far * 0.0)"
FAULTS = {
    "log": (f"tf.math.log({ZERO})", change(K.ADD_EPSILON, 1e-6), np.log(1e-6)),
    "log of less": (f"tf.math.log({ZERO} - 1.0)", change(K.GUARD_ARGUMENT, 1.0), 0.0),
    "root": (f"tf.sqrt({ZERO})", change(K.ADD_EPSILON, 1e-6), 1e-3),
    "power": (f"tf.pow({ZERO}, 0.5)", change(K.ADD_EPSILON, 1e-6), 1e-3),
    "quotient of zeros": (f"{ZERO} / {ZERO}", change(K.DIVIDE_NO_NAN), 0.0),
    "quotient": (f"1.0 / {ZERO}", change(K.DIVIDE_NO_NAN), 1e6),
    "exp": ("tf.exp(1e3 + far)", change(K.CLIP_ARGUMENT, 20.0), np.exp(20.0)),
    "acos": (f"tf.acos(1.0 + {ZERO})", change(K.CLIP_ARGUMENT, 1e-6), float(np.arccos(1 - 1e-6))),
    "trap": (f"tf.where(far < 0.0, tf.math.log({ZERO}), {ZERO})", change(K.GUARD_ARGUMENT, 1.0), 0.0),
    "masked": (
        f"tf.nn.softmax(tf.concat([{ZERO}, {ZERO}], 1) - np.inf)",
        change(K.GUARD_ARGUMENT, -1e9),
        0.5,
    ),
    "mean of nothing": (f"far + tf.reduce_mean({ZERO}[:0]) - far", change(K.DIVIDE_NO_NAN), 0.0),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_remedy_at_the_op_of_a_loop(name: str, tmp_path: Path) -> None:
    loss, mend, wanted = FAULTS[name]
    (trial,) = tried(bad_step_of(tmp_path, LOOP.format(before="", loss=loss)), mend)
    assert (trial.verdict, trial.at_op, trial.before.finite, trial.steps) == ("cured", True, False, 1)
    assert trial.after.loss == pytest.approx(wanted, rel=0.05, abs=1e-6)


@pytest.mark.parametrize("name", ["log", "root", "quotient of zeros", "trap"])
def test_a_remedy_at_the_op_of_a_fit(name: str, tmp_path: Path) -> None:
    loss, mend, _ = FAULTS[name]
    (trial,) = tried(bad_step_of(tmp_path, FIT.format(before="", loss=loss)), mend)
    assert trial.verdict == "cured"


@pytest.mark.parametrize("where", [INSIDE, BRANCH, TURNS], ids=["function", "branch", "turns"])
@pytest.mark.parametrize("name", ["log", "root", "quotient of zeros"])
def test_a_remedy_inside_what_the_step_calls(name: str, where: str, tmp_path: Path) -> None:
    loss, mend, _ = FAULTS[name]
    script = LOOP.format(before=where.format(loss), loss="inside(far)")
    (trial,) = tried(bad_step_of(tmp_path, script), mend)
    assert trial.verdict == "cured"


@pytest.mark.parametrize("name", FAULTS)
def test_a_remedy_at_the_op_of_an_eager_loop(name: str, tmp_path: Path) -> None:
    loss, mend, wanted = FAULTS[name]
    script = LOOP.replace("@tf.function\n", "").format(before="", loss=loss)
    ran = bad_step_of(tmp_path, script)
    (trial,) = try_at_op(ran, [mend], time.perf_counter() + 60)
    assert (trial.verdict, trial.at_op, trial.steps) == ("cured", True, 1)
    assert trial.after.loss == pytest.approx(wanted, rel=0.05, abs=1e-6)


@pytest.mark.parametrize("decorated", ["@tf.function\n", ""], ids=["compiled", "eager"])
def test_all_ops_that_one_line_made_are_changed(decorated: str, tmp_path: Path) -> None:
    loss, mend, wanted = FAULTS["log"]
    several = f"sum({loss} * factor for factor in (1.0, 2.0))"
    script = LOOP.replace("@tf.function\n", decorated).format(before="", loss=several)
    (trial,) = try_at_op(bad_step_of(tmp_path, script), [mend], time.perf_counter() + 60)
    assert trial.verdict == "cured"
    assert trial.after.loss == pytest.approx(3 * wanted, rel=0.05)


@pytest.mark.parametrize("decorated", ["@tf.function\n", ""], ids=["compiled", "eager"])
def test_a_clip_whose_slope_would_decide_is_not_judged(decorated: str, tmp_path: Path) -> None:
    """The loss is finite with it; the gradients that ran pass through it, where those of a clip end."""
    script = LOOP.replace("@tf.function\n", decorated).format(before=CHAIN, loss="chain(far)")
    ran = bad_step_of(tmp_path, script)
    assert try_at_op(ran, [change(K.CLIP_ARGUMENT, 20.0)], time.perf_counter() + 60) == []


def test_of_an_eager_loop_a_function_that_was_traced_is_left_alone(tmp_path: Path) -> None:
    loss, mend, _ = FAULTS["log"]
    script = LOOP.replace("@tf.function\n", "").format(before=INSIDE.format(loss), loss="inside(far)")
    assert try_at_op(bad_step_of(tmp_path, script), [mend], time.perf_counter() + 60) == []


def test_a_remedy_that_leaves_the_fault(tmp_path: Path) -> None:
    loss = f"tf.math.log({ZERO} - 1.0)"
    ran = bad_step_of(tmp_path, LOOP.format(before="", loss=loss))
    (trial,) = tried(ran, change(K.ADD_EPSILON, 1e-6))
    assert (trial.verdict, trial.after.finite, trial.after.loss) == ("not-cured", False, None)


def test_what_cannot_be_changed_at_an_op_is_left_out(tmp_path: Path) -> None:
    ran = bad_step_of(tmp_path, LOOP.format(before="", loss="tf.cosh(1e3 + far)"))
    odd = [
        change(K.GUARD_ARGUMENT, 1.0),
        change(K.USE_LOGITS),
        change(K.SET_LEARNING_RATE, 1e-3),
        Intervention(K.ADD_EPSILON, "op", "much"),
    ]
    assert tried(ran, *odd) == []
    assert trial_sentence(
        Trial(odd[0], "cured", TrialOutcome(False, 0), TrialOutcome(True, 1, 0.5), 1, at_op=True)
    ) == ("Tried at the op, in the frozen step alone, run once more: its loss and gradients are finite.")
    assert try_at_op(ran, [change(K.ADD_EPSILON, 1e-6)], time.perf_counter()) == []


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("loop_distance_of_zero.py", "NW401"),
        ("own_step_with_draws.py", "NW404"),
        ("function_in_the_step.py", None),
        ("softmax_of_masks.py", "NW406"),
        ("where_trap.py", "NW402"),
    ],
)
def test_a_run_tells_what_was_tried_at_its_op(script: str, code: str | None, tmp_path: Path) -> None:
    said = report_on(SCRIPTS / script, tmp_path, prove=20)
    assert said["own_errors"] == []
    first = said["diagnoses"][0]
    assert code in (None, first["code"])
    trials = [remedy["trial"] for remedy in first["remedies"] if remedy["trial"]]
    assert [trial["verdict"] for trial in trials if trial["at_op"]] == ["cured"]
