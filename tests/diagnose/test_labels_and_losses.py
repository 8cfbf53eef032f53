"""Rules on what model, labels and loss ask of each other: messages, remedies, close calls."""

from typing import Any

import pytest

from nanwatch.diagnose import made_up
from nanwatch.diagnose.diagnosis import Finding
from nanwatch.diagnose.engine import diagnose
from nanwatch.diagnose.own_losses import calls_beside_outputs
from nanwatch.diagnose.readings import NONE_AT_ALL
from nanwatch.diagnose.rule import find_rule
from nanwatch.diagnose.rules import nw119_truncated_token as nw119
from nanwatch.diagnose.rules import nw120_adapted_on_constant as nw120
from nanwatch.diagnose.rules import nw204_logits_as_probabilities as nw204
from nanwatch.diagnose.rules import nw211_dropout_on_output as nw211
from nanwatch.diagnose.rules import nw212_softmax_for_independent_labels as nw212
from nanwatch.diagnose.rules import nw213_regression_loss_on_classes as nw213
from nanwatch.diagnose.rules import nw214_percentage_loss_at_zero as nw214
from nanwatch.diagnose.rules import nw215_metric_as_loss as nw215
from nanwatch.diagnose.rules import nw309_untracked_variables as nw309
from nanwatch.record.facts import (
    ColumnSummary,
    FlatPart,
    InferenceInfo,
    LossCall,
    LossInfo,
    UntrackedVariable,
)
from nanwatch.record.run import Run


def only(code: str, run: Run) -> Finding:
    (finding,) = find_rule(code).diagnose(run.fits[0], run)
    return finding


def test_a_softmax_over_labels_of_several_ones() -> None:
    finding = only("NW212", nw212.labelled_run("mean_squared_error", 0, 3, 400))
    assert finding.message == (
        "Dense 'dense' shares out 1 by softmax, but in 400 of 640 rows of the labels several are 1, or none "
        "is: each of the 3 is a separate question."
    )
    both, alone = finding.remedies
    assert (both.intervention.value, both.line) == ("sigmoid", None)  # one line would not do
    assert alone.line == 'Dense(3, activation="sigmoid")'
    assert finding.location == alone.location


def test_rows_of_none_are_less_than_rows_of_several() -> None:
    levels = [only("NW212", nw212.labelled_run("huber", 0, highest, 100)).level for highest in (1, 2)]
    assert levels == ["warning", "error"]


def test_a_variable_that_nobody_trains() -> None:
    finding = only("NW309", nw309.untracked_run(0.693, 1))
    assert finding.message == (
        "self.w of Proj 'proj', a variable of shape (10, 1), is read in every step but not in "
        "model.trainable_variables: no optimizer moves what Keras does not know."
    )
    assert (finding.level, finding.layer) == ("error", "proj")


def test_variables_without_harm_are_no_error() -> None:
    assert only("NW309", nw309.untracked_run(0.2, 1)).level == "warning"


def test_several_variables_of_one_attribute_and_of_several() -> None:
    assert nw309.subject([UntrackedVariable("", "Net", "blocks")] * 3) == (
        "self.blocks of the model (Net) holds 3 variables that are read"
    )
    both = [UntrackedVariable("a", "A", "w", (2,)), UntrackedVariable("b", "B", "w", (2,))]
    assert nw309.subject(both) == "self.w of A 'a', a variable of shape (2,), and 1 more are read"
    assert nw309.subject([UntrackedVariable("", "Net", "", (2,))]) == "A variable of shape (2,) is read"


def test_absolute_error_on_rare_ones() -> None:
    finding = only("NW213", nw213.classes_run(nw213.ABSOLUTE, "sigmoid", nw213.rare(0.2), 0.2))
    assert finding.message == (
        "Labels of 0 and 1 under mean_absolute_error: the best constant answer is 0, the median, which costs "
        "0.2, and the loss ends at 0.2."
    )
    assert (finding.level, finding.remedies[0].intervention.value) == ("error", "binary_crossentropy")


def test_better_than_the_median_is_no_error() -> None:
    ended = {0.189: "warning", 0.191: "error"}
    for loss, level in ended.items():
        assert (
            only("NW213", nw213.classes_run(nw213.ABSOLUTE, "sigmoid", nw213.rare(0.2), loss)).level == level
        )


