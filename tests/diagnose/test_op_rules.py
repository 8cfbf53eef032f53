"""The rules on the first bad op: which pattern it is of, and what they say, word by word."""

import math
from dataclasses import replace
from typing import Any

import pytest

from nanwatch.diagnose import made_up
from nanwatch.diagnose.diagnosis import Finding
from nanwatch.diagnose.engine import diagnose
from nanwatch.diagnose.op_facts import operand
from nanwatch.diagnose.op_patterns import pattern_of
from nanwatch.diagnose.op_rule import broken_run
from nanwatch.diagnose.op_words import example_words, operand_words
from nanwatch.diagnose.rule import find_rule
from nanwatch.diagnose.rules import nw401_infinite_derivative as nw401
from nanwatch.diagnose.rules import nw404_exp_overflow as nw404
from nanwatch.diagnose.rules import nw406_fully_masked as nw406
from nanwatch.diagnose.rules import nw411_epsilon_underflow as nw411
from nanwatch.diagnose.rules.nw403_log_of_zero import log_of
from nanwatch.diagnose.rules.nw405_division_by_zero import quotient
from nanwatch.diagnose.rules.nw406_fully_masked import masked_softmax
from nanwatch.record.facts import IncidentInfo, LayerInfo, MetConstant, Operand, OpInfo, SpreadEntry
from nanwatch.record.run import Run

NAN = math.nan


def said(code: str, run: Run) -> list[Finding]:
    """The findings of one rule on the only fit of ``run``."""
    return list(find_rule(code).diagnose(run.fits[0], run))


def only(code: str, run: Run) -> Finding:
    (finding,) = said(code, run)
    return finding


@pytest.mark.parametrize(
    ("inputs", "span"),
    [
        (made_up.operands(argument=0), (0.0, 0.0)),
        (made_up.operands(argument=(-3, 0)), (-3.0, 0.0)),
        (made_up.operands(factor=1, argument=(-3.5e10, math.inf)), (-3.5e10, math.inf)),
        ((Operand("argument", 0.0, 1.0, size=6, whole=True),), (0.0, 1.0)),
        ((Operand("argument", size=3, num_nan=3),), None),
        (made_up.operands(argument=None), None),
        (made_up.operands(denominator=0), None),
    ],
)
def test_the_range_of_an_operand(inputs: tuple[Operand, ...], span: tuple[float, float] | None) -> None:
    assert operand(OpInfo("Log", "forward", inputs=inputs), "argument") == span


@pytest.mark.parametrize(
    ("operand", "words"),
    [
        (Operand("denominator", 0.0, 0.0, size=1), "denominator 0"),
        (Operand("argument", -3.0, 0.0, size=6), "argument from -3 to 0"),
        (Operand("argument", -1 / 3, 2e10, size=6), "argument from -0.333333 to 2e+10"),
        (Operand("input 0", 0.0, 1.0, size=6, whole=True), "input 0 from 0 to 1 (over the whole tensor)"),
        (Operand("input 1", 2.0, 2.0, size=6, whole=True), "input 1 2 (over the whole tensor)"),
        (Operand("input 0"), "input 0 of size 0"),
        (Operand("input 0", whole=True), "input 0 of size 0"),
        (Operand("base", size=2, num_nan=2), "base NaN"),
    ],
)
def test_an_operand_in_words(operand: Operand, words: str) -> None:
    assert operand_words(operand) == words


@pytest.mark.parametrize(
    ("op", "inputs", "words"),
    [
        ("RealDiv", made_up.operands(numerator=0, denominator=0), "0/0"),
        ("RealDiv", made_up.operands(numerator=(1, 2), denominator=0), "1/0"),
        ("RealDiv", made_up.operands(numerator=0), ""),
        ("Pow", made_up.operands(base=0, exponent=-0.5), "0 to the power -0.5"),
        ("Log", made_up.operands(argument=0), "log of 0"),
        ("Log1p", made_up.operands(argument=-1), "log1p of -1"),
        ("Exp", made_up.operands(argument=1e5), "exp of 100000"),
        ("Rsqrt", made_up.operands(argument=0), "1/sqrt of 0"),
        ("SqrtGrad", made_up.operands(square_root=3, incoming_gradient=1), "gradient of sqrt at 9"),
        ("Log", (Operand("argument", 0.0, 1.0, size=6, whole=True),), ""),
        ("Log", made_up.operands(argument=None), ""),
        ("MatMul", made_up.operands(input_0=1, input_1=1), ""),
        ("Log", (), ""),
    ],
)
def test_an_op_at_its_first_bad_place(op: str, inputs: tuple[Operand, ...], words: str) -> None:
    assert example_words(OpInfo(op, "forward", inputs=inputs)) == words


