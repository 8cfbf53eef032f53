"""What happened, in a sentence: the same words for every format that people read."""

from __future__ import annotations

import math
from collections.abc import Sequence

from nanwatch.diagnose.data_words import capitalise_first, list_words, when_words
from nanwatch.diagnose.outcome import held_for_others, is_cut_off, outputs_of_one_answer, share_words
from nanwatch.diagnose.readings import accuracies, first_output
from nanwatch.diagnose.skill import Skill, lacking_outputs, output_words
from nanwatch.explain.figures import count, short
from nanwatch.explain.loss_words import loss_words
from nanwatch.explain.notes import not_watched_words
from nanwatch.explain.processes import process_words
from nanwatch.explain.progress import left_words, progress, step_words
from nanwatch.explain.report import Report
from nanwatch.explain.trainings import in_training
from nanwatch.explain.untrusted import clean
from nanwatch.record.events import Raised
from nanwatch.record.facts import IncidentInfo, Nonfinite
from nanwatch.record.run import Fit
from nanwatch.record.watchpoints import Role

PLACES: dict[Role, str] = {
    "input": "The input",
    "label": "The target",
    "sample_weight": "The sample weight",
    "output": "The prediction",
    "activation": "The output of layer",
    "loss": "The loss",
    "gradient": "The gradient of",
    "weight": "The weight",
    "update": "The update of",
}
NAMED = frozenset({"activation", "gradient", "weight", "update"})  # a path says more than the role
MOST_OF_A_MESSAGE = 300  # characters
NAMED_NOTES = 3  # as many as a headline holds
VALUES: dict[Nonfinite, str] = {"nan": "NaN", "inf": "infinite", "-inf": "minus infinite"}


def verdict(report: Report) -> str:
    """What nanwatch could not watch by its own fault, if so; then the outcome of the run with its numbers."""
    failed = own_fault_sentence(report)
    if failed is None:
        return outcome_sentence(report)
    if report.diagnoses.outcome == "no-training":  # the first step was the one that failed
        return failed
    return f"{failed} {outcome_sentence(report)}"


def own_fault_sentence(report: Report) -> str | None:
    """Where an op of nanwatch's own failed, so that a training went on unwatched."""
    unwatched = [fit.info for fit in report.run.fits if fit.info.unwatched_from is not None]
    if not unwatched:
        return None
    step = unwatched[0].unwatched_from
    said = f"nanwatch itself failed in step {step} of a training, which went on as under python, unwatched"
    if len(unwatched) > 1:
        said += f", and {len(unwatched) - 1} more did"
    return f"{said}."


def outcome_sentence(report: Report) -> str:
    """What happened; of a run that goes on how far it is, and what is known so far."""
    if report.state != "running":
        return ended_sentence(report)
    so_far = nothing_so_far(report)
    if report.diagnoses.outcome != "incomplete":
        so_far = ended_sentence(report)
        so_far = so_far[:1].lower() + so_far[1:]
    return f"Still running{how_far(report)}. So far: {so_far}"


def how_far(report: Report) -> str:
    """``": step 1,234 of 9,380, epoch 3 of 20, about 4 min left"`` of the training that goes on."""
    going_on = [fit for fit in report.run.fits if fit.info.status == "running"] or list(report.run.fits)
    if not going_on or not going_on[-1].info.steps:
        return ", before the first step of a training"
    fit = going_on[-1]
    found = progress(fit)
    return f": {', '.join(filter(None, [step_words(found, fit), left_words(found)]))}"


def nothing_so_far(report: Report) -> str:
    """Of a run that has not come to its end, and shows no fault."""
    return "nothing speaks against it." if report.steps() else "no step was made."


def ended_sentence(report: Report) -> str:
    incident = report.run.info.incident
    if incident is not None:
        return incident_sentence(report, incident)
    match report.diagnoses.outcome:
        case "non-finite":
            return nonfinite_log_sentence(report)
        case "at-chance":
            return at_chance_sentence(report)
        case "not-learning":
            return not_learning_sentence(report)
        case "diverged":
            return "The training diverged."
        case "not-generalizing":
            return "The training learned its own rows, and no epoch was better than guessing in validation."
        case "faulty":
            return faulty_sentence(report)
        case "healthy":
            return healthy_sentence(report)
        case "crashed":
            return crash_sentence(report)
        case "incomplete":
            return incomplete_sentence(report)
        case "no-training":
            return no_training_sentence(report)


def healthy_sentence(report: Report) -> str:
    """With what the numbers say against the training all the same, what was tried in vain, and the notes."""
    fit = report.fit()
    if (why := why_in_part(report)) is not None:
        return f"Nothing was found in what could be watched: {why}."
    if fit is not None and report.doubts:
        said = f"No fault was found, but {report.doubts[0]}."
        tried = [trial for trial in report.run.trials if trial.made_again and trial.fit == fit.info.index]
        return f"{said} {tried_in_vain(len(tried))}" if tried else said
    notes = list(dict.fromkeys(f"{each.code} {each.name}" for each in report.diagnoses.diagnoses))
    if not notes:
        return "Nothing found."
    more = f" and {len(notes) - NAMED_NOTES} more" if len(notes) > NAMED_NOTES else ""
    return f"No fault was found. Noted: {', '.join(notes[:NAMED_NOTES])}{more}."


