"""The data and numerics rules on the numbers of real cases: messages word by word, and close calls."""

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_seen import columns_scaled_away
from nanwatch.diagnose.data_words import bad_kinds, list_words, number, numbered_words
from nanwatch.diagnose.diagnosis import Finding
from nanwatch.diagnose.engine import diagnose
from nanwatch.diagnose.label_classes import misfit_in_error, misfit_of
from nanwatch.diagnose.rule import find_rule
from nanwatch.record.facts import (
    AdaptedInfo,
    ArgumentInfo,
    ColumnSummary,
    DataInfo,
    LayerInfo,
    LossInfo,
    ModelInfo,
    Operand,
    OpInfo,
    TensorSummary,
)
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Run

NAN = math.nan


def said(code: str, run: Run) -> list[Finding]:
    """The findings of one rule on the only fit of ``run``."""
    return list(find_rule(code).diagnose(run.fits[0], run))


def only(code: str, run: Run) -> Finding:
    (finding,) = said(code, run)
    return finding


def classifier(units: int = 5) -> ModelInfo:
    head = made_up.dense(units=units, activation="softmax")
    return made_up.model(head, loss="sparse_categorical_crossentropy")


def table(columns: Iterable[ColumnSummary], **facts: Any) -> TensorSummary:
    return made_up.tensor("input", size=640 * 8, shape=(None, 8), columns=tuple(columns), **facts)


# -- words -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "word"),
    [(3.0, "3"), (0.5, "0.5"), (1.6e15, "1.6e+15"), (123456.0, "123456"), (1e6, "1e+06"), (math.inf, "inf")],
)
def test_numbers_for_a_reader(value: float, word: str) -> None:
    assert number(value) == word


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([], ""),
        ([3], "3"),
        ([1, 3], "1 and 3"),
        ([1, 3, 5], "1, 3 and 5"),
        (list(range(8)), "0, 1, 2, 3, 4, 5, 6 and 7"),
        (list(range(10)), "0, 1, 2, 3, 4, 5, 6, 7 and 2 more"),
    ],
)
def test_lists_are_cut_where_a_line_ends(values: list[str], words: str) -> None:
    assert list_words(values) == words


def test_kinds_and_places() -> None:
    assert bad_kinds(made_up.tensor("input", num_nan=2, num_neg_inf=1)) == "2 NaN and 1 -inf"
    assert numbered_words("row", (77,)) == "row 77"


# -- NaN in the data ---------------------------------------------------------------------------------


def test_two_percent_nan_in_a_column() -> None:
    """Case O01."""
    columns = [ColumnSummary(n, num_nan=13 * (n == 3), min=-3, max=3, std=1) for n in range(8)]
    batch = DataInfo((made_up.tensor("input", rows=32, size=256, num_nan=1, bad_rows=(4,)),))
    run = made_up.run(
        inputs=[table(columns, num_nan=13, bad_rows=(12, 77))],
        loss=[NAN],
        incident={"role": "input", "batch": batch, "bad_rows": (4,), "finite_on_first_weights": False},
    )
    finding = only("NW101", run)
    assert finding.message == (
        "The input holds 13 NaN among 5120 values, in column 3, in rows 12 and 77; the model had not touched "
        "it yet."
    )
    assert finding.evidence == (
        "the batch of step 0 holds 1 NaN in 1 row of 32",
        "the same batch is non-finite with the weights of step 0 too: the data are at fault",
        "row by row, exactly the rows with a non-finite input give a non-finite loss",
    )
    assert finding.location == made_up.line(12, "model.fit(...)")
    assert [one.intervention.kind for one in finding.remedies] == [
        "drop_nonfinite_rows",
        "impute_input",
    ]
    assert "x[:, 3]" in finding.remedies[1].text
    assert finding.strength == 1.0


def test_log_of_zero_features_blames_the_preprocessing() -> None:
    """Case O04: -inf, not NaN."""
    run = made_up.run(inputs=[table([], num_neg_inf=51)], loss=[NAN])
    finding = only("NW101", run)
    assert finding.message.startswith("The input holds 51 -inf among 5120 values;")
    assert [one.intervention.kind for one in finding.remedies] == [
        "drop_nonfinite_rows",
        "mend_preprocessing",
    ]


