"""Skill: measured against the best constant answer, and what a training without it brings about."""

import math
from dataclasses import replace
from typing import Any

import pytest

from nanwatch.diagnose import made_up
from nanwatch.diagnose.doubts import doubts
from nanwatch.diagnose.engine import diagnose
from nanwatch.diagnose.skill import (
    ENOUGH_STEPS,
    LITTLE,
    VALIDATED,
    lacking_outputs,
    lacks_skill,
    never_generalizes,
    skill_of,
)
from nanwatch.explain.report import Report
from nanwatch.explain.verdict import verdict
from nanwatch.record.facts import ColumnSummary, LossInfo, ModelInfo, OutputInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Run
from nanwatch.record.trials import Trial, TrialOutcome

BINARY = made_up.model(
    made_up.dense("hidden", 16, "relu"), made_up.dense(activation="sigmoid"), loss="binary_crossentropy"
)
LN_2 = math.log(2)
CONSTANT = {"row_std": 0.0, "size": 32.0, "min": 0.5, "max": 0.5}  # of an output's answers, in a look
RELU = Intervention(InterventionKind.SET_HIDDEN_ACTIVATIONS, "model", "relu")


def binary_run(ended: float, steps: int = 200, **facts: Any) -> Run:
    epochs = facts.pop("epochs", [{"loss": 0.7}, {"loss": ended}])
    return made_up.run(
        BINARY,
        loss=[0.7] + [ended] * (steps - 1),
        targets=[made_up.labels(0, 1)],
        epochs=epochs,
        fit=facts,
    )


def skill_at_end(run: Run) -> float:
    found = skill_of(run.fits[0])
    assert found is not None
    return found.ended


def test_a_cross_entropy_is_measured_against_the_entropy_of_the_classes() -> None:
    assert skill_at_end(binary_run(LN_2)) == pytest.approx(0.0)
    assert skill_at_end(binary_run(LN_2 / 4)) == pytest.approx(0.75)
    rare = made_up.labels(0, 1, classes={"0": 98, "1": 2})
    entropy = -0.98 * math.log(0.98) - 0.02 * math.log(0.02)
    assert skill_at_end(made_up.run(BINARY, loss=[entropy] * 9, targets=[rare])) == pytest.approx(0.0)


def test_a_squared_loss_is_measured_against_the_variance_of_each_column() -> None:
    columns = (ColumnSummary(0, mean=100.0, std=2.0), ColumnSummary(1, mean=-100.0, std=4.0))
    targets = made_up.tensor("label", "output", shape=(None, 2), std=100.05, columns=columns)
    run = made_up.run(made_up.model(made_up.dense(units=2)), loss=[10.0] * 9, targets=[targets])
    assert skill_at_end(run) == pytest.approx(0.0)


def test_several_labels_a_row_are_guessed_each_by_its_share() -> None:
    columns = (ColumnSummary(0, mean=0.1, std=0.3), ColumnSummary(1, mean=0.5, std=0.5))
    labels = made_up.tensor("label", "output", shape=(None, 2), integral=True, columns=columns)
    entropy = (-0.1 * math.log(0.1) - 0.9 * math.log(0.9) + LN_2) / 2
    of = made_up.model(made_up.dense(units=2, activation="sigmoid"), loss="binary_crossentropy")
    assert skill_at_end(made_up.run(of, loss=[entropy] * 9, targets=[labels])) == pytest.approx(0.0)


def test_an_absolute_loss_is_measured_against_the_distance_from_the_median() -> None:
    target = made_up.tensor("label", "output", std=2.0, deviation=1.25)
    of = made_up.model(made_up.dense(), loss="mean_absolute_error")
    assert skill_at_end(made_up.run(of, loss=[1.25] * 9, targets=[target])) == pytest.approx(0.0)


def test_penalties_are_no_loss_of_the_data() -> None:
    steps = {("penalty", "", "value"): [3.0] * 200}
    run = made_up.run(BINARY, loss=[3.0 + LN_2] * 200, steps=steps, targets=[made_up.labels(0, 1)])
    assert skill_at_end(run) == pytest.approx(0.0)