def test_the_cross_entropy_brings_its_activation() -> None:
    finding = only("NW213", nw213.classes_run(nw213.PERCENTAGE, "linear", nw213.rare(0.6), 1e7))
    assert finding.remedies[0].text == (
        'Give Dense \'dense\' activation="sigmoid", and compile with loss="binary_crossentropy".'
    )
    assert "is 0, which costs 60" in finding.message


SALES = {"num_zero": 40, "min": 0.0, "max": 30.0, "mean": 9.0, "std": 5.0}


def test_per_cent_of_nothing() -> None:
    finding = only("NW214", nw214.target_run(nw214.PERCENTAGE, 3e7, **SALES))
    assert finding.message == (
        "mean_absolute_percentage_error divides by the target, but 40 targets of 640 are 0: such rows cost "
        "up to a billion per cent, and decide alone."
    )
    assert finding.remedies[0].intervention.value == "mean_absolute_error"


def test_zeros_without_harm_are_no_error() -> None:
    levels = {
        ended: only("NW214", nw214.target_run(nw214.PERCENTAGE, ended, **SALES)).level
        for ended in (89.0, 89.1, 9_999.0, 10_000.0)
    }
    assert levels == {89.0: "warning", 89.1: "error", 9_999.0: "error", 10_000.0: "error"}


def test_logarithms_of_what_is_below_zero() -> None:
    levels = [
        only("NW214", nw214.target_run(nw214.LOGARITHMIC, 0.3, min=-2.0, max=9.0, mean=mean, std=1.0)).level
        for mean in (0.99, 1.01)
    ]
    assert levels == ["error", "warning"]


def test_a_dropout_behind_the_output() -> None:
    finding = only("NW211", nw211.dropped_run(0.1, tried=InferenceInfo(32, 2.6, 0.4, 0.42, 0.89)))
    assert finding.message == (
        "Dropout 'dropout' stands between Dense 'out' and the loss, and drops 0.1 of the answers in every "
        "step of the training."
    )
    assert finding.evidence == (
        "on the same 32 rows the loss is 2.6 in training mode, and 0.4 in inference mode",
        "the accuracy is 0.4200 there, and 0.8900 here",
    )
    assert (finding.level, finding.layer) == ("error", "dropout")
    assert finding.remedies[0].line == "Dropout(0)"


def test_how_much_dropped_is_a_fault() -> None:
    level = {rate: only("NW211", nw211.dropped_run(rate)).level for rate in (0.19, 0.2)}
    assert level == {0.19: "warning", 0.2: "error"}
    modes = {1.25: "warning", 1.26: "error"}
    for loss, expected in modes.items():
        assert only("NW211", nw211.dropped_run(0.5, tried=InferenceInfo(32, loss, 1.0))).level == expected


def test_a_flag_that_did_not_vary_where_it_was_adapted() -> None:
    finding = only("NW120", nw120.adapted_run(0.0, other=1.0, val_loss=1.5e7))
    assert finding.message == (
        "scale was adapted to rows in which column 1 did not vary; the validation input runs from 0 to 1 in "
        "column 1, and divided by 1e-7 that becomes 1e+07."
    )
    assert finding.evidence[1] == "the loss ends at 0.2, val_loss at 1.5e+07"
    assert finding.remedies[0].intervention.value == (1,)


def test_a_flag_that_does_no_harm_yet() -> None:
    level = {
        loss: only("NW120", nw120.adapted_run(0.0, other=1.0, val_loss=loss)).level for loss in (0.39, 0.4)
    }
    assert level == {0.39: "warning", 0.4: "error"}


def test_tokens_that_were_scaled() -> None:
    column = ColumnSummary(1, min=0.0, max=1.0, mean=0.5, std=0.29)
    finding = only("NW119", nw119.tokens_run(column=column))
    assert finding.message == (
        "user gets its tokens from column 1 of the input, from 0 to 1 and not whole numbers: cut off after "
        "the point, all of them are 0, or 1."
    )
    assert finding.evidence == ("user has 100 rows",)
    assert finding.remedies[0].intervention.value == (1,)


def test_tokens_of_which_none_is_one() -> None:
    column = ColumnSummary(1, min=0.0, max=0.999, mean=0.5, std=0.29)
    assert only("NW119", nw119.tokens_run(column=column)).message.endswith("all of them are 0.")


REFUSED = f"ValueError: {NONE_AT_ALL}."


