"""Rules on a training's course, on the numbers of real cases: messages, close calls, what is cause and
what follows."""

import math
from dataclasses import replace
from typing import Any

import pytest

from nanwatch.diagnose import made_up
from nanwatch.diagnose.diagnosis import Diagnosis, Finding
from nanwatch.diagnose.engine import diagnose
from nanwatch.diagnose.guessing import guessing
from nanwatch.diagnose.readings import NONE_AT_ALL
from nanwatch.diagnose.rule import find_rule
from nanwatch.diagnose.rules import nw109_target_shape_mismatch as nw109
from nanwatch.diagnose.rules import nw113_class_sorted_batches as nw113
from nanwatch.diagnose.rules import nw115_no_learnable_relation as nw115
from nanwatch.diagnose.rules import nw116_preprocessing_mismatch as nw116
from nanwatch.diagnose.rules import nw117_empty_batch as nw117
from nanwatch.diagnose.rules import nw205_double_activation as nw205
from nanwatch.diagnose.rules import nw302_saturated_activation as nw302
from nanwatch.diagnose.rules import nw303_vanishing_gradient as nw303
from nanwatch.diagnose.rules import nw307_no_gradient as nw307
from nanwatch.diagnose.rules import nw308_batchnorm_inference_gap as nw308
from nanwatch.diagnose.rules import nw408_loss_scale_collapse as nw408
from nanwatch.diagnose.rules import nw409_nan_hidden_by_comparison as nw409
from nanwatch.diagnose.rules import nw502_learning_rate_too_low as nw502
from nanwatch.diagnose.rules import nw504_regularization_dominates as nw504
from nanwatch.diagnose.rules import nw505_clipping_freezes as nw505
from nanwatch.diagnose.rules import nw605_nonfinite_metric as nw605
from nanwatch.diagnose.rules import nw606_nonfinite_checkpoint as nw606
from nanwatch.record.facts import FitInfo, InferenceInfo, LayerInfo, MonitorInfo, MovingVariance, OpInfo
from nanwatch.record.interventions import InterventionKind
from nanwatch.record.run import Fit, Run
from nanwatch.record.tables import from_table, to_table

NAN, INF = math.nan, math.inf


def said(code: str, run: Run) -> list[Finding]:
    """The findings of one rule on the only fit of ``run``."""
    return list(find_rule(code).diagnose(run.fits[0], run))


def only(code: str, run: Run) -> Finding:
    (finding,) = said(code, run)
    return finding


def missing(code: str, run: Run) -> str | None:
    return find_rule(code).missing(run.fits[0], run)


def first(run: Run) -> Diagnosis:
    return diagnose(run).diagnoses[0]


def loud(run: Run) -> list[tuple[str, str]]:
    """(code, part) of all that is more than a note."""
    return [(one.code, one.part) for one in diagnose(run).diagnoses if one.level != "note"]


def with_fit(run: Run, **facts: Any) -> Run:
    fit = run.fits[0]
    return Run(run.info, (Fit(replace(fit.info, **facts), fit.model, fit.steps, fit.health, fit.events),))


# -- no better than guessing -------------------------------------------------------------------------


def binary_run(ended: float, steps: int = 120, **facts: Any) -> Run:
    of = made_up.model(made_up.dense(activation="sigmoid"), loss="binary_crossentropy")
    losses = [0.72] + [ended] * (steps - 1)
    return made_up.run(of, loss=losses, targets=[made_up.labels(0, 1)], **facts)


@pytest.mark.parametrize(("ended", "steps", "is_guessing"), [(0.66, 100, True), (0.65, 100, False)])
def test_a_twentieth_below_guessing_is_learning(ended: float, steps: int, is_guessing: bool) -> None:
    assert (guessing(binary_run(ended, steps).fits[0]) is not None) == is_guessing


def test_guessing_is_told_after_a_hundred_steps() -> None:
    assert guessing(binary_run(0.70, 100).fits[0]) is not None
    assert guessing(binary_run(0.70, 99).fits[0]) is None


def test_a_weighted_loss_is_not_compared_with_a_guess() -> None:
    weights = made_up.tensor("sample_weight", min=1.0, max=50.0)
    assert guessing(binary_run(2.0, fit={"class_weight": {"0": 1.0, "1": 50.0}}).fits[0]) is None
    assert guessing(binary_run(2.0, sample_weights=[weights]).fits[0]) is None
    assert guessing(binary_run(2.0).fits[0]) is not None


def test_a_penalty_is_no_part_of_what_the_data_cost() -> None:
    assert guessing(binary_run(5.60).fits[0], penalty=4.90) is not None
    assert guessing(binary_run(5.60).fits[0], penalty=5.00) is None


# -- NW109 -------------------------------------------------------------------------------------------


def test_the_shapes_are_said() -> None:
    finding = only("NW109", nw109.step_run(nw109.SUB, spread=0.1))
    assert finding.message == (
        "Sub takes predictions of shape (None, 1) and labels of shape (None,) and gives (None, None): every "
        "prediction is compared with the label of every row."
    )
    assert finding.evidence == (
        "over the rows of a batch the predictions spread by 0.2, the labels by 2 around 3",
    )
    assert finding.location is not None
    assert finding.location.line == 21


def test_a_column_of_labels_and_a_row_of_predictions() -> None:
    finding = only("NW109", nw109.step_run(nw109.BUS, spread=0.1))
    assert finding.remedies[0].intervention.value == (-1,)
    assert finding.remedies[0].text.endswith("or y[:, 0].")
    assert only("NW109", nw109.step_run(nw109.SUB, spread=0.1)).remedies[0].text.endswith("or y[:, None].")