def test_a_weighted_loss_tells_no_skill() -> None:
    assert skill_of(binary_run(0.7, class_weight={"0": 1.0, "1": 9.0}).fits[0]) is None


@pytest.mark.parametrize(
    ("ended", "steps", "lacking"),
    [
        ((1 - LITTLE) * LN_2 + 1e-6, ENOUGH_STEPS, True),
        ((1 - LITTLE) * LN_2 - 1e-6, ENOUGH_STEPS, False),
        (LN_2, ENOUGH_STEPS - 1, False),
    ],
)
def test_a_training_lacks_skill(ended: float, steps: int, lacking: bool) -> None:
    assert lacks_skill(binary_run(ended, steps).fits[0]) is lacking


def test_a_check_that_cut_a_training_short_says_nothing_of_its_skill() -> None:
    assert not lacks_skill(binary_run(LN_2, cut_short=True).fits[0])


def test_a_classifier_that_answers_right_has_skill_whatever_its_loss_says() -> None:
    epochs = [{"loss": 0.9, "accuracy": 0.5}, {"loss": 0.9, "accuracy": 0.76}]
    assert not lacks_skill(binary_run(0.9, epochs=epochs).fits[0])
    epochs[-1]["accuracy"] = 0.74
    assert lacks_skill(binary_run(0.9, epochs=epochs).fits[0])


def validated_run(losses: list[float], accuracy: float | None = None, trained: float = 0.1) -> Run:
    logs = [{"loss": trained + 0.1 / (1 + place), "val_loss": loss} for place, loss in enumerate(losses)]
    for log in logs if accuracy is not None else []:
        log |= {"accuracy": 0.9, "val_accuracy": accuracy or 0.0}
    return binary_run(trained, epochs=logs)


@pytest.mark.parametrize(
    ("run", "never"),
    [
        (validated_run([0.7] * VALIDATED), True),
        (validated_run([0.7] * (VALIDATED - 1)), False),
        (validated_run([0.7] * VALIDATED + [0.69]), False),
        (validated_run([0.7] * VALIDATED, trained=0.5), False),
        (validated_run([0.7] * VALIDATED, accuracy=0.54), True),
        (validated_run([0.7] * VALIDATED, accuracy=0.56), False),
    ],
)
def test_a_validation_that_never_beats_guessing(run: Run, never: bool) -> None:
    assert never_generalizes(run.fits[0]) is never
    assert (diagnose(run).outcome == "not-generalizing") is never
    assert [each for each in diagnose(run).diagnoses if each.level != "note"] == []


# -- suspicions --------------------------------------------------------------------------------------


def squashed_run(ended: float = LN_2, trials: list[Trial] | None = None) -> Run:
    layers = [made_up.dense(f"hidden_{place}", 8, "sigmoid", at=4 + place) for place in range(2)]
    of = made_up.model(*layers, made_up.dense(activation="sigmoid"), loss="binary_crossentropy")
    targets = [made_up.labels(0, 1)]
    return made_up.run(of, loss=[0.7] + [ended] * 199, targets=targets, trials=trials or [])


def test_a_suspicion_is_not_told_and_is_proposed() -> None:
    found = diagnose(squashed_run())
    assert [each.code for each in found.diagnoses if each.level != "note"] == []
    assert "NW303" in {each.code for each in found.hypotheses}
    (proposal,) = [each for each in found.proposals if each.code == "NW303"]
    assert (proposal.suspected, proposal.damper, proposal.interventions) == (True, False, (RELU,))
    assert proposal.ended == pytest.approx(0.0)


def test_a_suspicion_that_a_trial_has_borne_out_is_the_cause() -> None:
    found = diagnose(squashed_run(trials=made_up.cured(RELU)))
    assert [(each.code, each.level) for each in found.diagnoses] == [("NW303", "error")]
    assert found.outcome == "not-learning"
    assert found.diagnoses[0].location == made_up.line(4, 'Dense(8, activation="sigmoid")')


