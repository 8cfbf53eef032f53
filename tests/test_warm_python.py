"""The Python that the tests fork from behaves as one that has just been started, where they look."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.side_by_side import ended, ended_warm, environment
from tests.warm_python import run_warm

pytestmark = pytest.mark.tensorflow

FACTS = """
import os, signal, sys, threading
print(sys.argv, sys.path[0], os.getcwd(), __name__, sys.modules["__main__"].__dict__ is globals())
print(sys.stdin.read(), sys.stdin.isatty(), sys.stdout.encoding, sys.flags, dict(os.environ))
print(signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGCHLD), threading.active_count())
print("keras" in sys.modules, "nanwatch" in sys.modules, hash("a"))
"""
SCRIPTS = {
    "facts": (FACTS, 0),
    "exit": ("import sys\nprint('out')\nsys.exit(5)\n", 5),
    "exit with a text": ("raise SystemExit('no data')\n", 1),
    "atexit": ("import atexit\natexit.register(print, 'last')\nprint('first')\n", 0),
    "interrupted": ("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n", -signal.SIGINT),
    "killed": (
        "import os, signal\nprint('x', flush=True)\nos.kill(os.getpid(), signal.SIGKILL)\n",
        -signal.SIGKILL,
    ),
    "a process of its own": ("import os\nprint(os.fork() and os.wait()[1], flush=True)\n", 0),
}


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize("start", [["train.py"], ["-m", "train"]], ids=["script", "module"])
def test_it_is_as_a_new_one(name: str, start: list[str], tmp_path: Path) -> None:
    text, status = SCRIPTS[name]
    (tmp_path / "train.py").write_text(text)
    new = ended(tmp_path, sys.executable, *start, "a", stdin=b"given", WORD="of the test")
    warm = ended_warm(tmp_path, sys.executable, *start, "a", stdin=b"given", WORD="of the test")
    assert (warm.status, warm.stdout) == (new.status, new.stdout)
    assert warm.status == status


def test_keras_is_imported_by_the_script(tmp_path: Path) -> None:
    """With it nanwatch comes to know that there is a training; and importing costs nothing more."""
    (tmp_path / "train.py").write_text(
        "import sys\nassert 'keras' not in sys.modules\nimport keras, tensorflow as tf\n"
        "print(keras.Model is tf.keras.Model, keras.layers.Dense(3)(keras.ops.ones((2, 2))).shape)\n"
        "print(keras is sys.modules['keras'], keras.models.Model is keras.Model)\n"
    )
    warm = ended_warm(tmp_path, sys.executable, "train.py")
    assert warm.stdout == b"True (2, 3)\nTrue True\n"


def test_two_do_not_draw_the_same_numbers(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(
        "import random, keras, numpy\n"
        "print(random.random(), numpy.random.random(), float(keras.random.normal([])))\n"
    )
    first, second = (ended_warm(tmp_path, sys.executable, "train.py").stdout.split() for _ in range(2))
    assert not set(first) & set(second)


def test_one_that_never_ends(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("import time\ntime.sleep(600)\n")
    with pytest.raises(subprocess.TimeoutExpired):
        run_warm(["train.py"], tmp_path, environment(), timeout=0.5)
