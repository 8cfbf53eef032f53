"""A report on a log, as JSON, for other programs: a contract of its own.

History of the format:

* 1: ``log``, ``training``, ``seen``, ``suspicions``, ``script``.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from nanwatch.explain.of_logs import log_words
from nanwatch.foreign.course import Course, WentBad
from nanwatch.foreign.judge import Judged, LogReport
from nanwatch.foreign.suspicions.suspicion import Suspicion
from nanwatch.record import strict_json

FORMAT = 1


def render(report: LogReport) -> str:
    """The report as strict JSON: a NaN is null, with ``"<key>_nonfinite": "nan"`` beside it."""
    table = {
        "log_format": FORMAT,
        "log": {
            "file": report.place,
            "kind": report.log.kind,
            "trainings": len(report.trainings),
            "broken": report.num_broken,
        },
        "training": training_table(report.told),
        "seen": seen_table(report.told.course),
        "said": [log_words.headline(report)[1], *log_words.seen(report)],
        "suspicions": [suspicion_table(report, each) for each in report.told.suspicions],
        "script": None
        if report.script is None
        else {"file": report.script.name, "lines_not_read": report.script.unread},
    }
    return strict_json.dumps(table, indent=2) + "\n"


def training_table(judged: Judged) -> dict[str, Any]:
    return {
        "number": judged.number,
        "symptom": judged.case.symptom,
        "epochs": judged.course.epochs,
        "planned": judged.training.planned,
        "values": [{"epoch": each.number, **each.values} for each in judged.training.epochs],
    }


def seen_table(course: Course) -> dict[str, Any]:
    return {
        "first_loss": course.first,
        "last_loss": course.last,
        "trend": course.trend,
        "loss_not_finite": bad_table(course.loss_bad),
        "validation_not_finite": bad_table(course.val_bad),
        "stood_still": [asdict(each) for each in course.still],
        "flat": None if course.flat is None else asdict(course.flat),
        "loss_over_errors": course.hard,
        "grown": course.grown,
        "overfits_from": course.best_epoch,
    }


def bad_table(bad: WentBad | None) -> dict[str, Any] | None:
    if bad is None:
        return None
    return {
        "epoch": bad.epoch,
        "infinite": bad.infinite,
        "finite_before": bad.finite_before,
        "last_finite": None if bad.last_finite is None else asdict(bad.last_finite),
        "first_bad": None if bad.first_bad is None else asdict(bad.first_bad),
    }


def suspicion_table(report: LogReport, suspicion: Suspicion) -> dict[str, Any]:
    said = log_words.words_of(suspicion)
    return {
        "code": suspicion.code,
        "name": said.name,
        "strength": suspicion.strength,
        "fits": said.fits,
        "tells": said.tells,
        "reasons": [asdict(reason) for reason in suspicion.reasons],
        "lines": [
            {"file": report.script.name if report.script else None, **asdict(line)}
            for line in suspicion.lines
        ],
    }
