"""What is asked of a fit is worked out once, and anew for a fit with other facts."""

from __future__ import annotations

from dataclasses import replace

from nanwatch.diagnose import made_up
from nanwatch.diagnose.once_a_fit import once_a_fit
from nanwatch.record.run import Fit


def test_once_for_each_fit() -> None:
    asked: list[Fit] = []

    @once_a_fit
    def steps(fit: Fit) -> int:
        asked.append(fit)
        return fit.info.steps

    @once_a_fit
    def more(fit: Fit) -> int:
        return fit.info.steps + 1

    fit = made_up.run(loss=[0.5] * 7).fits[0]
    other = replace(fit, info=replace(fit.info, steps=3))
    assert [steps(each) for each in (fit, fit, other, other, fit)] == [7, 7, 3, 3, 7]
    assert len(asked) == 2
    assert (more(fit), more(other)) == (8, 4)
    assert replace(fit) == fit
