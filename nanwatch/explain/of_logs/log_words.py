"""What a report on a log says, in words that every format lays out: the headline, what is seen, what fits."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from nanwatch.diagnose.rule import find_rule
from nanwatch.explain.figures import count, short
from nanwatch.explain.headline import Tone
from nanwatch.explain.of_logs.fault_words import FAULTS
from nanwatch.explain.untrusted import clean
from nanwatch.foreign.course import IMBALANCED, VALIDATION, Course, StoodStill, WentBad
from nanwatch.foreign.judge import Judged, LogReport
from nanwatch.foreign.log import Kind, Progress, RemarkKind
from nanwatch.foreign.script.facts import CodeLine
from nanwatch.foreign.suspicions.suspicion import Reason, Strength, Suspicion

MOST_SUSPICIONS = 6  # of more than these the last are guesses
MOST_LINES = 3
KINDS: dict[Kind, str] = {
    "console": "console log",
    "csv": "CSV",
    "event-file": "event file of TensorBoard",
    "history": "history",
}
STRENGTHS: dict[Strength, str] = {
    "named": "the log itself names it",
    "line-fits": "a line of the script fits",
    "numbers-fit": "the numbers fit",
}
REMARKS: dict[RemarkKind, str] = {
    "terminated-on-nan": "TerminateOnNaN ended the training at batch {number}.",
    "softmax-over-one": "Keras warned of a softmax over one unit.",
    "categorical-over-one": "Keras warned of categorical_crossentropy over one unit.",
    "label-out-of-range": "An exception speaks of a label {number} outside the valid range.",
    "index-out-of-range": "An exception speaks of an index {number} outside the valid range.",
    "invalid-value": "NumPy warned of a division by zero, an overflow or an invalid value.",
}
BASIS = (
    "This log is not nanwatch's. What follows is a suspicion, drawn from printed numbers; "
    "it is not a diagnosis."
)


@dataclass(frozen=True)
class SuspicionWords:
    code: str
    name: str
    strength: str
    fits: str
    reasons: tuple[str, ...]
    lines: tuple[CodeLine, ...]
    tells: str


def headline(report: LogReport) -> tuple[Tone, str]:
    """The one sentence, and whether it is good news."""
    case, course = report.told.case, report.told.course
    symptom = case.symptom
    if symptom == "loss-not-finite" and course.loss_bad is not None:
        return "broken", bad_words("The loss", course.loss_bad, report.told)
    if symptom == "validation-not-finite" and course.val_bad is not None:
        return "broken", bad_words("The validation loss", course.val_bad, report.told, alone=True)
    if symptom is None:
        return ("well" if course.trend == "falling" else "open"), well_words(course)
    return "broken", SYMPTOMS[symptom].format(**figures_of(course))


SYMPTOMS = {
    "zero-loss": "The loss is exactly 0 from the first epoch on.",
    "negative-loss": "The loss is below 0, where a cross-entropy cannot be: {last} in the end.",
    "hard-predictions": (
        "Every prediction is a hard 0 or 1, by the loss: it is {hard} times the share of errors throughout."
    ),
    "flat-loss": "The loss did not move: {flat} in all of {epochs}{ln_k}.",
    "loss-grows": "The loss grew to {grown} times its least value.",
    "accuracy-at-chance": "The accuracy stood still: {still}, whatever the loss did.",
    "loss-of-a-guesser": "Nothing was learned: the loss ends at {last}, what guessing costs.",
    "validation-at-chance": "The training learns, the validation does not: its accuracy ends at {coin}.",
}


def figures_of(course: Course) -> dict[str, str]:
    flat = course.flat
    still = next((each for each in course.still if each.classes), None)
    classes = flat.classes if flat else None
    return {
        "last": number_or_none(course.last),
        "hard": number_or_none(course.hard, digits=3),
        "flat": number_or_none(flat.value if flat else None),
        "epochs": count(course.epochs, "epoch"),
        "ln_k": f", which is ln {classes}, the loss of guessing among {classes} classes" if classes else "",
        "grown": number_or_none(course.grown, digits=2),
        "still": chance_words(still) if still else "",
        "coin": "" if course.coin is None else f"{course.coin:.4f}",
    }


def number_or_none(value: float | None, digits: int | None = None) -> str:
    if value is None:
        return "unknown"
    return f"{value:.{digits}g}" if digits and value < 1e4 else short(value)


def bad_words(subject: str, bad: WentBad, judged: Judged, alone: bool = False) -> str:
    what = "infinite" if bad.infinite else "NaN"
    of = f" of {judged.training.planned}" if judged.training.planned else ""
    behind = ", and the loss is finite" if alone else ""
    if bad.finite_before == 0:
        return f"{subject} is {what} from epoch {bad.epoch}{of} on{behind}."
    before = count(bad.finite_before, "epoch")
    return f"{subject} became {what} in epoch {bad.epoch}{of}, after {before} in which it was finite{behind}."


def well_words(course: Course) -> str:
    if course.trend == "falling":
        fell = f"the loss fell from {number_or_none(course.first)} to {number_or_none(course.last)}"
        over = ", and it overfits" if course.best_epoch is not None else ""
        return f"Nothing is wrong by these numbers: {fell} in {count(course.epochs, 'epoch')}{over}."
    return f"These numbers of {count(course.epochs, 'epoch')} show no fault that is known."


def seen(report: LogReport) -> list[str]:
    """What the numbers and the words of the log say, one sentence each."""
    return [clean(sentence) for sentence in all_seen(report)]


def all_seen(report: LogReport) -> Iterator[str]:
    told, course = report.told, report.told.course
    if len(report.trainings) > 1:
        broken = f"{report.num_broken or 'none'} of them went wrong"
        total = count(len(report.trainings), "training")
        yield f"The log has {total}, and {broken}; this is number {told.number}."
    if course.loss_bad is not None:
        yield from of_bad_loss(told, course.loss_bad)
    elif told.case.symptom is not None and course.first is not None and course.flat is None:
        yield f"The loss went from {short(course.first)} to {number_or_none(course.last)}."
    yield from still_words(course)
    if course.best_epoch is not None:
        yield (
            f"The validation loss was least in epoch {course.best_epoch} ({number_or_none(course.best)}) and "
            f"is {number_or_none(course.last_val)} at the end, while the training's still falls: it overfits."
        )
    if course.never_right and course.trend == "falling":
        yield (
            "The accuracy is 0 while the loss falls: of a regression it says nothing (NW209), "
            "and is no sign of a fault."
        )
    planned = told.training.planned
    if planned is not None and course.epochs and told.training.epochs[-1].number < planned:
        yield f"The log ends in epoch {told.training.epochs[-1].number} of {planned}."
    for remark in told.case.remarks:
        yield REMARKS[remark.kind].format(number=remark.number)
    if report.log.left_out:
        yield f"{count(report.log.left_out, 'epoch')} beyond the first 100,000 were left out."
    if report.script is not None and report.script.unread:
        yield f"{count(report.script.unread, 'line')} of {report.script.name} could not be read as Python."


def of_bad_loss(judged: Judged, bad: WentBad) -> Iterator[str]:
    if bad.first_bad is not None and is_inside(bad.first_bad):
        before = f"finite at {place(bad.last_finite)} and " if bad.last_finite else ""
        word = "infinite" if bad.infinite else "NaN"
        yield f"Within epoch {bad.epoch} the loss was {before}{word} at {place(bad.first_bad)}."
    finite = [value for _, value in judged.training.series("loss") if math.isfinite(value)]
    if len(finite) == 1:
        yield f"Before that it was {short(finite[0])}."
    elif finite:
        yield f"Before that it went from {short(finite[0])} to {short(finite[-1])}."
    validation = [value for _, value in judged.training.series("val_loss") if math.isfinite(value)]
    if len(validation) > 1 and validation[-1] > 2 * validation[0]:
        yield f"The validation loss rose from {short(validation[0])} to {short(validation[-1])} before."
    if bad.finite_before:
        yield (
            "All rows were seen in the epoch before: NaN that stands in the data would have shown there, "
            "unless rows are made anew in each epoch."
        )
    if bad.ended_finite:
        yield "Later the loss is finite again: a NaN of single batches, or of the printed mean alone."


def is_inside(progress: Progress) -> bool:
    return progress.total is None or progress.step < progress.total


def place(progress: Progress) -> str:
    total = "" if progress.total is None else f" of {progress.total:,}"
    return f"{progress.step:,}{total}"


def still_words(course: Course) -> Iterator[str]:
    """Each accuracy that stood still; what only follows from a NaN is said once."""
    bad = course.loss_bad
    follows = [each for each in course.still if bad is not None and each.since >= bad.epoch]
    for each in course.still:
        said = f"{each.name} stood still at {chance_words(each)}, from epoch {each.since} on"
        common = ": the share of the most common class, or all that there is to learn"
        if each not in follows:
            yield f"{said}{common if each.share > IMBALANCED else ''}."
    if follows:
        said = " and ".join(f"{each.name} at {chance_words(each)}" for each in follows)
        yield (
            f"Still since then: {said}. That follows from the NaN, which is taken for the same class, "
            "or for none, in every row."
        )


def chance_words(still: StoodStill) -> str:
    if still.classes is None:
        return f"{still.share:.4f}"
    balanced = "two balanced classes" if still.classes == 2 else f"{still.classes} balanced classes"
    return f"{still.share:.4f} (chance for {balanced})"


def suspicions(report: LogReport) -> list[SuspicionWords]:
    return [words_of(each) for each in report.told.suspicions[:MOST_SUSPICIONS]]


def words_of(suspicion: Suspicion) -> SuspicionWords:
    words = FAULTS[suspicion.code]
    reasons = tuple(said for reason in suspicion.reasons if (said := reason_words(reason)))
    return SuspicionWords(
        suspicion.code,
        find_rule(suspicion.code).name,
        STRENGTHS[suspicion.strength],
        words.fits,
        tuple(dict.fromkeys(reasons)),
        suspicion.lines[:MOST_LINES],
        words.tells,
    )


def reason_words(reason: Reason) -> str:
    """What a line or the log's own words give; what the numbers say, stands above all suspicions."""
    if reason.kind == "keras-warned":
        return "Keras itself warned of it."
    if reason.kind == "exception-said":
        return "The exception in the log says so."
    if reason.kind == "head":
        activation, _, loss = reason.value.partition(" ")
        units = "" if reason.number is None else f" of {count(int(reason.number), 'unit')}"
        head = "no activation" if activation == "linear" else clean(activation)
        return f"The output{units} has {head}{f' under {clean(loss)}' if loss else ''}."
    if reason.kind == "rate":
        return f"{clean(reason.value)} has a learning rate of {short(reason.number or 0.0)}."
    if reason.kind == "grew-before":
        return f"The loss grew to {number_or_none(reason.number, digits=2)} times its least before it broke."
    return ""


