"""The message of the exception that halts a training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from nanwatch.diagnose.diagnosis import Diagnoses
from nanwatch.explain.halt_words import halt_words
from tests.explain import made_up_reports


def test_cause_line_and_fix(tmp_path: Path) -> None:
    report = made_up_reports.broken(tmp_path)
    assert halt_words(report, "the loss became NaN at step 40").splitlines() == [
        "the loss became NaN at step 40; the training was halted there.",
        "Cause: NW201 relu-output: Layer dense_1 has a ReLU as the output under a categorical cross-entropy: "
        "a row of zeros is divided by its sum, and 0/0 is NaN.",
        'Line: train.py:7: layers.Dense(5, activation="relu"),  # five classes',
        "Fix: Give the last layer a softmax, whose rows always sum to 1.",
        '     layers.Dense(5, activation="softmax"),  # five classes',
        f"The record is in {report.run.folder}",
    ]


def test_without_a_finding_the_line_of_the_op(tmp_path: Path) -> None:
    report = replace(made_up_reports.broken(tmp_path), diagnoses=Diagnoses("non-finite"))
    assert halt_words(report, "NaN\x1b[31m at step 1").splitlines() == [
        "NaN[31m at step 1; the training was halted there.",
        'Line: train.py:7: layers.Dense(5, activation="relu"),  # five classes',
        f"The record is in {report.run.folder}",
    ]
