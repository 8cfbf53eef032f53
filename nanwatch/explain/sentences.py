"""What a report says in more than one format: the op, the remedy, the trial, the limits."""

from __future__ import annotations

from nanwatch.diagnose.diagnosis import Remedy
from nanwatch.diagnose.op_words import example_words, first_op_words, operand_words
from nanwatch.explain.figures import count, percent, short
from nanwatch.explain.notes import incident_note_words
from nanwatch.explain.report import Report
from nanwatch.explain.untrusted import clean
from nanwatch.explain.verdict import VALUES
from nanwatch.record.facts import OpInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.notes import EndedByDeadline
from nanwatch.record.trials import Trial, TrialOutcome

VERDICTS = {
    "cured": "it cured the fault",
    "not-cured": "it did not cure the fault",
    "not-reproduced": "the fault did not happen again, so this says nothing",
}
CHANGED = {
    InterventionKind.STANDARDISE_INPUT: "standardised inputs",
    InterventionKind.SCALE_INPUT: "inputs times",
    InterventionKind.STANDARDISE_TARGET: "standardised targets",
    InterventionKind.SET_LEARNING_RATE: "the learning rate",
    InterventionKind.SET_ACTIVATION: "the output's activation",
    InterventionKind.SET_HIDDEN_ACTIVATIONS: "the hidden layers' activation",
    InterventionKind.SET_INITIALIZER: "the initializer",
    InterventionKind.SET_LOSS: "the loss",
    InterventionKind.SET_WEIGHT_DECAY: "a weight decay of",
    InterventionKind.SET_EPSILON: "epsilon",
    InterventionKind.SET_CLIPNORM: "clipnorm",
    InterventionKind.SET_DROPOUT: "dropout of",
    InterventionKind.IMPUTE_INPUT: "gaps filled",
    InterventionKind.DROP_COLUMNS: "columns dropped",
    InterventionKind.MAP_LABELS: "labels counted from 0",
    InterventionKind.CAST_LABELS: "labels as whole numbers",
    InterventionKind.SHIFT_LABELS: "labels shifted by",
    InterventionKind.RESHAPE_LABELS: "labels reshaped",
    InterventionKind.SET_IGNORE_CLASS: "ignore_class",
    InterventionKind.SET_UNITS: "units",
    InterventionKind.COUNT_TOKENS: "tokens counted from 0, of columns",
    InterventionKind.TRACK_VARIABLES: "all variables tracked, instead of",
    InterventionKind.SET_PROBABILITIES: "cross-entropy on a",
    InterventionKind.SET_HEAD: "a softmax of as many units as classes,",
    InterventionKind.SET_MOMENTUM: "momentum",
    InterventionKind.SET_DTYPE_POLICY: "the dtype policy",
    InterventionKind.SET_REGULARIZER: "no penalties, instead of",
}
PERFECT = 1.001  # of skill, and what rounding adds: above it the loss has no floor
SCALE_OF_SKILL = " (0 is guessing, 1 perfect)"
CHILDREN_AT_WORK = 1.0  # seconds of CPU: importing TensorFlow alone takes more
DAMPER = " (This holds back many different faults, and may only delay this one.)"


def op_sentence(op: OpInfo) -> str:
    """Where the first non-finite number was made."""
    layer = f" of layer {clean(op.layer)}" if op.layer else ""
    said = f"{clean(op.type)}, in the {op.direction} pass{layer},"
    said += f" is the {first_op_words(op)}"
    if op.num_bad:
        said += f": {op.num_bad:,} of {count(op.size, 'element')}"
        said += f" became {VALUES[op.output]}" if op.output else ""
    return f"{said}."


def op_facts(op: OpInfo) -> list[str]:
    """What went into the op, and what came of it."""
    return [clean(text) for text in (*map(operand_words, op.inputs), example_words(op)) if text]


def remedy_sentence(remedy: Remedy) -> str:
    return clean(remedy.text) + (DAMPER if remedy.general_damper else "")


def trial_sentence(tried: Trial) -> str:
    if tried.at_op:
        cured = VERDICTS[tried.verdict] if tried.verdict != "cured" else "its loss and gradients are finite"
        return f"Tried at the op, in the frozen step alone, run once more: {cured}."
    if tried.made_again:
        beside = "" if tried.beside is None else f" together with {change_words(tried.beside)}"
        begun = f"its best point, step {tried.since}, on" if tried.since else "its first weights"
        return f"Tried{beside}, by training again from {begun}: {VERDICTS[tried.verdict]}."
    steps = f" for {count(tried.steps, 'step')}" if tried.steps else ""
    return f"Tried on the frozen state{steps}: {VERDICTS[tried.verdict]}."


def short_trial_sentence(tried: Trial) -> str:
    """What was tried and what it gave, with the change and without, behind the word "Tried"."""
    (_, before), (_, after) = trial_facts(tried)
    said = trial_sentence(tried).removeprefix("Tried").lstrip(", ").rstrip(".")
    if SCALE_OF_SKILL in after:
        before = before.replace(SCALE_OF_SKILL, "")
    return f"{said} ({after}; unchanged: {before})." if after != before else f"{said} ({after}, as before)."


def change_words(change: Intervention) -> str:
    """A change that is told under another finding, in a few words."""
    words = CHANGED.get(change.kind, change.kind.value.replace("_", " "))
    value = f" {clean(str(change.value))}" if isinstance(change.value, int | float | str) else ""
    return words + value


def trial_facts(tried: Trial) -> list[tuple[str, str]]:
    """(what was run, what it gave): without the change, and with it."""
    named = (("as it was", tried.before), ("with the change", tried.after))
    of = "" if tried.output is None else f" of output {clean(tried.output)!r}"
    return [(name, outcome_words(outcome, tried.steps, of)) for name, outcome in named]