def test_nan_that_the_guilty_batch_does_not_hold_is_not_the_cause() -> None:
    clean = DataInfo((made_up.tensor("input", rows=32, size=256),))
    run = made_up.run(inputs=[made_up.tensor("input", num_nan=1)], loss=[0.7, NAN], incident={"batch": clean})
    finding = only("NW101", run)
    assert (finding.part, finding.level) == ("contributing", "warning")
    assert finding.explains == frozenset()


def test_nan_under_a_finite_loss_is_a_note() -> None:
    finding = only("NW101", made_up.run(inputs=[made_up.tensor("input", num_nan=1)], loss=[0.7, 0.6]))
    assert finding.level == "note"
    assert finding.message.endswith(
        "The loss stayed finite: the model masks these values, or did not reach them."
    )


def test_one_of_several_inputs_is_named() -> None:
    inputs = [made_up.tensor("input", "left"), made_up.tensor("input", "right", num_nan=2)]
    finding = only("NW101", made_up.run(inputs=inputs, loss=[NAN]))
    assert finding.message.startswith("The input 'right' holds 2 NaN")


def scaled(rows: int, bad: int, mean: float = 0.0) -> TensorSummary:
    columns = [ColumnSummary(n, min=-3, max=3, mean=mean, std=1) for n in range(4)]
    columns[2] = ColumnSummary(2, num_nan=bad)
    return made_up.tensor(
        "input", rows=rows, size=rows * 4, num_nan=bad, shape=(None, 4), columns=tuple(columns)
    )


@pytest.mark.parametrize(
    ("rows", "bad", "mean", "gone"),
    [
        (640, 640, 0.0, 1),
        (640, 639, 0.0, 0),
        (8, 8, 0.0, 1),
        (7, 7, 0.0, 0),
        (10000, 10000, 0.119, 1),
        (10000, 10000, 0.121, 0),
        (32, 32, 0.4, 1),  # a batch's mean strays further
    ],
)
def test_a_column_scaled_away(rows: int, bad: int, mean: float, gone: int) -> None:
    assert len(columns_scaled_away(scaled(rows, bad, mean))) == gone


def test_the_constant_column_is_one_rule_s_alone() -> None:
    """Case O03: the scaled column is all NaN, the others are standardised."""
    run = made_up.run(inputs=[scaled(640, 640)], loss=[NAN])
    assert said("NW101", run) == []
    assert only("NW102", run).message == (
        "Column 2 of the input has no finite value in 640 rows while the other columns are scaled: a "
        "constant column divided by its standard deviation of 0."
    )


def test_both_rules_speak_of_their_own_columns() -> None:
    columns = [ColumnSummary(n, min=-3, max=3, std=1) for n in range(4)]
    columns[1:3] = [ColumnSummary(1, num_nan=5), ColumnSummary(2, num_nan=640)]
    both = made_up.tensor("input", size=2560, shape=(None, 4), num_nan=645, columns=tuple(columns))
    run = made_up.run(inputs=[both], loss=[NAN])
    assert "in column 1;" in only("NW101", run).message
    assert only("NW102", run).message.startswith("Column 2 of the input")


def test_one_nan_target() -> None:
    """Case O02: row 77."""
    one = made_up.tensor("label", "output", num_nan=1, bad_rows=(77,))
    batch = DataInfo(
        (made_up.tensor("input", rows=32, size=256),),
        (made_up.tensor("label", "output", rows=32, size=32, num_nan=1, bad_rows=(13,)),),
    )
    outputs = (made_up.tensor("output", "output", rows=32, size=32),)
    run = made_up.run(targets=[one], loss=[NAN], incident={"batch": batch, "outputs": outputs})
    finding = only("NW103", run)
    assert finding.message == "The target holds 1 NaN among 640 values, in row 77."
    assert "the input and the predictions of that batch are finite" in finding.evidence
    assert "Do not fill it in" in finding.remedies[0].text
    assert finding.strength == 1.0


def test_predictions_that_are_bad_by_themselves_weaken_a_nan_target() -> None:
    batch = DataInfo(labels=(made_up.tensor("label", rows=32, size=32, num_nan=1),))
    bad = (made_up.tensor("output", "output", rows=32, size=32, num_nan=32),)
    run = made_up.run(loss=[NAN], incident={"batch": batch, "outputs": bad})
    assert only("NW103", run).strength == 0.6


