"""What is said of an exception: its cause where a rule knows it, and nothing else as its cause."""

from __future__ import annotations

from typing import Any

import pytest

from nanwatch.diagnose import made_up
from nanwatch.diagnose.engine import diagnose
from nanwatch.diagnose.label_classes import misfit_in_error
from nanwatch.diagnose.loss_line import is_for_sparse, shape_clash
from nanwatch.explain.headline import headline, is_unexplained_crash
from nanwatch.explain.reporting import report_of
from nanwatch.explain.sentences import unexplained_crash
from nanwatch.record.facts import ScriptError
from nanwatch.record.run import Run

GRAPH = (
    "ValueError: Dimensions must be equal, but are 3 and 5 for '{{node compile_loss/huber/Sub}} = "
    "Sub[T=DT_FLOAT](sequential_9_1/dense_10_1/BiasAdd, data_1)' with input shapes: [32,3], [32,5]."
)


@pytest.mark.parametrize(
    ("said", "target", "output"),
    [
        ("Received: target.shape=(32,), output.shape=(32, 5)", (32,), (32, 5)),
        ("Received: labels.shape=(64, 5) of rank 2 and logits.shape=(64, 5) of rank 2", (64, 5), (64, 5)),
        ("must be broadcastable: logits_size=[64,5] labels_size=[64,3] [Op:Softmax]", (64, 3), (64, 5)),
        ("first dimension, got logits shape [32,5] and labels shape [160]", (32, 5), (32, 5)),
        ("must have the same shape, received ((32, 1) vs (32, 5)).", (32, 5), (32, 1)),
        ("Shapes (None, 1) and (None, 5) are incompatible", (None, 1), (None, 5)),
        (GRAPH, (32, 5), (32, 3)),
        (GRAPH.replace("sequential_9_1/dense_10_1/BiasAdd, data_1", "data_1, a/b"), (32, 3), (32, 5)),
    ],
)
def test_every_wording_of_shapes_that_clash(
    said: str, target: tuple[Any, ...], output: tuple[Any, ...]
) -> None:
    found = shape_clash(said)
    assert found is not None
    assert (found.target, found.output) == (target, output)


@pytest.mark.parametrize(
    "said",
    [
        GRAPH.replace("compile_loss/huber", "model/add"),
        GRAPH.replace("data_1", "other/Relu"),
        "ValueError: Input 0 of layer 'dense' is incompatible: expected axis -1 to have value 8",
    ],
)
def test_shapes_that_clash_elsewhere(said: str) -> None:
    assert shape_clash(said) is None


def test_what_any_assignment_says_is_no_clash_of_a_loss() -> None:
    assert shape_clash("Shapes (8, 1) and (8, 5) are incompatible", in_fit=False) is None


def test_the_sentences_of_losses_of_class_numbers() -> None:
    assert is_for_sparse("`labels.shape.rank` must equal `logits.shape.rank - 1`.")
    assert not is_for_sparse("logits and labels must be broadcastable")


@pytest.mark.parametrize(
    ("values", "outside", "inside"),
    [
        ("1 2 5 3", (5,), (1, 2, 3)),
        ("1 2 5 3 [[{{node loss}}]]", (5,), (1, 2, 3)),
        ("1 2 5 3 and more", (5,), ()),
    ],
)
def test_the_labels_of_the_batch_in_an_exception(
    values: str, outside: tuple[int, ...], inside: tuple[int, ...]
) -> None:
    said = "Received a label value of 5 which is outside the valid range of [0, 5).  Label values: "
    found = misfit_in_error(said + values)
    assert found is not None
    assert (found.values, found.inside) == (outside, inside)


def crashed(kind: str, message: str, activation: str = "relu", **facts: Any) -> Run:
    """A short training with this head, and then an exception of the script's own."""
    of = made_up.model(made_up.dense(activation=activation), loss="binary_crossentropy")
    raised = ScriptError(kind, message, made_up.line(31, "plot(history)"))
    known: dict[str, Any] = {
        "loss": [0.7 - 0.006 * step for step in range(99)],
        "targets": [made_up.labels(0, 1)],
        "info": {"status": "crashed", "exit_status": 1, "raised": raised},
    }
    return made_up.run(of, **{**known, **facts})


def test_a_fault_that_has_nothing_to_do_with_the_exception_is_a_note() -> None:
    report = report_of(crashed("KeyError", "'x'"))
    assert [(each.code, each.level) for each in report.diagnoses.diagnoses] == [("NW201", "note")]
    assert headline(report).tone == "open"
    assert headline(report).said == "The script ended with an exception after 99 steps: KeyError: 'x'."
    assert is_unexplained_crash(report)
    assert unexplained_crash(report) == ("no known fault explains KeyError after 99 steps of training.")


def test_behind_a_training_that_did_not_learn_the_exception_is_told_too() -> None:
    stuck = [{"loss": 0.69, "accuracy": 0.5}] * 3
    report = report_of(crashed("KeyError", "'x'", loss=[2.9] * 99, epochs=stuck))
    assert report.diagnoses.outcome == "not-learning"
    assert (headline(report).behind or "").endswith(
        "Afterwards the script ended with KeyError at train.py:31."
    )


def test_what_explains_it_is_its_cause_beside_what_does_not() -> None:
    found = diagnose(crashed("AttributeError", "'Adam' object has no attribute 'lr'"))
    assert [(each.code, each.part, each.level) for each in found.diagnoses] == [
        ("NW608", "cause", "error"),
        ("NW201", "cause", "note"),
    ]


def test_an_exception_of_a_training_is_not_told_twice() -> None:
    error = "ValueError: Arguments `target` and `output` must have the same rank (ndim). Received: "
    error += "target.shape=(32,), output.shape=(32, 5)"
    of = made_up.model(made_up.dense(units=5, activation="softmax"), loss="categorical_crossentropy")
    raised = ScriptError("ValueError", error, made_up.line(12, "model.fit(x, y)"))
    fit = {"error": error, "status": "crashed", "steps": 0}
    run = made_up.run(of, loss=[], fit=fit, info={"status": "crashed", "raised": raised})
    assert [each.code for each in diagnose(run).diagnoses] == ["NW206"]
