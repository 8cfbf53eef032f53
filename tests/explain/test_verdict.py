"""The verdict, word by word."""

from __future__ import annotations

import functools
import html
import math
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

from nanwatch.cli.telling import status_of
from nanwatch.diagnose import made_up
from nanwatch.diagnose.diagnosis import Diagnoses, Outcome
from nanwatch.diagnose.engine import diagnose
from nanwatch.explain import as_github, as_html, as_junit, as_markdown, as_sarif, as_terminal
from nanwatch.explain.headline import headline
from nanwatch.explain.processes import process_lines
from nanwatch.explain.report import Report
from nanwatch.explain.reporting import report_of
from nanwatch.explain.sentences import limits, nothing_checked
from nanwatch.explain.verdict import PLACES, VALUES, action_sentence, course, verdict
from nanwatch.record.facts import IncidentInfo, LossInfo, Nonfinite
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.notes import ChildNotWatched, NotWatched, OtherBackend, OwnError, SeamMissing
from nanwatch.record.trials import Trial, TrialOutcome
from nanwatch.record.watchpoints import Role
from tests.explain import made_up_reports


def test_a_broken_run(tmp_path: Path) -> None:
    report = made_up_reports.broken(tmp_path)
    assert verdict(report) == "The loss became NaN at step 40, in epoch 3 of 20."


@pytest.mark.parametrize(
    ("incident", "said"),
    [
        ({"role": "input", "path": "0"}, "The input was NaN at step 99, in epoch 1."),
        ({"role": "label", "value": "inf"}, "The target was infinite at step 99, in epoch 1."),
        (
            {"role": "gradient", "path": "dense/kernel"},
            "The gradient of dense/kernel became NaN at step 99, in epoch 1.",
        ),
        (
            {"role": "activation", "path": "dense", "value": "-inf"},
            "The output of layer dense became minus infinite at step 99, in epoch 1.",
        ),
        (
            {"role": "weight", "path": "norm/moving_mean", "finite_after": 96},
            "The weight norm/moving_mean became NaN between step 96 and step 99, in epoch 1.",
        ),
        (
            {"role": "weight", "path": "norm/moving_mean", "finite_after": 98},
            "The weight norm/moving_mean became NaN at step 99, in epoch 1.",
        ),
        (
            {"role": "weight", "path": "norm/moving_mean", "finite_after": -1},
            "The weight norm/moving_mean became NaN by step 99, in epoch 1.",
        ),
    ],
)
def test_where_it_showed(incident: dict[str, Any], said: str) -> None:
    assert verdict(made_up_reports.healthy(incident=incident, fit={})) == said


@pytest.mark.parametrize(
    ("replica", "replicas", "said"),
    [
        (1, 2, "The loss became NaN at step 99, in epoch 1, in replica 2 of 2."),
        (0, 4, "The loss became NaN at step 99, in epoch 1, in replica 1 of 4."),
        (0, 1, "The loss became NaN at step 99, in epoch 1."),
        (None, 2, "The loss became NaN at step 99, in epoch 1."),
    ],
)
def test_which_replica_saw_it(replica: int | None, replicas: int, said: str) -> None:
    report = made_up_reports.healthy(incident={"replica": replica}, fit={"replicas": replicas})
    assert verdict(report) == said
    for render in (as_terminal.render, as_markdown.render, as_html.render):
        assert ("in replica" in render(report)) == ("in replica" in said)


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ("at-chance", "The training predicts no better than chance."),
        ("not-learning", "The training did not learn."),
        ("faulty", "The training has a fault."),
        ("diverged", "The training diverged."),
        ("healthy", "Nothing found."),
        ("incomplete", "The run was killed: its record ends after 100 steps."),
        ("no-training", "train.py trained no Keras model that nanwatch could see."),
        ("crashed", "The script ended with an exception after 100 steps."),
        ("non-finite", "The training reports numbers that are NaN or infinite."),
    ],
)
def test_every_outcome(outcome: Outcome, said: str) -> None:
    assert verdict(made_up_reports.healthy(outcome=outcome)) == said