def test_class_weight_of_an_absent_class() -> None:
    run = made_up.run(fit={"class_weight": {"0": 1.0, "2": math.inf}}, loss=[NAN])
    assert only("NW104", run).message == "class_weight is not finite for class 2: inf."


# -- scale -------------------------------------------------------------------------------------------


def pixels() -> TensorSummary:
    return made_up.tensor("input", min=0.0, max=255.0, mean=127.0, std=75.0)


def picture_net(*layers: LayerInfo) -> ModelInfo:
    conv = LayerInfo("conv", "conv", "Conv2D", "relu", 8, weights=("conv/kernel",))
    head = made_up.dense(units=4, activation="softmax")
    return made_up.model(*layers, conv, head, loss="sparse_categorical_crossentropy", optimizer="SGD")


def dead(losses: list[float], **facts: Any) -> Run:
    zeros = [0.0, *[4096.0] * (len(losses) - 1)]
    health = {
        ("activation", "conv", "num_zero"): zeros,
        ("activation", "conv", "size"): [4096.0] * len(losses),
    }
    return made_up.run(
        picture_net(),
        loss=losses,
        inputs=[pixels()],
        targets=[made_up.labels(0, 1, 2, 3)],
        health=health,
        **facts,
    )


def test_raw_pixels_under_sgd() -> None:
    """Case O16."""
    finding = only("NW105", dead([24.0, 1.6e15, *[1.386] * 60]))
    assert finding.message == (
        "The input runs from 0 to 255 (root mean square 147.5, where a net expects about 1), and "
        "this harms the training: the first loss is 24, where ln 4 = 1.39 says nothing is known yet."
    )
    assert finding.evidence[1:] == (
        "it grew to 1.6e+15",
        "conv gives zero for every input since, and the loss stays at 1.386",
    )
    assert [one.intervention.kind for one in finding.remedies] == ["scale_input", "standardise_input"]


@pytest.mark.parametrize(("first", "fires"), [(13.9, True), (13.8, False)])
def test_a_high_start_is_ten_times_ln_k(first: float, fires: bool) -> None:
    assert bool(said("NW105", dead([first, *[1.386] * 60]))) is fires


@pytest.mark.parametrize(
    "losses",
    [
        [32.0, 20.0, 8.0, *[0.02] * 190],  # seen: raw pixels under Adam, which train well
        [47.8, *[0.95 * math.log(4) - 1e-3] * 150],
        [10.4, *[1.0] * 150],
    ],
)
def test_raw_pixels_that_train_are_no_finding(losses: list[float]) -> None:
    run = made_up.run(picture_net(), loss=losses, inputs=[pixels()], targets=[made_up.labels(0, 1, 2, 3)])
    assert said("NW105", run) == []


@pytest.mark.parametrize("first", ["Rescaling", "Normalization", "BatchNormalization", "LayerNormalization"])
def test_a_model_that_mends_the_scale_itself(first: str) -> None:
    layers = [LayerInfo("flip", "flip", "RandomFlip"), LayerInfo("first", "first", first)]
    run = made_up.run(
        picture_net(*layers),
        loss=[24.0, 1e9, *[1.386] * 120],
        inputs=[pixels()],
        targets=[made_up.labels(0, 1, 2, 3)],
    )
    assert said("NW105", run) == []


def test_growth_from_raw_inputs_contributes() -> None:
    """Case O15: x = 0..199, y = 2x, one linear unit; the rate is the cause."""
    losses = [5.0 * 1.6**step for step in range(74)]
    x = made_up.tensor("input", min=0.0, max=199.0, mean=99.5, std=57.7)
    y = made_up.tensor("label", min=0.0, max=398.0, mean=199.0, std=115.5)
    of = made_up.model(made_up.dense(), optimizer="SGD", learning_rate=1e-3)
    run = made_up.run(of, loss=[*losses, math.inf], inputs=[x], targets=[y], incident={"value": "inf"})
    assert said("NW106", run) == []
    assert [(finding.part, finding.level) for finding in said("NW105", run)] == [("contributing", "warning")]
    assert diagnose(run).diagnoses[0].code != "NW105"