def why_in_part(report: Report) -> str | None:
    """Why not all was watched that should have been, where no op of a step is to blame."""
    failed = [error for error in report.run.info.errors if error.fit is None]
    if failed:
        more = f", and {len(failed) - 1} more of its own" if len(failed) > 1 else ""
        return f"nanwatch itself failed with {failed[0].type} while {failed[0].doing}{more}"
    if missing := report.missing_seams():
        return not_watched_words(missing[0])
    return None


def faulty_sentence(report: Report) -> str:
    """The fault by its name: the numbers do not show it, or not yet."""
    causes = [f"{each.code} {each.name}" for each in report.diagnoses.diagnoses if each.level != "note"]
    return f"The training has a fault: {causes[0]}." if causes else "The training has a fault."


def outputs_named(skills: Sequence[Skill]) -> str:
    """Outputs of several, to begin a sentence: ``"Output 'kind'"``."""
    return capitalise_first(list_words([output_words(each.output) for each in skills if each.output]))


def not_learning_sentence(report: Report) -> str:
    fit = report.fit()
    lacking = [] if fit is None else lacking_outputs(fit)
    if fit is None or not 0 < len(lacking) < len(fit.model.outputs):
        return "The training did not learn."
    return f"{outputs_named(lacking)} did not learn: {min(lacking, key=lambda each: each.ended).words}."


def at_chance_sentence(report: Report) -> str:
    """With the accuracy, where it is a class's share: of uneven classes that may be high."""
    fit = report.fit()
    if fit is None:
        return "The training predicts no better than chance."
    constant, several = outputs_of_one_answer(fit), len(fit.model.outputs) > 1
    if several and constant:
        named = capitalise_first(list_words([*map(output_words, constant)]))
        return f"{named} predicts no better than chance: the same for every row."
    first = first_output(fit)
    said = capitalise_first(output_words(first) if several and first is not None else "the training")
    said += " predicts no better than chance"
    words = share_words(fit, epochs=1)
    if words is None:
        return f"{said}."
    return f"{said}: its accuracy, {short(accuracies(fit, output=first)[-1])}, {words}."


def tried_in_vain(number: int) -> str:
    return f"It was run again with {count(number, 'change')}, and none made it learn more."


def no_training_sentence(report: Report) -> str:
    """With what kept nanwatch from seeing one, where that is known."""
    where = report.path(report.run.info.script)
    reasons = report.not_watched()
    if not reasons:
        return f"{where} trained no Keras model that nanwatch could see."
    said = f"{where} trained no Keras model that nanwatch could watch: {reasons[0].rstrip('.')}"
    return said + (f", and {len(reasons) - 1} more." if len(reasons) > 1 else ".")


def incomplete_sentence(report: Report) -> str:
    if held := held_for_others(report.run):
        return (
            f"Step {held[0]} went bad in another worker, and this one was halted with it: the record of "
            "that worker says why."
        )
    cut = [part for part in report.run.parts if is_cut_off(part)]
    if report.state == "interrupted":
        return f"The run was interrupted by Ctrl-C{until(report)}. Until then {nothing_so_far(report)}"
    if not cut or report.run.info.status in ("killed", "running"):
        return f"The run was killed: its record ends after {count(report.steps(), 'step')}."
    steps = count(sum(fit.info.steps for part in cut for fit in part.fits), "step")
    if len(cut) > 1:
        return f"{len(cut)} child processes did not finish: their records end after {steps} in all."
    name = process_words(report, cut[0])
    return f"{name[:1].upper()}{name[1:]} did not finish: its record ends after {steps}."


def until(report: Report) -> str:
    """``" in step 1,234 of 9,380, epoch 3 of 20"``, as far as a training had come."""
    going_on = [fit for fit in report.run.fits if fit.info.steps]
    if not going_on:
        return ""
    return f" in {step_words(progress(going_on[-1]), going_on[-1])}"


def interrupted_sentence(report: Report) -> str | None:
    """That the run did not come to its end, where the headline is about its training."""
    if report.diagnoses.outcome == "incomplete" or report.run.info.incident is not None:
        return None
    if report.state == "interrupted":
        return f"It was interrupted by Ctrl-C{until(report)}."
    return "It was killed before its end." if report.state == "killed" else None


def course(report: Report) -> str | None:
    """How the training went: steps, epochs, where loss and accuracy went; None without a step."""
    fit = report.fit()
    if fit is None or not fit.info.steps:
        return None
    return f"{', '.join(course_facts(report))}{in_training(report, fit.info.index)}."


