"""Every example under ``nanwatch run``: the code and the line of its comment come back, and no other."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.example_runs import EXAMPLES, example_run
from tests.programs.expected import expected_in
from tests.programs.scoring import score
from tests.side_by_side import COMMAND, MODULE, ended

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


def run_and_explain(name: str) -> tuple[int, dict[str, Any]]:
    """The exit status of ``nanwatch run``, and the JSON of ``nanwatch explain`` in a process of its own."""
    run, folder = example_run(name)
    explained = ended(folder, *COMMAND, "explain", "logs", "--format", "json")
    assert explained.status == 0, (run.stderr + explained.stderr).decode()
    return run.status, json.loads(explained.stdout)


def test_every_example_is_listed() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == set(STATUS) == set(OUTCOME)


def test_only_the_healthy_example_has_no_fault_marked() -> None:
    assert [name for name in STATUS if not expected_in(EXAMPLES / f"{name}.py")] == ["healthy_digits"]


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", STATUS)
def test_the_marked_fault_comes_back_on_its_line(name: str) -> None:
    status, report = run_and_explain(name)

    expected = expected_in(EXAMPLES / f"{name}.py")
    found = score(expected, report)
    assert found.alarms == (), found.said
    assert found.right, found.said
    assert status == STATUS[name]
    assert report["run"]["outcome"] == OUTCOME[name]
    assert (report["incident"] is not None) == (status == HALTED)
    if not expected:
        assert all(diagnosis["level"] == "note" for diagnosis in report["diagnoses"]), found.said


POSTS = {"inceptionv3_single_softmax": FINISHED, "vgg16_relu_head": HALTED}


@pytest.mark.tensorflow
@pytest.mark.skipif(importlib.util.find_spec("tf_keras") is None, reason="there is no Keras 2")
@pytest.mark.parametrize("name", POSTS)
def test_a_post_is_answered_as_it_was_posted(name: str, tmp_path: Path) -> None:
    for path in (EXAMPLES / "posts").glob("*.py"):
        shutil.copy(path, tmp_path)
    run = ended(tmp_path, *MODULE, "run", "--keras", "2", f"{name}.py")
    explained = ended(tmp_path, *MODULE, "explain", "logs", "--format", "json")
    found = score(expected_in(EXAMPLES / "posts" / f"{name}.py"), json.loads(explained.stdout))
    assert run.status == POSTS[name], run.stderr.decode()
    assert found.right, found.said
    assert found.alarms == (), found.said