def test_a_nan_in_the_validation_alone() -> None:
    logs = [{"loss": 0.5, "val_loss": 0.6}, {"loss": 0.4, "val_loss": math.nan}]
    report = made_up_reports.healthy(outcome="non-finite", epochs=logs)
    assert verdict(report) == "val_loss was NaN at the end of epoch 2 of 2."


def test_a_crash_says_its_error() -> None:
    report = made_up_reports.healthy(outcome="crashed", fit={"error": "ValueError: no such layer."})
    assert verdict(report) == (
        "The script ended with an exception after 100 steps: ValueError: no such layer."
    )


def test_the_course() -> None:
    assert course(made_up_reports.healthy()) == (
        "100 steps, 2 epochs, loss 0.7 at the first step, 0.31 over the last epoch, "
        "accuracy 0.9375 after the last epoch."
    )


@pytest.mark.parametrize(
    ("logs", "said"),
    [
        ({"val_accuracy": 0.5, "accuracy": 0.75}, "accuracy 0.75"),
        ({"val_binary_accuracy": 0.25}, "val_binary_accuracy 0.25"),
        ({"acc": 1.0}, "acc 1"),
        ({"head_accuracy": 0.3}, "head_accuracy 0.3"),
    ],
)
def test_the_accuracy_that_is_shown(logs: dict[str, float], said: str) -> None:
    found = course(made_up_reports.healthy(epochs=[logs]))
    assert found is not None
    assert found.endswith(f", {said} after the last epoch.")


def test_no_step_has_no_course() -> None:
    assert course(made_up_reports.healthy(loss=[], fit={"steps": 0})) is None


def test_what_was_done_at_the_incident() -> None:
    frozen = IncidentInfo(0, 3, 0, "loss", frozen=True, action="raise")
    good = "The update was held back: the weights are still the last finite ones."
    assert action_sentence(frozen) == f"{good} The training was halted there."
    assert action_sentence(replace(frozen, action="stop")) == f"{good} The training was stopped there."
    assert action_sentence(replace(frozen, action="continue")) == good
    assert action_sentence(replace(frozen, frozen=False)) == (
        "The update was applied: the weights may hold NaN from this step on."
    )


def test_nothing_is_held_back_for_state_that_went_bad() -> None:
    state = IncidentInfo(0, 16, 0, "weight", "norm/moving_mean", state=True, finite_after=8)
    said = "No gradient moves it, and no update could be held back for it: its last finite value is gone."
    assert action_sentence(state) == f"{said} The training was halted there."
    assert action_sentence(replace(state, action="stop")) == f"{said} The training was stopped there."
    assert action_sentence(replace(state, action="continue")) == said


def test_every_role_and_every_value_has_words() -> None:
    assert set(PLACES) == set(get_args(Role))
    assert set(VALUES) == set(get_args(Nonfinite))


@pytest.mark.parametrize(
    ("notes", "said"),
    [
        (
            (OtherBackend("mlx"),),
            "Keras runs on mlx: only TensorFlow, JAX and PyTorch are watched.",
        ),
        (
            (OtherBackend("mlx"), ChildNotWatched("python -E w.py", "-E")),
            "Keras runs on mlx: only TensorFlow, JAX and PyTorch are watched, and 1 more.",
        ),
    ],
)
def test_nothing_was_trained_and_why(notes: tuple[NotWatched, ...], said: str) -> None:
    report = made_up_reports.healthy(outcome="no-training")
    report = replace(report, run=replace(report.run, info=replace(report.run.info, not_watched=notes)))
    assert verdict(report) == f"train.py trained no Keras model that nanwatch could watch: {said}"


def test_a_child_process() -> None:
    report = made_up_reports.with_children()
    worker = "process 72 (worker.py --fold 1)"
    assert verdict(report) == f"The loss became NaN at step 3, in epoch 1, in {worker}."
    in_terminal = functools.partial(as_terminal.render, verbose=True)
    for render in (in_terminal, as_markdown.render, as_html.render):
        text = " ".join(html.unescape(render(report)).replace("\\", "").split())
        assert "Child processes" in text
        assert "Process 71: 1 training, 100 steps, loss 0.342 over the last 20 steps." in text
        assert f"In {worker}." in text
    for brief in (as_github.render, as_junit.render, as_sarif.render):
        assert f"A NaN. In {worker}." in brief(report)