def house_prices(losses: list[float], layers: int = 2, optimizer: str = "SGD", **facts: Any) -> Run:
    """Case O14: 1.8e5 +- 8e4."""
    hidden = [made_up.dense(f"hidden_{n}", 16, "relu") for n in range(layers)]
    of = made_up.model(*hidden, made_up.dense(), optimizer=optimizer, learning_rate=0.1)
    y = made_up.tensor("label", min=-6e4, max=4.2e5, mean=1.8e5, std=8e4)
    return made_up.run(of, loss=losses, targets=[y], **facts)


def test_house_prices_under_sgd() -> None:
    finding = only("NW106", house_prices([3.85e10, 3.43e26, math.inf, NAN], incident={"value": "inf"}))
    assert finding.message == (
        "The target has mean 180000 and standard deviation 80000 (from -60000 to 420000), where a net begins "
        "near 1: the loss is 3.43e+26 at step 1, from 3.85e+10 at step 0."
    )
    assert finding.location == made_up.line(12, "model.fit(...)")


@pytest.mark.parametrize(
    ("losses", "fires"),
    [
        ([4e10] * 8 + [4e14, math.inf], True),  # leaps at step 8
        ([4e10] * 9 + [4e14, math.inf], False),  # later, it is the rate
        ([4e10, *[3.9e14] * 60], False),  # 9750-fold
        ([4e10, 4e14, math.inf], True),
    ],
)
def test_a_sudden_leap(losses: list[float], fires: bool) -> None:
    assert bool(said("NW106", house_prices(losses, incident={"value": "inf"}))) is fires


@pytest.mark.parametrize(
    ("fell", "predicted", "fires"), [(0.95, 124.0, True), (0.89, 124.0, False), (0.95, 2e4, False)]
)
def test_prices_under_adam_do_not_get_there(fell: float, predicted: float, fires: bool) -> None:
    """Seen: after 400 steps of Adam the predictions are 125, and the prices 1.8e5."""
    losses = [4e10, *[4e10 * fell] * 60]
    health = {
        ("output", "output", "l2_norm"): [predicted * math.sqrt(32)] * 61,
        ("output", "output", "size"): [32.0] * 61,
    }
    assert bool(said("NW106", house_prices(losses, optimizer="Adam", health=health))) is fires


# -- labels ------------------------------------------------------------------------------------------

CRASH = "InvalidArgumentError: Received a label value of 5 which is outside the valid range of [0, 5)."


def test_labels_from_one_stop_a_cpu() -> None:
    """Case O05."""
    run = made_up.run(
        classifier(),
        targets=[made_up.labels(1, 2, 3, 4, 5)],
        loss=[1.6],
        fit={"error": CRASH, "status": "crashed"},
    )
    finding = only("NW107", run)
    assert (
        finding.message
        == "The target holds 5 in 100 labels, but an output of 5 units has only the classes 0 to 4."
    )
    assert finding.evidence[0] == "TensorFlow stopped at label 5: outside [0, 5)"
    assert finding.remedies[0].text == "Count the classes from 0: y = y - 1 (now 1 to 5)."


def test_the_exception_alone_is_enough() -> None:
    run = made_up.run(classifier(), loss=[1.6], fit={"error": CRASH, "status": "crashed"})
    assert find_rule("NW107").missing(run.fits[0], run) is None
    assert only("NW107", run).message.startswith("The target holds 5, but an output of 5 units")
    assert misfit_in_error("ValueError: something else") is None


def test_a_void_value_asks_for_ignore_class() -> None:
    """Case O06: unique(y) = {0, 1, 255} on two units."""
    run = made_up.run(classifier(2), targets=[made_up.labels(0, 1, 255)], loss=[NAN])
    remedy = only("NW107", run).remedies[0]
    assert remedy.intervention == Intervention(InterventionKind.SET_IGNORE_CLASS, "loss", 255)
    assert remedy.location == made_up.line(10, "model.compile(...)")


@pytest.mark.parametrize(
    ("classes", "units", "ignored", "outside"),
    [
        ((0, 4), 5, None, ()),
        ((0, 5), 5, None, (5,)),
        ((-1, 0, 1), 2, None, (-1,)),
        ((-1, 0, 1), 2, -1, ()),
        ((0, 1, 255), 2, 255, ()),
        ((0, 1, 2, 255), 2, 255, (2,)),
    ],
)
def test_labels_outside(
    classes: tuple[float, ...], units: int, ignored: int | None, outside: tuple[float, ...]
) -> None:
    loss = LossInfo("sparse_categorical_crossentropy", ignore_class=ignored)
    output = made_up.output(made_up.dense(units=units, activation="softmax"), loss_info=loss)
    found = misfit_of(made_up.labels(*classes), output)
    assert (found.values if found else ()) == outside