@pytest.mark.parametrize(("spread", "level"), [(0.19, "error"), (0.21, "warning"), (None, "warning")])
def test_predictions_drawn_to_the_mean_are_the_harm(spread: float | None, level: str) -> None:
    assert only("NW109", nw109.step_run(nw109.SUB, spread=spread)).level == level


def test_a_step_of_ones_own_whose_loss_was_not_looked_at() -> None:
    own = made_up.model(made_up.dense(), custom_train_step=True)
    run = made_up.run(own, targets=[made_up.tensor("label")])
    assert missing("NW109", run) == (
        "the shapes that labels and predictions have inside the loss were not seen"
    )
    assert missing("NW109", with_fit(run, broadcasts=())) is None
    alike = made_up.run(own, targets=[made_up.tensor("label", shape=(None, 1))])
    assert missing("NW109", alike) is None
    assert missing("NW109", made_up.run(targets=[made_up.tensor("label")])) is None


# -- NW113 -------------------------------------------------------------------------------------------


def test_a_sorted_stream() -> None:
    """40 batches of 20 rows an epoch, class 0 first: the loss leaps at every change."""
    run = nw113.batches_run(
        ([0] * 20 + [1] * 20) * 8, ([2.26] + [0.15] * 19 + [2.52] + [0.09] * 19) * 8, rows=20
    )
    finding = only("NW113", run)
    assert finding.message == (
        "In 320 of 320 batches (of 20 rows) all labels are of one class; of shuffled rows none would be."
    )
    assert finding.evidence == (
        "the loss is 0.15 in the middle of a class and leaps to 2.52 8 times in the second half of the "
        "training; guessing costs 0.6931",
    )
    assert loud(run) == [("NW113", "cause")]


@pytest.mark.parametrize(("leap", "level"), [(1.40, "error"), (1.37, "warning")])
def test_a_leap_is_twice_the_loss_of_guessing(leap: float, level: str) -> None:
    assert only("NW113", nw113.batches_run([0, 1] * 20, [leap, 0.1, 0.1, 0.1] * 10)).level == level


@pytest.mark.parametrize(("leaps", "level"), [(3, "error"), (2, "warning")])
def test_one_leap_is_a_spike(leaps: int, level: str) -> None:
    losses = [0.1] * 20 + [2.0] * leaps + [0.1] * (20 - leaps)
    assert only("NW113", nw113.batches_run([0, 1] * 20, losses)).level == level


def test_rare_positives_leave_many_batches_without_one() -> None:
    """2.75 % positives in batches of 32: two in five shuffled batches have none."""
    counts = {"0": 9725, "1": 275}
    classes = [0] * 100
    assert said("NW113", nw113.batches_run(classes, [0.1] * 100, pure=60, counts=counts)) == []
    assert said("NW113", nw113.batches_run(classes, [0.1] * 100, pure=80, counts=counts))


def test_a_stream_of_which_one_class_was_seen_may_have_no_other() -> None:
    run = nw113.batches_run([0] * 40, [0.3] * 40)
    part = replace(run.fits[0].info.data, whole=False)
    assert said("NW113", run)
    assert said("NW113", with_fit(run, data=part)) == []


def test_shuffle_false_is_turned_round_on_its_line() -> None:
    run = nw113.batches_run([0] * 10 + [1] * 10, [0.3] * 20)
    at = made_up.line(12, "model.fit(x, y, shuffle=False)")
    finding = only("NW113", with_fit(run, shuffle=False, location=at))
    assert finding.remedies[0].line == "model.fit(x, y, shuffle=True)"
    part = replace(run.fits[0].info.data, whole=False, labels_counted=True)
    assert only("NW113", with_fit(run, shuffle=True, location=at, data=part)).remedies[0].line is None
    assert said("NW113", with_fit(run, shuffle=True, location=at)) == []  # arrays, which fit has shuffled


def test_one_hot_labels_that_nobody_counted() -> None:
    run = nw113.batches_run([], [0.3] * 20, classes_a_batch=[1.0] * 20)
    fit = run.fits[0]
    blind = Run(run.info, (Fit(fit.info, fit.model, fit.steps),))
    assert missing("NW113", blind) == "the classes of one-hot labels were not counted batch by batch"
    assert missing("NW113", run) is None


# -- NW115 -------------------------------------------------------------------------------------------


def test_it_is_never_more_than_a_note() -> None:
    run = nw115.validated_run([0.5, 0.4, 0.3, 0.2, 0.1], [0.70, 0.69, 0.7, 0.8, 0.9])
    assert only("NW115", run).level == "note"
    assert loud(run) == []


@pytest.mark.parametrize(("best", "count"), [(0.680, 1), (0.679, 0)])
def test_an_epoch_that_beats_guessing_by_two_per_cent_has_learned(best: float, count: int) -> None:
    run = nw115.validated_run([0.5, 0.4, 0.3, 0.2, 0.1], [0.70, best, 0.7, 0.8, 0.9])
    assert len(said("NW115", run)) == count


def test_a_plateau_that_is_too_short_to_tell_is_listed() -> None:
    plateau = [{"loss": 0.693, "accuracy": 0.5}] * 4
    told = missing("NW115", nw115.classifier_run(epochs=plateau))
    assert told == "fewer than 5 epochs, or no validation rows to compare with"
    assert missing("NW115", nw115.plateau_run([0.5] * 5)) is None
    assert missing("NW115", nw115.classifier_run(epochs=[{"loss": 0.1, "accuracy": 0.9}] * 5)) is None


