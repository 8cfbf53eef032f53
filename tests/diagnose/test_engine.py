import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from nanwatch.diagnose import made_up
from nanwatch.diagnose.diagnosis import Diagnoses, Finding, RuleNotRun
from nanwatch.diagnose.engine import diagnose, diagnose_with
from nanwatch.diagnose.rule import Rule
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run
from nanwatch.record.trials import Trial, TrialOutcome


class Told(Rule):
    """A rule that says what it is told to."""

    code, name = "NW998", "told"

    def __init__(self, **facts: Any) -> None:
        self.facts = facts

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        yield self.finding(fit, "Told so at step 1.", **self.facts)

    @staticmethod
    def fires() -> list[Run]:
        return []

    @staticmethod
    def silent() -> list[Run]:
        return []


class Broken(Told):
    code, name = "NW997", "broken"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        yield self.finding(fit, "Half a finding.")
        raise KeyError("loss")


class Suspicious(Told):
    code, name = "NW995", "suspicious"


class Blind(Told):
    code, name = "NW996", "blind"

    def missing(self, fit: Fit, run: Run) -> str | None:
        return "the inputs were not seen"


def codes(found: Diagnoses) -> list[tuple[str, str, str]]:
    return [(one.code, one.part, one.level) for one in found.diagnoses]


def test_a_rule_that_fails_costs_no_other_its_answer() -> None:
    found = diagnose_with(made_up.run(loss=[0.7, math.nan], incident={}), [Broken(), Told()])
    assert [one.code for one in found.diagnoses] == ["NW998"]
    assert found.rules_not_run == (RuleNotRun("NW997", "failed with KeyError: 'loss'", failed=True),)


def test_a_rule_that_cannot_judge_is_listed_once() -> None:
    run = made_up.run()
    twice = Run(run.info, (run.fits[0], run.fits[0]))
    found = diagnose_with(twice, [Blind()])
    assert found.diagnoses == ()
    assert found.rules_not_run == (RuleNotRun("NW996", "the inputs were not seen"),)


def test_a_healthy_run_has_nothing_above_a_note() -> None:
    found = diagnose_with(made_up.run(), [Told(level="warning", strength=0.9)])
    assert codes(found) == [("NW998", "cause", "note")]
    assert found.outcome == "healthy"


def test_harm_that_a_rule_shows_is_no_healthy_run() -> None:
    found = diagnose_with(made_up.run(), [Told(level="error", strength=0.9)])
    assert codes(found) == [("NW998", "cause", "error")]
    assert found.outcome == "faulty"


@pytest.mark.parametrize(
    ("losses", "accuracy", "outcome"),
    [
        ([0.7] * 60, 0.6, "not-learning"),
        ([0.7] * 60, 0.76, "faulty"),
        ([0.7, *[0.36] * 60], 0.6, "not-learning"),
        ([0.7, *[0.33] * 60], 0.6, "faulty"),
    ],
)
def test_what_has_learned_is_not_said_to_have_learned_nothing(
    losses: list[float], accuracy: float, outcome: str
) -> None:
    of = made_up.model(made_up.dense(activation="sigmoid"), loss="binary_crossentropy")
    logs = [{"loss": losses[-1], "accuracy": accuracy}]
    run = made_up.run(of, loss=losses, targets=[made_up.labels(0, 1)], epochs=logs)
    told = Told(level="error", explains={"not-learning"})
    assert diagnose_with(run, [told]).outcome == outcome


def test_of_few_steps_nothing_is_said_but_the_fault() -> None:
    run = made_up.run(loss=[0.7] * 20, fit={"cut_short": True})
    told = Told(level="error", explains={"not-learning"})
    assert diagnose_with(run, [told]).outcome == "faulty"


def test_what_is_certain_keeps_its_level_in_a_run_that_looks_well() -> None:
    told = [Told(level="warning", certain=True), Suspicious(level="warning")]
    found = diagnose_with(made_up.run(), told)
    assert sorted(codes(found)) == [("NW995", "contributing", "note"), ("NW998", "cause", "warning")]
    assert found.outcome == "faulty"