def course_facts(report: Report, brief: bool = False) -> list[str]:
    """The parts of `course`; ``brief``: without when loss and accuracy were what they are."""
    fit = report.fit()
    if fit is None:
        return []
    said = [count(fit.info.steps, "step")]
    if fit.info.epochs:
        said.append(count(fit.info.epochs, "epoch"))
    if losses := loss_words(fit, brief):
        said.append(losses)
    found = accuracy(fit)
    if found is not None:
        said.append(f"{found[0]} {short(found[1])}" + ("" if brief else " after the last epoch"))
    return said


def incident_sentence(report: Report, incident: IncidentInfo) -> str:
    place = PLACES[incident.role]
    if incident.role in NAMED and incident.path:
        place += f" {report.names.path(incident.path)}"
    became = "was" if incident.role in ("input", "label", "sample_weight") else "became"
    value = VALUES[incident.value]
    fit = report.run.fit_of_incident()
    where = f", in epoch {epoch(fit, incident.epoch)}" if fit is None or fit.has_epochs() else ""
    where += replica(report, incident) + in_training(report, incident.fit)
    return f"{place} {became} {value} {when_words(incident)}{where}."


def replica(report: Report, incident: IncidentInfo) -> str:
    """Which of several replicas saw it: ``", in replica 2 of 4"``, counted as epochs are."""
    fit = report.run.fit_of_incident()
    if incident.replica is None or fit is None or fit.info.replicas < 2:
        return ""
    said = f", in replica {incident.replica + 1} of {fit.info.replicas}"
    is_own = report.run.part_of(incident.fit) is None
    return f"{said}, of {clean(report.run.info.worker)}" if is_own and report.run.info.worker else said


def epoch(fit: Fit | None, number: int) -> str:
    """An epoch as Keras counts them in its progress bar: ``"3 of 20"``."""
    asked = None if fit is None else fit.info.epochs_asked
    return f"{number + 1} of {asked}" if asked else str(number + 1)


def action_sentence(incident: IncidentInfo) -> str:
    """What was done at the incident: one sentence, or two."""
    then = {"raise": " The training was halted there.", "stop": " The training was stopped there."}
    if incident.state:
        said = "No gradient moves it, and no update could be held back for it: its last finite value is gone."
        return said + then.get(incident.action, "")
    if not incident.frozen:
        return "The update was applied: the weights may hold NaN from this step on."
    said = "The update was held back: the weights are still the last finite ones."
    return said + then.get(incident.action, "")


def nonfinite_log_sentence(report: Report) -> str:
    """A NaN that showed in the epoch's numbers alone: in a metric, or in the validation."""
    fit = report.fit()
    for number, logs in enumerate([] if fit is None else fit.epoch_logs()):
        for name, value in logs.items():
            if not math.isfinite(value):
                return f"{name} was {short(value)} at the end of epoch {epoch(fit, number)}."
    return "The training reports numbers that are NaN or infinite."


def crash_sentence(report: Report) -> str:
    error = what_was_raised(report)
    said = f": {error.rstrip('.')}" if error else ""
    fit = report.fit()
    part = None if fit is None else report.run.part_of(fit.info.index)
    if part is not None and fit is not None and report.run.info.status != "crashed":
        who = f"A training in {process_words(report, part)}"
        return f"{who} ended with an exception after {count(fit.info.steps, 'step')}{said}."
    return f"The script ended with an exception after {count(report.steps(), 'step')}{said}."


def raised_sentence(report: Report) -> str | None:
    """That the script ended with an exception, where the headline is about its training."""
    raised = report.run.info.raised
    if raised is None or report.diagnoses.outcome == "crashed":
        return None
    at = raised.location
    where = "" if at is None else f" at {report.place(at)}"
    return f"Afterwards the script ended with {raised.type}{where}."


def what_was_raised(report: Report) -> str | None:
    """The exception that ended the script, or a training: its type and the beginning of its message."""
    if report.run.info.raised is not None:
        raised = report.run.info.raised
        cut = "..." if len(raised.message) > MOST_OF_A_MESSAGE else ""
        message = f": {raised.message[:MOST_OF_A_MESSAGE]}{cut}" if raised.message else ""
        return raised.type + message
    seen = [event.message for fit in report.run.fits for event in fit.events if isinstance(event, Raised)]
    errors = [fit.info.error for fit in report.run.fits if fit.info.error] or seen
    return errors[-1] if errors else None


def accuracy(fit: Fit) -> tuple[str, float] | None:
    """The name and last value of the training accuracy; the validation's where there is no other."""
    logs = fit.epoch_logs()
    last = logs[-1] if logs else {}
    names = [name for name in last if name == "acc" or name.endswith(("accuracy", "_acc"))]
    names.sort(key=lambda name: name.startswith("val_"))
    return (names[0], last[names[0]]) if names else None