def backward(kind: str, forward: str | None = None, **inputs: Any) -> OpInfo:
    return OpInfo(kind, "backward", inputs=made_up.operands(**inputs), output="inf", forward_type=forward)


@pytest.mark.parametrize(
    ("op", "pattern"),
    [
        (backward("SqrtGrad", square_root=0, incoming_gradient=-0.125), "infinite-derivative"),
        (backward("SqrtGrad", square_root=1e-20, incoming_gradient=1e30), None),
        (backward("Pow", base=0, exponent=-0.5), "infinite-derivative"),
        (backward("Pow", base=0, exponent=-1.5), "where-trap"),
        (backward("Pow", base=1e-30, exponent=-0.5), None),
        (backward("Reciprocal", argument=0), "where-trap"),
        (backward("Reciprocal", argument=0, forward="Asin"), "infinite-derivative"),
        (backward("RealDiv", numerator=0, denominator=0, forward="Atan2"), "infinite-derivative"),
        (backward("MatMul"), None),
        (OpInfo("Sqrt", "forward", inputs=made_up.operands(argument=-1), output="nan"), "where-trap"),
    ],
)
def test_a_finite_loss_with_a_bad_gradient(op: OpInfo, pattern: str | None) -> None:
    run = made_up.run(loss=[0.6, 0.576])
    incident = IncidentInfo(0, 1, 0, "gradient", loss=0.576, op=op)
    assert pattern_of(op, incident, run.fits[0]) == pattern


def test_duplicates_under_a_square_root() -> None:
    """Case H04: the loss of the batch is .576, the gradient norms before it are normal."""
    op = OpInfo(
        "SqrtGrad",
        "backward",
        location=made_up.line(16, "distance = ops.sqrt(squares)"),
        inputs=made_up.operands(square_root=0, incoming_gradient=-0.125),
        output="-inf",
        num_bad=8,
        size=16,
        rows=tuple(range(8)),
    )
    norms = [0.03] * 15 + [NAN]
    run = made_up.run(
        loss=[0.01] * 15 + [0.576],
        steps={("gradient", "dense/kernel", "l2_norm"): norms},
        incident={"role": "gradient", "loss": 0.576, "op": op, "rows": 16},
    )
    finding = only("NW401", run)
    assert finding.message == (
        "The slope of sqrt is infinite at 0, which came in 8 of 16 rows at step 15: the loss there is finite "
        "(0.576) and the gradient is not."
    )
    assert finding.evidence[-1] == (
        "the gradient norm was normal before: 0.03 in the last step, 0.03 in the middle of the run"
    )
    assert finding.location == made_up.line(16, "distance = ops.sqrt(squares)")
    assert diagnose(run).diagnoses[0].code == "NW401"


def test_a_root_of_a_difference_that_rounding_took_below_zero() -> None:
    finding = only("NW401", broken_run(nw401.rounded("Sqrt", -2.4e-7)))
    assert finding.message == (
        "Sqrt was given -2.4e-07, which is 0 but for rounding, in 1 of 32 values at step 5: beyond that end "
        "of its domain it is NaN, and at it its slope is infinite."
    )
    assert finding.remedies[0].text.startswith(
        "Keep the argument above 0: tf.maximum(v, 1e-06). It is a diff"
    )


@pytest.mark.parametrize(
    ("made_by", "begins"),
    [
        ("Sum", "Add a small constant inside"),
        (None, "Add a small constant inside"),
        ("Sub", "Keep the argument above 0: tf.maximum(v, 1e-06). It is a difference"),
        ("Maximum", "Keep the argument above 0: tf.maximum(v, 1e-06). It is already cut off at 0"),
    ],
)
def test_what_made_the_argument_says_what_mends_it(made_by: str | None, begins: str) -> None:
    op = replace(nw401.sqrt_at_zero(), made_by=made_by)
    assert only("NW401", broken_run(op, 0.576)).remedies[0].text.startswith(begins)


