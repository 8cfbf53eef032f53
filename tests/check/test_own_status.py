"""Which end of a script that was cut short is the script's own."""

from __future__ import annotations

import pytest

from nanwatch.check.budget import CheckBudget
from nanwatch.check.own_status import own_status
from nanwatch.record.notes import EndedByLoop, FailedBehindCut, ScriptEnded
from nanwatch.watch.launch.script import Ending


class Witnessed:
    """As much of a recorder as the question takes."""

    halted = False

    def __init__(self) -> None:
        from nanwatch.record.facts import RunInfo

        self.info = RunInfo("train.py")
        self.cut_short: set[int] = set()


def short(cut: bool = True, ended: ScriptEnded | None = None) -> CheckBudget:
    made = CheckBudget(Witnessed(), 20, ended)  # type: ignore[arg-type]
    made.cut.update({0} if cut else ())
    return made


@pytest.mark.parametrize("error", [NameError("x"), TypeError("x"), KeyError("acc"), ImportError("x")])
def test_a_fault_of_the_program_counts_behind_a_cut_too(error: Exception) -> None:
    assert own_status(Ending(1, error=error), short()) == 1


@pytest.mark.parametrize("error", [IndexError("x"), ValueError("x"), AssertionError(), FileNotFoundError()])
def test_what_may_come_of_the_cut_does_not(error: Exception) -> None:
    assert own_status(Ending(1, error=error), short(cut=False)) == 1
    of = short()
    assert own_status(Ending(1, error=error), of) == 0
    (told,) = of.recorder.info.held_back
    assert told == FailedBehindCut(type(error).__name__)


def test_an_exception_out_of_a_training_counts() -> None:
    of = short()
    of.failed = ValueError("shapes")
    assert own_status(Ending(1, error=of.failed), of) == 1
    wrapped = RuntimeError("the fold failed")
    wrapped.__cause__ = of.failed
    assert own_status(Ending(1, error=wrapped), of) == 1


def test_the_scripts_own_exit_counts_and_the_checks_does_not() -> None:
    assert own_status(Ending(5, 5), short()) == 5
    assert own_status(Ending(0, 0), short(ended=EndedByLoop(8))) == 0
    assert own_status(Ending(1, error=RuntimeError("swallowed")), short(ended=EndedByLoop(8))) == 0
    assert own_status(Ending(3, halted=True), short()) == 0
