"""Reported faults as the record would show them: the cause first, and what it is not."""

import math
from typing import Any

import pytest

from nanwatch.diagnose import made_up
from nanwatch.diagnose.engine import diagnose
from nanwatch.record.facts import ColumnSummary, DataInfo, ModelInfo, OpInfo, TensorSummary
from nanwatch.record.run import Run

NAN, INF = math.nan, math.inf
CLASSES_5 = made_up.labels(0, 1, 2, 3, 4)
BINARY = made_up.labels(0, 1)
ONE_HOT = made_up.tensor("label", "output", shape=(None, 2), integral=True, one_hot=True)
HIDDEN = made_up.dense("hidden", 16, "relu", at=4)
ONES = made_up.tensor("output", "output", min=1.0, max=1.0, mean=1.0, std=0.0)
DIVISION = OpInfo("RealDiv", "forward", output="nan")


def net(units: int, activation: str, loss: str, **facts: Any) -> ModelInfo:
    return made_up.model(HIDDEN, made_up.dense(units=units, activation=activation), loss=loss, **facts)


def scaled(**facts: Any) -> TensorSummary:
    return made_up.tensor("input", "0", **facts)


def relu_head_at_the_first_row_of_zeros() -> Run:
    """VGG16 with Dense(2, relu): two good epochs, then 0/0 in the third."""
    return made_up.run(
        net(2, "relu", "categorical_crossentropy"),
        loss=[1.5] * 20 + [0.25] * 40 + [NAN],
        inputs=[scaled()],
        targets=[ONE_HOT],
        incident={"rows_summing_to_zero": 2, "rows": 10, "op": DIVISION, "role": "loss"},
    )


def relu_head_watched_to_the_end() -> Run:
    epochs = [
        {"loss": 1.515, "accuracy": 0.7662},
        {"loss": 0.2535, "accuracy": 0.9459},
        {"loss": NAN, "accuracy": 0.7468},
        {"loss": NAN, "accuracy": 0.5},
    ]
    return made_up.run(
        net(2, "relu", "categorical_crossentropy"),
        loss=[1.5] * 20 + [0.25] * 40 + [NAN] * 20,
        targets=[made_up.labels(0, 1)],
        epochs=epochs,
        incident={"step": 60, "rows_summing_to_zero": 2, "action": "continue"},
    )


def single_softmax() -> Run:
    falls = [{"loss": 0.70, "accuracy": 0.5}, {"loss": 0.12, "accuracy": 0.5}]
    return made_up.run(
        net(1, "softmax", "binary_crossentropy"), targets=[BINARY], epochs=falls, predictions=[ONES]
    )


def single_softmax_and_raw_column() -> Run:
    columns = tuple(ColumnSummary(n, min=-3, max=3, std=1.0 if n < 7 else 5e4) for n in range(8))
    return made_up.run(
        net(1, "softmax", "binary_crossentropy"),
        loss=[4968.0] * 20 + [7.0] * 180,
        inputs=[scaled(min=-2e5, max=2e5, std=1.8e4, columns=columns, size=5120)],
        targets=[BINARY],
        epochs=[{"loss": 4968.0, "accuracy": 0.5}, {"loss": 7.0, "accuracy": 0.5}],
        predictions=[ONES],
    )


def raw_pixels_kill_the_net() -> Run:
    norms = [9.0, *[0.0] * 61]
    return made_up.run(
        net(4, "softmax", "sparse_categorical_crossentropy", optimizer="SGD", learning_rate=0.1),
        loss=[40.0, 1.6e15, *[1.3863] * 60],
        inputs=[scaled(min=0.0, max=255.0, mean=127.0, std=74.0)],
        targets=[made_up.labels(0, 1, 2, 3)],
        steps={("activation", "hidden", "l2_norm"): norms},
        health={
            ("activation", "hidden", "num_zero"): [512.0] * 62,
            ("activation", "hidden", "size"): [512.0] * 62,
        },
    )


def adam_at_one() -> Run:
    norms = [9.0] * 3 + [0.0] * 60
    return made_up.run(
        net(5, "softmax", "sparse_categorical_crossentropy", learning_rate=1.0),
        loss=[1.62, 1700.0, 215.0, *[1.609] * 60],
        inputs=[scaled()],
        targets=[CLASSES_5],
        steps={("activation", "hidden", "l2_norm"): norms},
    )


def house_prices() -> Run:
    losses = [3.9e10, 2.1e22, 8e36, INF]
    norms = [1.5e6, 8e22, 1e30, INF]
    return made_up.run(
        net(1, "linear", "mean_squared_error", optimizer="SGD", learning_rate=0.1),
        loss=losses,
        inputs=[scaled()],
        targets=[made_up.tensor("label", "output", min=2e4, max=4e5, mean=1.8e5, std=8e4)],
        steps={("gradient", "dense/kernel", "l2_norm"): norms},
        incident={"role": "loss", "value": "inf"},
    )


def rate_too_high_for_raw_line() -> Run:
    growing = [85.0**step for step in range(18)]
    return made_up.run(
        made_up.model(made_up.dense(), optimizer="SGD", learning_rate=1e-3),
        loss=[*growing, INF],
        inputs=[scaled(min=0.0, max=199.0, mean=99.5, std=57.7)],
        targets=[made_up.tensor("label", "output", min=0.0, max=398.0, mean=199.0, std=115.0)],
        steps={("gradient", "dense/kernel", "l2_norm"): [9.2**step for step in range(19)]},
        incident={"role": "loss", "value": "inf"},
    )