def test_more_classes_than_units_may_be_the_layer_s_fault() -> None:
    run = made_up.run(classifier(5), targets=[made_up.labels(0, 1, 2, 3, 4, 5)], loss=[NAN])
    finding = only("NW107", run)
    assert finding.strength == 0.6
    assert finding.remedies[0].text == "Give the output 6 units: the labels count from 0 to 5."


def of_seen(run: Run, whole: bool, **facts: Any) -> Run:
    """``run``, its data read whole or seen in part."""
    (fit,) = run.fits
    info = replace(fit.info, data=replace(fit.info.data, whole=whole), **facts)
    return replace(run, fits=(replace(fit, info=info),))


def test_labels_that_were_seen_in_part_may_be_more() -> None:
    run = of_seen(made_up.run(classifier(5), targets=[made_up.labels(*range(6))], loss=[NAN]), whole=False)
    assert only("NW107", run).remedies[0].text == (
        "Give the output at least 6 units, one for each class: the labels that were seen count from 0 to 5."
    )


SAID = "InvalidArgumentError: indices[3,7] = {0} is not in [0, 1000) [Op:ResourceGather]"
STOPPED = (
    "Give embed a row for every token: an input_dim of {0} or more, since TensorFlow stopped at the first "
    "one. It is the size of the vocabulary, and 1 more where the tokens count from 1."
)
SEEN = STOPPED.replace("TensorFlow stopped at the first one", "not all tokens were seen")
LARGEST = "Give embed input_dim={0}: one row more than the largest token."


@pytest.mark.parametrize(
    ("seen", "whole", "stopped_at", "text", "wanted"),
    [
        (1200.0, True, 1001, LARGEST, 1201),  # the first bad token is not the largest
        (1200.0, False, 1001, STOPPED, 1002),
        (999.0, True, 1001, STOPPED, 1002),  # that array is not the one
        (1200.0, True, None, LARGEST, 1201),
        (1200.0, False, None, SEEN, 1201),
    ],
)
def test_the_largest_token_that_there_is(
    seen: float, whole: bool, stopped_at: int | None, text: str, wanted: int
) -> None:
    embedding = LayerInfo("embed", "embed", "Embedding", config={"input_dim": 1000}, location=made_up.line(5))
    words = [made_up.tensor("input", min=0.0, max=seen, integral=True)]
    run = made_up.run(made_up.model(embedding, made_up.dense()), inputs=words)
    if stopped_at is not None:
        run = of_seen(run, whole, error=SAID.format(stopped_at), status="crashed")
    (remedy,) = only("NW112", of_seen(run, whole)).remedies
    assert (remedy.text, remedy.intervention.value) == (text.format(wanted), wanted)


@pytest.mark.parametrize(
    ("classes", "losses", "remedy"),
    [
        ((-1, 1), [0.94, -0.66, -11.5], "Map -1 and 1 to 0 and 1: y = (y + 1) / 2."),
        (
            (0, 1, 2),
            [0.4, -3.1, -24.0],
            "For 3 classes end the model in Dense(3, activation='softmax'), and compile it with "
            "loss='sparse_categorical_crossentropy' in line 10.",
        ),
    ],
)
def test_binary_crossentropy_on_other_labels(
    classes: tuple[float, ...], losses: list[float], remedy: str
) -> None:
    """Cases O07 and O08."""
    of = made_up.model(made_up.dense(activation="sigmoid"), loss="binary_crossentropy")
    finding = only("NW108", made_up.run(of, targets=[made_up.labels(*classes)], loss=losses))
    assert finding.message == (
        f"The target runs from {classes[0]} to {classes[-1]}, but binary cross-entropy is made for labels in "
        f"[0, 1]: the loss went below zero, to {losses[-1]:g}, and has no lower bound."
    )
    assert finding.remedies[0].text == remedy


