"""`nanwatch replay` brings the step back, and says in a sentence why when it cannot."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.tensorflow
SCRIPT = Path(__file__).parent.parent / "watch" / "incident" / "singularities" / "relu_head.py"


def nanwatch(*arguments: str, cwd: Path, given: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "nanwatch", *arguments]
    return subprocess.run(command, cwd=cwd, input=given, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def halted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a script, and below logs/ the run of it that was halted."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copy(SCRIPT, folder / "train.py")
    assert nanwatch("run", "train.py", cwd=folder).returncode == 3
    return folder


def test_the_step_comes_back(halted: Path) -> None:
    ran = nanwatch("replay", "--pdb", cwd=halted, given="p y_pred.shape, loss\nq\n")
    assert ran.returncode == 0, ran.stderr
    assert "on the weights of before: loss nan." in ran.stdout
    assert "RealDiv, forward" in ran.stdout
    assert "train.py:12" in ran.stdout
    assert "TensorShape([32, 5])" in ran.stdout


def test_the_remedy_was_tried(halted: Path) -> None:
    ran = nanwatch("explain", cwd=halted)
    assert "Tried on the frozen state for 30 steps: it cured the fault." in ran.stdout
    assert "as it was: NaN or infinite at step 1" in ran.stdout


def test_a_script_that_changed(halted: Path, tmp_path: Path) -> None:
    shutil.copytree(halted, tmp_path / "project")
    script = tmp_path / "project" / "train.py"
    script.write_text(script.read_text().replace("Dense(8,", "Dense(9,"))
    ran = nanwatch("replay", cwd=tmp_path / "project")
    assert ran.returncode == 2
    assert ran.stderr.splitlines()[-1].startswith(
        "nanwatch: The snapshot does not fit the model of training 1:"
    )


def test_a_script_that_trains_no_more(halted: Path, tmp_path: Path) -> None:
    shutil.copytree(halted, tmp_path / "project")
    (tmp_path / "project" / "train.py").write_text("print('done')\n")
    ran = nanwatch("replay", cwd=tmp_path / "project")
    assert ran.returncode == 2
    said = "nanwatch: train.py ended with status 0 before it came to training 1 again."
    assert ran.stderr.splitlines()[-1] == said


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda path: path.unlink(), "There is no snapshot.npz in"),
        (lambda path: path.write_bytes(path.read_bytes()[:500]), "is not a whole snapshot"),
        (lambda path: path.write_bytes(b"not a snapshot"), "is not a whole snapshot"),
    ],
)
def test_a_snapshot_that_is_missing_or_torn(
    damage: object, sentence: str, halted: Path, tmp_path: Path
) -> None:
    shutil.copytree(halted, tmp_path / "project")
    damage(next((tmp_path / "project" / "logs").glob("*/snapshot.npz")))  # type: ignore[operator]
    ran = nanwatch("replay", cwd=tmp_path / "project")
    assert ran.returncode == 2
    assert sentence in ran.stderr
    assert "Traceback" not in ran.stderr
