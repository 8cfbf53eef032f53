"""What came of mending a script: each run in a line, the change as a diff, what is left in words."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nanwatch.diagnose.diagnosis import NO_FIT, Diagnosis, Outcome, Remedy
from nanwatch.diagnose.skill import lacks_skill, skill_of
from nanwatch.explain.figures import short
from nanwatch.explain.headline import headline
from nanwatch.explain.report import Report
from nanwatch.explain.untrusted import clean
from nanwatch.record.run import Fit

MEANT = -100.0  # below it, and above 1, the number says nothing that the verdict does not
# From a script that trains nothing to one that is well: what is nearer to the end is the better outcome.
BETTER: tuple[Outcome, ...] = (
    "no-training",
    "crashed",
    "incomplete",
    "non-finite",
    "diverged",
    "at-chance",
    "not-learning",
    "not-generalizing",
    "faulty",
    "healthy",
)
AHEAD = 0.05  # of skill: less is what another order of the rows gives


@dataclass(frozen=True)
class Round:
    """One run of the script; all but the first after a change that ``diagnosis`` and ``remedy`` asked for."""

    report: Report
    source: str
    file: Path  # that was run
    after: Round | None = None
    diagnosis: Diagnosis | None = None
    remedy: Remedy | None = None

    @property
    def fit(self) -> Fit | None:
        return self.report.fit()

    @property
    def skill(self) -> float | None:
        found = None if self.fit is None else skill_of(self.fit)
        return None if found is None else found.ended

    @property
    def causes(self) -> list[Diagnosis]:
        return [each for each in self.report.diagnoses.diagnoses if each.level != "note"]

    @property
    def is_well(self) -> bool:
        unskilled = self.fit is not None and lacks_skill(self.fit)
        return not self.causes and not unskilled and self.report.run.info.status == "finished"

    @property
    def is_kept(self) -> bool:
        """Whether the change stays: the outcome is better, or the finding is gone and no skill is lost."""
        if self.after is None or self.diagnosis is None:
            return True
        now, before = (BETTER.index(each.report.diagnoses.outcome) for each in (self, self.after))
        if now != before:
            return now > before
        was, found = self.after.skill, self.skill
        if was is not None and found is not None and found >= was + AHEAD:
            return True
        gone = not any(is_same(each, self.diagnosis) for each in self.causes)
        return gone and (was is None or found is None or found >= was - AHEAD)


def is_same(found: Diagnosis, before: Diagnosis) -> bool:
    """Whether a finding is still there; a script that dies at another line is a step further."""
    if found.code != before.code:
        return False
    lines = [each.location.line if each.location is not None else None for each in (found, before)]
    return found.fit != NO_FIT or lines[0] == lines[1]


def render_round(number: int, found: Round, script: str) -> str:
    """One run in a line or two: what was changed before it, and what it came to."""
    said = [f"run {number}:"]
    if found.remedy is not None and found.diagnosis is not None:
        line = found.diagnosis.location.line if found.diagnosis.location is not None else None
        where = f" at {clean(script)}:{line}" if line is not None else ""
        said.append(f"with {found.diagnosis.code}{where} fixed ({clean(found.remedy.text).rstrip('.')}):")
    said.append(clean(headline(found.report).said))
    skill = found.skill
    if skill is not None and MEANT <= skill <= 1.0 and found.report.run.info.incident is None:
        said.append(f"Skill {skill:.2f} (0 is guessing, 1 perfect).")
    elif found.fit is not None and found.fit.losses():
        said.append(f"Loss {short(found.fit.losses()[-1][1])}.")
    if not found.is_kept:
        said.append("That is no better: the change is taken back.")
    return " ".join(said)


def diff(original: str, mended: str, script: str) -> str:
    """The change as a unified diff, empty where there is none."""
    lines = difflib.unified_diff(
        original.splitlines(keepends=True), mended.splitlines(keepends=True), f"a/{script}", f"b/{script}"
    )
    unended = "\n\\ No newline at end of file\n"
    return "".join(line if line.endswith("\n") else line + unended for line in lines)


def left_in_words(last: Round) -> Iterator[str]:
    """What is still at fault in the last run that was kept, and what to do."""
    for diagnosis in last.causes:
        yield f"{diagnosis.code} {diagnosis.name}: {clean(diagnosis.message)}"
        for remedy in diagnosis.remedies[:1]:
            yield f"  {clean(remedy.text)}"


def last_kept(rounds: Sequence[Round]) -> Round:
    return [found for found in rounds if found.is_kept][-1]