def outcome_words(outcome: TrialOutcome, steps: int, of: str = "") -> str:
    """One outcome: "loss 0.69, finite, 30 of 30 steps", or "NaN or infinite at step 1"; ``of``: whose."""
    said = [] if outcome.loss is None else [f"loss {short(outcome.loss)}"]
    if outcome.raised is not None:
        return f"ended with {clean(outcome.raised)} at step {outcome.finite_steps + 1}"
    if outcome.finite and outcome.skill is not None and outcome.skill <= PERFECT:
        told = f"skill{of} {outcome.skill:.2f}{SCALE_OF_SKILL}"
        return f"{told} after {count(outcome.finite_steps, 'step')}"
    if outcome.finite:
        return ", ".join([*said, f"finite, {outcome.finite_steps} of {steps} steps"])
    return f"NaN or infinite at step {outcome.finite_steps + 1}" + (f" (before it {said[0]})" if said else "")


def watched_sentence(report: Report) -> str:
    if not report.num_watchpoints():
        return "Nothing was watched."
    return f"{count(report.num_watchpoints(), 'watchpoint')} were seen at every step."


def limits(report: Report, unseen_lines: int | None = None) -> list[str]:
    """What the report does not know, and what the watching cost; a sentence each.

    Of what was not watched at most ``unseen_lines`` are told.
    """
    lines: list[str] = []
    if report.diagnoses.outcome != "healthy" and report.num_watchpoints():
        lines.append(watched_sentence(report))
    unseen = report.not_watched()
    lines += [f"Not watched: {text.rstrip('.')}." for text in unseen[:unseen_lines]]
    if unseen_lines is not None and len(unseen) > unseen_lines:
        lines.append(f"Not watched: {len(unseen) - unseen_lines} more, which --format json lists.")
    lines += [f"Held back by the check: {text}." for text in report.held_back()]
    lines += cut_short_sentences(report)
    lines += [f"{text}." for text in report.kept_in_short()]
    lines += [f"Left out: {text}." for text in report.diagnoses.accepted]
    incident = report.run.info.incident
    if incident is not None:
        lines += map(incident_note_words, incident.notes)
        if incident.reproduced is False:
            lines.append("The step was run again and stayed finite: the fault did not happen a second time.")
    lines += in_vain(report)
    lines += not_held(report)
    lines += rules_not_run(report)
    overhead = report.step_overhead()
    if overhead is not None:
        lines.append(f"Watching took {percent(overhead)} of the training's time, outside the compiled step.")
    return lines


def not_held(report: Report) -> list[str]:
    """Why nothing was tried, where something might have been, and the model was too large for it."""
    wanted = {proposal.fit for proposal in report.diagnoses.proposals}
    sizes = [fit.info.weights_not_held for fit in report.run.fits if fit.info.index in wanted]
    largest = max((size for size in sizes if size is not None), default=None)
    if largest is None or report.run.trials:
        return []
    return [f"Nothing was tried: the first weights ({largest / 2**20:.0f} MB) are too large to keep."]


def in_vain(report: Report) -> list[str]:
    """What was tried on a suspicion, and did not help; what stands beside its remedy is told there."""
    shown = {remedy.intervention for each in report.diagnoses.diagnoses for remedy in each.remedies}
    vain = [
        trial
        for trial in report.run.trials
        if trial.made_again and trial.verdict != "cured" and trial.intervention not in shown
    ]
    if not vain:
        return []
    words = dict.fromkeys(change_words(trial.intervention) for trial in vain)
    return [f"Also tried, without success: {', '.join(words)}."]


def cut_short_sentences(report: Report) -> list[str]:
    """How many trainings a check has cut short, and what that leaves unsaid."""
    cut = [fit.info for fit in report.run.fits if fit.info.cut_short]
    if not cut:
        return []
    of = f"{len(cut)} of {count(len(report.run.fits), 'training')}"
    steps = count(max(fit.steps for fit in cut), "step")
    return [f"The check cut {of} short, after {steps} at most: too few to say whether it learns."]


def rules_not_run(report: Report) -> list[str]:
    """The rules that could not judge, one line for each reason."""
    by_reason: dict[str, list[str]] = {}
    for entry in report.diagnoses.rules_not_run:
        by_reason.setdefault(entry.reason, []).append(entry.code)
    return [f"Not looked for: {', '.join(codes)} ({reason})." for reason, codes in by_reason.items()]


def unexplained_crash(report: Report) -> str:
    """In a line: the traceback stands above it, and none of the faults that are known is behind it."""
    raised = report.run.info.raised
    what = "the exception" if raised is None else raised.type
    steps = f" after {count(report.steps(), 'step')} of training" if report.steps() else ""
    folder = "" if report.folder() is None else f" The record is in {clean(report.folder() or '')}."
    return f"no known fault explains {what}{steps}.{folder}"


def nothing_checked(report: Report, child_seconds: float = 0.0) -> str:
    """Why a check saw no training; ``child_seconds`` is the time that child processes have worked."""
    info = report.run.info
    if any(isinstance(note, EndedByDeadline) for note in info.held_back):
        return "The deadline came before the first step was trained: nothing was checked; raise --deadline."
    script = report.path(info.script)
    if reasons := report.not_watched():
        return f"{script} trained no Keras model that could be checked: {reasons[0].rstrip('.')}."
    if child_seconds > CHILDREN_AT_WORK:
        return (
            f"{script} trained no Keras model in its own process, and a check sees no other: "
            "nothing was checked."
        )
    return f"{script} trained no Keras model: nothing was checked."