def place_words(report: LogReport, at: CodeLine) -> str:
    script = clean(report.script.name) if report.script else ""
    return f"{script}:{at.line}" if at.cell is None else f"{script}, cell {at.cell}, line {at.line}"


def next_commands(report: LogReport) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    broken = report.told.case.symptom is not None
    script = "train.py"
    if report.script is not None and report.script.name != report.place:
        script = shlex.quote(clean(report.script.name))
    if broken:
        why = "makes sure: it watches every step, and names op, batch and line"
        found.append((f"nanwatch run {script}", why))
    if report.script is None and broken:
        again = f"nanwatch explain {shlex.quote(clean(report.place))} --script train.py"
        found.append((again, "adds the lines of the script that fit"))
    found += [
        (f"nanwatch rule {each.code}", f"what {find_rule(each.code).name} is, with an example")
        for each in report.told.suspicions[:1]
    ]
    return found


def numbers(report: LogReport) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The names of the loss and the accuracies, and their numbers in the first and the last epochs."""
    names = [name for name in report.told.training.names() if is_shown(name)][:6]
    epochs = report.told.training.epochs
    chosen = epochs if len(epochs) <= 8 else (*epochs[:3], *epochs[-5:])
    rows = [(each.number, [cell(each.values.get(name)) for name in names]) for each in chosen]
    return names, rows


def is_shown(name: str) -> bool:
    return name.removeprefix(VALIDATION) == "loss" or "acc" in name or name in ("mae", "val_mae")


def cell(value: float | None) -> str:
    return "" if value is None else short(value)