def test_harm_at_the_class_share_is_called_so() -> None:
    told = Told(level="error", explains={"at-chance"})
    of = made_up.model(made_up.dense(activation="sigmoid"), loss="binary_crossentropy")
    for reached, expected in ((0.5, "at-chance"), (0.7, "faulty")):
        run = made_up.run(
            of,
            targets=[made_up.labels(0, 1)],
            epochs=[{"loss": 0.9, "accuracy": 0.4}, {"loss": 0.5, "accuracy": reached}],
        )
        assert diagnose_with(run, [told]).outcome == expected


def test_what_many_fits_show_alike_is_said_once() -> None:
    run = made_up.run(loss=[0.7, math.nan])
    loop = Run(run.info, (run.fits[0],) * 40)
    assert len(diagnose_with(loop, [Told()]).diagnoses) == 1


def test_the_worst_fit_speaks_first() -> None:
    good, bad = made_up.run(), made_up.run(loss=[0.7, math.nan])

    class OfItsLoss(Told):
        def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
            finite = math.isfinite(fit.losses()[-1][1])
            yield self.finding(fit, f"Ends {finite}.", layer=str(finite), level="warning")

    found = diagnose_with(Run(good.info, (good.fits[0], bad.fits[0])), [OfItsLoss()])
    assert [(one.layer, one.level) for one in found.diagnoses] == [("False", "warning"), ("True", "note")]
    assert found.outcome == "non-finite"


def test_a_run_without_a_fit() -> None:
    run = made_up.run()
    found = diagnose(Run(run.info, ()))
    assert found.diagnoses == ()
    assert found.outcome == "no-training"


def test_a_trial_is_put_beside_its_remedy() -> None:
    relu = made_up.model(made_up.dense(units=2, activation="relu"), loss="categorical_crossentropy")
    bad = made_up.run(relu, loss=[0.7, math.nan], incident={"rows_summing_to_zero": 1})
    softmax = Intervention(InterventionKind.SET_ACTIVATION, "dense", "softmax")
    as_it_was, mended = TrialOutcome(False, 0), TrialOutcome(True, 30, 0.69)
    trial = Trial(softmax, "cured", as_it_was, mended, 30)
    sigmoid = replace(softmax, value="sigmoid")
    foreign = Trial(sigmoid, "not-cured", as_it_was, as_it_was, 30)
    remedy = diagnose(Run(bad.info, bad.fits, trials=[foreign, trial])).diagnoses[0].remedies[0]
    assert remedy.trial == trial


def test_every_made_up_healthy_run_stays_below_a_warning() -> None:
    """The look-alikes that only time or the reader can judge."""
    sigmoid = made_up.model(
        made_up.dense("hidden", 8, "tanh"), made_up.dense(activation="sigmoid"), loss="binary_crossentropy"
    )
    regression = [made_up.tensor("label", "output", min=-3.0, mean=0.0)]
    accuracy_0 = [{"loss": loss, "accuracy": 0.0} for loss in (3.9, 0.11)]
    plateau = [{"loss": 0.693 + 1e-4 * (n % 3), "accuracy": 0.5} for n in range(8)]
    runs = [
        made_up.run(targets=regression, epochs=accuracy_0),
        made_up.run(sigmoid, loss=[0.693, 0.694] * 40, targets=[made_up.labels(0, 1)], epochs=plateau),
        made_up.run(sigmoid, loss=[0.7] * 30 + [80.0] + [0.6] * 30, targets=[made_up.labels(0, 1)]),
        made_up.run(made_up.model(loss="custom"), loss=[-1.0 * step for step in range(90)]),
        made_up.run(loss=[0.9]),
        made_up.run(loss=[0.7, math.inf, 0.6, 0.5]),
    ]
    for run in runs:
        assert {one.level for one in diagnose(run).diagnoses} <= {"note"}
        assert diagnose(run).outcome == "healthy"
