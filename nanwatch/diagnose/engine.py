"""Runs every rule on every fit and says which fault did it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace

from nanwatch.diagnose.data_origin import with_origin
from nanwatch.diagnose.diagnosis import Diagnoses, Diagnosis, Finding, Outcome, RuleNotRun
from nanwatch.diagnose.learned import is_right, learned
from nanwatch.diagnose.observed import headline_symptom, observed_symptoms
from nanwatch.diagnose.outcome import (
    accuracy_is_a_share,
    has_improved,
    is_part,
    outcome_of_fit,
    outcome_of_run,
)
from nanwatch.diagnose.ranking import LEVEL_ORDER, PARTS, assign_parts
from nanwatch.diagnose.readings import constant_since, first_output, last_loss
from nanwatch.diagnose.rule import Rule, all_rules
from nanwatch.diagnose.script_names import ScriptNames, names_of
from nanwatch.diagnose.skill import lacking_outputs, lacks_skill, never_generalizes
from nanwatch.diagnose.symptoms import with_consequences
from nanwatch.diagnose.trials import as_proven, decided, proposals_of, with_trials
from nanwatch.record.run import Fit, Run
from nanwatch.record.trials import Proposal

# Of these a training without skill is asked what only a trial can tell; the others have a louder symptom.
SUSPECTED: tuple[Outcome, ...] = ("healthy", "not-learning", "at-chance", "diverged")


@dataclass
class FitVerdict:
    """What the rules say of one fit."""

    outcome: Outcome
    findings: list[Finding] = field(default_factory=list)
    hypotheses: list[Finding] = field(default_factory=list)
    proposals: list[Proposal] = field(default_factory=list)
    not_run: list[RuleNotRun] = field(default_factory=list)


def diagnose(run: Run) -> Diagnoses:
    """The diagnoses of ``run``, the cause to bet on first."""
    return diagnose_with(run, all_rules())


def diagnose_with(run: Run, rules: Sequence[Rule]) -> Diagnoses:
    """As `diagnose`, with these rules and no others."""
    fits = [fit for fit in run.fits if not fit.info.brief]
    verdicts = [judge(fit, run.part_of(fit.info.index) or run, rules) for fit in fits]
    outcome = outcome_of_run(run, [verdict.outcome for verdict in verdicts])
    worst_first = sorted(verdicts, key=lambda verdict: verdict.outcome != outcome)
    found = [finding for verdict in worst_first for finding in verdict.findings]
    if outcome == "crashed":
        found = as_in_crash(found, run, rules)
    findings = merge_findings(found)
    not_run = dict.fromkeys(reason for verdict in verdicts for reason in verdict.not_run)
    names = names_of(run.info)
    return Diagnoses(
        outcome,
        tuple(to_diagnosis(finding, names) for finding in findings),
        tuple(not_run),
        tuple(finding for verdict in worst_first for finding in verdict.hypotheses),
        tuple(proposal for verdict in worst_first for proposal in verdict.proposals),
        tuple((fit.info.index, verdict.outcome) for fit, verdict in zip(fits, verdicts, strict=True)),
    )


def as_in_crash(found: Sequence[Finding], run: Run, rules: Sequence[Rule]) -> list[Finding]:
    """What explains the exception first; the rest has nothing to do with it, and is no more than a note."""
    explained = [finding for finding in found if "crash" in finding.explains]
    beside = [replace(finding, level="note") for finding in found if "crash" not in finding.explains]
    known = {finding.code for finding in explained if finding.level != "note"}
    said = [finding for finding in of_script(run, rules) if finding.code not in known]
    if known and explained:
        said = [replace(finding, part="contributing") for finding in said]
    return [*explained, *said, *beside]


def of_script(run: Run, rules: Sequence[Rule]) -> Iterator[Finding]:
    """What the rules say of the exception that ended the script; one at fault costs its own answer alone."""
    if run.info.raised is None:
        return
    for rule in rules:
        with contextlib.suppress(Exception):
            yield from list(rule.diagnose_script(run))


def judge(fit: Fit, run: Run, rules: Sequence[Rule]) -> FitVerdict:
    """Every rule on one fit, their findings parted and in order."""
    verdict = FitVerdict(outcome_of_fit(fit, run))
    seen: list[Finding] = []
    for rule in rules:
        findings, not_run = ask_rule(rule, fit, run)
        seen += [with_trials(finding, run.trials) for finding in findings]
        if not_run is not None:
            verdict.not_run.append(not_run)
    unskilled = verdict.outcome in SUSPECTED and lacks_skill(fit)
    if unskilled:
        seen = [as_proven(finding) for finding in seen]
        said = {finding.code for finding in seen if finding.level == "error"}
        suspected = [finding for finding in suspicions(rules, fit, run) if finding.code not in said]
        for finding in (with_trials(finding, run.trials) for finding in suspected):
            borne_out = decided(finding)
            if borne_out is None:
                verdict.hypotheses.append(finding)
            else:
                seen = [each for each in seen if each.code != borne_out.code]
                seen.append(borne_out)
    if verdict.outcome == "healthy":
        seen = as_in_health(seen)
        verdict.outcome = harmed_outcome(fit, [finding for finding in seen if finding.level != "note"])
    if unskilled or verdict.outcome not in ("healthy", "not-generalizing"):
        verdict.proposals = proposals_of([*seen, *verdict.hypotheses], fit)
    observed = observed_symptoms(fit, run, verdict.outcome)
    seen = [with_origin(finding, fit) for finding in seen]
    verdict.findings = assign_parts(seen, observed, headline_symptom(fit, run, verdict.outcome))
    return verdict


def suspicions(rules: Sequence[Rule], fit: Fit, run: Run) -> Iterator[Finding]:
    """What the rules only suspect in ``fit``; a rule at fault costs its own suspicions alone."""
    for rule in rules:
        with contextlib.suppress(Exception):
            yield from list(rule.suspect(fit, run))


def as_in_health(seen: Sequence[Finding]) -> list[Finding]:
    """``seen`` in a fit whose numbers look well: what shows no harm, and is not certain, is a note."""
    if any(finding.level == "error" for finding in seen):
        return list(seen)
    return [finding if finding.certain else replace(finding, level="note") for finding in seen]


def harmed_outcome(fit: Fit, harm: Sequence[Finding]) -> Outcome:
    """The outcome of a fit whose numbers look well, and of which the rules say ``harm``.

    What has learned something by its own numbers is not said to have learned nothing.
    """
    if never_generalizes(fit):
        return "not-generalizing"
    if not harm:
        return "healthy"
    symptoms = with_consequences(frozenset[str]().union(*(finding.explains for finding in harm)))
    if "negative-loss" in symptoms and last_loss(fit) < 0:
        return "diverged"
    if is_part(fit) and not is_constant(fit):
        return "faulty"  # too few steps to say whether it learns
    if "at-chance" in symptoms and accuracy_is_a_share(fit, epochs=1) and not is_right(fit):
        return "at-chance"
    known = False if lacking_outputs(fit) else learned(fit)
    well = has_improved(fit) if known is None else known
    return "faulty" if well or is_part(fit) or "not-learning" not in symptoms else "not-learning"


def is_constant(fit: Fit) -> bool:
    """Whether all predictions seen are one number, or those of a batch lastingly are."""
    output = first_output(fit)
    if output is not None and constant_since(fit, output.path) is not None:
        return True
    return any(seen.rows > 1 and seen.min == seen.max for seen in fit.info.data.predictions)


def ask_rule(rule: Rule, fit: Fit, run: Run) -> tuple[list[Finding], RuleNotRun | None]:
    """What ``rule`` finds in ``fit``, or why it could not look."""
    try:
        reason = rule.missing(fit, run)
        return ([], RuleNotRun(rule.code, reason)) if reason else (list(rule.diagnose(fit, run)), None)
    except Exception as error:  # a rule at fault must not cost the user the other rules' answers
        return [], RuleNotRun(rule.code, f"failed with {type(error).__name__}: {error}", failed=True)


def merge_findings(findings: Iterable[Finding]) -> list[Finding]:
    """One finding for what several fits show alike (a fit in a loop), and causes first.

    The order within the worst fit is kept.
    """
    first: dict[object, Finding] = {}
    seen: dict[object, set[int]] = {}
    for finding in findings:
        key = (finding.code, finding.location, finding.layer)
        known = first.get(key)
        seen.setdefault(key, set()).add(finding.fit)
        if known is None or LEVEL_ORDER.index(finding.level) < LEVEL_ORDER.index(known.level):
            first[key] = finding
    counted = [replace(finding, alike=len(seen[key]) - 1) for key, finding in first.items()]
    return sorted(counted, key=lambda finding: (finding.level == "note", PARTS.index(finding.part)))


def to_diagnosis(finding: Finding, names: ScriptNames) -> Diagnosis:
    """The finding in its place, with models and layers told as the script calls them."""
    told = replace(
        finding,
        message=names.say(finding.message),
        evidence=tuple(names.say(said) for said in finding.evidence),
        remedies=tuple(replace(remedy, text=names.say(remedy.text)) for remedy in finding.remedies),
    )
    return Diagnosis(**{entry.name: getattr(told, entry.name) for entry in fields(Diagnosis)})