# -- NW116 -------------------------------------------------------------------------------------------


def test_pixels_that_were_not_divided() -> None:
    finding = only("NW116", nw116.pair_run(1.0, 255.0, [0.247, 52.85]))
    assert finding.message == (
        "The validation input runs from 0 to 255, that of the training from 0 to 1: a scale 255 times "
        "as large."
    )
    assert finding.evidence == ("the loss ends at 0.247, val_loss at 52.85",)


@pytest.mark.parametrize(("scale", "count"), [(10.1, 1), (9.9, 0), (0.099, 1), (0.101, 0)])
def test_a_factor_of_ten_in_either_direction(scale: float, count: int) -> None:
    assert len(said("NW116", nw116.pair_run(1.0, scale, [0.2, 9.0]))) == count


@pytest.mark.parametrize(("val_loss", "level"), [(0.41, "error"), (0.39, "note")])
def test_validation_must_suffer(val_loss: float, level: str) -> None:
    assert only("NW116", nw116.pair_run(1.0, 255.0, [0.2, val_loss])).level == level


def test_one_loud_column_is_no_mismatch() -> None:
    plain = made_up.tensor("input", columns=nw116.columns_of_scales(1.0, 1.0, 1.0))
    one = made_up.tensor("input", std=100.0, columns=nw116.columns_of_scales(1.0, 1.0, 200.0))
    two = made_up.tensor("input", std=100.0, columns=nw116.columns_of_scales(1.0, 200.0, 200.0))
    assert said("NW116", nw116.compared_run(plain, one, [0.2, 9.0])) == []
    assert said("NW116", nw116.compared_run(plain, two, [0.2, 9.0]))


def test_a_column_that_never_varies_is_not_compared() -> None:
    flat = made_up.tensor("input", columns=nw116.columns_of_scales(0.0, 0.0, 1.0))
    assert said("NW116", nw116.compared_run(flat, flat, [0.2, 9.0])) == []


@pytest.mark.parametrize(("ended", "level"), [(0.66, "error"), (0.65, "warning")])
def test_pixels_scaled_twice(ended: float, level: str) -> None:
    finding = only("NW116", nw116.rescaled_run(1.0, ended))
    assert finding.level == level
    assert finding.message == (
        "The input runs from 0 to 1, and rescaling multiplies it by 0.003922: the layers after it see at "
        "most 0.003922."
    )


def test_a_rescaling_behind_weights_scales_no_input() -> None:
    of = made_up.model(made_up.dense("first"), nw116.rescaling(1 / 255), made_up.dense())
    assert said("NW116", made_up.run(of, inputs=[made_up.tensor("input", min=0.0, max=1.0)])) == []


# -- NW117 -------------------------------------------------------------------------------------------


def test_an_empty_batch_is_the_cause_and_its_op_is_not() -> None:
    mean = OpInfo(
        "Mean",
        "forward",
        "bn",
        made_up.line(7),
        made_up.operands(input_0=None),
        output="nan",
        num_bad=16,
        size=16,
    )
    run = nw117.rows_run(
        [32, 32, 32, 0], [0.7, 0.65, 0.73, 0.0], {"role": "gradient", "rows": 0, "op": mean, "loss": 0.0}
    )
    assert loud(run) == [("NW117", "cause")]
    assert first(run).message == "1 batch of 4 had 0 rows, the first in step 3: the mean of nothing is NaN."


def test_batches_that_nobody_counted_are_not_empty() -> None:
    """A loop of the script's own may not show its batch: then every row count is 0."""
    run = nw117.rows_run([0, 0, 0], [0.7, 0.6, 0.5])
    assert said("NW117", run) == []
    assert missing("NW117", run) == "the batches were not counted"
    assert missing("NW117", nw117.rows_run([32, 0, 32], [0.7, 0.0, 0.6])) is None


def test_a_nan_long_after_an_empty_batch_is_not_its_doing() -> None:
    rows, losses = [32, 0, 32, 32, 32], [0.7, 0.0, 0.7, 0.7, NAN]
    assert only("NW117", nw117.rows_run(rows, losses, {"step": 4, "rows": 32})).level == "note"
    assert only("NW117", nw117.rows_run(rows, losses, {"step": 2, "rows": 32})).level == "error"


# -- NW205 -------------------------------------------------------------------------------------------


def test_the_least_loss_is_that_of_five_classes() -> None:
    finding = only("NW205", nw205.sure_classifier_run(0.93, sure=0.93))
    assert finding.message == (
        "Dense 'dense' gives probabilities, and sparse_categorical_crossentropy with from_logits=True "
        "applies the softmax once more: the loss cannot fall below 0.905."
    )
    assert finding.remedies[0].intervention.value == "linear"


@pytest.mark.parametrize(("ended", "count"), [(0.9045, 1), (0.9035, 0)])
def test_a_loss_below_the_least_was_taken_of_logits(ended: float, count: int) -> None:
    assert len(said("NW205", nw205.sure_classifier_run(ended, sure=0.93))) == count


@pytest.mark.parametrize(("sure", "reason"), [(0.81, False), (0.79, True)])
def test_a_net_that_is_not_sure_may_simply_know_nothing(sure: float, reason: bool) -> None:
    run = nw205.sure_classifier_run(1.6, sure=sure)
    assert (missing("NW205", run) is not None) == reason
    assert bool(said("NW205", run)) != reason