def test_a_suspicion_that_a_trial_has_not_borne_out_stays_unsaid() -> None:
    stuck = TrialOutcome(True, 200, 0.69, 0.0)
    trial = Trial(RELU, "not-cured", stuck, stuck, 200, made_again=True)
    found = diagnose(squashed_run(trials=[trial]))
    assert "NW303" not in {each.code for each in found.diagnoses}
    assert found.outcome == "healthy"


def test_a_training_with_skill_is_not_suspected() -> None:
    found = diagnose(squashed_run(ended=0.2, trials=made_up.cured(RELU)))
    assert (found.hypotheses, found.proposals, found.outcome) == ((), (), "healthy")


def test_dampers_are_tried_after_what_has_a_name() -> None:
    proposals = diagnose(squashed_run()).proposals
    assert [each.damper for each in proposals] == sorted(each.damper for each in proposals)
    assert {each.code for each in proposals if each.damper} == {"NW501"}


def test_of_several_rates_the_one_that_cured_is_told() -> None:
    lower = Intervention(InterventionKind.SET_LEARNING_RATE, "optimizer", 1e-5)
    found = diagnose(squashed_run(trials=made_up.cured(lower)))
    assert [each.code for each in found.diagnoses] == ["NW501"]
    assert [remedy.intervention for remedy in found.diagnoses[0].remedies] == [lower]


def test_the_trial_of_another_training_bears_nothing_out() -> None:
    (trial,) = made_up.cured(RELU)
    foreign = Trial(RELU, "cured", trial.before, trial.after, 200, fit=3, made_again=True)
    assert diagnose(squashed_run(trials=[foreign])).outcome == "healthy"


@pytest.mark.parametrize(("code", "scale", "suspected"), [("NW105", 10.0, True), ("NW105", 9.9, False)])
def test_inputs_are_suspected_from_a_scale_on(code: str, scale: float, suspected: bool) -> None:
    inputs = [made_up.tensor("input", min=-3 * scale, max=3 * scale, std=scale)]
    run = made_up.run(BINARY, loss=[LN_2] * 200, inputs=inputs, targets=[made_up.labels(0, 1)])
    assert (code in {each.code for each in diagnose(run).hypotheses}) is suspected


@pytest.mark.parametrize(("std", "suspected"), [(10.1, True), (9.9, False), (0.011, False), (0.009, True)])
def test_targets_are_suspected_outside_of_a_scale(std: float, suspected: bool) -> None:
    target = made_up.tensor("label", "output", min=-3 * std, max=3 * std, mean=0.0, std=std)
    run = made_up.run(loss=[std * std] * 200, targets=[target])
    assert ("NW106" in {each.code for each in diagnose(run).hypotheses}) is suspected


def test_a_bounded_head_is_suspected_under_a_regression_loss_alone() -> None:
    target = made_up.tensor("label", "output", min=0.0, max=0.9, mean=0.4, std=0.1)
    for activation, suspected in (("softmax", True), ("linear", False)):
        of = made_up.model(made_up.dense(units=10, activation=activation))
        run = made_up.run(of, loss=[0.01] * 200, targets=[target])
        assert ("NW203" in {each.code for each in diagnose(run).hypotheses}) is suspected


def test_odd_initializers_are_suspected() -> None:
    for initializer, suspected in (("RandomNormal", True), ("GlorotUniform", False)):
        hidden = [made_up.dense(f"hidden_{place}", 8, "relu", initializer=initializer) for place in range(2)]
        of = made_up.model(*hidden, made_up.dense(activation="sigmoid"), loss="binary_crossentropy")
        run = made_up.run(of, loss=[LN_2] * 200, targets=[made_up.labels(0, 1)])
        assert ("NW306" in {each.code for each in diagnose(run).hypotheses}) is suspected


def suspected_codes(of: ModelInfo, ended: float = LN_2, **facts: Any) -> set[str]:
    run = made_up.run(of, loss=[0.7] + [ended] * 199, targets=[made_up.labels(0, 1)], **facts)
    return {finding.code for finding in diagnose(run).hypotheses}


