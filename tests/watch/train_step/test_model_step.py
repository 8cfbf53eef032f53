"""Every kind of model trains under watch as it does bare, and is seen."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from nanwatch.record.notes import LayerOutOfReach, NotMet
from nanwatch.watch.train_step.step_recorder import WEIGHTS_EVERY
from tests.watch.model_kinds import BATCH, KINDS, ROWS, steps_of
from tests.watch.training import bare, differing, far_apart, watched

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.filterwarnings("ignore:The model does not have any trainable weights:UserWarning"),
    pytest.mark.filterwarnings("ignore:Gradients do not exist for variables:UserWarning"),
]

XLA = [name for name in KINDS if name.startswith("XLA")]
# A gradient that a sentinel reads too is one that TensorFlow's arithmetic optimizer does not merge into
# SGD's `momentum * m - gradient * rate`: the same sum, rounded in another order.
MERGED = "schedule and momentum"
NOT_XLA = [name for name in KINDS if name not in (*XLA, MERGED)]
LAST_BITS = 3e-7  # two units of float32's last place; how the sum is merged depends on the processor
XLA_TOLERANCE = 1e-5  # XLA fuses otherwise where a sentinel looks on: float32 is rounded elsewhere


@pytest.mark.parametrize("name", NOT_XLA)
def test_the_same_to_the_last_bit(name: str, runs: Path) -> None:
    assert differing(watched(name, runs).state, bare(name).state) == []


def test_the_same_but_for_the_last_bits_of_a_merged_sum(runs: Path) -> None:
    found, expected = watched(MERGED, runs).state, bare(MERGED).state
    assert far_apart(found, expected, LAST_BITS) == []


@pytest.mark.parametrize("name", XLA)
def test_the_same_but_for_rounding(name: str, runs: Path) -> None:
    assert far_apart(watched(name, runs).state, bare(name).state, XLA_TOLERANCE) == []


@pytest.mark.parametrize("name", KINDS)
def test_every_step_is_recorded(name: str, runs: Path) -> None:
    found = watched(name, runs)
    steps = steps_of(found.kind)
    assert found.fit.info.steps == steps
    assert [step for step, _ in found.fit.losses()] == list(range(steps))
    assert found.fit.info.epochs == 2
    assert found.fit.info.status == "finished"
    assert [value for _, value in found.fit.steps.values("rows")] == [BATCH] * steps
    assert [value for _, value in found.fit.steps.values("epoch")] == [
        float(epoch) for epoch in range(2) for _ in range(steps // 2)
    ]


@pytest.mark.parametrize("name", KINDS)
def test_nothing_of_ours_went_wrong(name: str, runs: Path) -> None:
    found = watched(name, runs).run
    assert found is not None
    assert found.info.errors == ()
    assert list(found.damage) == []
    assert found.info.incident is None
    assert found.info.status == "finished"


@pytest.mark.parametrize("name", [name for name in KINDS if "steps_per_execution" not in name])
def test_the_loss_of_each_batch_is_its_own(name: str, runs: Path) -> None:
    expected, found = bare(name).losses, watched(name, runs).fit.losses()
    assert [value for _, value in found] == pytest.approx(expected, rel=1e-5, abs=1e-7)
    assert len(set(expected)) > 1 or name == "all frozen"


@pytest.mark.parametrize(
    ("name", "alike"), [("steps_per_execution", "Sequential"), ("XLA, steps_per_execution", "XLA")]
)
def test_the_losses_of_several_steps_in_one(name: str, alike: str, runs: Path) -> None:
    """Keras shows one loss an execution; but the steps are those of the same model step by step."""
    expected = bare(alike).losses
    assert [value for _, value in watched(name, runs).fit.losses()] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("name", KINDS)
def test_every_trainable_variable_is_seen(name: str, runs: Path) -> None:
    found = watched(name, runs)
    paths = [variable.path for variable in found.kind.model.trainable_variables]
    assert found.fit.steps.paths("gradient", "l2_norm") == paths
    assert found.fit.steps.paths("weight", "l2_norm") == paths
    assert found.fit.info.trainable == len(paths)
    without = {path for path in paths if path.startswith("idle/")}
    assert set(found.fit.info.no_gradient) == without
    for path in set(paths) - without:
        norms = [norm for _, norm in found.fit.steps.values("gradient", path, "l2_norm")]
        assert all(math.isfinite(norm) for norm in norms) or name == "mixed_float16"
        assert max(norms) > 0


@pytest.mark.parametrize("name", [name for name in KINDS if "EMA" not in name])  # swapped in at the end
def test_the_norms_of_the_weights_as_they_were_summed_last(name: str, runs: Path) -> None:
    """Exact norms, step by step, are those of the oracles."""
    found = watched(name, runs)
    for variable in found.kind.model.trainable_variables:
        norms = [norm for _, norm in found.fit.steps.values("weight", variable.path, "l2_norm")]
        assert set(norms[WEIGHTS_EVERY:]) == {norms[WEIGHTS_EVERY]}


@pytest.mark.parametrize("name", KINDS)
def test_every_layer_is_seen_or_told_not_to_be(name: str, runs: Path) -> None:
    """At every step, or in looks where TensorFlow may compute it together with what follows."""
    found = watched(name, runs)
    told = set()
    for note in found.fit.info.not_watched:
        if isinstance(note, NotMet):
            told.add(note.watchpoint.path)
        elif isinstance(note, LayerOutOfReach):
            told.add(note.layer)
    for layer in found.fit.model.layers:
        at_every_step = found.fit.steps.values("activation", layer.path, "l2_norm")
        in_looks = found.fit.health.values("activation", layer.path, "l2_norm")
        norms = [norm for _, norm in at_every_step or in_looks]
        assert norms, layer.path
        assert (max(norms) > 0) != (layer.path in told), layer.path


# Where an output cannot be seen: it stays inside a loop, or a function of the script's own.
@pytest.mark.parametrize(
    ("name", "hidden"),
    [
        ("Sequential", 0),
        ("subclassed", 0),
        ("nested", 0),
        ("run_eagerly", 0),
        ("XLA, own step", 0),
        ("own step without compute_loss", 0),
        ("Embedding and LSTM", 0),  # Keras calls the cell once before its loop
        ("own step, a tf.function", 4),
    ],
)
def test_how_many_layers_are_out_of_reach(name: str, hidden: int, runs: Path) -> None:
    told = watched(name, runs).fit.info.not_watched
    assert len([note for note in told if isinstance(note, LayerOutOfReach)]) == hidden, told


@pytest.mark.parametrize("name", KINDS)
def test_what_keras_logs_is_kept(name: str, runs: Path) -> None:
    found = watched(name, runs)
    logs = found.fit.epoch_logs()
    assert [log["loss"] for log in logs] == pytest.approx(found.history["loss"])
    assert all(set(log) == set(found.history) for log in logs)


@pytest.mark.parametrize("name", ["Sequential", "XLA", "steps_per_execution", "own step", "run_eagerly"])
def test_the_data_of_the_fit(name: str, runs: Path) -> None:
    data = watched(name, runs).fit.info.data
    assert data.whole
    assert [(item.role, item.path, item.rows) for item in (*data.inputs, *data.labels)] == [
        ("input", "0", ROWS),
        ("label", "0", ROWS),
    ]
    assert set(data.labels[0].classes) == {"0", "1"}
    assert len(data.inputs[0].columns) == 8
    assert data.predictions[0].rows >= BATCH
    assert 0 < data.predictions[0].min < data.predictions[0].max < 1


def test_the_data_of_a_data_set_is_seen_in_looks(runs: Path) -> None:
    data = watched("tf.data", runs).fit.info.data
    assert not data.whole
    assert data.inputs[0].rows >= BATCH
    assert data.labels[0].integral
    assert [item.role for item in data.sample_weights] == ["sample_weight"]


def test_the_rate_of_a_schedule(runs: Path) -> None:
    found = watched("schedule and momentum", runs).fit
    rates = [rate for _, rate in found.steps.values("learning_rate")]
    assert rates == pytest.approx([0.1 * 0.5 ** (step / 4) for step in range(1, 17)], rel=1e-5)
    assert found.model.optimizer is not None
    assert (found.model.optimizer.type, found.model.optimizer.schedule) == ("SGD", "ExponentialDecay")
