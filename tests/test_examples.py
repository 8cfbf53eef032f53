"""Every example under ``nanwatch run``: the code and the line of its comment come back, and no other."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.programs.expected import expected_in
from tests.programs.scoring import score

EXAMPLES = Path(__file__).parent.parent / "examples"
HALTED, CRASHED, FINISHED = 3, 1, 0
STATUS = {
    "healthy_digits": FINISHED,
    "high_learning_rate": HALTED,
    "inceptionv3_single_softmax": FINISHED,
    "labels_do_not_fit": FINISHED,
    "labels_one_based": CRASHED,
    "quickstart": HALTED,
    "vgg16_relu_head": HALTED,
}
OUTCOME = {
    "healthy_digits": "healthy",
    "high_learning_rate": "non-finite",
    "inceptionv3_single_softmax": "at-chance",
    "labels_do_not_fit": "diverged",
    "labels_one_based": "crashed",
    "quickstart": "non-finite",
    "vgg16_relu_head": "non-finite",
}


def nanwatch(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).with_name("nanwatch")
    return subprocess.run([command, *arguments], cwd=folder, capture_output=True, text=True, timeout=300)


def run_and_explain(name: str, folder: Path) -> tuple[int, dict[str, Any]]:
    """The exit status of ``nanwatch run``, and the JSON of ``nanwatch explain`` in a process of its own."""
    ran = nanwatch(folder, "run", "--log-dir", "logs", str(EXAMPLES / f"{name}.py"))
    explained = nanwatch(folder, "explain", "logs", "--format", "json")
    assert explained.returncode == 0, ran.stderr + explained.stderr
    return ran.returncode, json.loads(explained.stdout)


def test_every_example_is_listed() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == set(STATUS) == set(OUTCOME)


def test_only_the_healthy_example_has_no_fault_marked() -> None:
    assert [name for name in STATUS if not expected_in(EXAMPLES / f"{name}.py")] == ["healthy_digits"]


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", STATUS)
def test_the_marked_fault_comes_back_on_its_line(name: str, tmp_path: Path) -> None:
    status, report = run_and_explain(name, tmp_path)

    expected = expected_in(EXAMPLES / f"{name}.py")
    found = score(expected, report)
    assert found.alarms == (), found.said
    assert found.right, found.said
    assert status == STATUS[name]
    assert report["run"]["outcome"] == OUTCOME[name]
    assert (report["incident"] is not None) == (status == HALTED)
    if not expected:
        assert all(diagnosis["level"] == "note" for diagnosis in report["diagnoses"]), found.said