def optimized_by(kind: str = "Adam", rate: float = 1e-3, **config: float) -> ModelInfo:
    of = made_up.model(
        made_up.dense("hidden", 16, "relu"),
        made_up.dense(activation="sigmoid"),
        loss="binary_crossentropy",
        optimizer=kind,
        learning_rate=rate,
    )
    assert of.optimizer is not None
    return replace(of, optimizer=replace(of.optimizer, config=dict(config)))


@pytest.mark.parametrize(
    ("of", "code", "suspected"),
    [
        (optimized_by(rate=1e-4), "NW502", True),
        (optimized_by(rate=1.1e-4), "NW502", False),
        (optimized_by("SGD", 1e-3), "NW502", True),
        (optimized_by(rate=1e-4), "NW501", True),
        (optimized_by(rate=0.9e-4), "NW501", False),
        (optimized_by(epsilon=1.0), "NW502", True),
        (optimized_by(epsilon=0.9), "NW502", False),
        (optimized_by(clipnorm=0.0099), "NW505", True),
        (optimized_by(clipvalue=0.0099), "NW505", True),
        (optimized_by(clipnorm=0.01), "NW505", False),
        (optimized_by("AdamW", weight_decay=0.004), "NW506", True),
        (optimized_by("AdamW", weight_decay=0.0), "NW506", False),
    ],
)
def test_settings_of_the_optimizer_are_suspected(of: ModelInfo, code: str, suspected: bool) -> None:
    assert (code in suspected_codes(of)) is suspected
    assert code not in suspected_codes(of, ended=0.1)


def test_a_rate_far_below_the_usual_is_tried_at_that() -> None:
    run = made_up.run(optimized_by("SGD", 1e-6), loss=[LN_2] * 200, targets=[made_up.labels(0, 1)])
    (finding,) = [each for each in diagnose(run).hypotheses if each.code == "NW502"]
    assert [remedy.intervention.value for remedy in finding.remedies] == [1e-2, 0.1, 1e-3]


@pytest.mark.parametrize(("share", "suspected"), [(0.11, True), (0.09, False)])
def test_penalties_are_suspected_from_a_share_of_the_first_loss_on(share: float, suspected: bool) -> None:
    loss = LN_2 / (1 - share)
    steps = {("penalty", "", "value"): [loss * share] * 200}
    run = made_up.run(BINARY, loss=[loss] * 200, steps=steps, targets=[made_up.labels(0, 1)])
    assert ("NW504" in {each.code for each in diagnose(run).hypotheses}) is suspected


@pytest.mark.parametrize(
    ("share", "falls_at", "suspected"),
    [(0.009, 99, True), (0.011, 99, False), (0.009, 101, False), (1.0, 0, False)],
)
def test_a_rate_that_is_gone_at_half_way_is_suspected(share: float, falls_at: int, suspected: bool) -> None:
    rates = [1e-3 * (share if step >= falls_at else 1.0) for step in range(200)]
    steps = {("learning_rate", "", "value"): rates}
    run = made_up.run(optimized_by(), loss=[LN_2] * 200, steps=steps, targets=[made_up.labels(0, 1)])
    assert ("NW502" in {finding.code for finding in diagnose(run).hypotheses}) is suspected


@pytest.mark.parametrize(("times", "suspected"), [(10.1, True), (9.9, False), (1.0, False)])
def test_a_rate_that_rises_is_suspected(times: float, suspected: bool) -> None:
    rates = [1e-3] * 150 + [1e-3 * times] * 50
    steps = {("learning_rate", "", "value"): rates}
    run = made_up.run(optimized_by(), loss=[LN_2] * 200, steps=steps, targets=[made_up.labels(0, 1)])
    first = next(each for each in diagnose(run).hypotheses if each.code == "NW501")
    assert ("rises from 0.001 to 0.0101" in first.message) is suspected
    assert (first.remedies[0].intervention.value == 1e-3) is suspected