@pytest.mark.parametrize(
    ("made_of", "begins"),
    [
        ((), "Where it is the log of a probability, take the loss from logits"),
        (("output",), "Take the loss from logits"),
        (("label",), "It is the log of a target"),
        (("input",), "It is the log of an input"),
        (("weight",), "It is the log of a weight"),
        (("output", "label"), "Keep the argument above 0"),
    ],
)
def test_what_a_logarithm_is_of_says_what_mends_it(made_of: Any, begins: str) -> None:
    finding = only("NW403", broken_run(replace(log_of(0), made_of=made_of)))
    assert finding.remedies[0].text.startswith(begins)
    assert ("lower learning rate" in finding.message) is (made_of not in (("label",), ("input",)))


def test_the_division_in_keras_s_own_loss_is_left_to_the_output_rule() -> None:
    words = made_up.operands(numerator=0, denominator=0)
    own = OpInfo("RealDiv", "forward", None, made_up.line(10, "model.compile(...)"), words, "nan")
    user = OpInfo("RealDiv", "forward", None, made_up.line(20, "a / b"), words, "nan")
    assert said("NW405", made_up.run(loss=[NAN], incident={"op": own, "loss": NAN})) == []
    found = only("NW405", made_up.run(loss=[NAN], incident={"op": user, "loss": NAN}))
    assert found.message == (
        "A division by 0 (0/0) came at step 0; whether a batch has one depends on the order of the data."
    )


def test_padding_from_end_to_end() -> None:
    """Case H12."""
    embedding = LayerInfo("embed", "embed", "Embedding", config={"mask_zero": True})
    pool = LayerInfo("pool", "pool", "GlobalAveragePooling1D", location=made_up.line(6))
    op = OpInfo(
        "RealDiv",
        "forward",
        "pool",
        made_up.line(6),
        made_up.operands(numerator=0, denominator=0),
        "nan",
        8,
        256,
        (31,),
    )
    of = made_up.model(embedding, pool, made_up.dense(activation="sigmoid"), loss="binary_crossentropy")
    run = made_up.run(of, loss=[0.69, 0.69, NAN], incident={"op": op, "loss": NAN, "rows": 32})
    assert only("NW406", run).message == (
        "The layer pool divides by the number of unmasked steps, which is 0 in 1 of 32 rows at step 2 "
        "(row 31 of the batch): such samples are all padding."
    )
    assert said("NW405", run) == []


def test_half_precision_is_not_nan_in_the_data() -> None:
    """Case H09: x up to 7.6e5 under mixed_float16; weights unmoved."""
    of = made_up.model(made_up.dense(), dtype_policy="mixed_float16")
    x = made_up.tensor("input", min=-7e5, max=7.6e5, std=2e5)
    run = made_up.run(of, loss=[NAN] * 5, inputs=[x])
    assert said("NW101", run) == []
    assert said("NW105", run) == []
    assert only("NW407", run).message == (
        "The input goes up to 760000, and the model computes in float16, whose largest number is 65504: the "
        "first layer sees infinity in finite data."
    )


def test_poisson_on_a_linear_head() -> None:
    """Case H08: nothing may call the weights NaN."""
    of = made_up.model(made_up.dense("hidden", 16, "relu"), made_up.dense(at=7), loss="poisson")
    seen = [made_up.tensor("output", "output", min=-2.0)]
    run = made_up.run(of, loss=[NAN] * 40, predictions=seen)
    finding = only("NW208", run)
    assert finding.message == (
        "The Poisson loss takes the log of the prediction, and the head 'dense' with no activation gives -2: "
        "the log of a negative number is NaN."
    )
    assert finding.location == made_up.dense(at=7).location
    assert diagnose(run).diagnoses[0].code == "NW208"


