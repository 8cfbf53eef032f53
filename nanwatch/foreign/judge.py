"""A log and a script to what is told of them: each training's course, and of the one that went wrong why."""

from __future__ import annotations

from dataclasses import dataclass

from nanwatch.foreign.course import Course, course_of
from nanwatch.foreign.log import Log, Training
from nanwatch.foreign.script.facts import ScriptFacts
from nanwatch.foreign.suspicions import suspicions_of
from nanwatch.foreign.suspicions.case import Case
from nanwatch.foreign.suspicions.suspicion import Suspicion


@dataclass(frozen=True)
class Judged:
    """A training of the log, and what may be wrong with it."""

    number: int  # from 1
    training: Training
    case: Case
    suspicions: tuple[Suspicion, ...]

    @property
    def course(self) -> Course:
        return self.case.course


@dataclass(frozen=True)
class LogReport:
    """What every renderer of a log gets. ``told`` is the training that is told of: the first broken one."""

    place: str  # the file
    log: Log
    script: ScriptFacts | None
    trainings: tuple[Judged, ...]
    told: Judged

    @property
    def num_broken(self) -> int:
        return sum(each.case.symptom is not None for each in self.trainings)


def judge(place: str, log: Log, script: ScriptFacts | None = None) -> LogReport:
    judged = tuple(
        judge_training(number, training, script) for number, training in enumerate(log.trainings, start=1)
    )
    broken = [each for each in judged if each.case.symptom is not None]
    return LogReport(place, log, script, judged, (broken or judged)[0])


def judge_training(number: int, training: Training, script: ScriptFacts | None) -> Judged:
    heads = script.heads if script else ()
    units = training.units or (heads[0].units if len(heads) == 1 else None)
    case = Case(course_of(training, units), training.remarks, training.units, script)
    return Judged(number, training, case, suspicions_of(case))