def nan_in_a_column() -> Run:
    bad = scaled(num_nan=13, columns=(ColumnSummary(3, num_nan=13),), size=5120)
    return made_up.run(
        net(2, "relu", "categorical_crossentropy"),
        loss=[NAN],
        inputs=[bad],
        targets=[ONE_HOT],
        incident={"role": "input", "batch": DataInfo(inputs=(bad,), labels=(ONE_HOT,))},
    )


def logits_under_sparse() -> Run:
    seen = made_up.tensor("output", "output", min=-2.2, max=2.0)
    return made_up.run(
        net(5, "linear", "sparse_categorical_crossentropy"),
        loss=[4.6 - 0.02 * step for step in range(100)],
        targets=[CLASSES_5],
        predictions=[seen],
    )


def frozen() -> Run:
    of = made_up.model(made_up.dense(activation="sigmoid", trainable=False), loss="binary_crossentropy")
    return made_up.run(of, loss=[0.72] * 60, targets=[BINARY], epochs=[{"loss": 0.7214, "accuracy": 0.5}] * 3)


def categorical_on_one_unit() -> Run:
    drifting = [{"loss": 0.0, "accuracy": 0.5}] * 3
    return made_up.run(
        net(1, "sigmoid", "categorical_crossentropy"), loss=[0.0] * 60, targets=[BINARY], epochs=drifting
    )


CASES = {
    "relu head, halted": (relu_head_at_the_first_row_of_zeros, "non-finite", "NW201", 5),
    "relu head, watched on": (relu_head_watched_to_the_end, "non-finite", "NW201", 5),
    "single softmax": (single_softmax, "at-chance", "NW202", 5),
    "single softmax and a raw column": (single_softmax_and_raw_column, "at-chance", "NW202", 5),
    "raw pixels": (raw_pixels_kill_the_net, "not-learning", "NW105", 12),
    "Adam at 1.0": (adam_at_one, "not-learning", "NW501", 9),
    "house prices": (house_prices, "non-finite", "NW106", 12),
    "a raw line": (rate_too_high_for_raw_line, "non-finite", "NW501", 9),
    "NaN in a column, and a relu head": (nan_in_a_column, "non-finite", "NW101", 12),
    "logits": (logits_under_sparse, "not-learning", "NW204", 5),
    "all frozen": (frozen, "not-learning", "NW503", 10),
    "categorical on one unit": (categorical_on_one_unit, "at-chance", "NW207", 10),
}


@pytest.mark.parametrize("case", CASES)
def test_the_cause_comes_first_on_its_line(case: str) -> None:
    build, outcome, code, line = CASES[case]
    found = diagnose(build())
    first = found.diagnoses[0]
    assert (found.outcome, first.code, first.part, first.level) == (outcome, code, "cause", "error")
    assert first.location is not None
    assert first.location.line == line


def parts(run: Run) -> dict[str, tuple[str, str]]:
    return {one.code: (one.part, one.level) for one in diagnose(run).diagnoses}


def test_nothing_else_is_a_cause_unless_two_are() -> None:
    for case, (build, _, _, _) in CASES.items():
        causes = {
            code for code, (part, level) in parts(build()).items() if part == "cause" and level != "note"
        }
        assert len(causes) == (2 if case == "single softmax and a raw column" else 1), (case, causes)


def test_two_independent_faults_are_both_causes() -> None:
    found = parts(single_softmax_and_raw_column())
    assert found["NW202"] == found["NW105"] == ("cause", "error")


def test_a_dead_layer_is_the_consequence_of_what_killed_it() -> None:
    assert parts(raw_pixels_kill_the_net())["NW301"][0] == "consequence"
    assert parts(adam_at_one())["NW301"][0] == "consequence"


def test_exploding_gradients_are_a_consequence() -> None:
    assert parts(house_prices())["NW304"][0] == "consequence"
    assert parts(rate_too_high_for_raw_line())["NW304"][0] == "consequence"


def test_the_rate_takes_no_blame_from_raw_targets() -> None:
    assert parts(house_prices())["NW501"] == ("contributing", "note")


def test_the_plateau_after_a_nan_is_a_consequence() -> None:
    assert parts(relu_head_watched_to_the_end())["NW607"][0] == "consequence"


def test_a_head_at_fault_plays_along_where_the_data_are_nan() -> None:
    assert parts(nan_in_a_column())["NW201"][0] == "contributing"


def test_a_named_cause_leaves_nothing_unexplained() -> None:
    for build, *_ in CASES.values():
        assert "NW900" not in parts(build())


def test_what_nothing_explains_is_called_so() -> None:
    run = made_up.run(
        net(1, "linear", "mean_squared_error"), loss=[0.7] * 30 + [NAN], inputs=[scaled()], incident={}
    )
    found = diagnose(run).diagnoses[0]
    assert (found.code, found.part, found.level) == ("NW900", "cause", "error")
    assert found.message == (
        "The training went non-finite in step 30: nan in the loss, "
        "and none of the faults known here explains it."
    )
    assert any("inputs are finite in the 640 rows looked at" in text for text in found.evidence)