def test_the_traced_step_knows_better_than_the_numbers() -> None:
    assert said("NW205", nw205.sure_classifier_run(1.6, sure=0.2, unwrapped=False))
    assert said("NW205", nw205.sure_classifier_run(1.6, sure=0.9, unwrapped=True)) == []
    assert missing("NW205", nw205.sure_classifier_run(1.6, sure=0.2, unwrapped=True)) is None


def test_a_second_fit_is_not_warned_again() -> None:
    """Python shows a warning once: that of an earlier fit counts."""
    warned = nw205.sure_classifier_run(1.6, sure=0.9, warnings=[f"so it {nw205.SEEN_THROUGH}."])
    later = nw205.sure_classifier_run(1.6, sure=0.9)
    run = Run(later.info, (warned.fits[0], later.fits[0]))
    assert list(find_rule("NW205").diagnose(run.fits[1], run)) == []


def test_no_sure_answer_of_a_sigmoid_taken_for_a_logit() -> None:
    """Two balanced classes: (0.313 + 0.693) / 2."""
    assert said("NW205", nw205.sure_classifier_run(0.504, sure=0.9, loss="binary_crossentropy"))
    assert said("NW205", nw205.sure_classifier_run(0.502, sure=0.9, loss="binary_crossentropy")) == []


# -- NW302, NW303 ------------------------------------------------------------------------------------


def test_a_saturated_layer_in_words() -> None:
    finding = only("NW302", nw302.saturated_run(0.9987, 0.783))
    assert finding.message == (
        "Dense 'hidden' (tanh) has sat at the ends of its range, -1 and 1, since step 0: hardly any gradient "
        "passes, and the loss ends at 0.783, where a constant answer costs 0.6931."
    )


def saturated_later(**facts: Any) -> Run:
    """A layer at its ends from step 10 on."""
    net = nw302.saturated_run(0.97, 0.70, looks_after=10)
    fit = net.fits[0]
    return Run(net.info, (replace(fit, **facts),))


def test_a_layer_that_was_driven_to_its_ends() -> None:
    (remedy,) = only("NW302", saturated_later()).remedies
    assert remedy.text == (
        "It did not start like this: steps have driven it there. Lower the learning rate to 0.0001."
    )


@pytest.mark.parametrize(("std", "kind"), [(10.1, "standardise_target"), (9.9, "set_learning_rate")])
def test_targets_that_drove_it_there(std: float, kind: str) -> None:
    run = saturated_later()
    fit = run.fits[0]
    labels = made_up.tensor("label", "output", min=0.0, max=900.0, mean=80.0, std=std)
    of = made_up.model(*fit.model.layers[:1], made_up.dense())
    info = replace(fit.info, data=replace(fit.info.data, labels=(labels,)))
    losses = made_up.series({("loss", "", "value"): [std * std] * 120})
    unscaled = replace(fit, model=of, info=info, steps=losses)
    (remedy,) = only("NW302", Run(run.info, (unscaled,))).remedies
    assert remedy.intervention.kind.value == kind


def test_raw_inputs_that_saturate_are_the_cause() -> None:
    net = nw302.saturated_run(0.97, 0.70)
    pixels = made_up.tensor("input", max=255.0, mean=120.0, std=70.0)
    raw = with_fit(
        net,
        data=replace(net.fits[0].info.data, inputs=(pixels,)),
    )
    assert [(one.code, one.part) for one in diagnose(raw).diagnoses][:2] == [
        ("NW105", "cause"),
        ("NW302", "consequence"),
    ]
    assert loud(net) == [("NW302", "cause")]


def test_a_vanished_gradient_in_words() -> None:
    finding = only("NW303", nw303.gradients_run([1e-8, 1e-5, 1e-2, 1.0], ended=0.6963))
    assert finding.message == (
        "Over 4 layers the gradient shrinks to 1e-08 of what it is at the last: 3.536e-09 an element in "
        "dense_0, 0.3536 in dense_3. The loss ends at 0.6963, where a constant answer costs 0.6931."
    )
    assert finding.remedies[0].line == 'Dense(1, activation="relu")'


def test_a_vanished_gradient_of_relu_is_not_told_to_use_relu() -> None:
    finding = only("NW303", nw303.gradients_run([1e-8, 1e-5, 1e-2, 1.0], activation="relu"))
    assert finding.evidence[-1] == "on the way: 3 x relu"
    (remedy,) = finding.remedies
    assert remedy.text == (
        "No activation squashes its input: the weights are too small. Start in all layers with "
        "kernel_initializer='he_normal'; BatchNormalization or skip connections help."
    )


@pytest.mark.parametrize(("gradient", "count"), [(0.99e-4, 1), (1.01e-4, 0)])
def test_a_ten_thousandth_of_the_gradient(gradient: float, count: int) -> None:
    assert len(said("NW303", nw303.gradients_run([gradient, 1e-2, 0.1, 1.0]))) == count


def test_a_dead_layer_is_no_vanishing_gradient() -> None:
    run = nw303.gradients_run([1e-8, 1e-5, 1e-2, 1.0])
    fit = run.fits[0]
    layers = (replace(fit.model.layers[0], activation="relu"), *fit.model.layers[1:])
    columns = {("activation", "dense_0", "l2_norm"): [0.0] * 120}
    norms = {
        ("gradient", f"dense_{place}/kernel", "l2_norm"): [norm] * 120
        for place, norm in enumerate([1e-8, 1e-5, 1e-2, 1.0])
    }
    steps = made_up.series({("loss", "", "value"): [0.69] * 120, **columns, **norms})
    dead = Run(run.info, (Fit(fit.info, replace(fit.model, layers=layers), steps),))
    assert said("NW303", run)
    assert said("NW303", dead) == []


