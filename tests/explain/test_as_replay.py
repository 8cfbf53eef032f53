"""A bad step that was brought back, in plain words."""

from nanwatch.explain.as_replay import render
from nanwatch.record.facts import Location, Operand, OpInfo, RanOp, SpreadEntry, StepReplay
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
        "Step 70 again, with the weights from before it: loss nan.",
        "It went bad again.",
        "First op with finite inputs and a non-finite output: RealDiv, forward in layer head "
        "at /project/train.py:18.",
        "  numerator 0",
        "  denominator 0",
        f"  loss       {'':<40} 1 of 1",
        f"  gradient   {'head/kernel':<40} 8 of 8",
    ]


def gave(low: float | None, high: float | None, num_nan: int = 0) -> Operand:
    return Operand("output", low, high, size=4, num_nan=num_nan)


def test_the_ops_around_it_stand_under_their_lines() -> None:
    line, loss = Location("/project/train.py", 18, "Dense(2)"), Location("/project/train.py", 30, "x" * 81)
    ops = (
        RanOp("Relu", "forward", "before", gave(0.0, 0.0), (2, 2), "head", line),
        RanOp("Sum", "forward", "before", gave(0.0, 0.0), (2,), None, None),
        RanOp("RealDiv", "forward", "birth", gave(0.5, 2.0, 1), (2, 2), None, None),
        RanOp("Log", "forward", "after", gave(None, None, 4), (), None, loss),
        RanOp("RealDiv", "backward", "after", gave(None, None, 4), (2, 2), None, loss, "Log"),
        RanOp("Neg", "backward", "after", gave(None, None, 4), (2, 2), None, loss),
    )
    said = render(StepReplay(70, float("nan"), True, ops=ops, spread=(SpreadEntry("loss", "", 1, 1),)))
    assert said.splitlines()[2:] == [
        "",
        "The ops around it, in the order in which they ran, and the values that each produced:",
        "  /project/train.py:18 (layer head)  Dense(2)",
        "    Relu                      float32 (2, 2)  0",
        "  in Keras",
        "    Sum                       float32 (2,)    0",
        "  > RealDiv                   float32 (2, 2)  from 0.5 to 2 and NaN 1 times",
        f"  /project/train.py:30  {'x' * 77}...",
        "    Log                       float32 ()      NaN",
        "    RealDiv, gradient of Log  float32 (2, 2)  NaN",
        "    Neg, backward             float32 (2, 2)  NaN",
        "",
        "What was not finite in the step, and how many of its elements:",
        f"  loss       {'':<40} 1 of 1",
    ]


def test_what_a_function_was_given_is_an_argument() -> None:
    op = RanOp("Placeholder", "forward", "before", gave(0.0, 1.0), (4,))
    assert "    argument  float32 (4,)  from 0 to 1" in render(StepReplay(1, ops=(op,))).splitlines()


def test_texts_have_no_range() -> None:
    op = RanOp("StringJoin", "forward", "before", Operand("output", size=3, dtype="string"), (3,))
    assert "    StringJoin  string (3,)  3 texts" in render(StepReplay(1, ops=(op,))).splitlines()


def test_files_are_named_as_from_the_folder_of_the_run() -> None:
    ops = (RanOp("Relu", "forward", "birth", gave(0.0, 0.0), (2, 2), None, DIVISION.location),)
    for folder, path in {
        "/project": "train.py",
        "/": "project/train.py",
        "/pro": "/project/train.py",
    }.items():
        said = render(StepReplay(70, None, True, DIVISION, ops=ops), folder)
        assert f"in layer head at {path}:18." in said
        assert f"\n  {path}:18  Dense(2)\n" in said


def test_a_step_that_stayed_finite() -> None:
    said = render(StepReplay(3, 0.25, False))
    assert said == (
        "Step 3 again, with the weights from before it: loss 0.25.\n"
        "It stayed finite this time: not reproduced.\n"
    )


def test_a_step_that_was_stopped() -> None:
    said = render(StepReplay(3, None, None, notes=(ReplayStopped(30.0),)))
    assert said == (
        "Step 3 again, with the weights from before it: loss not seen.\nthe replay was stopped after 30 s\n"
    )


def test_a_name_from_a_stranger_writes_no_control_characters() -> None:
    evil = "a\x1b[31mb"
    at = Location(evil, 1, evil)
    op = RanOp(evil, "backward", "birth", Operand(evil, dtype=evil), (1,), evil, at, evil)
    said = render(StepReplay(1, spread=(SpreadEntry("gradient", evil, 1, 1),), ops=(op,)))
    assert "\x1b" not in said