@pytest.mark.parametrize(
    ("classes", "line"),
    [
        ((0, 1, 2), 'Dense(3, activation="softmax")'),
        ((1, 2, 3, 4), 'Dense(4, activation="softmax")'),
        ((-1, 1), None),
        ((0, 2), None),
        ((0, 1, 255), None),
        ((-1, 0, 1), None),
    ],
)
def test_classes_ask_for_another_head(classes: tuple[float, ...], line: str | None) -> None:
    head = made_up.dense(activation="sigmoid")
    of = made_up.model(head, loss="binary_crossentropy")
    finding = only("NW108", made_up.run(of, targets=[made_up.labels(*classes)], loss=[0.4, -3.0]))
    assert finding.location == (made_up.line(12, "model.fit(...)") if line is None else head.location)
    assert (finding.layer, finding.remedies[0].line) == (head.path if line else None, line)


def restored(labels: TensorSummary, units: int, inputs: TensorSummary, kind: str = "Dense") -> Finding:
    """The finding on a sigmoid head of ``units`` that is to give the ``labels`` back for ``inputs``."""
    head = replace(made_up.dense(activation="sigmoid", units=units), type=kind)
    of = made_up.model(head, loss="binary_crossentropy")
    return only("NW108", made_up.run(of, inputs=[inputs], targets=[labels], loss=[0.4, -3.0]))


WITH_INPUT = "Divide what is both input and target by {0}: x = x / {0}."
ALONE = "Divide the target by {0}: y = y / {0}."


@pytest.mark.parametrize(
    ("shades", "shape", "units", "given", "text"),
    [
        (17, (None, 64), 64, {"max": 16.0, "shape": (None, 64)}, WITH_INPUT.format(16)),
        (17, (None, 8, 8, 1), 1, {"max": 16.0, "shape": (None, 8, 8)}, WITH_INPUT.format(16)),
        (3, (None, 8, 8, 1), 1, {"max": 2.0, "shape": (None, 8, 8, 1)}, WITH_INPUT.format(2)),
        (
            17,
            (None, 8, 8, 1),
            1,
            {"max": 1.0, "shape": (None, 8, 8, 1)},
            ALONE.format(16),
        ),
        (
            11,
            (None, 8, 8, 1),
            1,
            {"max": 1.0, "shape": (None, 8, 8, 1)},
            ALONE.format(10),
        ),
        (3, (None, 30), 30, {"max": 1.0, "shape": (None, 5)}, ALONE.format(2)),
    ],
)
def test_numbers_that_are_restored_are_no_classes(
    shades: int, shape: Any, units: int, given: dict[str, Any], text: str
) -> None:
    labels = made_up.labels(*range(shades), shape=shape)
    found = restored(labels, units, made_up.tensor("input", **{"min": 0.0, **given}))
    assert (found.location, found.layer) == (made_up.line(12, "model.fit(...)"), None)
    assert [(each.text, each.intervention.kind) for each in found.remedies] == [
        (text, InterventionKind.SCALE_TARGET)
    ]


@pytest.mark.parametrize(
    ("shades", "shape", "units", "given"),
    [
        (10, (None, 8, 8, 1), 1, {"max": 1.0, "shape": (None, 8, 8, 1)}),  # a mask of grey pictures
        (17, (None, 8, 8, 1), 1, {"max": 16.0, "shape": (None, 8, 8, 3)}),
        (17, (None, 1), 1, {"max": 16.0, "shape": (None, 1)}),
        (17, (None,), 1, {"max": 16.0, "shape": (None,)}),
    ],
)
def test_classes_at_each_place_stay_classes(
    shades: int, shape: Any, units: int, given: dict[str, Any]
) -> None:
    labels = made_up.labels(*range(shades), shape=shape)
    found = restored(labels, units, made_up.tensor("input", **{"min": 0.0, **given}), "Conv2D")
    assert found.remedies[0].text == (
        f"For {shades} classes end the model in Conv2D({shades}, ..., activation='softmax'), and compile "
        "it with loss='sparse_categorical_crossentropy' in line 10."
    )


# -- healthy -----------------------------------------------------------------------------------------


def test_healthy_runs_hear_nothing_above_a_note() -> None:
    healthy = [
        made_up.run(inputs=[made_up.tensor("input")], targets=[made_up.tensor("label")]),
        made_up.run(
            picture_net(), loss=[30.0] + [0.1] * 150, inputs=[pixels()], targets=[made_up.labels(0, 1, 2, 3)]
        ),
        made_up.run(inputs=[made_up.tensor("input", num_nan=3)], loss=[0.7, 0.6]),
        made_up.run(made_up.model(made_up.dense(), dtype_policy="mixed_float16"), loss=[0.7, 0.5]),
    ]
    for run in healthy:
        assert [found.code for found in diagnose(run).diagnoses if found.level != "note"] == []


