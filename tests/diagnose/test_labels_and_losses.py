"""Rules on what a loss asks of the labels and of the model: messages, remedies, close calls."""

from nanwatch.diagnose.diagnosis import Finding
from nanwatch.diagnose.rule import find_rule
from nanwatch.diagnose.rules import nw212_softmax_for_independent_labels as nw212
from nanwatch.record.run import Run


def only(code: str, run: Run) -> Finding:
    (finding,) = find_rule(code).diagnose(run.fits[0], run)
    return finding


def test_a_softmax_over_labels_of_several_ones() -> None:
    finding = only("NW212", nw212.labelled_run("mean_squared_error", 0, 3, 400))
    assert finding.message == (
        "Dense 'dense' shares out 1 by softmax, but in 400 of 640 rows of the labels several are 1, or none "
        "is: each of the 3 is a question of its own."
    )
    both, alone = finding.remedies
    assert (both.intervention.value, both.line) == ("sigmoid", None)  # one line would not do
    assert alone.line == 'Dense(3, activation="sigmoid")'
    assert finding.location == alone.location


def test_rows_of_none_are_less_than_rows_of_several() -> None:
    levels = [only("NW212", nw212.labelled_run("huber", 0, highest, 100)).level for highest in (1, 2)]
    assert levels == ["warning", "error"]
