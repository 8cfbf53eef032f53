import math
from typing import Any

import pytest

from nanwatch.diagnose import made_up
from nanwatch.diagnose.heads import (
    heads,
    is_outside_probabilities,
    loss_harm,
    prediction_range,
    proper_activation,
)
from nanwatch.record.facts import LossInfo
from nanwatch.record.run import Run

LN_2 = math.log(2)


def binary(losses: list[float], **facts: Any) -> Run:
    of = made_up.model(made_up.dense(activation="relu"), loss="binary_crossentropy")
    return made_up.run(of, loss=losses, targets=[made_up.labels(0, 1)], **facts)


def harm(run: Run) -> list[str]:
    fit = run.fits[0]
    return loss_harm(fit, next(heads(fit)))


@pytest.mark.parametrize(("times", "said"), [(2.51, 1), (2.49, 0)])
def test_a_start_far_above_guessing_is_harm(times: float, said: int) -> None:
    assert len(harm(binary([times * LN_2] * 5 + [0.3] * 30))) == said


@pytest.mark.parametrize(("times", "said"), [(1.11, 1), (1.09, 0)])
def test_an_end_above_guessing_is_harm(times: float, said: int) -> None:
    assert len(harm(binary([0.7] * 5 + [times * LN_2] * 30))) == said


@pytest.mark.parametrize(("steps", "said"), [(20, 1), (19, 0)])
def test_an_end_is_judged_after_twenty_steps(steps: int, said: int) -> None:
    assert len(harm(binary([0.9] * steps))) == said


def test_the_words_say_the_numbers() -> None:
    assert harm(binary([5.96] * 40)) == [
        "The loss starts at 5.96; answering with the class shares costs 0.693.",
        "After 40 steps the loss is 5.96, above the 0.693 of answering with the class shares.",
    ]


def test_class_weights_even_the_shares_out() -> None:
    rare = made_up.labels(0, 1, rows=1000, classes={"0": 973, "1": 27})
    weighted = {"class_weight": {"0": 0.51, "1": 18.5}}
    of = made_up.model(made_up.dense(activation="relu"), loss="binary_crossentropy")
    for fit, said in (({}, 2), (weighted, 0)):
        run = made_up.run(of, loss=[0.7] * 40, targets=[rare], fit=fit)
        assert len(harm(run)) == said


def test_two_outputs_share_a_loss_that_says_nothing_of_one() -> None:
    head = made_up.dense(activation="relu")
    one = made_up.output(head, "binary_crossentropy")
    of = made_up.model(head, outputs=(one, one))
    assert harm(made_up.run(of, loss=[5.96] * 40)) == []


def test_predictions_are_taken_from_every_place_that_saw_them() -> None:
    low = made_up.tensor("output", "output", min=-0.5, max=0.5)
    bad = made_up.tensor("output", "output", min=math.nan, max=math.nan, num_nan=640)
    health = {("output", "output", "min"): [0.0, math.nan], ("output", "output", "max"): [2.0, math.nan]}
    run = binary(
        [0.7],
        predictions=[low],
        health={key: value[:1] for key, value in health.items()},
        incident={"outputs": (bad,)},
    )
    fit = run.fits[0]
    assert prediction_range(fit, run, fit.model.outputs[0]) == (-0.5, 2.0)


def test_no_prediction_was_seen() -> None:
    run = binary([0.7])
    assert prediction_range(run.fits[0], run, run.fits[0].model.outputs[0]) is None


@pytest.mark.parametrize(
    ("seen", "outside"),
    [((-0.0011, 1.0), True), ((0.0, 1.0011), True), ((-0.0009, 1.0009), False), (None, False)],
)
def test_what_no_probability_can_be(seen: tuple[float, float] | None, outside: bool) -> None:
    assert is_outside_probabilities(seen) is outside


@pytest.mark.parametrize(
    ("loss", "from_logits", "units", "expected"),
    [
        ("binary_crossentropy", False, 1, "sigmoid"),
        ("categorical_crossentropy", False, 2, "softmax"),
        ("sparse_categorical_crossentropy", False, 5, "softmax"),
        ("binary_crossentropy", True, 1, "linear"),
    ],
)
def test_the_activation_that_fits(loss: str, from_logits: bool, units: int, expected: str) -> None:
    head = made_up.dense(units=units, activation="relu")
    known = {"loss_info": LossInfo(loss, from_logits=from_logits)}
    run = made_up.run(made_up.model(head, output_facts=known))
    assert proper_activation(next(heads(run.fits[0]))) == expected