# -- NW307 -------------------------------------------------------------------------------------------


def test_keras_refuses_a_rounded_output() -> None:
    hidden = made_up.dense("hidden", 16, "relu")
    rounding = LayerInfo("lambda", "lambda", "Lambda", location=made_up.line(12, "Lambda(keras.ops.round)"))
    of = made_up.model(hidden, rounding)
    error = f"ValueError: {NONE_AT_ALL}."
    run = made_up.run(of, loss=[], fit={"error": error, "status": "crashed", "steps": 0, "trainable": 4})
    finding = only("NW307", run)
    assert finding.message == (
        "Of 4 trainable weights none gets a gradient: an op without a slope stands between the weights and "
        "the loss. Lambda 'lambda' is the last layer that may hold such an op."
    )
    assert finding.location is not None
    assert finding.location.line == 12
    assert loud(run) == [("NW307", "cause")]


def test_two_layers_that_could_hold_the_op_leave_the_line_open() -> None:
    walls = [LayerInfo(name, name, "Lambda", location=made_up.line(12)) for name in ("a", "b")]
    of = made_up.model(made_up.dense("hidden", 16), *walls)
    run = made_up.run(of, loss=[], fit={"error": NONE_AT_ALL, "steps": 0})
    assert only("NW307", run).location == of.compile_location


@pytest.mark.parametrize("activation", ["sign", "step", "<lambda>"])
def test_a_flat_activation_is_told_at_its_layer(activation: str) -> None:
    finding = only("NW307", nw307.flat_run([0.0] * 90, activation=activation))
    assert finding.layer == "head"
    (remedy,) = finding.remedies
    change = remedy.intervention
    assert (change.kind, change.value) == (InterventionKind.SET_ACTIVATION, "linear")


def test_a_flat_loss_in_words() -> None:
    finding = only("NW307", nw307.flat_run([0.0] * 90, loss=0.5625))
    assert finding.message == (
        "The gradient of every weight is exactly 0 in all of 90 steps, while the loss is 0.5625: somewhere "
        "after the weights is an op that is flat, such as rounding, sign or a comparison."
    )


def test_a_unit_that_softmax_makes_1_has_its_own_rule() -> None:
    of = made_up.model(made_up.dense(activation="softmax"), loss="mean_squared_error")
    norms = {("gradient", "dense/kernel", "l2_norm"): [0.0] * 40}
    assert said("NW307", made_up.run(of, loss=[0.5] * 40, steps=norms)) == []


def test_layers_beside_the_way_are_left_alone() -> None:
    cut = {"no_gradient": ("hidden/kernel", "hidden/bias")}
    finding = only("NW307", made_up.run(nw307.model_of(inbound=True, behind="Lambda"), fit=cut))
    assert finding.message == (
        "2 weights on the way to the output get no gradient, the last of them in Dense 'hidden': they keep "
        "their first values. Between it and the layers that learn is Lambda 'wall'."
    )
    assert said("NW307", made_up.run(nw307.model_of(), fit=cut)) == []


def test_a_gradient_shut_off_in_a_training_that_learns_is_a_note() -> None:
    run = made_up.run(nw307.model_of(inbound=True, behind="Lambda"), fit={"no_gradient": ("hidden/kernel",)})
    assert [(one.code, one.level) for one in diagnose(run).diagnoses] == [("NW307", "note")]


# -- NW308 -------------------------------------------------------------------------------------------


def test_the_same_rows_in_both_modes() -> None:
    finding = only("NW308", nw308.same_rows_run(0.1185, 3.852, steps=200))
    assert finding.message == (
        "On the same rows the loss is 0.1185 in training and 3.852 in inference: the moving statistics of bn "
        "are not those of the batches."
    )
    assert finding.evidence[0] == "the validation data are the training data"
    assert finding.remedies[0].line == "BatchNormalization(momentum=0.9)"


@pytest.mark.parametrize(
    ("inside", "validated", "count"), [(0.32, 0.66, 1), (0.32, 0.655, 0), (0.34, 0.67, 0)]
)
def test_no_better_than_guessing_and_twice_the_loss(inside: float, validated: float, count: int) -> None:
    """Guessing costs 0.6931, and 0.95 of it 0.6585."""
    assert len(said("NW308", nw308.same_rows_run(inside, validated))) == count


@pytest.mark.parametrize(
    ("gap", "count"),
    [
        ((0.1, 0.35, 0.95, 0.72), 1),  # half of the loss of guessing is 0.3466, half of 0.95 over 0.5: 0.725
        ((0.1, 0.34, 0.95, 0.72), 0),
        ((0.1, 0.35, 0.95, 0.73), 0),
        ((0.1, 0.35, 0.65, 0.5), 1),  # a drop of 0.15
        ((0.1, 0.35, 0.64, 0.5), 0),
        ((0.01, 2.07, 1.0, 0.9), 0),  # three times the loss of guessing is 2.079
        ((0.01, 2.09, 1.0, 0.9), 1),
        ((0.01, 2.09, 0.9, 0.9), 0),
    ],
)
def test_what_is_right_in_both_modes(gap: tuple[float, float, float, float], count: int) -> None:
    assert len(said("NW308", nw308.two_modes_run(*gap))) == count


def test_accuracies_in_words() -> None:
    finding = only("NW308", nw308.two_modes_run(0.1, 0.9, 0.9375, 0.5))
    assert finding.evidence[:2] == (
        "32 rows of a training batch, tried in both modes at the end",
        "accuracy 0.9375 in training mode, 0.5000 in inference mode",
    )


