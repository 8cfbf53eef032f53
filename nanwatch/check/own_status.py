"""How a script that was cut short ended by itself: what comes of the cut does not count."""

from __future__ import annotations

from nanwatch.check.budget import CheckBudget
from nanwatch.record.notes import FailedBehindCut
from nanwatch.watch import Ending, print_exit_code

# Faults that a program has however long it trained. Any other exception behind a training that was
# cut short may come of the cut: a plot of 50 epochs, an accuracy that is asserted.
OWN_FAULTS = (AttributeError, ImportError, KeyError, NameError, SyntaxError, TypeError)


def own_status(ending: Ending, budget: CheckBudget) -> int:
    """The status that the script ended with by itself; 0 where the check or an incident ended it."""
    if budget.ended is not None or ending.halted or budget.recorder.halted:
        return 0
    error = ending.error
    if not budget.cut or error is None or ending.interrupted or comes_of(error, budget.failed):
        print_exit_code(ending)
        return ending.status
    if isinstance(error, OWN_FAULTS):
        return ending.status
    budget.hold_back(FailedBehindCut(type(error).__name__))
    return 0


def comes_of(error: BaseException | None, failed: BaseException | None) -> bool:
    """Whether ``error`` is the exception that left a training, or was raised because of it."""
    while error is not None:
        if error is failed:
            return True
        error = error.__cause__ or error.__context__
    return False
