"""Rules on rates and on what a loss is for: messages, levels, close calls."""

from dataclasses import replace

import pytest

from nanwatch.diagnose import made_up
from nanwatch.diagnose.diagnosis import Finding
from nanwatch.diagnose.engine import diagnose
from nanwatch.diagnose.rule import find_rule
from nanwatch.diagnose.rules import nw311_collapsed_embedding as nw311
from nanwatch.diagnose.rules import nw507_unscaled_loss_in_loop as nw507
from nanwatch.diagnose.rules import nw508_rate_not_positive as nw508
from nanwatch.diagnose.rules import nw509_stopped_early_in_descent as nw509
from nanwatch.diagnose.rules import nw510_unbounded_objective as nw510
from nanwatch.record.run import Run


def only(code: str, run: Run, fit: int = 0) -> Finding:
    """The one finding of this rule on a fit of ``run``."""
    (finding,) = find_rule(code).diagnose(run.fits[fit], run)
    return finding


# -- NW508


def test_a_negative_rate_in_words() -> None:
    finding = only("NW508", nw508.rate_run(-1e-3))
    assert finding.message == (
        "The learning rate of Adam is -0.001: each step goes up the slope, and makes the loss larger."
    )
    assert finding.location == made_up.line(9, "Adam()")
    assert [remedy.text for remedy in finding.remedies] == ["Raise the learning rate to 0.001."]


def test_a_rate_that_crosses_zero_in_words() -> None:
    finding = only("NW508", nw508.rate_run(0.1, rates=[0.1] * 50 + [-0.02] * 50))
    assert finding.message.startswith("The learning rate of Adam falls below 0 at step 50, to -0.02:")
    assert finding.since == 50


def test_a_rate_of_nothing_in_words() -> None:
    finding = only("NW508", nw508.rate_run(0.0))
    assert finding.message == "The learning rate of Adam is 0 in all 100 steps: no weight moves."


@pytest.mark.parametrize(("rate", "instead"), [(-0.01, 0.01), (-0.011, 1e-3), (-1e-4, 1e-4), (-0.9e-4, 1e-3)])
def test_the_sign_is_left_out_where_the_rest_is_a_rate(rate: float, instead: float) -> None:
    assert only("NW508", nw508.rate_run(rate)).remedies[0].intervention.value == instead


@pytest.mark.parametrize(
    ("loss", "losses", "level"),
    [
        ("mean_squared_error", None, "error"),
        ("custom", None, "note"),
        ("custom", [1.0, 40.0, 1001.0], "error"),
    ],
)
def test_an_objective_of_ones_own_may_be_one_to_raise(
    loss: str, losses: list[float] | None, level: str
) -> None:
    assert only("NW508", nw508.rate_run(-1e-3, losses=losses, loss=loss)).level == level


@pytest.mark.parametrize(("rate", "level"), [(1e-3, "note"), (0.0, "error")])
def test_a_pass_at_rate_0_behind_a_training(rate: float, level: str) -> None:
    before, run = nw508.rate_run(rate), nw508.rate_run(0.0)
    after = replace(run.fits[0], info=replace(run.fits[0].info, index=1))
    both = Run(run.info, (before.fits[0], after))
    assert only("NW508", both, fit=1).level == level


def test_the_sign_is_the_cause_and_the_size_is_not() -> None:
    found = diagnose(nw508.rate_run(-5.0, losses=[1.0, 40.0, 1000.0, float("nan")])).diagnoses
    assert [each.code for each in found if each.part == "cause"] == ["NW508"]


# -- NW510


def squares(scale: float = 0.001) -> list[float]:
    return [-scale * step**2 for step in range(1100)]


def test_a_loss_without_a_floor_in_words() -> None:
    finding = only("NW510", nw510.falling_run(squares()))
    assert finding.message == (
        "The loss has no lower bound: it falls from -0.004 to -1090, and was at -302 "
        "in the middle of the training."
    )
    assert finding.evidence == ("the weights grew with it, from a norm of 1 to 20",)
    assert finding.location == made_up.line(10, "model.compile(...)")