def test_a_metric_as_the_loss() -> None:
    finding = only("NW215", nw215.refused_run(REFUSED, "BinaryAccuracy", metric=True))
    assert finding.message == (
        "The loss is BinaryAccuracy, which is a metric: no gradient comes back to any of 2 trainable weights."
    )
    assert finding.remedies[0].intervention.value == "binary_crossentropy"


def test_a_metric_inside_the_loss() -> None:
    parts = (FlatPart("argmax", made_up.line(7)), FlatPart("metric", made_up.line(9)))
    refused = only("NW215", nw215.refused_run(REFUSED, "loss", parts=parts))
    assert refused.message == (
        "The loss holds a metric, in line 7 and line 9: of 2 trainable weights none gets a gradient."
    )
    beside = only("NW215", nw215.refused_run(None, "loss", parts=parts))
    assert beside.location == refused.location == made_up.line(9)
    assert (refused.level, beside.level) == ("error", "warning")


def test_a_text_that_names_a_metric() -> None:
    error = "ValueError: Could not interpret loss identifier: {}"
    known = [name for name in ("accuracy", "val_auc", "f1", "mse_", "track") if named(error.format(name))]
    assert known == ["accuracy", "val_auc", "f1"]


def named(error: str) -> bool:
    return bool(list(find_rule("NW215").diagnose((run := nw215.refused_run(error, "")).fits[0], run)))


def test_that_no_gradient_comes_back_follows_from_it() -> None:
    found = diagnose(nw215.refused_run(REFUSED, "BinaryAccuracy", metric=True)).diagnoses
    assert [(one.code, one.part) for one in found] == [("NW215", "cause"), ("NW307", "consequence")]


# -- steps of the script's own -----------------------------------------------------------------------


def picking_run(kind: str, called: tuple[Any, Any] | None) -> Run:
    """Three units, and targets of one column; a loss was called with these shapes."""
    head = made_up.dense(units=3)
    of = made_up.model(head, custom_train_step=kind == "own")
    facts: dict[str, Any] = {"kind": "tape" if kind == "tape" else "fit"}
    if called is not None:
        facts["loss_calls"] = (LossCall(LossInfo("huber"), *called, layer=head.path),)
    return made_up.run(of, targets=[made_up.tensor("label", "output", shape=(None, 1))], fit=facts)


@pytest.mark.parametrize("kind", ["tape", "own"])
@pytest.mark.parametrize(
    ("called", "told"),
    [
        (None, False),  # one unit of three may be picked
        (((None,), (None,)), False),
        (((None, 1), (None, 3)), True),
        (((None, 3), (None, 3)), False),
    ],
)
def test_in_a_step_of_its_own_units_are_compared_where_that_was_seen(
    kind: str, called: Any, told: bool
) -> None:
    run = picking_run(kind, called)
    assert bool(list(find_rule("NW210").diagnose(run.fits[0], run))) is told


def test_in_a_fit_they_are_compared() -> None:
    run = picking_run("fit", None)
    assert len(list(find_rule("NW210").diagnose(run.fits[0], run))) == 1


def test_a_loss_is_told_once_for_a_layer_and_not_beside_its_output() -> None:
    """Of two calls of one loss, and of one on a head that an output tells of."""
    call = LossCall(LossInfo("binary_crossentropy", from_logits=False), layer="dense", activation="linear")
    known = made_up.run(made_up.model(loss="binary_crossentropy"), fit={"loss_calls": (call,)})
    assert list(calls_beside_outputs(known.fits[0])) == []
    other = made_up.run(made_up.model(outputs=()), fit={"loss_calls": (call, call)})
    assert list(calls_beside_outputs(other.fits[0])) == [call]


def test_the_loss_is_told_of_logits_at_the_line_that_made_it() -> None:
    finding = only("NW204", nw204.called_run("binary_crossentropy", "linear"))
    assert finding.message == (
        "Dense 'dense' has no activation, and binary_crossentropy with from_logits=False takes its output "
        "for probabilities, in the script's own training step."
    )
    assert (finding.location or made_up.line(0)).line == 88
    assert finding.remedies[0].line == (
        "gan.compile(loss_fn=keras.losses.BinaryCrossentropy(from_logits=True))"
    )
    assert [each.text for each in finding.remedies] == [
        "Tell the loss: keras.losses.BinaryCrossentropy(from_logits=True).",
        "Or give Dense 'dense' activation=\"sigmoid\".",
    ]