def test_a_child_process_that_was_killed() -> None:
    report = made_up_reports.with_children()
    fork = report.run.parts[0]
    fit = replace(fork.fits[0], info=replace(fork.fits[0].info, status="running"))
    killed = replace(fork, info=replace(fork.info, status="running"), fits=[fit])
    info = replace(report.run.info, incident=None)
    run = replace(report.run, info=info, parts=[killed], fits=[report.run.fits[0], fit])
    found = diagnose(run)
    assert found.outcome == "incomplete"
    said = "Process 71 did not finish: its record ends after 100 steps."
    assert verdict(Report(run, found)) == said


def test_a_child_process_that_raised() -> None:
    report = made_up_reports.with_children()
    fork = report.run.parts[0]
    fit = replace(fork.fits[0], info=replace(fork.fits[0].info, status="crashed", error="ValueError: no."))
    crashed = replace(fork, fits=[fit])
    run = replace(report.run, info=replace(report.run.info, incident=None), parts=[crashed], fits=[fit])
    said = "A training in process 71 ended with an exception after 100 steps: ValueError: no."
    assert verdict(Report(run, Diagnoses("crashed"))) == said


def test_many_child_processes() -> None:
    report = made_up_reports.with_children()
    many = [replace(report.run.parts[0])] * 11
    lines = process_lines(replace(report, run=replace(report.run, parts=many)))
    assert len(lines) == 9
    assert lines[-1] == "And 3 more, with 3 trainings; --format json lists them."


def test_why_a_check_saw_no_training() -> None:
    report = made_up_reports.healthy(outcome="no-training")
    assert nothing_checked(report, 0.9) == "train.py trained no Keras model: nothing was checked."
    assert nothing_checked(report, 1.1) == (
        "train.py trained no Keras model in its own process, and a check sees no other: nothing was checked."
    )
    info = replace(report.run.info, not_watched=(OtherBackend("mlx"),))
    assert nothing_checked(replace(report, run=replace(report.run, info=info))) == (
        "train.py trained no Keras model that could be checked: Keras runs on mlx: "
        "only TensorFlow, JAX and PyTorch are watched."
    )


@pytest.mark.parametrize(
    ("fit", "outcome", "said"),
    [
        (
            {"unwatched_from": 12},
            "healthy",
            "nanwatch itself failed in step 12 of a training, which went on as under python, unwatched. "
            "Nothing found.",
        ),
        (
            {"unwatched_from": 0, "steps": 0},
            "no-training",
            "nanwatch itself failed in step 0 of a training, which went on as under python, unwatched.",
        ),
    ],
)
def test_a_fault_of_nanwatchs_own_comes_first(fit: dict[str, Any], outcome: Outcome, said: str) -> None:
    report = made_up_reports.healthy(outcome=outcome, fit=fit)
    assert verdict(report) == said
    whole = as_terminal.render(report, width=200, unicode=False, verbose=True)
    assert whole.splitlines()[2].startswith("?? nanwatch")
    assert "nanwatch itself failed in step" in as_terminal.render(report)
    assert as_markdown.render(report).startswith("## \N{WHITE QUESTION MARK ORNAMENT} nanwatch itself failed")
    assert '<body class="unknown">' in as_html.render(report)


def test_several_trainings_that_went_on_unwatched() -> None:
    report = made_up_reports.healthy(fit={"unwatched_from": 3})
    info = replace(report.run.fits[0].info, unwatched_from=5)
    fits = (*report.run.fits, replace(report.run.fits[0], info=info))
    said = verdict(replace(report, run=replace(report.run, fits=fits)))
    assert said.startswith("nanwatch itself failed in step 3 of a training, which went on")
    assert "unwatched, and 1 more did. Nothing" in said


FAILED = OwnError("beginning a fit", "KeyError", "'x'")
FITS, SAVES = SeamMissing("keras.Model.fit", "fits"), SeamMissing("keras.saving.save_model", "saves")
NO_FIT = "trainings by fit or train_on_batch: this version of Keras or TensorFlow has no keras.Model.fit"
FAILED_WORDS = "nanwatch's own error while watching: beginning a fit: KeyError: 'x'"


