"""What Keras has named is told as the script calls it, and a word is no name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nanwatch.diagnose import made_up
from nanwatch.diagnose.engine import diagnose
from nanwatch.diagnose.script_names import ScriptNames, names_of
from nanwatch.record.facts import LayerInfo, ModelInfo, RunInfo

NAMES = ScriptNames({"sequential": "generator", "sequential_1": "critic", "dense": "head"})


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("the gradient of sequential_1/dense_3/kernel is 0", "the gradient of critic/dense_3/kernel is 0"),
        ("the gradient of sequential/dense/kernel.", "the gradient of generator/head/kernel."),
        ("sequential_1 does not train", "critic does not train"),
        ("Layer dense gives zeros", "Layer head gives zeros"),
        ("model sequential, layer dense", "model generator, layer head"),
        ("a dense layer of a sequential model", "a dense layer of a sequential model"),
        (
            "layers.Dense(1), dense(x), dense=3, my_sequential_1",
            "layers.Dense(1), dense(x), dense=3, my_sequential_1",
        ),
        ("/home/sequential_1/train.py", "/home/sequential_1/train.py"),
        ("sequential_10/dense_3", "sequential_10/dense_3"),
    ],
)
def test_words(said: str, told: str) -> None:
    assert NAMES.say(said) == told


def net(name: str, called: str, type_: str = "Sequential", *layers: LayerInfo) -> ModelInfo:
    return ModelInfo(name, type_, layers or (LayerInfo(f"{name}/dense", "dense_9", "Dense"),), called=called)


def named(*models: ModelInfo) -> dict[str, str]:
    return dict(names_of(RunInfo("train.py", models=models)).called)


def test_one_model_alone_keeps_its_name() -> None:
    assert named(net("sequential", "model")) == {}
    assert named(net("sequential", "model"), net("sequential", "model")) == {}  # compiled twice


def test_several_models_are_told_apart() -> None:
    assert named(net("sequential", "generator"), net("functional", "critic", "Functional")) == {
        "sequential": "generator",
        "functional": "critic",
    }
    assert named(net("vae", "model", "VAE"), net("classifier", "other", "Classifier")) == {}
    assert named(net("mlp", "actor", "Mlp"), net("mlp_1", "critic", "Mlp")) == {
        "mlp": "actor",
        "mlp_1": "critic",
    }


def test_names_that_tell_nothing_apart() -> None:
    assert named(net("sequential", "model"), net("sequential_1", "model")) == {}
    assert named(net("sequential", "first"), net("sequential", "second")) == {}


def test_layers_that_a_model_holds() -> None:
    held = LayerInfo("gan/sequential_1", "sequential_1", "Sequential", called="critic")
    twice = [LayerInfo(f"gan/dense_{at}", f"dense_{at}", "Dense", called="conv") for at in (2, 3)]
    assert named(net("gan", "model", "Gan", held, *twice)) == {"sequential_1": "critic"}


def test_a_finding_is_told_so() -> None:
    """The layer's path stays Keras's: a trial finds the layer by it."""
    layer = replace(made_up.dense("dense_7", 5, "relu"), called="head")
    found = diagnose(made_up.run(of=made_up.model(layer, loss="categorical_crossentropy"))).diagnoses
    assert found
    assert all("dense_7" not in text for one in found for text in (one.message, *one.evidence))
    assert any("head" in one.message for one in found)
    assert {one.layer for one in found} == {"dense_7"}