@pytest.mark.parametrize(
    ("norms", "kind", "suspected"),
    [
        ([1e-4] * 200, "SGD", True),
        ([0.0099] * 200, "SGD", True),
        ([0.011] * 200, "SGD", False),
        ([1e-4, 1.0009e-4] * 100, "SGD", True),
        ([1e-4, 1.002e-4] * 100, "SGD", False),
        ([1e-4] * 200, "Adam", False),  # to which the size of a gradient is nothing
        ([0.0] * 200, "SGD", False),
    ],
)
def test_a_gradient_of_one_small_norm_is_suspected_to_be_clipped(
    norms: list[float], kind: str, suspected: bool
) -> None:
    steps = {("gradient", "dense/kernel", "l2_norm"): norms}
    run = made_up.run(optimized_by(kind, 0.1), loss=[LN_2] * 200, steps=steps, targets=[made_up.labels(0, 1)])
    assert ("NW505" in {finding.code for finding in diagnose(run).hypotheses}) is suspected


def two_outputs(guess: float | None, std: float = 5e4) -> Run:
    """A price and a class from one trunk."""
    price = made_up.tensor("label", "price", min=0.0, max=4 * std, mean=2 * std, std=std)
    kind = replace(made_up.labels(0, 1), path="kind")
    heads = [made_up.dense("price"), made_up.dense("kind", activation="sigmoid")]
    of = made_up.model(made_up.dense("trunk", 8, "relu"), *heads)
    outputs = (
        OutputInfo("price", "price", activation="linear", units=1, loss=LossInfo("mean_squared_error")),
        OutputInfo("kind", "kind", activation="sigmoid", units=1, loss=LossInfo("binary_crossentropy")),
    )
    fit = {"guess_loss": guess}
    return made_up.run(replace(of, outputs=outputs), loss=[std**2] * 200, targets=[price, kind], fit=fit)


def test_of_several_outputs_the_target_of_each_is_looked_at() -> None:
    (found,) = [each for each in diagnose(two_outputs(2.5e9)).hypotheses if each.code == "NW106"]
    assert [remedy.intervention.target for remedy in found.remedies] == ["price"]
    assert "The target price" in found.message


def answers_run(
    kind: float = 0.2,
    price: float = 1.0,
    weight: float = 1.0,
    steps: int = 200,
    trials: list[Trial] | None = None,
    **val_and_fit: Any,
) -> Run:
    """A class that is learned, and a number of variance 1, whose losses end at ``kind`` and ``price``."""
    target = made_up.tensor("label", "price", min=-3.0, max=3.0, mean=0.0, std=1.0)
    labels = replace(made_up.labels(0, 1), path="kind")
    heads = [made_up.dense("kind", activation="sigmoid"), made_up.dense("price")]
    losses = (
        LossInfo("binary_crossentropy", logged="kind_loss"),
        LossInfo("mean_squared_error", logged="price_loss", weight=weight),
    )
    outputs = tuple(
        OutputInfo(head.path, head.path, activation=head.activation or "", units=1, loss=loss)
        for head, loss in zip(heads, losses, strict=True)
    )
    squashing = [made_up.dense(f"hidden_{place}", 8, "sigmoid", at=4 + place) for place in range(2)]
    of = replace(made_up.model(*squashing, *heads), outputs=outputs)
    first = {"loss": 1.7, "kind_loss": 0.7, "price_loss": 1.0}
    last = {"loss": kind + price, "kind_loss": kind, "price_loss": price}
    accuracy = val_and_fit.pop("accuracy", None)
    if accuracy is not None:
        last["kind_accuracy"] = accuracy
    validated = val_and_fit.pop("validated", None)
    epochs = [first, *[last] * (1 if validated is None else VALIDATED)]
    if validated is not None:
        epochs = [{**logs, "val_price_loss": validated, "val_kind_loss": 0.2} for logs in epochs]
    return made_up.run(
        of,
        loss=[1.7] + [kind + price] * (steps - 1),
        targets=[labels, target],
        epochs=epochs,
        fit={"guess_loss": LN_2 + 1.0, "guess_losses": {"kind": LN_2, "price": 1.0}, **val_and_fit},
        trials=trials or [],
    )


