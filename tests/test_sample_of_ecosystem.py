"""The programs that need nothing but Keras, all sick, and some well;
``python -m tests.ecosystem`` runs all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.ecosystem.outcomes import NEEDS, chosen, watch
from tests.programs.expected import expected_in
from tests.warm_python import run_warm

ALL = sorted(chosen([]))
PLAIN = [script for script in ALL if not NEEDS.match(script.read_text())]
WELL = ("every_callback", "four_replicas", "in_a_spawned_process", "py_dataset_workers")


def warm(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> int:
    return run_warm(command, folder, environment).status


def test_each_program_tells_its_fault() -> None:
    assert {"every_callback", "lora", "in_a_thread"} <= {script.stem for script in PLAIN}
    assert len(PLAIN) < len(ALL)
    assert all(map(expected_in, ALL))


@pytest.mark.tensorflow
@pytest.mark.parametrize("script", PLAIN, ids=lambda script: script.stem)
def test_the_fault_is_found(script: Path) -> None:
    found = watch(script, "sick", warm)
    assert found.right, (found.score.said, found.errors)


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", WELL)
def test_what_is_well_stays_silent(name: str) -> None:
    (script,) = chosen([name])
    found = watch(script, "well", warm)
    assert found.right, (found.status, found.score.said, found.errors)