@pytest.mark.parametrize(
    ("info", "tone", "said", "status"),
    [
        ({"errors": (FAILED,)}, "open", "nanwatch itself failed with KeyError while beginning a fit", 0),
        (
            {"errors": (FAILED, replace(FAILED, doing="ending a fit"))},
            "open",
            "nanwatch itself failed with KeyError while beginning a fit, and 1 more of its own",
            0,
        ),
        ({"not_watched": (FITS,)}, "open", NO_FIT, 0),
        ({"not_watched": (SAVES,)}, "well", None, 0),
    ],
)
def test_what_could_not_be_watched_is_not_called_well(
    info: dict[str, Any], tone: str, said: str | None, status: int
) -> None:
    report = with_info(made_up_reports.healthy(), info)
    assert headline(report).tone == tone
    in_part = f"Nothing was found in what could be watched: {said}."
    assert verdict(report) == (in_part if said else "Nothing found.")
    assert status_of(report, "error") == status


@pytest.mark.parametrize(
    ("info", "said", "status"),
    [
        ({"errors": (FAILED,)}, f" that nanwatch could watch: {FAILED_WORDS}.", 2),
        ({"not_watched": (FITS,)}, f" that nanwatch could watch: {NO_FIT}.", 2),
        ({}, " that nanwatch could see.", 0),
    ],
)
def test_where_nothing_could_be_watched_no_gate_is_passed(
    info: dict[str, Any], said: str, status: int
) -> None:
    report = with_info(made_up_reports.healthy(outcome="no-training", fit={"steps": 0}), info)
    assert headline(report).tone == "open"
    assert verdict(report) == f"train.py trained no Keras model{said}"
    assert (status_of(report, "error"), status_of(report, "never")) == (status, 0)


def with_info(report: Report, info: dict[str, Any]) -> Report:
    return replace(report, run=replace(report.run, info=replace(report.run.info, **info)))


def test_a_model_too_large_to_be_made_again_is_told() -> None:
    of = made_up.model(made_up.dense(activation="sigmoid"), loss="binary_crossentropy")
    facts: dict[str, Any] = {"targets": [made_up.labels(0, 1)], "loss": [0.7, *[0.69] * 200]}
    held = limits(report_of(made_up.run(of, **facts)))
    assert not any("Nothing was tried" in line for line in held)
    large = made_up.run(of, fit={"weights_not_held": 92 * 2**20}, **facts)
    assert "Nothing was tried: the first weights (92 MB) are too large to keep." in limits(report_of(large))


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        (0.9, "the training is worse than guessing"),
        (0.63, "the training is little better than guessing"),
        (0.62, "the training has learned little"),
    ],
)
def test_a_training_without_skill_and_without_a_fault(ended: float, words: str) -> None:
    of = made_up.model(made_up.dense(activation="sigmoid"), loss="binary_crossentropy")
    run = made_up.run(of, loss=[1.4, *[ended] * 200], targets=[made_up.labels(0, 1)])
    said = verdict(report_of(run))
    assert said.startswith(f"No fault was found, but {words}: the loss ends at ")
    stuck = TrialOutcome(True, 200, 0.69, 0.0)
    change = Intervention(InterventionKind.SET_LEARNING_RATE, "optimizer", 0.1)
    vain = replace(run, trials=[Trial(change, "not-cured", stuck, stuck, 200, 0, made_again=True)])
    assert "It was run again with 1 change, and none made it learn more." in verdict(report_of(vain))
    assert "Also tried, without success: the learning rate 0.1." in limits(report_of(vain))


@pytest.mark.parametrize(("loss", "said"), [("mean_squared_error", True), ("triplet", False)])
def test_of_losses_of_ones_own_nothing_is_said_of_guessing(loss: str, said: bool) -> None:
    """Rows that are pushed apart cost more than one point for all of them, at first."""
    of = made_up.model(made_up.dense())
    outputs = tuple(replace(output, loss=LossInfo(loss)) for output in of.outputs) * 2
    run = made_up.run(replace(of, outputs=outputs), loss=[1.0] * 200, fit={"guess_loss": 1.0})
    assert ("guessing" in verdict(report_of(run))) is said
