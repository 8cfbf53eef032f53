"""`nanwatch replay` of loops of the script's own, of steps of its own, and of what of them has changed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.side_by_side import MODULE, Ended, ended_warm

pytestmark = pytest.mark.tensorflow
SCRIPTS = Path(__file__).parent.parent / "watch" / "incident" / "singularities"
OFFER = b"nanwatch replay"
# What an older nanwatch did not write.
HELD = ("trace", "held", "captured", "same", "eager", "given", "made")

RETRACED = """
import keras, numpy as np, tensorflow as tf
keras.utils.set_random_seed(0)
net, optimizer = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)]), keras.optimizers.SGD(0.01)
scale = tf.Variable(1.0)

@tf.function
def step(rows, root):
    noise = tf.random.normal([len(rows), 1])
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(net(rows) - noise)) * scale
        if root:
            loss = loss + tf.reduce_mean(tf.math.log(scale - 3.0))
    gradients = tape.gradient(loss, net.trainable_variables)
    optimizer.apply_gradients(zip(gradients, net.trainable_variables))
    scale.assign_add(0.5)

for number in range(5):
    step(np.random.normal(size=(8, 4)).astype("float32"), number == 4)
"""
BUILT_LATE = """
import keras, numpy as np, tensorflow as tf
keras.utils.set_random_seed(0)
net = keras.Sequential([keras.layers.Dense(8), keras.layers.BatchNormalization(), keras.layers.Dropout(0.5)])
other, optimizer = keras.layers.Dense(1), keras.optimizers.SGD(0.01)
for number in range(4):
    rows = tf.random.normal([8, 4])
    with tf.GradientTape() as tape:
        far = other(net(rows, training=True)) + tf.random.normal([8, 1])
        loss = tf.reduce_mean(tf.math.log(tf.square(far) - (1e6 if number == 3 else -1.0)))
    variables = net.trainable_variables + other.trainable_variables
    optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
"""
GIVEN_GRADIENTS = """
import keras, numpy as np, tensorflow as tf
net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, use_bias=False)])
optimizer = keras.optimizers.SGD(0.01)

@tf.function
def gradients_of(rows):
    with tf.GradientTape() as tape:
        logs = tf.math.log(tf.square(net(rows)))
        loss = tf.reduce_mean(logs)
    return tape.gradient(loss, net.trainable_variables)

total = tf.zeros([4, 1])
for number in range(6):
    (gradient,) = gradients_of(tf.ones([8, 4]) if number != 4 else tf.zeros([8, 4]))
    total += gradient
    if number % 3 == 2:
        optimizer.apply_gradients([(total / 3.0, net.trainable_variables[0])])
"""


def run(folder: Path, *options: str) -> Ended:
    return ended_warm(folder, *MODULE, "run", "-v", "--quiet", *options, "train.py")


def replay(folder: Path, *arguments: str, given: str = "") -> Ended:
    return ended_warm(folder, *MODULE, "replay", "--yes", *arguments, stdin=given.encode())


def last_line(stderr: bytes) -> str:
    return stderr.decode().splitlines()[-1]


def halted_in(folder: Path, script: str | Path, *options: str) -> Ended:
    """The run of a script whose training is halted."""
    (folder / "train.py").write_text(script.read_text() if isinstance(script, Path) else script)
    ran = run(folder, *options)
    assert ran.status == 3, ran.stderr
    return ran


@pytest.fixture(scope="module")
def compiled_loop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a script, and below logs/ the run of it that was halted."""
    folder = tmp_path_factory.mktemp("compiled")
    assert OFFER in halted_in(folder, SCRIPTS / "loop_distance_of_zero.py").stderr
    return folder


@pytest.fixture(scope="module")
def eager_loop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("eager")
    assert OFFER in halted_in(folder, SCRIPTS / "eager_loop_slope_of_root.py").stderr
    return folder