def test_where_guessing_has_no_known_cost_the_first_loss_stands_for_it() -> None:
    run = nw308.two_modes_run(0.1, 0.41)
    of = made_up.model(nw308.model_with("BatchNormalization"), made_up.dense(), loss="custom")
    tried = {"inference": run.fits[0].info.inference}
    low, high = (made_up.run(of, loss=[first] * 100, fit=tried) for first in (0.43, 0.44))
    assert len(said("NW308", low)) == 1
    assert said("NW308", high) == []


@pytest.mark.parametrize(
    ("steps", "momentum", "level"),
    [
        (100, 0.999, "error"),
        (99, 0.999, "note"),
        (230, 0.99, "error"),
        (229, 0.99, "note"),
        (229, 0.991, "error"),
    ],
)
def test_few_updates_are_a_note(steps: int, momentum: float, level: str) -> None:
    """Few of them at Keras's own momentum: it was seen to need 230 to follow."""
    assert only("NW308", nw308.same_rows_run(0.12, 3.85, steps=steps, momentum=momentum)).level == level


@pytest.mark.parametrize(
    ("steps", "momentum", "kind", "value"),
    [
        (229, 0.99, "set_momentum", 0.9),
        (687, 0.99, "set_momentum", 0.9),  # more than a thousandth of the beginning is left: it may be that
        (688, 0.99, "set_batch_size", None),
        (200, 0.81, "set_batch_size", None),
        (200, 0.79, "set_momentum", 0.99),
    ],
)
def test_what_mends_it(steps: int, momentum: float, kind: str, value: float | None) -> None:
    """Averages that do not follow, that have followed, and that are of the last batches alone."""
    remedy = only("NW308", nw308.same_rows_run(0.12, 3.85, steps=steps, momentum=momentum)).remedies[0]
    assert (remedy.intervention.kind, remedy.intervention.value) == (kind, value)


def with_variances(steps: int, *variances: MovingVariance) -> Run:
    """A gap after so many steps with a momentum of 0.99, with these variances seen at the end."""
    run = nw308.same_rows_run(0.12, 3.85, steps=steps, momentum=0.99)
    (fit,) = run.fits
    tried = InferenceInfo(32, 0.12, 3.85, variances=variances)
    return replace(run, fits=(replace(fit, info=replace(fit.info, inference=tried)),))


@pytest.mark.parametrize(
    ("steps", "moving", "batch", "lags"),
    [
        (400, 0.0233, 0.0068, True),  # 0.018 is left of the 1
        (400, 0.0101, 0.0068, False),  # less than half as much again
        (400, 0.0103, 0.0068, True),
        (400, 0.9, 0.1, False),  # what is left explains nothing of that: the batches differ
        (400, 0.06, 0.0068, True),
        (400, 0.07, 0.0068, False),
        (400, 0.0068, 0.0233, False),
        (2000, 0.0233, 0.0068, False),
    ],
)
def test_what_is_left_of_the_first_variance(steps: int, moving: float, batch: float, lags: bool) -> None:
    """Of 1 the average keeps a hundredth after 458 steps: as much as small activations vary."""
    finding = only("NW308", with_variances(steps, MovingVariance("bn", moving, batch)))
    (remedy,) = finding.remedies
    assert remedy.intervention.kind == ("set_momentum" if lags else "set_batch_size")
    assert finding.level == ("note" if lags else "error")
    assert any(text.startswith("the variance that bn goes by is") for text in finding.evidence) is lags


def test_where_several_lag_all_are_to_follow_faster() -> None:
    run = nw308.same_rows_run(0.12, 3.85, steps=100, momentum=0.99)
    (fit,) = run.fits
    first = replace(nw308.model_with("BatchNormalization", momentum=0.99), path="first", name="first")
    of = replace(fit.model, layers=(first, *fit.model.layers))
    remedy = only("NW308", replace(run, fits=(replace(fit, model=of),))).remedies[0]
    assert remedy.intervention.target == "model"
    assert (
        remedy.text
        == "Let the averages follow faster: momentum=0.9 in all 2 of them; or train for more steps."
    )


@pytest.mark.parametrize(("last", "named"), [(8, True), (9, False)])
def test_a_short_last_batch(last: int, named: bool) -> None:
    finding = only("NW308", nw308.two_modes_run(0.1, 0.9, momentum=0.1, last=last))
    assert ("the last batch has 8 rows, the others have 32" in finding.evidence) is named
    assert ("drop_remainder=True" in finding.remedies[0].text) is named


def test_the_slowest_average_is_named() -> None:
    slow = replace(nw308.model_with("BatchNormalization", momentum=0.9999), path="slow", name="slow")
    run = nw308.two_modes_run(0.1, 0.9)
    layers = (nw308.model_with("BatchNormalization", momentum=0.9), slow, made_up.dense(activation="sigmoid"))
    of = made_up.model(*layers, loss="binary_crossentropy")
    both = made_up.run(of, targets=[made_up.labels(0, 1)], fit={"inference": run.fits[0].info.inference})
    assert only("NW308", both).layer == "slow"


def test_other_rows_do_not_tell() -> None:
    assert missing("NW308", nw308.same_rows_run(0.12, 3.85, other=True)) == (
        "the training rows were not tried in inference mode"
    )
    assert missing("NW308", nw308.two_modes_run(0.1, 0.5)) is None
    assert missing("NW308", made_up.run()) is None


