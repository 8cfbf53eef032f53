"""`nanwatch replay` brings the step back, and says in a sentence why when it cannot."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.side_by_side import MODULE, Ended, ended, ended_warm

pytestmark = pytest.mark.tensorflow
SCRIPT = Path(__file__).parent.parent / "watch" / "incident" / "singularities" / "relu_head.py"


def replay(folder: Path, *arguments: str, given: str = "") -> Ended:
    return ended_warm(folder, *MODULE, "replay", "--yes", *arguments, stdin=given.encode())


def last_line(stderr: bytes) -> str:
    return stderr.decode().splitlines()[-1]


@pytest.fixture(scope="module")
def halted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a script, and below logs/ the run of it that was halted."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copy(SCRIPT, folder / "train.py")
    assert ended(folder, *MODULE, "run", "train.py").status == 3
    return folder


def test_the_step_comes_back(halted: Path) -> None:
    ran = replay(halted, "--pdb", given="p y_pred.shape, loss\nq\n")
    said = ran.stdout.decode()
    assert ran.status == 0, ran.stderr
    assert "with the weights from before it: loss nan." in said
    assert "RealDiv, forward" in said
    assert "train.py:12" in said
    assert "TensorShape([32, 5])" in said


def test_nobody_is_there_to_be_asked(halted: Path) -> None:
    ran = ended(halted, *MODULE, "replay")
    assert (ran.status, ran.stdout) == (2, b"")
    assert ran.stderr.decode() == (
        f"nanwatch: This would run the script that the record names, {halted}/train.py, from {halted}; "
        "add --yes if that may be run.\n"
    )


def test_the_remedy_was_tried(halted: Path) -> None:
    said = ended(halted, *MODULE, "explain", "-v").stdout.decode()
    assert "Tried on the frozen state for 30 steps: it cured the fault." in said
    assert "as it was: NaN or infinite at step 1" in said


def moved(halted: Path, folder: Path) -> Path:
    """The project and its run as if they had been made in ``folder``."""
    shutil.copytree(halted, folder)
    (record,) = (folder / "logs").glob("*/run.json")
    record.write_text(record.read_text().replace(str(halted), str(folder)))
    return folder


def test_a_script_that_changed(halted: Path, tmp_path: Path) -> None:
    moved(halted, tmp_path / "project")
    script = tmp_path / "project" / "train.py"
    script.write_text(script.read_text().replace("Dense(8,", "Dense(9,"))
    ran = replay(tmp_path / "project")
    assert ran.status == 2
    assert last_line(ran.stderr).startswith("nanwatch: The snapshot does not fit the model of training 1:")


def test_a_script_that_trains_no_more(halted: Path, tmp_path: Path) -> None:
    moved(halted, tmp_path / "project")
    (tmp_path / "project" / "train.py").write_text("print('done')\n")
    ran = replay(tmp_path / "project")
    assert ran.status == 2
    said = "nanwatch: train.py ended with status 0 before it reached training 1 again."
    assert last_line(ran.stderr) == said


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
    moved(halted, tmp_path / "project")
    damage(next((tmp_path / "project" / "logs").glob("*/snapshot.npz")))  # type: ignore[operator]
    ran = replay(tmp_path / "project")
    assert ran.status == 2
    assert sentence in ran.stderr.decode()
    assert b"Traceback" not in ran.stderr
