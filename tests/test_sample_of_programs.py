"""A dozen of the programs, of different kinds; ``python -m tests.programs`` runs all of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.programs.expected import expected_in, programs

FAULTY = {
    "nan_pixels_tf_data",  # data, out of a tf.data pipeline
    "normaliser_of_zero",  # numerics, in a loss of the script's own
    "one_hot_sparse",  # Keras refuses it: the script crashes
    "relu_head_five_classes",  # an output layer that gives NaN
    "single_softmax",  # an output layer that stays at chance, every number finite
    "tape_rate_too_high",  # optimization, in a GradientTape loop
}
HEALTHY = {
    "nan_target_dropped",  # a fault, mended
    "on_batch_healthy",  # train_on_batch
    "own_train_step",
    "tape_loop",
    "xor_stopped_on_the_plateau",  # at chance, and only not yet done
    "one_short_epoch",
}
ROOT = Path(__file__).parent.parent


def test_the_sample_is_what_it_says() -> None:
    faulty = {path.stem for path in programs() if expected_in(path)}
    healthy = {path.stem for path in programs()} - faulty
    assert faulty >= FAULTY
    assert healthy >= HEALTHY


@pytest.mark.tensorflow
def test_a_sample_of_the_programs() -> None:
    command = [sys.executable, "-m", "tests.programs", *sorted(FAULTY | HEALTHY)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    rows = {line.split()[0] for line in ran.stdout.splitlines() if line.strip()}
    assert ran.returncode == 0, ran.stdout + ran.stderr[-2000:]
    assert rows >= FAULTY | HEALTHY, ran.stdout
