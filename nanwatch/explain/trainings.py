"""Several networks that a script trains, told apart by what the script calls them."""

from __future__ import annotations

import re
from collections.abc import Iterable

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
    """``", in the training of critic, in process 4711"``, as far as there are several of either."""
    fit = next((one for one in report.run.fits if one.info.index == number), None)
    model = None if fit is None else of_model(report, fit)
    return (f", in {model}" if model is not None else "") + in_process(report, number)


def place_words(report: Report, number: int) -> str:
    """The same as a sentence of its own; "" where there is one training."""
    said = in_training(report, number).removeprefix(", ")
    return f"{said[:1].upper()}{said[1:]}." if said else ""


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
