"""Several networks that a script trains, told apart by what the script calls them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from nanwatch.diagnose.data_words import list_words
from nanwatch.diagnose.diagnosis import Outcome
from nanwatch.explain.figures import count
from nanwatch.explain.loss_words import end_of_loss
from nanwatch.explain.processes import in_process, process_words
from nanwatch.explain.report import Report
from nanwatch.explain.untrusted import clean
from nanwatch.record.facts import ModelInfo
from nanwatch.record.run import Fit

NUMBER = re.compile(r"_\d+$")
KERAS_NAMES = {"sequential", "functional", "model"}
MOST_MODELS = 8  # that are told of one by one
OUTCOMES: dict[Outcome, tuple[str, str]] = {  # of one training, and of several
    "non-finite": ("went non-finite", "went non-finite"),
    "diverged": ("diverged", "diverged"),
    "at-chance": ("stayed at chance", "stayed at chance"),
    "not-learning": ("did not learn", "did not learn"),
    "crashed": ("ended with an exception", "ended with an exception"),
    "not-generalizing": ("did not generalize", "did not generalize"),
    "faulty": ("has a fault", "have a fault"),
    "incomplete": ("did not finish", "did not finish"),
    "no-training": ("made no step", "made no step"),
    "healthy": ("shows no fault", "show no fault"),
}


def name_in_script(report: Report, model: ModelInfo) -> str:
    return clean(report.names.path(model.name))


def models_told_apart(report: Report) -> dict[str, list[Fit]]:
    """The trainings by the name of their model; of one model alone, or of Keras's names alone, none."""
    found: dict[str, list[Fit]] = {}
    for fit in report.run.fits:
        if fit.model.layers:
            found.setdefault(fit.model.name, []).append(fit)
    named = any(name in report.names.called for name in found)
    return found if len(found) > 1 and (named or are_telling(found)) else {}


def are_telling(names: Iterable[str]) -> bool:
    """Whether they differ in more than their numbers, as those of folds do, and are not Keras's own."""
    bases = {NUMBER.sub("", name) for name in names}
    return len(bases) > 1 and bool(bases - KERAS_NAMES)


def of_model(report: Report, fit: Fit) -> str | None:
    """``"the training of critic"``, where there are several to be told apart."""
    if fit.model.name not in models_told_apart(report):
        return None
    return f"the training of {name_in_script(report, fit.model)}"


def in_training(report: Report, number: int) -> str:
    """``", in fit 2 of 12 of critic, in process 4711"``, as far as there are several of each."""
    fit = next((one for one in report.run.fits if one.info.index == number), None)
    if fit is None:
        return ""
    model, place = of_model(report, fit), number_words(report, fit)
    if place is not None and model is not None:
        place = f"{place} of {name_in_script(report, fit.model)}"
    which = place or model
    return (f", in {which}" if which is not None else "") + in_process(report, number)


def number_words(report: Report, fit: Fit) -> str | None:
    """``"fit 2 of 12"``, of those that nothing else tells apart; None of one alone."""
    told_apart, part = models_told_apart(report), report.run.part_of(fit.info.index)
    alike = [
        other
        for other in report.run.fits
        if (fit.model.name not in told_apart or other.model.name == fit.model.name)
        and report.run.part_of(other.info.index) is part
    ]
    if len(alike) < 2:
        return None
    noun = "fit" if all(other.info.kind == "fit" for other in alike) else "training"
    place = [other.info.index for other in alike].index(fit.info.index)
    return f"{noun} {place + 1} of {len(alike)}"


def place_words(report: Report, number: int, alike: int = 0) -> str:
    """The same as a sentence of its own, with so many ``alike``; "" where there is one training."""
    said = in_training(report, number).removeprefix(", ")
    if not said:
        return ""
    others = f", and alike in {count(alike, 'other')}" if alike else ""
    return f"{said[:1].upper()}{said[1:]}{others}."


def others_sentence(report: Report) -> str | None:
    """What became of the trainings that the report does not tell of; None where there is none."""
    told = report.fit()
    outcomes = [
        outcome for number, outcome in report.diagnoses.outcomes if told and number != told.info.index
    ]
    if not outcomes or sum(not fit.info.brief for fit in report.run.fits) != len(outcomes) + 1:
        return None
    if len(outcomes) == 1:
        return f"The other training {OUTCOMES[outcomes[0]][0]}."
    counted = {outcome: outcomes.count(outcome) for outcome in OUTCOMES if outcome in outcomes}
    if len(counted) == 1:
        return f"The {len(outcomes)} other trainings {OUTCOMES[outcomes[0]][1]}."
    words = [f"{number} {OUTCOMES[outcome][number > 1]}" for outcome, number in counted.items()]
    return f"Of {len(outcomes)} other trainings {list_words(words)}."


def training_lines(report: Report) -> list[str]:
    """How far each model came, a sentence each."""
    found = list(models_told_apart(report).values())
    lines = [training_line(report, fits) for fits in found[:MOST_MODELS]]
    if len(found) > MOST_MODELS:
        lines.append(f"And {len(found) - MOST_MODELS} more.")
    return lines


def training_line(report: Report, fits: list[Fit]) -> str:
    model, steps = fits[-1].model, count(sum(fit.info.steps for fit in fits), "step")
    said = [f"{name_in_script(report, model)} ({clean(model.type)}): {steps}"]
    if model.optimizer is not None:
        said.append(f"by {clean(model.optimizer.type)}")
    if ended := end_of_loss(fits[-1]):
        said.append(f"loss {ended.words}")
    part = report.run.part_of(fits[-1].info.index)
    if part is not None:
        said.append(f"in {process_words(report, part)}")
    return f"{', '.join(said)}."
