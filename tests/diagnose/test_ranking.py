from collections.abc import Iterable
from typing import Any

import pytest

from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.ranking import STANDS_ALONE, assign_parts
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.trials import Trial, TrialOutcome, Verdict

SICK = frozenset({"nonfinite-loss", "growth"})


def finding(
    code: str, strength: float = 0.7, explains: Iterable[str] = ("nonfinite-loss",), **facts: Any
) -> Finding:
    return Finding(
        code, code.lower(), "error", f"{code}.", strength=strength, explains=frozenset(explains), **facts
    )


def parts(
    *findings: Finding, observed: frozenset[str] = SICK, headline: str = "nonfinite-loss"
) -> list[tuple[str, str]]:
    return [(one.code, one.part) for one in assign_parts(findings, observed, headline)]


def remedy(verdict: Verdict, general_damper: bool = False, at_op: bool = False) -> Remedy:
    change = Intervention(InterventionKind.SET_UNITS, "target", 1)
    outcome = TrialOutcome(False, 0)
    return Remedy(
        change,
        "Text.",
        general_damper=general_damper,
        trial=Trial(change, verdict, outcome, outcome, 30, at_op=at_op),
    )


def test_the_stronger_evidence_comes_first() -> None:
    assert parts(finding("NW1", 0.6), finding("NW2", 0.8)) == [("NW2", "cause"), ("NW1", "contributing")]


def test_what_explains_where_it_first_went_bad_comes_before_what_does_not() -> None:
    strong = finding("NW1", 0.8, ["growth"])
    assert parts(strong, finding("NW2", 0.6)) == [("NW2", "cause"), ("NW1", "cause")]


def test_two_faults_that_explain_different_symptoms_are_both_causes() -> None:
    seen = frozenset({"at-chance", "constant-output", "large-loss"})
    head = finding("NW1", 0.9, ["at-chance", "constant-output"])
    data = finding("NW2", 0.6, ["at-chance", "large-loss"])
    assert parts(head, data, observed=seen, headline="at-chance") == [("NW1", "cause"), ("NW2", "cause")]


def test_a_second_fault_beyond_doubt_stays_a_cause() -> None:
    assert parts(finding("NW1", 1.0), finding("NW2", STANDS_ALONE))[1] == ("NW2", "cause")
    assert parts(finding("NW1", 1.0), finding("NW2", STANDS_ALONE - 0.01))[1] == ("NW2", "contributing")


def test_what_only_plays_along_is_a_note() -> None:
    first, second = assign_parts([finding("NW1", 0.9), finding("NW2", 0.4)], SICK, "nonfinite-loss")
    assert (first.level, second.level) == ("error", "note")


def test_a_sighting_is_a_consequence_of_what_explains_it() -> None:
    growth = finding("NW3", 0.9, ["growth", "nonfinite-loss"], shows=frozenset({"growth"}), since=5)
    cause = finding("NW1", 0.5, ["growth", "nonfinite-loss"], since=5)
    assert parts(growth, cause) == [("NW1", "cause"), ("NW3", "consequence")]


def test_a_sighting_before_the_fault_is_not_its_consequence() -> None:
    growth = finding("NW3", 0.9, ["growth", "nonfinite-loss"], shows=frozenset({"growth"}), since=4)
    late = finding("NW1", 0.5, ["growth", "nonfinite-loss"], since=5)
    assert parts(growth, late)[0] == ("NW3", "cause")


def test_of_two_sightings_of_one_thing_the_stronger_is_the_cause() -> None:
    both = {"shows": frozenset({"growth"})}
    strong = finding("NW1", 0.6, ["growth"], **both)
    assert parts(finding("NW2", 0.5, ["growth"], **both), strong) == [
        ("NW1", "cause"),
        ("NW2", "consequence"),
    ]


def test_equal_sightings_do_not_explain_each_other_away() -> None:
    both = {"shows": frozenset({"growth"})}
    found = parts(finding("NW1", 0.5, ["growth"], **both), finding("NW2", 0.5, ["growth"], **both))
    assert sorted(part for _, part in found) == ["cause", "consequence"]


def test_a_dead_layer_accounts_for_the_one_answer_it_gives() -> None:
    seen = frozenset({"dead-activation", "constant-output", "not-learning"})
    root = finding("NW1", 0.8, ["dead-activation"])
    other = finding("NW2", 0.6, ["constant-output"])
    assert parts(root, other, observed=seen, headline="not-learning") == [
        ("NW1", "cause"),
        ("NW2", "contributing"),
    ]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (remedy("cured"), remedy("cured", general_damper=True), "NW1"),
        (remedy("cured", general_damper=True), remedy("cured"), "NW2"),
        (remedy("not-cured"), remedy("cured", general_damper=True), "NW2"),
        (remedy("not-reproduced"), remedy("not-cured"), "NW1"),
    ],
)
def test_a_cure_by_the_named_fault_outweighs_a_general_damper(
    first: Remedy, second: Remedy, expected: str
) -> None:
    one, two = finding("NW1", remedies=(first,)), finding("NW2", remedies=(second,))
    assert parts(one, two)[0][0] == expected


def test_a_number_kept_finite_where_it_was_made_proves_no_cause() -> None:
    guarded = finding("NW1", 0.6, remedies=(remedy("cured", at_op=True),))
    assert parts(guarded, finding("NW2", 0.8))[0] == ("NW2", "cause")
    in_vain = finding("NW1", 0.85, remedies=(remedy("not-cured", at_op=True),))
    assert parts(in_vain, finding("NW2", 0.8))[0] == ("NW2", "cause")


def test_a_consequence_by_the_rules_own_word_is_never_a_cause() -> None:
    plateau = finding("NW6", 0.9, part="consequence")
    assert parts(plateau, finding("NW1", 0.3)) == [("NW1", "cause"), ("NW6", "consequence")]


def test_the_last_resort_goes_when_a_cause_is_named_and_stays_else() -> None:
    last = finding("NW9", 0.0)
    plateau = finding("NW6", 0.9, part="consequence")
    assert parts(last, finding("NW1", 0.3)) == [("NW1", "cause")]
    assert parts(last, plateau) == [("NW9", "cause"), ("NW6", "consequence")]


def test_a_note_is_no_cause_of_a_sick_run() -> None:
    note = Finding("NW2", "nw2", "note", "Note.", strength=0.9, explains=SICK)
    assert parts(note, finding("NW1", 0.4)) == [("NW1", "cause"), ("NW2", "contributing")]


def test_equal_bets_stand_in_the_order_of_time_then_of_code() -> None:
    late, early = finding("NW1", since=3), finding("NW2", since=1)
    assert parts(late, early)[0][0] == "NW2"
    assert parts(finding("NW2"), finding("NW1"))[0][0] == "NW1"
