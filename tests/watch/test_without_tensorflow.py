"""What watches a training uses no name of TensorFlow's while it is imported: seen in fresh processes."""

from __future__ import annotations

import subprocess
import sys

import pytest

HIDDEN = "import sys\nsys.modules['tensorflow'] = None\n"  # whoever imports it fails
ROOMS = (
    "nanwatch.watch.fit.callback",
    "nanwatch.watch.fit.loops",
    "nanwatch.watch.recording.saves",
    "nanwatch.watch.backends.host_step",
    "nanwatch.watch.keras_seam.keras_on_jax",
    "nanwatch.check.run_check",
)


def fresh(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)


@pytest.mark.tensorflow
def test_no_room_uses_it_while_it_is_imported() -> None:
    """Keras has imported it here; with Keras on another backend tests/backends has it all."""
    rooms = "".join(f"import {room}\n" for room in ROOMS)
    done = fresh(
        f"{rooms}from nanwatch.watch.keras_seam.public_tensorflow import tf\nassert tf.module is None\n"
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("use", ["tf.constant(0)", "tf.errors"])
def test_the_test_above_would_notice_a_use(use: str) -> None:
    done = fresh(f"{HIDDEN}from nanwatch.watch.keras_seam.public_tensorflow import tf\n{use}\n")
    assert "import of tensorflow halted" in done.stderr


def test_nothing_of_it_is_met_where_it_is_not() -> None:
    done = fresh(
        "import sys\n"
        "from nanwatch.watch.keras_seam import public_tensorflow as there\n"
        "assert not there.is_op_error(ValueError()) and not there.is_end_of_data(StopIteration())\n"
        "assert not there.is_dataset([])\n"
        "assert 'tensorflow' not in sys.modules\n"
    )
    assert done.returncode == 0, done.stderr