@pytest.mark.parametrize(
    ("run", "lacking"),
    [
        (answers_run(), ["price"]),
        (answers_run(price=0.51), ["price"]),
        (answers_run(price=0.49), []),
        (answers_run(kind=0.6, price=0.1), ["kind"]),
        (answers_run(kind=0.6, price=0.1, accuracy=0.76), []),
        (answers_run(kind=0.6, price=0.1, accuracy=0.74), ["kind"]),
        (answers_run(weight=0.0), []),
        (answers_run(steps=99), []),
        (answers_run(cut_short=True), []),
    ],
)
def test_each_of_several_outputs_has_a_skill(run: Run, lacking: list[str]) -> None:
    found = lacking_outputs(run.fits[0])
    assert [skill.output.path for skill in found if skill.output is not None] == lacking
    assert lacks_skill(run.fits[0]) is bool(lacking)
    outputs = {each.outputs for each in diagnose(run).proposals}
    assert {tuple(name for name, _ in each) for each in outputs} == ({tuple(lacking)} if lacking else set())


def test_an_output_that_learned_nothing_leaves_a_doubt_and_is_named() -> None:
    run = answers_run()
    assert diagnose(run).outcome == "healthy"
    assert doubts(run.fits[0]) == [
        "output 'price' is little better than guessing: its loss ends at 1, where a constant answer costs 1"
    ]
    (weak,) = doubts(answers_run(price=0.89).fits[0])
    assert weak.startswith("the training has learned little: the loss ends at 1.09")
    assert "output 'price' is worse than guessing" in doubts(answers_run(price=3.0).fits[0])[0]


def test_an_output_that_a_trial_has_taught_did_not_learn() -> None:
    run = answers_run(trials=made_up.cured(RELU))
    found = diagnose(run)
    assert (found.outcome, [each.code for each in found.diagnoses]) == ("not-learning", ["NW303"])
    ended = "the loss of output 'price' ends at 1, where a constant answer costs 1"
    assert ended in found.diagnoses[0].message
    assert verdict(Report(run, found)) == f"Output 'price' did not learn: {ended}."
    both = diagnose(answers_run(kind=LN_2, trials=made_up.cured(RELU)))
    assert verdict(Report(answers_run(kind=LN_2), both)) == "The training did not learn."


def test_an_output_that_learned_its_rows_alone_leaves_a_doubt() -> None:
    """It may be noise by nature, beside one that is none."""
    run = answers_run(price=0.1, validated=1.2)
    assert diagnose(run).outcome == "healthy"
    (doubt,) = doubts(run.fits[0])
    assert (
        doubt == "output 'price' learned the rows of the training, and is worse than guessing in validation"
    )
    assert doubts(answers_run(price=0.1, validated=0.9).fits[0]) == []


def test_where_the_logs_do_not_tell_what_was_asked_for_counts() -> None:
    run = answers_run(output_losses={"kind": 0.6, "price": 0.1})
    (fit,) = run.fits
    silent = replace(fit, events=())
    assert [skill.output.path for skill in lacking_outputs(silent) if skill.output is not None] == ["kind"]
    own = replace(fit, model=replace(fit.model, custom_train_step=True))
    assert [skill.output.path for skill in lacking_outputs(own) if skill.output is not None] == []


def test_an_output_that_answers_the_same_to_every_row_is_at_chance() -> None:
    health = {("output", "kind", stat): [value] * 30 for stat, value in CONSTANT.items()}
    run = answers_run(kind=LN_2, price=0.1)
    (fit,) = run.fits
    looks = made_up.run(loss=[1.0] * 30, health=health).fits[0].health
    run = replace(run, fits=(replace(fit, health=looks),))
    assert diagnose(run).outcome == "at-chance"
    said = verdict(Report(run, diagnose(run)))
    assert said == "Output 'kind' predicts no better than chance: the same for every row."


def test_without_what_guessing_costs_several_outputs_have_no_skill() -> None:
    assert diagnose(two_outputs(None)).hypotheses == ()
    assert "NW106" not in {each.code for each in diagnose(two_outputs(16.0, std=4.0)).hypotheses}