@pytest.fixture
def copy_of(tmp_path: Path) -> Callable[[Path], Path]:
    def copy(folder: Path) -> Path:
        moved = tmp_path / "project"
        shutil.copytree(folder, moved)
        (record,) = (moved / "logs").glob("*/run.json")
        record.write_text(record.read_text().replace(str(folder), str(moved)))
        return moved

    return copy


def test_a_compiled_loop_comes_back_and_the_debugger_stands_at_its_line(compiled_loop: Path) -> None:
    asked = "l\np rows.shape, y_pred.shape, float(loss)\np inputs[0].numpy().min(), ops[0]\nq\n"
    ran = replay(compiled_loop, "--pdb", given=asked)
    said = ran.stdout.decode()
    assert ran.status == 0, ran.stderr
    assert "Step 2 again, with the weights from before it: loss 1.27143." in said
    assert "First op with finite inputs and a non-finite output: SqrtGrad, backward" in said
    lines = said.splitlines()
    born = next(
        number for number, line in enumerate(lines) if line.startswith("  > SqrtGrad, gradient of Sqrt")
    )
    assert "inf 1 times" in lines[born]
    assert any(line.startswith("    Sqrt  ") and "from 0 to" in line for line in lines[:born])
    assert any("inf" in line and " gradient of " in line for line in lines[born + 1 :])
    assert "train.py(19)step()" in said
    assert "-> loss = tf.reduce_mean(tf.sqrt(gap))" in said
    assert " 17  \t    with tf.GradientTape() as tape:" in said
    assert "(TensorShape([32, 6]), TensorShape([32, 1]), 1.27143" in said
    assert "(np.float32(0.0), <before: Square at line 18>)" in said


def test_the_script_is_found_from_elsewhere(compiled_loop: Path, tmp_path: Path) -> None:
    ran = replay(tmp_path, str(compiled_loop / "logs"))
    assert ran.status == 0, ran.stderr
    assert "backward at train.py:19." in ran.stdout.decode()


def test_an_eager_loop_comes_back(eager_loop: Path) -> None:
    ran = replay(eager_loop, "--pdb", given="p x.shape, sorted(gradients), output.shape\nq\n")
    said = ran.stdout.decode()
    assert ran.status == 0, ran.stderr
    assert "Step 1 again, with the weights from before it: loss 2.29897." in said
    assert "  > SqrtGrad, gradient of Sqrt" in said
    assert "train.py(14)" in said
    assert "(TensorShape([32, 4]), ['sequential/dense/kernel'], TensorShape([32]))" in said


@pytest.mark.parametrize(
    ("script", "step", "born"),
    [
        (SCRIPTS / "own_step_with_draws.py", "Step 0 again", "  > Exp "),
        (SCRIPTS / "critic_and_generator.py", "Step 0 again", "  > SqrtGrad, gradient of Sqrt"),
        (SCRIPTS / "two_steps_in_one_execution.py", "Step 2 again", "  > Log "),
        (SCRIPTS / "xla_alone.py", "Step 0 again", "  > SqrtGrad, gradient of Sqrt"),
        (RETRACED, "Step 4 again, with the weights from before it: loss -inf.", "  > Log "),
        (BUILT_LATE, "Step 3 again, with the weights from before it: loss nan.", "  > Log "),
    ],
    ids=[
        "own step",
        "two networks",
        "several steps",
        "xla",
        "a later trace",
        "eager, built in the first step",
    ],
)
def test_it_is_the_step_that_went_bad(script: str | Path, step: str, born: str, tmp_path: Path) -> None:
    ran = halted_in(tmp_path, script)
    assert OFFER in ran.stderr
    again = replay(tmp_path)
    assert again.status == 0, again.stderr
    assert step in again.stdout.decode()
    assert "It went bad again." in again.stdout.decode()
    assert any(line.startswith(born) for line in again.stdout.decode().splitlines())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Dense(1, use_bias=False)", "Dense(1)"),
        ("tf.sqrt(gap)", "tf.sqrt(gap * targets[0])"),
        ("def step(rows, targets)", "def step(rows, targets, unused=tf.constant(1.0))"),
    ],
)
def test_a_compiled_loop_that_changed(
    before: str, after: str, compiled_loop: Path, copy_of: Callable[[Path], Path]
) -> None:
    folder = copy_of(compiled_loop)
    script = (folder / "train.py").read_text()
    assert before in script
    (folder / "train.py").write_text(script.replace(before, after))
    ran = replay(folder)
    assert ran.status == 2, ran.stdout
    assert last_line(ran.stderr) == (
        "nanwatch: The snapshot does not fit the model of training 1: its step has other ops. "
        "The script, or what it reads, has changed since the run."
    )


