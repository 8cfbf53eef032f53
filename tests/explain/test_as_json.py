"""The JSON report is a contract: these keys, and strict."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from nanwatch.diagnose.diagnosis import Diagnosis, Remedy
from nanwatch.explain import as_json
from nanwatch.explain.report import Report
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.notes import OtherKeras, OwnError
from nanwatch.record.trials import Trial, TrialOutcome
from tests.explain import made_up_reports

PLACE = {"file": "train.py", "line": 7, "code": made_up_reports.GUILTY, "cell": None}


def refuse(word: str) -> float:
    raise AssertionError(f"bare {word}")


def parsed(report: Report) -> dict[str, Any]:
    found = json.loads(as_json.render(report), parse_constant=refuse)
    assert isinstance(found, dict)
    return found


def test_the_broken_run_in_full(tmp_path: Path) -> None:
    found = parsed(made_up_reports.broken(tmp_path))
    diagnoses = found.pop("diagnoses")
    assert found == {
        "format": 1,
        "run": {
            "folder": "logs/20250102T030405Z-train-7",
            "script": "train.py",
            "argv": [str(tmp_path / "train.py"), "--fast"],
            "status": "halted",
            "state": "halted",
            "steps": 41,
            "epochs": 3,
            "versions": {"keras": "3.15.0", "tensorflow": "2.21.0"},
            "outcome": "non-finite",
            "models": [{"name": "model", "called": None, "type": "Sequential"}],
            "processes": [],
        },
        "incident": {
            "step": 40,
            "epoch": 2,
            "role": "loss",
            "path": "",
            "replica": None,
            "finite_after": None,
            "process": None,
            "op": {"type": "RealDiv", "direction": "forward", **PLACE},
        },
        "cost": {
            "step_overhead": pytest.approx(0.004),
            "watched": 27,
            "not_watched": ["lambda: called inside a loop or a function of its own"],
            "rules_not_run": [
                "NW113: the labels were not seen in order",
                "NW118: there was no validation data",
            ],
            "held_back": [],
            "accepted": [],
        },
    }
    assert [(entry["code"], entry["part"]) for entry in diagnoses] == [
        ("NW201", "cause"),
        ("NW105", "contributing"),
        ("NW607", "consequence"),
    ]
    cause = diagnoses[0]
    keys = ["code", "name", "part", "level", "message", "evidence", "location", "remedies", "process"]
    assert list(cause) == keys
    assert cause["location"] == {**PLACE, "layer": "dense_1"}
    assert cause["evidence"][0] == "3 of 32 rows of the prediction sum to 0 in the bad step"
    assert cause["remedies"][0] == {
        "kind": "set_activation",
        "target": "dense_1",
        "value": "softmax",
        "text": "Give the last layer a softmax, whose rows always sum to 1.",
        "trial": {
            "verdict": "cured",
            "before": {"finite": False, "finite_steps": 0, "loss": None, "skill": None, "raised": None},
            "after": {"finite": True, "finite_steps": 30, "loss": 0.69, "skill": None, "raised": None},
            "steps": 30,
            "made_again": False,
            "at_op": False,
            "output": None,
            "since": 0,
            "beside": None,
        },
    }
    assert diagnoses[1]["remedies"][0]["trial"] is None
    assert diagnoses[2]["location"] is None


def test_a_healthy_run() -> None:
    found = parsed(made_up_reports.healthy())
    assert found["incident"] is None
    assert found["diagnoses"] == []
    assert found["run"]["outcome"] == "healthy"
    assert found["run"]["folder"] is None


def test_an_incident_without_an_autopsy() -> None:
    assert parsed(made_up_reports.healthy(incident={"value": "nan"}))["incident"]["op"] is None


def test_the_replica_that_saw_it() -> None:
    report = made_up_reports.healthy(incident={"replica": 1}, fit={"replicas": 2})
    assert parsed(report)["incident"]["replica"] == 1


def test_the_processes() -> None:
    found = parsed(made_up_reports.with_children())
    fork, worker = found["run"]["processes"]
    assert fork == {
        "pid": 71,
        "folder": "/runs/a/part-71",
        "script": "train.py",
        "argv": ["/project/train.py"],
        "status": "finished",
        "trainings": 1,
        "steps": 100,
        "epochs": 1,
    }
    assert (worker["pid"], worker["script"], worker["argv"]) == (
        72,
        "worker.py",
        ["worker.py", "--fold", "1"],
    )
    assert (found["run"]["steps"], found["incident"]["process"]) == (204, 72)
    assert [diagnosis["process"] for diagnosis in found["diagnoses"]] == [72]


def test_no_time_was_measured() -> None:
    assert parsed(made_up_reports.healthy(fit={"watched": 1}))["cost"]["step_overhead"] is None


def test_a_value_that_is_not_finite_or_a_tuple() -> None:
    change = Intervention(InterventionKind.RESCALE_TARGET, "y", (0.0, math.inf))
    bad = TrialOutcome(True, 1, -math.inf)
    remedy = Remedy(change, "t", trial=Trial(change, "not-cured", bad, bad, 1))
    diagnosis = Diagnosis("NW106", "unscaled-target", "cause", "error", "m", remedies=(remedy,))
    shown = parsed(made_up_reports.healthy(diagnosis))["diagnoses"][0]["remedies"][0]
    assert shown["value"] == [0.0, {"value": None, "nonfinite": "inf"}]
    assert shown["trial"]["before"] == {
        "finite": True,
        "finite_steps": 1,
        "loss": None,
        "loss_nonfinite": "-inf",
        "skill": None,
        "raised": None,
    }


def test_a_path_outside_the_working_directory_stays_whole() -> None:
    report = made_up_reports.healthy()
    assert report.path("/project/src/train.py") == "src/train.py"
    assert report.path("/project/../else/train.py") == "/project/../else/train.py"
    assert report.path("/projects/train.py") == "/projects/train.py"


def test_damage_and_our_own_errors_are_said() -> None:
    from dataclasses import replace

    report = made_up_reports.healthy()
    info = replace(
        report.run.info,
        errors=(OwnError("reading the data of fit", "KeyError", "'x'"),),
        not_watched=(OtherKeras(),),
    )
    run = replace(report.run, info=info, damage=("fit-0.steps could not be read: cut short",))
    assert parsed(replace(report, run=run))["cost"]["not_watched"] == [
        "a model of another Keras was trained too: of Keras 2 (tf_keras) and Keras 3 the one is watched that "
        "the script uses first",
        "fit-0.steps could not be read: cut short",
        "nanwatch's own error while watching: reading the data of fit: KeyError: 'x'",
    ]
