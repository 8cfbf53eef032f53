"""A bad step that was brought back, in plain words."""

from nanwatch.explain.as_replay import render
from nanwatch.record.facts import Location, Operand, OpInfo, SpreadEntry, StepReplay
from nanwatch.record.notes import ReplayStopped

DIVISION = OpInfo(
    "RealDiv",
    "forward",
    layer="head",
    location=Location("/project/train.py", 18, "Dense(2)"),
    inputs=(Operand("numerator", 0.0, 0.0, size=4), Operand("denominator", 0.0, 0.0, size=4)),
)


def test_a_step_that_went_bad_again() -> None:
    spread = (SpreadEntry("loss", "", 1, 1, first=True), SpreadEntry("gradient", "head/kernel", 8, 8))
    said = render(StepReplay(70, float("nan"), True, DIVISION, spread))
    assert said.splitlines() == [
        "Step 70 again, on the weights of before: loss nan.",
        "It went bad again.",
        "First op with finite inputs and a non-finite output: RealDiv, forward in layer head "
        "at /project/train.py:18.",
        "  numerator 0",
        "  denominator 0",
        f"  loss       {'':<40} 1 of 1",
        f"  gradient   {'head/kernel':<40} 8 of 8",
    ]


def test_a_step_that_stayed_finite() -> None:
    said = render(StepReplay(3, 0.25, False))
    assert said == (
        "Step 3 again, on the weights of before: loss 0.25.\nIt stayed finite this time: not reproduced.\n"
    )


def test_a_step_that_was_stopped() -> None:
    said = render(StepReplay(3, None, None, notes=(ReplayStopped(30.0),)))
    assert said == (
        "Step 3 again, on the weights of before: loss not seen.\nthe replay was stopped after 30 s\n"
    )


def test_a_name_from_a_stranger_writes_no_control_characters() -> None:
    said = render(StepReplay(1, spread=(SpreadEntry("gradient", "a\x1b[31mb", 1, 1),)))
    assert "\x1b" not in said
