"""A script mended in rounds: which change stays, what is said, and the whole of it on a real script."""

import subprocess
import sys
from pathlib import Path

import pytest

from nanwatch.diagnose import made_up
from nanwatch.diagnose.diagnosis import Diagnosis, Remedy
from nanwatch.explain.as_fix import Round, diff, last_kept, left_in_words, render_round
from nanwatch.explain.reporting import report_of
from nanwatch.fix.rounds import CannotFix, Fixer
from nanwatch.record.facts import ScriptError
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Run

LN_2 = 0.6931471805599453
SOFTMAX = Remedy(Intervention(InterventionKind.SET_ACTIVATION, "dense", "softmax"), "Use softmax.")
DIAGNOSIS = Diagnosis("NW201", "relu-output", "cause", "error", "m", location=made_up.line(5, "Dense(2)"))


def binary_run(ended: float) -> Run:
    of = made_up.model(made_up.dense(activation="sigmoid"), loss="binary_crossentropy")
    return made_up.run(of, loss=[0.7] + [ended] * 199, targets=[made_up.labels(0, 1)])


def round_of(run: Run, after: Round | None = None) -> Round:
    change = (DIAGNOSIS, SOFTMAX) if after is not None else (None, None)
    return Round(report_of(run), "source", Path("train.py"), after, *change)


def test_a_change_that_brings_skill_stays() -> None:
    first = round_of(binary_run(LN_2))
    assert first.is_kept
    assert round_of(binary_run(0.94 * LN_2), first).is_kept
    assert round_of(binary_run(0.2), first).is_kept


def test_a_change_that_costs_skill_is_taken_back() -> None:
    first = round_of(binary_run(0.5 * LN_2))
    worse = round_of(binary_run(0.56 * LN_2), first)
    assert not worse.is_kept
    assert last_kept([first, worse]) is first
    assert round_of(binary_run(0.54 * LN_2), first).is_kept  # the finding is gone


def test_a_change_that_leaves_the_training_broken_is_taken_back() -> None:
    well, broken = binary_run(0.2), made_up.run(loss=[0.7, float("nan")], incident={})
    assert not round_of(broken, round_of(well)).is_kept
    assert round_of(well, round_of(broken)).is_kept


def test_a_script_that_dies_at_a_later_line_is_a_step_further() -> None:
    def died(line: int, old: str) -> Run:
        said = f"Argument(s) not recognized: {{'{old}': 1}}"
        raised = ScriptError("ValueError", said, made_up.line(line, f"Adam({old}=1)"))
        info = made_up.run(info={"status": "crashed", "raised": raised}).info
        return Run(info)

    first = round_of(died(3, "lr"))
    (diagnosis,) = first.report.diagnoses.diagnoses

    def after(run: Run) -> Round:
        return Round(report_of(run), "source", Path("train.py"), first, diagnosis, diagnosis.remedies[0])

    assert after(died(9, "nb_epoch")).is_kept
    assert not after(died(3, "lr")).is_kept
    assert after(binary_run(0.2)).is_kept


def test_what_is_said_of_a_run() -> None:
    first = round_of(binary_run(LN_2 / 2))
    assert (
        render_round(1, first, "train.py") == "run 1: Nothing found. Skill 0.50 (0 is guessing, 1 perfect)."
    )
    worse = round_of(binary_run(LN_2), first)
    said = render_round(2, worse, "train.py")
    assert said.startswith("run 2: with NW201 at train.py:5 fixed (Use softmax): ")
    assert said.endswith("That is no better: the change is taken back.")


def test_what_is_left_is_told_in_words() -> None:
    broken = round_of(made_up.run(loss=[0.7, float("nan")], incident={}))
    assert next(left_in_words(broken)).startswith("NW900 unexplained: ")
    assert list(left_in_words(round_of(binary_run(0.1)))) == []


def test_the_diff() -> None:
    assert diff("a\nb\n", "a\nc\n", "train.py") == (
        "--- a/train.py\n+++ b/train.py\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n"
    )
    assert diff("a", "b", "t.py").count("\\ No newline at end of file\n") == 2
    assert diff("a\n", "a\n", "t.py") == ""


def test_a_script_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_bytes(b"\xff\xfe")
    with pytest.raises(CannotFix, match="cannot be read as text"):
        Fixer(tmp_path / "train.py", (), tmp_path / "logs", 0.0)
    with pytest.raises(CannotFix, match="cannot be read as text"):
        Fixer(tmp_path / "gone.py", (), tmp_path / "logs", 0.0)


TWO_FAULTS = """\
import sys
import keras
import numpy as np

keras.utils.set_random_seed(3)
x = np.random.normal(size=(480, 4)).astype("float32")
y = (x[:, 0] + x[:, 1] > 0).astype(int) + 1  # NW107
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(2)])
model.compile("adam", "sparse_categorical_crossentropy")  # the layer before gives logits
model.fit(x, y, epochs=40, verbose=0)
print(sys.argv[1])
"""


@pytest.mark.tensorflow
def test_a_script_with_two_faults_is_mended_and_written(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(TWO_FAULTS)
    command = [sys.executable, "-m", "nanwatch", "fix", "--write", "--prove", "30", "train.py", "told"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    mended = script.read_text()
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("--- a/train.py\n+++ b/train.py\n")
    assert "told" not in done.stdout  # what the script prints is not shown
    assert "y = y - 1\nmodel.fit" in mended
    assert 'keras.layers.Dense(2, activation="softmax")' in mended
    assert "# the layer before gives logits" in mended
    said = done.stderr.splitlines()
    assert said[0].startswith("nanwatch: run 1: The script ended with an exception")
    assert said[-1] == "nanwatch: train.py is fixed."
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".train")] == []


def test_no_script() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nanwatch", "fix", "gone.py"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("nanwatch: There is no script gone.py; ")