def test_the_line_of_a_loss_in_a_step_of_ones_own() -> None:
    finding = only("NW510", nw510.falling_run(squares(), own_step=True))
    assert finding.location == made_up.line(8, "loss = ops.mean(fake) - ops.mean(real)")


def test_a_loss_that_runs_away_has_diverged() -> None:
    found = diagnose(nw510.falling_run(squares()))
    assert found.outcome == "diverged"
    assert [each.code for each in found.diagnoses if each.level != "note"] == ["NW510"]


def test_a_loss_that_falls_until_it_overflows() -> None:
    falling = [-0.3] * 5 + [-0.02 * 1.06**step for step in range(300)] + [float("nan")]
    run = nw510.falling_run(falling, gradients=1e6, ends={"role": "weight", "path": "dense/kernel"})
    assert "until it overflows, and was at" in only("NW510", run).message
    assert diagnose(run).diagnoses[0].code == "NW510"


@pytest.mark.parametrize(("levels", "away"), [((-500.0, -1300.0), True), ((-550.0, -1300.0), False)])
def test_what_slows_down_nears_a_floor(levels: tuple[float, float], away: bool) -> None:
    course = nw510.Course(0.5, *levels, since=1)
    assert course.runs_away is away


# -- NW507


def test_a_loss_that_nobody_scaled_in_words() -> None:
    finding = only("NW507", nw507.scaling_run(False, ended=0.69, optimizer="SGD"))
    assert finding.message == (
        "The optimizer divides every gradient by its loss scale, 32768, and the loss was not multiplied by "
        "it: the steps of SGD are too small by that factor."
    )
    assert finding.location == made_up.line(21, "loss = loss_function(y, model(x, training=True))")


@pytest.mark.parametrize(("ended", "level"), [(0.69, "error"), (0.2, "warning")])
def test_what_learns_all_the_same_is_warned_of(ended: float, level: str) -> None:
    run = nw507.scaling_run(False, ended=ended)
    assert only("NW507", run).level == level
    assert [each.level for each in diagnose(run).diagnoses] == ["error" if ended > 0.5 else "note"]


def test_adam_is_told_of_its_epsilon() -> None:
    assert "near its epsilon" in only("NW507", nw507.scaling_run(False)).message


# -- NW311


def test_embeddings_that_are_one_in_words() -> None:
    finding = only("NW311", nw311.embedding_run(0.02))
    assert finding.message == (
        "Every row gets the same embedding: the vectors of 'embedding' spread by 0.008 over a batch, where "
        "they spread by 0.4 at first, and the loss is 0.5 whatever the batch."
    )
    assert [remedy.general_damper for remedy in finding.remedies] == [False, True]
    assert finding.remedies[1].text == "Lower the learning rate to 0.0001."


def test_a_dead_layer_is_no_collapse() -> None:
    run = nw311.embedding_run(0.0)
    silent = {("activation", "hidden", "l2_norm"): [0.0] * 100}
    fit = run.fits[0]
    columns = {("loss", "", "value"): [loss for _, loss in fit.losses()], ("rows", "", "value"): [32.0] * 100}
    dead = replace(fit, steps=made_up.series({**columns, **silent}))
    assert list(find_rule("NW311").diagnose(dead, Run(run.info, (dead,)))) == []


# -- NW509


def test_a_descent_that_was_ended_in_words() -> None:
    finding = only("NW509", nw509.falling_run([0.9**epoch for epoch in range(8)]))
    assert finding.message == (
        "The loss still falls by 10 % an epoch when the training ends, at 0.4783: at that pace 10 epochs "
        "more would bring it to 0.1668."
    )
    assert finding.level == "note"
    assert finding.evidence == ("the last 5 epochs: 0.729, 0.6561, 0.5905, 0.5314, 0.4783",)
