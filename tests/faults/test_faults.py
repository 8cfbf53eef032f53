"""A sample of the faults that ``python -m tests.faults`` puts into every op: none reaches the script."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.trainings import with_fault

pytestmark = pytest.mark.tensorflow

SAMPLE = [
    ("graph", "L2Loss"),  # of a gradient: the update waits for it
    ("graph", "ResourceScatterUpdate"),  # the row of a step that is over
    ("graph", "AssignVariableOp 2"),  # what puts the batch by
    ("steps_per_execution", "L2Loss"),
    ("two optimizers", "L2Loss 6"),  # of the second update, behind the first
    ("XLA", "ResourceScatterUpdate"),
]


@pytest.mark.parametrize(("kind", "op"), SAMPLE)
def test_a_fault_does_not_reach_the_script(kind: str, op: str, tmp_path: Path) -> None:
    found = with_fault(kind, op, tmp_path)
    assert found.fault.has_failed
    assert found.differs == []
    assert found.errors == ["making a step: UnknownError"]


def test_a_step_that_cannot_be_compiled_is_not(tmp_path: Path) -> None:
    """XLA has no way to call the host, from where the fault comes: that is seen before it is asked to."""
    found = with_fault("XLA", "L2Loss", tmp_path)
    assert not found.fault.has_failed
    assert found.differs == []
    assert found.errors == ["making a step: OpOutOfPlace"]
