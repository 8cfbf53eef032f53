"""What each rule made of a run, for the page."""

from __future__ import annotations

import html
from dataclasses import replace
from pathlib import Path

from nanwatch.diagnose.rule import all_rules
from nanwatch.explain import as_html
from nanwatch.explain.rules_judged import rules_judged
from tests.explain import made_up_reports


def test_every_rule_has_judged_or_says_why_not(tmp_path: Path) -> None:
    report = made_up_reports.broken(tmp_path)
    accepted = replace(report.diagnoses, accepted=("NW202 single-unit-softmax at train.py:3 (ignored)",))
    judged = rules_judged(replace(report, diagnoses=accepted))
    assert sorted(each.code for each in judged) == [rule.code for rule in all_rules()]
    by_code = {each.code: each for each in judged}
    assert [each.code for each in judged[:3]] == ["NW105", "NW201", "NW607"]
    assert {by_code[code].judgement for code in ("NW105", "NW201", "NW607")} == {"found"}
    assert by_code["NW202"][2:] == ("left out", "NW202 single-unit-softmax at train.py:3 (ignored)")
    assert by_code["NW113"][2:] == ("could not judge", "the labels were not seen in order")
    said = "A ReLU layer outputs zero for every input, and stays like that."
    assert by_code["NW301"][2:] == ("silent", said)


def test_without_a_training_none_can_judge() -> None:
    report = made_up_reports.healthy(outcome="no-training")
    judged = rules_judged(replace(report, run=replace(report.run, fits=[])))
    assert {each[2:] for each in judged} == {("could not judge", "no training was seen")}


def test_the_page_lists_them(tmp_path: Path) -> None:
    page = " ".join(html.unescape(as_html.render(made_up_reports.broken(tmp_path))).split())
    others = len(all_rules()) - 5
    assert f"The rules that judged</h2> 3 found something, {others} were silent, 2 could not judge" in page
