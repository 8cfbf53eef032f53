"""What is kept of an op's inputs: the values where the output went bad."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from nanwatch.record.facts import Operand
from nanwatch.watch.incident.op_trace import OpTrace
from nanwatch.watch.incident.operands import measure_operand, operands_of
from nanwatch.watch.keras_seam import tensorflow_names

pytestmark = pytest.mark.tensorflow
NAN, INF = np.nan, np.inf
BAD = np.array([False, True, True])


@pytest.mark.parametrize(
    ("value", "bad", "kept"),
    [
        ([1.0, 2.0, 3.0], BAD, Operand("a", 2.0, 3.0, first=2.0, size=2)),
        ([9.0, 0.0, 0.0], BAD, Operand("a", 0.0, 0.0, first=0.0, size=2)),
        (5.0, BAD, Operand("a", 5.0, 5.0, first=5.0, size=2)),
        (5.0, np.array(True), Operand("a", 5.0, 5.0, first=5.0, size=1)),
        ([1.0, 2.0], BAD, Operand("a", 1.0, 2.0, size=2, whole=True)),
        ([[1.0], [2.0]], BAD, Operand("a", 1.0, 2.0, size=2, whole=True)),
        (np.zeros((0, 3)), BAD, Operand("a", whole=True)),
        ([NAN, NAN, -INF], BAD, Operand("a", first=NAN, size=2, num_nan=1, num_neg_inf=1)),
        ([0.0, INF, 4.0], BAD, Operand("a", 4.0, 4.0, first=INF, size=2, num_pos_inf=1)),
    ],
)
def test_the_values_where_the_output_went_bad(value: list[float], bad: Any, kept: Operand) -> None:
    found = measure_operand("a", np.asarray(value, np.float32), "float32", bad)
    assert repr(found) == repr(kept)  # NaN is not equal to itself


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float64"])
def test_an_op_s_own_types(dtype: str) -> None:
    trace = OpTrace(10.0)
    with tensorflow_names.op_callback(trace):
        tf.constant([1.0, 0.0, -2.0], dtype) / tf.constant([2.0, 0.0, 0.0], dtype)
    (event,) = trace.events
    assert operands_of(event) == (
        Operand("numerator", -2.0, 0.0, first=0.0, size=2, dtype=dtype),
        Operand("denominator", 0.0, 0.0, first=0.0, size=2, dtype=dtype),
    )


def test_an_input_that_is_no_number_is_not_counted() -> None:
    trace = OpTrace(10.0)
    with tensorflow_names.op_callback(trace):
        tf.reduce_mean(tf.zeros((0, 2), tf.bfloat16), axis=0)
    (event,) = trace.events
    assert operands_of(event) == (Operand("input 0", dtype="bfloat16", whole=True),)