def test_a_log_of_what_no_layer_gives() -> None:
    """A distribution that a probabilistic layer gives, say: no head is named, none is to be changed."""
    of = made_up.model(made_up.dense("hidden", 16, "relu"), loss="poisson")
    headless = replace(of.outputs[0], head=None, activation="unknown", activation_layer=None)
    run = made_up.run(
        replace(of, outputs=(headless,)),
        loss=[NAN] * 40,
        predictions=[made_up.tensor("output", "output", min=-2.0)],
    )
    finding = only("NW208", run)
    assert finding.message == (
        "The Poisson loss takes the log of the prediction, and the model gives -2: the log of a negative "
        "number is NaN."
    )
    assert [remedy.text for remedy in finding.remedies] == [
        "Give the loss a number above 0: tf.math.softplus of it, plus a small constant."
    ]


def test_a_place_without_a_pattern_gives_way_to_any_cause() -> None:
    op = OpInfo(
        "Square", "forward", None, made_up.line(10), made_up.operands(input_0=(-4e36, 5e36)), output="inf"
    )
    nan_target = made_up.tensor("label", "output", num_nan=1)
    alone = made_up.run(loss=[0.7, math.inf], incident={"op": op, "loss": math.inf})
    beside = made_up.run(targets=[nan_target], loss=[0.7, NAN], incident={"op": op, "loss": NAN})
    assert "NW410" in [found.code for found in diagnose(alone).diagnoses]
    assert diagnose(beside).diagnoses[0].code == "NW103"
    assert [found.part for found in diagnose(beside).diagnoses if found.code == "NW410"] == ["consequence"]


@pytest.mark.parametrize(
    ("numerator", "words"), [(0.0, "Let 0/0 be 0"), (1.0, "would give 0"), ((-1.0, 1.0), "Let 0/0 be 0")]
)
def test_the_remedy_of_a_division_by_zero_is_for_its_numerator(numerator: Any, words: str) -> None:
    found = only("NW405", broken_run(quotient(numerator, 0)))
    assert words in found.remedies[0].text


def test_a_fully_masked_softmax() -> None:
    """It is one only where nothing else is left of a row."""
    assert "every entry is -inf" in only("NW406", broken_run(masked_softmax())).message
    left = replace(masked_softmax(), inputs=(Operand("logits", 0.0, 1.0, size=16, num_neg_inf=15),))
    assert said("NW406", broken_run(left)) == []


def test_a_nan_that_relu_swallowed_is_no_where_trap() -> None:
    """The loss was finite with the kernels that ran; op by op it is not, or a comparison stops the NaN."""
    trapped = quotient(0, 0)
    assert said("NW402", broken_run(trapped, 0.4))
    seen = (SpreadEntry("loss", "", 1, 1),)
    assert said("NW402", broken_run(trapped, 0.4, spread=seen)) == []
    assert said("NW405", broken_run(trapped, 0.4, spread=seen))
    compared = replace(trapped, stopped_by=("Relu",))
    assert said("NW402", broken_run(compared, 0.4)) == []
    assert said("NW405", broken_run(compared, 0.4))
    assert said("NW402", broken_run(replace(trapped, stopped_by=("Relu", "SelectV2")), 0.4))


def test_the_relu_head_under_a_log_is_named() -> None:
    of = made_up.model(made_up.dense(activation="relu"))
    assert any("ends in relu" in text for text in only("NW403", broken_run(log_of(0), of=of)).evidence)
    of = made_up.model(made_up.dense(activation="sigmoid"))
    assert not any("ends in" in text for text in only("NW403", broken_run(log_of(0), of=of)).evidence)


def test_a_division_that_each_batch_has() -> None:
    """A relu gives 0 in half of all rows: that has nothing to do with the order of the data."""
    at = made_up.line(20, "a / b")
    inputs = made_up.operands(numerator=(-1.5, 2.0), denominator=0)
    many = OpInfo("RealDiv", "forward", None, at, inputs, "-inf", num_bad=18, size=32, rows=tuple(range(18)))
    few = replace(many, num_bad=16, rows=tuple(range(16)))
    found = only("NW405", made_up.run(loss=[NAN], incident={"op": many, "loss": NAN, "rows": 32}))
    assert found.message.endswith("came in 18 of 32 rows at step 0.")
    assert found.remedies[0].text.startswith("Keep the divisor away from 0")
    found = only("NW405", made_up.run(loss=[NAN], incident={"op": few, "loss": NAN, "rows": 32}))
    assert found.message.endswith(
        "in 16 of 32 rows at step 0; whether a batch has one depends on the order of the data."
    )
    zero = replace(many, output="nan")
    found = only("NW405", made_up.run(loss=[NAN], incident={"op": zero, "loss": NAN, "rows": 32}))
    assert found.remedies[0].text.startswith("Let 0/0 be 0")