# -- NW408, NW409 ------------------------------------------------------------------------------------


def test_a_scale_that_only_falls() -> None:
    run = nw408.half_precision_run([NAN] * 35 + [0.0] * 65)
    finding = only("NW408", run)
    assert finding.message == (
        "Under a finite loss the gradient was not finite in 35 steps in a row: each was skipped "
        "and the loss scale halved, from 32768 to 9.5e-07 or less."
    )
    assert finding.evidence == (
        "steps 0 to 34 of 100 were skipped",
        "the gradient is exactly 0 since, in dense/kernel",
    )


@pytest.mark.parametrize(("skipped", "count"), [(16, 1), (15, 0)])
def test_sixteen_halvings_bring_the_scale_below_1(skipped: int, count: int) -> None:
    assert len(said("NW408", nw408.half_precision_run([1.0] * 10 + [NAN] * skipped))) == count


def test_steps_left_out_now_and_then_are_health() -> None:
    assert said("NW408", nw408.half_precision_run([INF, INF, INF, *[1.0, 1.0, INF] * 40])) == []


def test_an_input_beyond_half_precision_is_the_cause_of_the_scale() -> None:
    """The loss itself is NaN then, and another rule says why."""
    assert said("NW408", nw408.half_precision_run([NAN] * 40, loss=NAN)) == []


def test_nan_beside_a_known_op_is_what_hid_it() -> None:
    division = OpInfo(
        "RealDiv",
        "forward",
        "lambda",
        made_up.line(8),
        made_up.operands(numerator=1, denominator=0),
        output="nan",
    )
    run = nw409.hidden_nan_run(nw409.predictions(32), 0.0, division, role="activation")
    assert [(one.code, one.part, one.level) for one in diagnose(run).diagnoses] == [
        ("NW405", "cause", "error"),
        ("NW409", "contributing", "note"),
    ]


def test_weights_that_are_nan_under_a_finite_loss() -> None:
    run = nw409.nan_weights_run([1.0, NAN, NAN, NAN], [0.5, 0.0, 0.0, 0.0])
    finding = only("NW409", run)
    assert finding.message == (
        "The weight dense/kernel is NaN since step 1, but the loss is 0: a comparison, which is "
        "false for NaN, hides it. The loss says nothing from there on."
    )


def test_nan_in_the_batch_is_said_by_others() -> None:
    run = nw409.hidden_nan_run(nw409.predictions(32), 0.0)
    incident = run.info.incident
    assert incident is not None
    assert incident.batch is not None
    batch = replace(incident.batch, inputs=(made_up.tensor("input", num_nan=3),))
    info = replace(run.info, incident=replace(incident, batch=batch))
    assert said("NW409", run)
    assert said("NW409", Run(info, run.fits)) == []


# -- NW502, NW504, NW505 -----------------------------------------------------------------------------


def test_a_rate_that_is_an_epsilon() -> None:
    finding = only("NW502", nw502.slow_run(1e-8, 2e-8))
    assert finding.message == (
        "At a learning rate of 1e-08 the weights moved by 2e-06 of their norm in 100 steps, although there "
        "is a gradient: nothing can be learned at this rate."
    )
    assert finding.remedies[0].intervention.value == 1e-3


@pytest.mark.parametrize(("ratio", "count"), [(0.99e-6, 1), (1.01e-6, 0)])
def test_a_ten_thousandth_of_the_norm(ratio: float, count: int) -> None:
    assert len(said("NW502", nw502.slow_run(1e-8, ratio))) == count


@pytest.mark.parametrize(("gradient", "count"), [(1.01e-3, 1), (0.99e-3, 0)])
def test_without_a_gradient_the_rate_is_not_to_blame(gradient: float, count: int) -> None:
    assert len(said("NW502", nw502.slow_run(1e-8, 2e-8, gradient=gradient))) == count


def test_a_tenth_of_the_usual_rate_is_not_low() -> None:
    assert said("NW502", nw502.slow_run(1e-4, 1e-8))
    assert said("NW502", nw502.slow_run(1.01e-4, 1e-8)) == []
    assert said("NW502", nw502.slow_run(1e-3, 1e-8, optimizer="SGD"))


def test_a_rate_too_low_is_the_cause() -> None:
    assert loud(nw502.slow_run(1e-8, 2e-8)) == [("NW502", "cause")]


def test_penalties_in_words() -> None:
    finding = only("NW504", nw504.penalised_run({"l2": 10.0}, first=160.0, last=0.4))
    assert finding.message == (
        "Of the loss, 99.6% was penalties at the beginning and 36.7% at the end. What the data cost is no "
        "better than guessing: 0.69, where a constant answer costs 0.6931."
    )
    assert finding.layer == "hidden"
    assert finding.evidence == (
        "the heaviest is L2(10) on hidden/kernel, which cost about 160 at the beginning",
    )


@pytest.mark.parametrize(("penalty", "count"), [(6.3, 1), (6.2, 0)])
def test_nine_tenths_of_the_loss(penalty: float, count: int) -> None:
    """Beside a data loss of 0.69."""
    assert len(said("NW504", nw504.penalised_run({}, first=penalty, last=penalty))) == count


def test_what_an_l1_penalty_costs() -> None:
    """0.8 times the root of the number of elements, 8 x 32, times their norm, 4: about 51."""
    finding = only("NW504", nw504.penalised_run({"l1": 1.0}, first=56.0, last=0.1))
    assert finding.evidence == (
        "the heaviest is L1(1) on hidden/kernel, which cost about 51.2 at the beginning",
    )


