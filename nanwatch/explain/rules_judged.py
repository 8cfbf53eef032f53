"""What each rule made of a run: found, silent, or why it could not judge."""

from __future__ import annotations

from typing import Literal, NamedTuple

from nanwatch.diagnose.rule import all_rules
from nanwatch.explain.report import Report
from nanwatch.explain.untrusted import clean

Judgement = Literal["found", "left out", "could not judge", "silent"]
ORDER: tuple[Judgement, ...] = ("found", "left out", "could not judge", "silent")
NO_TRAINING = "no training was seen"


class RuleJudged(NamedTuple):
    code: str
    name: str
    judgement: Judgement
    why: str  # it could not, or what was left out; else what it looks for


def rules_judged(report: Report) -> list[RuleJudged]:
    """Every rule, those that found something first."""
    found = {each.code for each in report.diagnoses.diagnoses}
    accepted = {text.split()[0]: clean(text) for text in report.diagnoses.accepted if text}
    reasons: dict[str, list[str]] = {}
    for entry in report.diagnoses.rules_not_run:
        reasons.setdefault(entry.code, []).append(clean(entry.reason))
    judged = []
    for rule in all_rules():
        about = rule.documentation().partition("\n")[0].strip()
        judgement: Judgement = "silent"
        if rule.code in found:
            judgement = "found"
        elif rule.code in accepted:
            judgement, about = "left out", accepted[rule.code]
        elif rule.code in reasons or not report.run.fits:
            judgement = "could not judge"
            about = "; ".join(dict.fromkeys(reasons.get(rule.code, [NO_TRAINING])))
        judged.append(RuleJudged(rule.code, rule.name, judgement, about))
    return sorted(judged, key=lambda each: (ORDER.index(each.judgement), each.code))