@pytest.mark.parametrize(
    ("activation", "labels", "kind"),
    [
        ("softmax", {"integral": True}, InterventionKind.SET_PROBABILITIES),
        ("softmax", {"integral": False}, InterventionKind.SET_LOSS),
        ("sigmoid", {"integral": True}, InterventionKind.SET_LOSS),
    ],
)
def test_several_answers_a_row_take_sigmoids_and_their_loss(
    activation: str, labels: dict[str, Any], kind: InterventionKind
) -> None:
    rows = made_up.tensor(
        "label",
        "output",
        shape=(None, 3),
        min=0.0,
        max=1.0,
        row_sum_max=2.0,
        rows_not_summing_to_one=9,
        **labels,
    )
    of = made_up.model(made_up.dense(units=3, activation=activation), loss="categorical_crossentropy")
    found = [each for each in diagnose(made_up.run(of, targets=[rows])).diagnoses if each.code == "NW110"]
    assert [remedy.intervention.kind for each in found for remedy in each.remedies] == [kind]


@pytest.mark.parametrize(("argument", "told"), [("x", True), ("y", False)])
def test_the_line_that_made_the_data_is_named(argument: str, told: bool) -> None:
    """Where the finding points at ``fit`` because of what that was given."""
    at = made_up.line(3, "x = np.log(raw)")
    made = ArgumentInfo("x" if argument == "x" else "y", "x", at)
    gaps = made_up.tensor("input", num_nan=3, columns=(ColumnSummary(0, num_nan=3),))
    run = made_up.run(inputs=[gaps], loss=[math.nan] * 3, fit={"location": made_up.line(9), "made": (made,)})
    (found,) = [each for each in diagnose(run).diagnoses if each.code == "NW101"]
    assert ("x was last made in line 3: x = np.log(raw)" in found.evidence) is told


def test_what_froze_a_layer_is_where_nothing_is_trainable() -> None:
    at = made_up.line(4, "layer.trainable = False")
    frozen = replace(made_up.dense(trainable=False), frozen=at)
    (found,) = diagnose(made_up.run(made_up.model(frozen), epochs=[{"loss": 0.7}] * 3)).diagnoses
    assert (found.code, found.location) == ("NW503", at)


# -- what a step computes by itself ------------------------------------------------------------------


def made_in_loop(kind: str = "tape", whole: bool = False, **facts: Any) -> Run:
    """A loop whose target and input went bad in a step in which an op divided 0 by 0."""
    known: dict[str, Any] = {"inputs": made_up.operands(numerator=0, denominator=0), "made_of": ("label",)}
    where = made_up.line(83, "return returns / tf.math.reduce_std(returns)")
    known |= {"direction": "forward", "location": where, "output": "nan", "num_bad": 1, "size": 1}
    op = OpInfo("RealDiv", **{**known, **facts})
    bad = DataInfo((made_up.tensor("input", num_nan=1),), (made_up.tensor("label", "0", num_nan=1),))
    run = made_up.run(
        loss=[0.7, NAN],
        fit={"kind": kind},
        incident={"batch": bad, "op": op, "role": "label", "reproduced": True},
    )
    return of_seen(run, whole)


@pytest.mark.parametrize(("code", "called"), [("NW101", "input"), ("NW103", "target")])
def test_what_a_step_computes_is_no_data(code: str, called: str) -> None:
    found = only(code, made_in_loop())
    assert found.message == (
        f"The {called} was computed in the step and went bad there, in RealDiv, in line 83: not in your data."
    )
    assert (found.part, found.remedies, found.location) == (
        "consequence",
        (),
        made_up.line(83, "return returns / tf.math.reduce_std(returns)"),
    )