def test_a_compiled_loop_with_more_units(compiled_loop: Path, copy_of: Callable[[Path], Path]) -> None:
    folder = copy_of(compiled_loop)
    script = (folder / "train.py").read_text()
    (folder / "train.py").write_text(script.replace("Dense(1,", "Dense(2,"))
    ran = replay(folder)
    assert ran.status == 2, ran.stdout
    said = "sequential/dense/kernel has shape (6, 2), but (6, 1) in the snapshot"
    assert said in last_line(ran.stderr)


def test_an_eager_loop_that_changed(eager_loop: Path, copy_of: Callable[[Path], Path]) -> None:
    folder = copy_of(eager_loop)
    script = (folder / "train.py").read_text()
    changed = script.replace("loss = ", "loss = 1.0 * ")
    assert changed != script
    (folder / "train.py").write_text(changed)
    ran = replay(folder)
    assert ran.status == 2, ran.stdout
    said = "before it reached the step that went bad in training 1 again."
    assert last_line(ran.stderr).startswith("nanwatch: train.py ended with ")
    assert last_line(ran.stderr).endswith(said)


@pytest.mark.parametrize("loop", ["compiled_loop", "eager_loop"])
def test_a_snapshot_without_what_the_step_was_given(
    loop: str, request: pytest.FixtureRequest, copy_of: Callable[[Path], Path]
) -> None:
    folder = copy_of(request.getfixturevalue(loop))
    path = next((folder / "logs").glob("*/snapshot.npz"))
    with np.load(path) as file:
        kept = {name: file[name] for name in file.files if name.split("/")[0] not in HELD}
    np.savez(path, **kept)
    ran = replay(folder)
    assert ran.status == 2
    assert last_line(ran.stderr).endswith("snapshot.npz does not have the arguments of the step of the loop.")


HELD = (
    "trace",
    "held",
    "captured",
    "same",
    "eager",
    "given",
    "made",
)  # which an older nanwatch did not write


def test_a_snapshot_of_an_older_nanwatch_is_read(tmp_path: Path) -> None:
    """Of a step of fit it held enough to repeat its Python."""
    halted_in(tmp_path, SCRIPTS / "relu_head.py")
    path = next((tmp_path / "logs").glob("*/snapshot.npz"))
    with np.load(path) as file:
        kept = {name: file[name] for name in file.files if name.split("/")[0] not in HELD}
    np.savez(path, **kept)
    ran = replay(tmp_path)
    assert ran.status == 0, ran.stderr
    assert "RealDiv, forward" in ran.stdout.decode()


def test_over_the_limit(tmp_path: Path) -> None:
    large = RETRACED.replace("normal(size=(8, 4))", "normal(size=(80_000, 4))")
    ran = halted_in(tmp_path, large, "--snapshot-limit", "1")
    assert OFFER not in ran.stderr
    note = "the snapshot leaves out 1 MB of what the step was given and drew: over the limit of 1 MB"
    assert note in " ".join(ran.stderr.decode().split())
    again = replay(tmp_path)
    assert again.status == 2
    assert last_line(again.stderr).endswith(
        "snapshot.npz is incomplete (batch is missing): it was larger than --snapshot-limit."
    )


def test_gradients_that_functions_gave_before_an_update_outside_of_them(tmp_path: Path) -> None:
    assert OFFER in halted_in(tmp_path, GIVEN_GRADIENTS).stderr
    again = replay(tmp_path).stdout.decode()
    assert "It went bad again." in again
    assert "Log, forward at train.py:9." in again