def test_the_gradient_of_a_quotient_that_was_not_chosen() -> None:
    at = made_up.line(20, "x0 = (noisy - noise) / scale")
    inputs = made_up.operands(numerator=0, denominator=0)
    op = OpInfo("RealDiv", "backward", None, at, inputs, "nan", forward_type="RealDiv")
    assert only("NW402", broken_run(op, 0.4)).message.startswith(
        "The gradient of RealDiv (0/0) is out of its domain"
    )


def test_an_epsilon_that_is_rounded_away_in_words() -> None:
    finding = only("NW411", broken_run(nw411.log_after(MetConstant("AddV2", 0.0), dtype="float16")))
    assert finding.message == (
        "The constant that should keep the argument of Log off 0 is itself 0 in float16: it was 0 in 2 of "
        "32 values at step 5."
    )
    assert finding.remedies[0].text == (
        "Add a number that fits in float16, such as 0.001, or cast to float32 before."
    )
    assert said("NW403", broken_run(nw411.log_after(MetConstant("AddV2", 0.0)))) == []


def test_a_cut_at_what_is_one_in_words() -> None:
    finding = only("NW411", broken_run(nw411.cut_at(1e-8)))
    assert finding.message == (
        "The argument of Log should be cut off below 1, and 1 - 1e-08 is 1 in float32: it was 0 in 2 of 32 "
        "values at step 5."
    )
    assert "tf.clip_by_value(p, 1e-07, 1 - 1e-07)" in finding.remedies[0].text


@pytest.mark.parametrize(("epsilon", "level"), [(2.9e-8, "error"), (3e-8, "warning")])
def test_an_optimizer_s_epsilon_in_half_precision(epsilon: float, level: str) -> None:
    assert only("NW411", nw411.half_run(epsilon)).level == level


def test_an_optimizer_s_epsilon_in_words() -> None:
    assert only("NW411", nw411.half_run(1e-8)).message == (
        "The weights are float16, and so is what Adam keeps of them: its epsilon 1e-08 is 0 there, and "
        "squares of gradients below 8e-3 are 0. A step of such a weight is 0/0."
    )


def test_a_softmax_by_hand_of_a_row_that_is_masked_throughout() -> None:
    finding = only("NW406", broken_run(nw406.masked_difference(16)))
    assert finding.message == (
        "Sub took -inf from -inf, in 16 of 256 values at step 5, which is NaN: a mask of -inf that leaves "
        "nothing of a row, and a hand-written softmax that subtracts the largest."
    )


@pytest.mark.parametrize(("low", "count"), [(0.0, 1), (0.5, 0)])
def test_zero_times_infinity(low: float, count: int) -> None:
    given = (Operand("input 0", low, 1.0, size=8), Operand("input 1", size=8, num_neg_inf=8))
    op = OpInfo("Mul", "forward", None, made_up.line(14), given, "nan", num_bad=4, size=8)
    assert len(only("NW410", broken_run(op)).remedies) == count


@pytest.mark.parametrize(
    ("code", "count"),
    [("layers.UnitNormalization()", 0), ("layers.Lambda(lambda v: tf.sqrt(v))", 1)],
)
def test_an_op_in_a_library_s_layer_is_not_to_be_written_otherwise(code: str, count: int) -> None:
    where = made_up.line(6, code)
    layer = LayerInfo("unit", "unit", code.split(".")[1].partition("(")[0], location=where)
    op = replace(nw401.sqrt_at_zero(), layer="unit", location=where)
    finding = only("NW401", broken_run(op, 0.576, of=made_up.model(layer, made_up.dense())))
    assert len(finding.remedies) == count
    assert any("which belongs to a library" in text for text in finding.evidence) is (count == 0)


def test_an_exponential_activation_that_overflows() -> None:
    run = broken_run(nw404.exp_of(89, "dense"), of=made_up.model(made_up.dense(activation="exponential")))
    (remedy,) = only("NW404", run).remedies
    assert remedy.line == 'Dense(1, activation="softplus")'