@pytest.mark.parametrize(
    "run",
    [
        made_in_loop(kind="fit"),  # without a step of its own
        made_in_loop(whole=True),
        made_in_loop(direction="backward"),
        made_in_loop(made_of=("output", "label")),  # behind the model
        made_in_loop(layer="dense"),
        made_in_loop(inputs=(Operand("input 0", num_nan=1),)),
        made_in_loop(inputs=(Operand("input 0", num_pos_inf=1),)),
    ],
)
@pytest.mark.parametrize("code", ["NW101", "NW103"])
def test_bad_data_of_a_loop_are_told_as_that(code: str, run: Run) -> None:
    found = only(code, run)
    assert found.part == "cause"
    assert found.remedies


def test_rows_of_a_loop_are_dropped_before_the_training() -> None:
    text = only("NW103", made_in_loop(direction="backward")).remedies[0].text
    assert text.startswith(
        "Drop the rows before the training: keep = np.isfinite(y); x, y = x[keep], y[keep]. Do not fill it in"
    )


# -- how rows are left out ---------------------------------------------------------------------------

OTHER = made_up.tensor("input", "age", shape=(None, 1))


@pytest.mark.parametrize(
    ("given_as", "array", "others", "text"),
    [
        (
            "dataset",
            made_up.tensor("input", "chol", shape=(None, 1), num_nan=1),
            [OTHER],
            "Leave the rows out of the dataset: data = data.unbatch().filter(lambda x, *_: "
            'tf.reduce_all(tf.math.is_finite(x["chol"]))).batch(16).',
        ),
        (
            "dataset",
            made_up.tensor("input", "0", shape=(None, 4), num_nan=1),
            [],
            "Leave the rows out of the dataset: data = data.unbatch().filter(lambda x, *_: "
            "tf.reduce_all(tf.math.is_finite(x))).batch(16).",
        ),
        (
            "arrays",
            made_up.tensor("input", "chol", shape=(None,), num_nan=1),
            [OTHER],
            'Drop the rows before the training: keep = np.isfinite(x["chol"]); x, y = '
            "{name: column[keep] for name, column in x.items()}, y[keep].",
        ),
        (
            "arrays",
            made_up.tensor("input", "0", shape=(None, 4), num_nan=1),
            [],
            "Drop the rows before the training: keep = np.isfinite(x).all(axis=1); x, y = x[keep], y[keep].",
        ),
        (
            "batches",
            made_up.tensor("input", "0", shape=(None, 8, 8), num_nan=1),
            [],
            "Drop the rows where the batches are made: keep = np.isfinite(x).all(axis=tuple(range(1, "
            "x.ndim))); x, y = x[keep], y[keep].",
        ),
    ],
)
def test_rows_are_left_out_of_what_the_data_came_as(
    given_as: str, array: TensorSummary, others: list[TensorSummary], text: str
) -> None:
    run = made_up.run(inputs=[*others, array], loss=[NAN], fit={"given_as": given_as, "batch_size": 16})
    drop, fill = only("NW101", run).remedies
    assert drop.text == text
    called = 'x["chol"]' if others else "x"
    behind = ", before the dataset is made of it." if given_as == "dataset" else "."
    assert (
        fill.text == f"Or fill the gaps in {called} with the column's median over its finite values{behind}"
    )


def test_targets_are_left_out_of_a_dataset() -> None:
    bad = made_up.tensor("label", "0", num_nan=1)
    run = made_up.run(targets=[bad], loss=[NAN], fit={"given_as": "dataset", "batch_size": 16})
    assert (
        only("NW103", run)
        .remedies[0]
        .text.startswith(
            "Leave the rows out of the dataset: data = data.unbatch().filter(lambda x, y, *_: "
            "tf.reduce_all(tf.math.is_finite(y))).batch(16). Do not fill it in"
        )
    )


@pytest.mark.parametrize("mean", [NAN, 3.0])
def test_statistics_that_were_adapted_to_the_gaps(mean: float) -> None:
    """They spoil every row, before a step is made."""
    scale = LayerInfo("scale", "scale", "Normalization", adapted=AdaptedInfo((mean,), (1.0,)))
    bad = made_up.tensor("input", "chol", num_nan=1)
    run = made_up.run(
        made_up.model(scale, made_up.dense()),
        inputs=[bad],
        loss=[NAN],
        incident={"role": "input", "batch": DataInfo((bad,))},
    )
    said = (
        "The statistics of scale were taken from it, and are not finite either: repair the data before adapt"
    )
    assert (f"{said}, too." in only("NW101", run).message) is math.isnan(mean)
