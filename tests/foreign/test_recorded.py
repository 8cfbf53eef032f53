"""Logs that real trainings of Keras wrote, healthy and faulty: what is suspected of each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nanwatch.foreign.judge import judge
from nanwatch.foreign.reading.read_log import read_log

RECORDED = Path(__file__).parent / "recorded"
LOGS = sorted(RECORDED.glob("*.log"))
MARK = re.compile(r"^=== (\w+)$", re.MULTILINE)
FIRST = 3  # without its script a log can point to one of several faults


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.stem)
def test_the_fault_is_among_the_first_and_no_healthy_training_is_suspected(path: Path) -> None:
    names = MARK.findall(path.read_text(encoding="utf-8"))
    report = judge(str(path), read_log(path))
    assert len(names) >= 8
    assert len(report.trainings) == len(names)
    for name, judged in zip(names, report.trainings, strict=True):
        codes = [suspicion.code for suspicion in judged.suspicions]
        if name.startswith("f"):
            assert f"NW{name[1:4]}" in codes[:FIRST], (name, codes)
        else:
            assert (judged.case.symptom, codes) == (None, []), name


def test_both_kinds_and_both_keras_are_there() -> None:
    assert [path.stem for path in LOGS] == [
        "keras-3.0-bar",
        "keras-3.15-lines",
        "tf_keras-2.19-bar",
        "tf_keras-2.19-lines",
    ]
    names = MARK.findall("".join(path.read_text(encoding="utf-8") for path in LOGS))
    assert sum(name.startswith("f") for name in names) >= 20
    assert sum(not name.startswith("f") for name in names) >= 20


def test_event_files_are_read_by_their_folder() -> None:
    report = judge("tensorboard", read_log(RECORDED / "tensorboard"))
    (training,) = report.log.trainings
    assert {"loss", "accuracy", "val_loss", "val_accuracy"} <= set(training.names())
    assert len(training.epochs) == 6
    assert report.told.case.symptom == "accuracy-at-chance"
    assert report.told.suspicions[0].code == "NW202"


def test_one_event_file_has_one_half() -> None:
    log = read_log(RECORDED / "tensorboard" / "validation" / "events.out.tfevents.1.v2")
    assert set(log.trainings[0].names()) == {"val_loss", "val_accuracy"}
