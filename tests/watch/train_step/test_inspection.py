"""When a look is taken, what it shows, and its counts against naive ones."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.tensorflow
NAN, INF = math.nan, math.inf


@pytest.fixture(scope="module")
def inspection() -> Any:
    from nanwatch.watch.train_step import inspection as module

    return module


@pytest.fixture(scope="module")
def tf() -> Any:
    import tensorflow

    return tensorflow


def test_the_first_steps_are_all_looked_at(inspection: Any) -> None:
    """And few after them, however dear a look is."""
    seen, step = [], 0
    while step < 10_000:
        seen.append(step)
        step = inspection.next_step(step, 1.0, 1e-9)
    assert seen[: inspection.FIRST_LOOKS] == list(range(inspection.FIRST_LOOKS))
    assert 15 < len(seen[inspection.FIRST_LOOKS :]) < 25


@pytest.mark.parametrize("cost", [1e-6, 1e-4, 3e-3, 0.5])
@pytest.mark.parametrize("step_seconds", [1e-5, 1e-3, 0.2, 60.0])
def test_looks_take_a_hundredth_of_the_time(inspection: Any, cost: float, step_seconds: float) -> None:
    """No more, and not much less either: one step sooner would be too soon."""
    step = 10**9  # so late that looks may be far apart
    apart = inspection.next_step(step, cost, step_seconds) - step
    share = inspection.TRANSFER * cost / (apart * step_seconds)
    assert share <= inspection.SHARE * (1 + 1e-9)
    if apart > 4:
        assert inspection.TRANSFER * cost / ((apart - 1) * step_seconds) > inspection.SHARE


@pytest.mark.parametrize(("step", "apart"), [(9, 4), (10, 5), (11, 5), (1000, 500)])
def test_looks_drift_apart_by_half_the_steps_so_far(inspection: Any, step: int, apart: int) -> None:
    assert inspection.next_step(step, 1e6, 1e-3) == step + apart


@pytest.mark.parametrize(("first", "after"), [(6, 7), (7, 11), (8, 12)])
def test_a_look_that_costs_nothing(inspection: Any, first: int, after: int) -> None:
    """Four steps apart even then."""
    assert inspection.next_step(first, 0.0, 1.0) == after


def test_how_long_a_step_takes_is_not_known_yet(inspection: Any) -> None:
    assert inspection.next_step(50, 1.0, INF) == 51


def mixed(*shape: int) -> Any:
    rng = np.random.default_rng(len(shape))
    values = rng.normal(size=shape).astype(np.float32)
    for value in (0.0, 0.0, NAN, INF, -INF):
        values.flat[rng.integers(values.size)] = value
    return values


@pytest.mark.parametrize(
    "make",
    [
        lambda: mixed(20, 3),
        lambda: mixed(20),
        lambda: mixed(4, 3, 5),
        lambda: mixed(20, 3).astype(np.float16),
        lambda: np.full((4, 2), NAN, np.float32),
        lambda: np.zeros((3, 2), np.float32),
        lambda: np.zeros((0, 2), np.float32),
        lambda: np.full((4, 2), 3e38, np.float32),
    ],
)
def test_the_health_of_an_array(inspection: Any, make: Callable[[], Any]) -> None:
    array = make()
    elements = [float(value) for value in array.reshape(-1)]
    finite = [value for value in elements if math.isfinite(value)] or [0.0]
    found = dict(zip(inspection.STATS, inspection.array_health(array), strict=True))
    assert found["size"] == len(elements)
    assert found["num_nan"] == sum(math.isnan(value) for value in elements)
    assert (found["num_pos_inf"], found["num_neg_inf"]) == (elements.count(INF), elements.count(-INF))
    assert found["num_zero"] == elements.count(0.0)
    assert (found["min"], found["max"]) == (min(finite), max(finite))
    assert found["mean"] == pytest.approx(math.fsum(finite) / len(finite), rel=1e-6, abs=1e-9)
    squares = sum(value * value for value in elements)
    assert found["l2_norm"] == pytest.approx(math.sqrt(squares), rel=1e-6, nan_ok=True)


def test_the_health_of_predictions(inspection: Any) -> None:
    rows = np.array([[0.25, 0.75], [0.0, 0.0], [1.0, -1.0], [0.5, 0.25]], np.float32)
    found = dict(zip(inspection.OUTPUT_STATS, inspection.output_health(rows), strict=True))
    assert found["rows_summing_to_zero"] == 2
    assert found["row_std"] == pytest.approx((np.std(rows[:, 0]) + np.std(rows[:, 1])) / 2, rel=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_the_spread_of_a_layers_vectors(inspection: Any, dtype: Any) -> None:
    rows = np.array([[0.25, 0.75], [0.0, 0.0], [1.0, -1.0], [0.5, 0.25]], dtype)
    found = dict(zip(inspection.ACTIVATION_STATS, inspection.activation_health(rows), strict=True))
    columns = rows.astype(np.float64)
    assert found["row_std"] == pytest.approx((np.std(columns[:, 0]) + np.std(columns[:, 1])) / 2, rel=1e-6)


@pytest.mark.parametrize("shape", [(4, 3, 2), (4,), (0, 3)])
def test_of_what_is_no_vector_a_row_there_is_no_spread(inspection: Any, shape: tuple[int, ...]) -> None:
    found = dict(zip(inspection.ACTIVATION_STATS, inspection.activation_health(np.zeros(shape)), strict=True))
    assert math.isnan(found["row_std"])


@pytest.mark.parametrize("array", [np.zeros((0, 3), np.float32), np.zeros(0, np.float32), np.float32(2.0)])
def test_the_health_of_few_predictions(inspection: Any, array: Any) -> None:
    found = dict(zip(inspection.OUTPUT_STATS, inspection.output_health(np.asarray(array)), strict=True))
    assert found["row_std"] == 0.0


def test_predictions_that_do_not_differ(inspection: Any) -> None:
    found = dict(zip(inspection.OUTPUT_STATS, inspection.output_health(np.full((32, 3), 0.3)), strict=True))
    assert found["row_std"] < 1e-12


def shaped(tf: Any, *sizes: int) -> dict[str, Any]:
    return {f"layer_{number}": tf.zeros([1, size]) for number, size in enumerate(sizes)}


def test_a_layer_can_be_too_large_to_be_shown(inspection: Any, tf: Any) -> None:
    most = inspection.MOST_PER_ROW
    assert [path for _, path, _ in inspection.affordable_activations(shaped(tf, most, most + 1, 3))] == [
        "layer_0",
        "layer_2",
    ]


def test_the_layers_near_the_output_are_shown_first(inspection: Any, tf: Any) -> None:
    most = inspection.MOST_PER_ROW
    count = inspection.MOST_TOGETHER // most
    chosen = [path for _, path, _ in inspection.affordable_activations(shaped(tf, *[most] * (count + 2)))]
    assert chosen == [f"layer_{number}" for number in range(2, count + 2)]


def test_a_layer_of_unknown_size_is_not_shown(inspection: Any, tf: Any) -> None:
    shown: list[Any] = []

    @tf.function(input_signature=[tf.TensorSpec([None, None]), tf.TensorSpec([None, 3]), tf.TensorSpec(None)])
    def trace(unknown: Any, known: Any, nothing: Any) -> Any:
        shown.extend(
            inspection.affordable_activations({"unknown": unknown, "known": known, "nothing": nothing})
        )
        return known

    trace.get_concrete_function()
    assert [path for _, path, _ in shown] == ["known"]


@pytest.mark.parametrize("size", [1, 4096, 4097, 8191, 8192, 50_000])
def test_a_sample_of_a_weight(inspection: Any, tf: Any, size: int) -> None:
    import keras

    variable = keras.Variable(np.arange(size, dtype=np.float32).reshape(1, size), name="w")
    ((path, sample),) = inspection.weight_samples([variable, keras.Variable(np.array([1, 2]), dtype="int32")])
    assert path == variable.path
    assert len(sample) == min(size, inspection.SAMPLE)
    stride = max(1, size // inspection.SAMPLE)
    assert list(np.asarray(sample)[:5]) == [float(place * stride) for place in range(min(size, 5))]
