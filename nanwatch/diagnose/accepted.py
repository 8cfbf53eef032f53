"""Which findings are not told: by their code, by a comment on the line, by a baseline."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from nanwatch.diagnose.baseline import keys_of
from nanwatch.diagnose.diagnosis import Diagnoses, Diagnosis
from nanwatch.diagnose.places import line_words, place_of, project_path
from nanwatch.diagnose.rule import all_rules, unknown_rule
from nanwatch.record.run import Run

COMMENT = re.compile(r"#\s*nanwatch:\s*ignore\[([^\]]*)\]\s*(.*)", re.IGNORECASE)


@dataclass(frozen=True)
class Choice:
    """What is to be told: of the codes ``select`` (None: of all), less ``ignore`` and the baseline's."""

    select: frozenset[str] | None = None
    ignore: frozenset[str] = frozenset()
    baseline: frozenset[str] = frozenset()


def codes_of(text: str) -> frozenset[str]:
    """The codes that ``"NW203, relu-output, NW4"`` means: codes, names, and how codes begin.

    Raises:
        UnknownRule: a word is none of them.
    """
    found: set[str] = set()
    for word in split_words(text):
        codes = set(matching_codes(word))
        if not codes:
            raise unknown_rule(word)
        found |= codes
    return frozenset(found)


def split_words(text: str) -> list[str]:
    return [word for word in re.split(r"[\s,]+", text) if word]


def matching_codes(word: str) -> Iterator[str]:
    for rule in all_rules():
        begins = re.fullmatch(r"NW\d*", word, re.IGNORECASE) and rule.code.startswith(word.upper())
        if begins or word.lower() == rule.name:
            yield rule.code


def apply_choice(diagnoses: Diagnoses, run: Run, choice: Choice, root: str | None = None) -> Diagnoses:
    """``diagnoses`` without those that ``choice`` or a comment leaves out; they are named instead.

    What follows from nothing but accepted causes is accepted with them.
    """
    kept: list[Diagnosis] = []
    left_out: list[tuple[Diagnosis, str]] = []
    for diagnosis, key in zip(diagnoses.diagnoses, keys_of(diagnoses, run, root), strict=True):
        reason = reason_against(diagnosis, key, run, choice)
        if reason is None:
            kept.append(diagnosis)
        else:
            left_out.append((diagnosis, reason))
    if choice.select is None:
        orphans = [diagnosis for diagnosis in kept if is_orphan(diagnosis, kept, left_out)]
        kept = [diagnosis for diagnosis in kept if diagnosis not in orphans]
        left_out += [(orphan, "follows from what is left out") for orphan in orphans]
    told = tuple(left_out_sentence(diagnosis, reason, run, root) for diagnosis, reason in left_out)
    codes = {diagnosis.code for diagnosis in kept}
    loud = any(diagnosis.level != "note" for diagnosis in kept)
    outcome = "healthy" if diagnoses.outcome == "faulty" and not loud else diagnoses.outcome
    proposals = tuple(
        proposal
        for proposal in diagnoses.proposals
        if proposal.code in codes or (proposal.suspected and is_wanted(proposal.code, choice))
    )
    return replace(
        diagnoses,
        outcome=outcome,
        diagnoses=tuple(kept),
        proposals=proposals,
        accepted=(*diagnoses.accepted, *told),
    )


def is_wanted(code: str, choice: Choice) -> bool:
    """Whether a finding with this code may be told at all."""
    return code not in choice.ignore and (choice.select is None or code in choice.select)


def reason_against(diagnosis: Diagnosis, key: str, run: Run, choice: Choice) -> str | None:
    """Why ``diagnosis`` is not told, in words; None where it is."""
    if choice.select is not None and diagnosis.code not in choice.select:
        return "not selected"
    if diagnosis.code in choice.ignore:
        return "ignored"
    comment = comment_against(diagnosis, place_of(run, diagnosis).code)
    if comment is not None:
        return comment
    return "in the baseline" if key in choice.baseline else None


def comment_against(diagnosis: Diagnosis, line: str) -> str | None:
    """What ``# nanwatch: ignore[NW203] reason`` at the end of the line says of this diagnosis."""
    match = COMMENT.search(line)
    if match is None or not {diagnosis.code.lower(), diagnosis.name} & set(split_words(match[1].lower())):
        return None
    return f"ignored at its line: {match[2].strip()}" if match[2].strip() else "ignored at its line"


def is_orphan(
    diagnosis: Diagnosis, kept: Collection[Diagnosis], left_out: Collection[tuple[Diagnosis, str]]
) -> bool:
    """Whether ``diagnosis`` is a consequence, and the causes in its fit have all been left out."""
    if diagnosis.part != "consequence" or any(is_cause(each, diagnosis.fit) for each in kept):
        return False
    return any(is_cause(each, diagnosis.fit) for each, _ in left_out)


def is_cause(diagnosis: Diagnosis, fit: int) -> bool:
    return diagnosis.fit == fit and diagnosis.part == "cause" and diagnosis.level != "note"


def left_out_sentence(diagnosis: Diagnosis, reason: str, run: Run, root: str | None) -> str:
    at = place_of(run, diagnosis)
    where = f" at {line_words(at, project_path(run, at.file, root))}" if at.line else ""
    return f"{diagnosis.code} {diagnosis.name}{where} ({reason})"