def test_what_a_penalty_on_an_output_costs() -> None:
    """The square of the norm, 256, shared among the 32 rows."""
    finding = only("NW504", nw504.penalised_run({"l2": 10.0}, first=81.0, last=1.0, on="activity"))
    assert finding.evidence == (
        "the heaviest is L2(10) on the output of hidden, which cost about 80 at the beginning",
    )


@pytest.mark.parametrize(("penalty", "layer"), [(319.0, "hidden"), (321.0, None)])
def test_a_penalty_that_the_regularisers_do_not_make(penalty: float, layer: str | None) -> None:
    """Known ones make 160 of it; half is enough to name the layer."""
    finding = only("NW504", nw504.penalised_run({"l2": 10.0}, first=penalty, last=0.4))
    assert finding.layer == layer
    assert bool(finding.evidence) is (layer is not None)


def test_the_only_regulariser_of_unknown_cost() -> None:
    finding = only("NW504", nw504.penalised_run({"factor": 10.0}, first=56.0, last=6.3))
    assert finding.evidence == ("the only regulariser is FACTOR(10) on hidden/kernel",)


def test_penalties_that_were_not_seen() -> None:
    config = {"kernel_regularizer": {"class_name": "L1", "config": {"l1": 0.5}}}
    of = made_up.model(made_up.dense("hidden", 8, config=config), made_up.dense())
    assert missing("NW504", made_up.run(of)) == "the penalties in the loss were not seen"
    seen = {("penalty", "", "value"): [0.1] * 100}
    assert missing("NW504", made_up.run(of, steps=seen)) is None
    frozen = made_up.model(made_up.dense("hidden", 8, config=config, trainable=False), made_up.dense())
    assert missing("NW504", made_up.run(frozen)) is None


def test_frozen_by_clipping_in_words() -> None:
    finding = only("NW505", nw505.clipped_run([INF] * 20))
    assert finding.message == (
        "The gradient of 1 weight is so large (above 1.8e+19 an element) that its norm is infinite, and "
        "clipnorm divides by it: the update is 0, and dense/kernel did not move in the last 20 steps."
    )


def test_clipping_all_weights_to_nan() -> None:
    assert loud(nw505.nan_weights_run()) == [("NW505", "cause")]
    held = nw505.nan_weights_run()
    assert held.info.incident is not None
    went_on = replace(held.info, incident=replace(held.info.incident, action="continue"))
    assert said("NW505", Run(went_on, held.fits)) == []


# -- NW605, NW606 ------------------------------------------------------------------------------------


def test_a_metric_that_is_nan() -> None:
    run = nw605.logged_run({"loss": 0.5, "found": 0.8}, {"loss": 0.3, "found": NAN})
    finding = only("NW605", run)
    assert finding.message == (
        "The metric found is nan in epoch 2 under a finite loss: the fault is in the metric, not in the "
        "training. Whatever monitors it does nothing."
    )
    assert finding.evidence == ("not finite: found in 1 of 2 epochs",)
    assert loud(run) == []


@pytest.mark.parametrize(
    ("monitors", "words"),
    [
        ((), "No callback monitors it."),
        ((MonitorInfo("EarlyStopping", "val_loss"),), "No callback monitors it."),
        (
            (MonitorInfo("EarlyStopping", "found"), MonitorInfo("ModelCheckpoint", "loss")),
            "EarlyStopping on found does nothing: no comparison with NaN is true.",
        ),
        (
            (MonitorInfo("EarlyStopping", "found"), MonitorInfo("ModelCheckpoint", "found")),
            "EarlyStopping on found and ModelCheckpoint on found do nothing: no comparison with NaN is true.",
        ),
    ],
)
def test_what_monitors_it(monitors: tuple[MonitorInfo, ...], words: str) -> None:
    run = with_fit(nw605.logged_run({"loss": 0.5, "found": NAN}), monitors=monitors)
    assert only("NW605", run).message.endswith(f"not in the training. {words}")


@pytest.mark.parametrize("name", ["loss", "val_loss", "left_loss", "val_left_loss", "learning_rate"])
def test_losses_and_rates_are_no_metrics(name: str) -> None:
    assert said("NW605", nw605.logged_run({"loss": 0.5, name: NAN})) == []


def test_a_checkpoint_of_nan_over_a_good_one() -> None:
    finding = only("NW606", nw606.saves_run((10, True), (20, False)))
    assert finding.message == (
        "Weights that are not finite were saved 1 time, first at step 20 to m; no good one is left."
    )
    kept = only("NW606", nw606.saves_run((10, True), (20, False), other=True))
    assert kept.message.endswith("the last good one is m-10, of step 10.")
    assert (finding.part, finding.level) == ("consequence", "error")


def test_saves_that_nobody_saw() -> None:
    bad = made_up.run(loss=[0.7, NAN])
    assert missing("NW606", bad) == "what the training saved was not seen"
    assert missing("NW606", with_fit(bad, saves_seen=True)) is None
    assert missing("NW606", made_up.run()) is None


# -- the record --------------------------------------------------------------------------------------


def test_the_new_facts_come_back_from_disk() -> None:
    info = FitInfo(0, broadcasts=(nw109.SUB,), inference=InferenceInfo(32, 0.1, 3.9), saves_seen=True)
    assert from_table(FitInfo, to_table(info)) == info
    assert from_table(FitInfo, to_table(FitInfo(0))).broadcasts is None
    assert from_table(FitInfo, to_table(FitInfo(0, broadcasts=()))).broadcasts == ()
