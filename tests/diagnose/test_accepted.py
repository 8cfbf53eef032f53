"""Findings left out: by code, by a comment on their line, by a baseline."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nanwatch.diagnose import made_up
from nanwatch.diagnose.accepted import Choice, apply_choice, codes_of
from nanwatch.diagnose.baseline import keys_of, read_baseline, write_baseline
from nanwatch.diagnose.diagnosis import Diagnoses, Diagnosis, Level, Part
from nanwatch.errors import BadConfig, UnknownRule

RUN = made_up.run()


def found(*diagnoses: Diagnosis) -> Diagnoses:
    return Diagnoses("not-learning", diagnoses)


def diagnosis(
    code: str = "NW203",
    name: str = "bounded-output",
    part: Part = "cause",
    level: Level = "error",
    code_line: str = "Dense(1)",
    at: int = 7,
) -> Diagnosis:
    return Diagnosis(code, name, part, level, "message", location=made_up.line(at, code_line))


CAUSE = diagnosis()
OTHER = diagnosis("NW501", "learning-rate-too-high", code_line="SGD(9.0)", at=9)
FOLLOWS = diagnosis("NW301", "dead-relu", "consequence", "warning", "Dense(2)", 6)


def codes(diagnoses: Diagnoses) -> list[str]:
    return [each.code for each in diagnoses.diagnoses]


def test_nothing_is_left_out_unasked() -> None:
    assert apply_choice(found(CAUSE, FOLLOWS), RUN, Choice()) == found(CAUSE, FOLLOWS)


def test_codes_names_and_beginnings_of_codes() -> None:
    assert codes_of("NW201") == codes_of("nw201") == codes_of("relu-output") == {"NW201"}
    assert codes_of("NW201, NW202") == codes_of("NW201 NW202") == {"NW201", "NW202"}
    assert {"NW201", "NW202", "NW210"} < codes_of("NW2")
    assert not any(code.startswith("NW1") for code in codes_of("NW2"))
    assert codes_of("") == set()


@pytest.mark.parametrize("word", ["NW999", "relu", "W201", "NW201x"])
def test_a_word_that_is_no_rule(word: str) -> None:
    with pytest.raises(UnknownRule, match=f"There is no rule {word};"):
        codes_of(f"NW201,{word}")


def test_ignore_and_select() -> None:
    both = found(CAUSE, OTHER)
    assert codes(apply_choice(both, RUN, Choice(ignore=frozenset({"NW203"})))) == ["NW501"]
    assert codes(apply_choice(both, RUN, Choice(select=frozenset({"NW203"})))) == ["NW203"]
    none = apply_choice(both, RUN, Choice(frozenset({"NW203"}), frozenset({"NW203"})))
    assert codes(none) == []
    assert none.accepted == (
        "NW203 bounded-output at train.py:7 (ignored)",
        "NW501 learning-rate-too-high at train.py:9 (not selected)",
    )


@pytest.mark.parametrize(
    ("comment", "left_out"),
    [
        ("# nanwatch: ignore[NW203]", True),
        ("#nanwatch:ignore[nw203] targets are scaled later", True),
        ("# fine  # nanwatch: ignore[NW501, NW203]", True),
        ("# nanwatch: ignore[bounded-output]", True),
        ("# nanwatch: ignore[NW204]", False),
        ("# nanwatch: ignore[]", False),
        ("# nanwatch: ignore", False),
        ("# ignore[NW203]", False),
    ],
)
def test_a_comment_on_the_line(comment: str, left_out: bool) -> None:
    one = found(diagnosis(code_line=f"Dense(1)  {comment}"))
    assert codes(apply_choice(one, RUN, Choice())) == ([] if left_out else ["NW203"])


def test_the_reason_is_told() -> None:
    one = found(diagnosis(code_line="Dense(1)  # nanwatch: ignore[NW203] scaled to [0, 1]"))
    (told,) = apply_choice(one, RUN, Choice()).accepted
    assert told == "NW203 bounded-output at train.py:7 (ignored at its line: scaled to [0, 1])"


def test_a_consequence_goes_with_the_last_of_its_causes() -> None:
    ignore = Choice(ignore=frozenset({"NW203"}))
    assert codes(apply_choice(found(CAUSE, FOLLOWS), RUN, ignore)) == []
    assert codes(apply_choice(found(CAUSE, OTHER, FOLLOWS), RUN, ignore)) == ["NW501", "NW301"]
    assert codes(apply_choice(found(CAUSE, FOLLOWS), RUN, Choice(select=frozenset({"NW301"})))) == ["NW301"]


def test_a_baseline_outlives_moved_lines_and_blanks_and_no_more(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    assert write_baseline(path, found(CAUSE, FOLLOWS), RUN) == 2
    choice = Choice(baseline=read_baseline(path))
    moved = diagnosis(code_line="Dense( 1)".replace("( ", "("), at=70)
    assert codes(apply_choice(found(moved), RUN, choice)) == []
    assert codes(apply_choice(found(diagnosis(code_line="Dense(2)")), RUN, choice)) == ["NW203"]
    assert codes(apply_choice(found(diagnosis("NW204")), RUN, choice)) == ["NW204"]
    assert codes(apply_choice(found(CAUSE, OTHER), RUN, choice)) == ["NW501"]


def test_a_second_finding_on_the_same_text_is_new(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    write_baseline(path, found(CAUSE), RUN)
    again = apply_choice(found(CAUSE, diagnosis(at=8)), RUN, Choice(baseline=read_baseline(path)))
    assert [each.location and each.location.line for each in again.diagnoses] == [8]


def test_the_file_can_be_read_by_people_and_does_not_change_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    write_baseline(path, found(OTHER, CAUSE), RUN)
    text = path.read_text()
    first, second = json.loads(text)["findings"]
    assert (first["code"], first["file"], first["line"]) == ("NW203", "train.py", "Dense(1)")
    assert second["fingerprint"] == keys_of(found(OTHER), RUN)[0]
    write_baseline(path, found(CAUSE, OTHER), RUN)
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "is not valid JSON"),
        ("[]", "is not a baseline: it has no list of findings"),
        ('{"findings": []}', "is not a baseline of format 1"),
    ],
)
def test_a_file_that_is_no_baseline(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(text)
    with pytest.raises(BadConfig, match=sentence):
        read_baseline(path)


def test_a_baseline_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match=r"none\.json cannot be read: No such file or directory\."):
        read_baseline(tmp_path / "none.json")
    with pytest.raises(BadConfig, match="cannot be written: No such file or directory"):
        write_baseline(tmp_path / "no" / "b.json", found(), RUN)
