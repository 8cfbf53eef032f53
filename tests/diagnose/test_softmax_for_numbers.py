"""NW203 on a softmax under a regression loss: rows that do not sum to 1, units that share one target."""

from nanwatch.diagnose.diagnosis import Finding
from nanwatch.diagnose.rule import find_rule
from nanwatch.diagnose.rules import nw203_bounded_output_for_unbounded_target as nw203
from nanwatch.record.run import Run


def only(run: Run) -> Finding:
    (finding,) = find_rule("NW203").diagnose(run.fits[0], run)
    return finding


def test_rows_that_sum_to_anything_in_words() -> None:
    finding = only(nw203.rows_run(0.9))
    assert finding.message == (
        "Dense 'dense' has 'softmax', whose units sum to 1 in every row, but rows of the targets sum to "
        "anything from 0.5 to 2."
    )
    assert finding.evidence == ("576 of 640 rows do not sum to 1",)
    (remedy,) = finding.remedies
    assert remedy.text == "Give Dense 'dense' activation=\"sigmoid\": each unit is then its own share."
    assert remedy.line == 'Dense(3, activation="sigmoid")'


def test_targets_that_are_no_shares_want_no_activation() -> None:
    (remedy,) = only(nw203.rows_run(0.9, min=-2.0, max=40.0)).remedies
    assert remedy.text == "Leave the activation of Dense 'dense' out."


def test_units_that_are_all_compared_with_one_number() -> None:
    facts = {"min": 0.0, "max": 100.0, "mean": 33.0, "std": 30.0}
    (remedy,) = only(nw203.regression_run("softmax", units=10, **facts)).remedies
    assert remedy.text.endswith("Give it 1 unit: now all of them are compared with the same number.")
