"""Two runs side by side: what was changed, what came of it, and whether the fix worked."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rich.cells import cell_len

from nanwatch.cli.main import main
from nanwatch.diagnose import made_up
from nanwatch.diagnose.diagnosis import Diagnosis
from nanwatch.explain import as_comparison, as_html, as_json, as_terminal
from nanwatch.explain.comparison import Change, ScriptLine, compare
from nanwatch.explain.html_charts import axis_frame, charts
from nanwatch.explain.report import Report
from nanwatch.record.run import Run
from tests.cli import saved_runs
from tests.explain import made_up_reports


def run(activation: str = "relu", rate: float = 0.1, steps: int = 40, **facts: Any) -> Run:
    layers = made_up.dense("hidden", 16, "relu", at=4), made_up.dense("head", 5, activation, at=7)
    known: dict[str, Any] = {
        "loss": [2 - step / 100 for step in range(steps)],
        "epochs": [{"loss": 1.5, "accuracy": 0.5}],
        "fit": {"batch_size": 32, "epochs_asked": 4},
    }
    model = made_up.model(*layers, loss="categorical_crossentropy", learning_rate=rate)
    return made_up.run(model, **{**known, **facts})


def report(of: Run, *findings: Diagnosis) -> Report:
    made = made_up_reports.healthy(*findings, outcome="at-chance" if findings else "healthy")
    return replace(made, run=of)


def fault(code: str, name: str = "some-fault", level: Any = "error", part: Any = "cause") -> Diagnosis:
    return Diagnosis(code, name, part, level, "It is so.", location=made_up.line(7))


def test_what_was_changed() -> None:
    before, now = run(), run("softmax", 0.01, steps=100, fit={"batch_size": 64, "epochs_asked": 4})
    found = compare(report(now), report(before, fault("NW201")))
    assert found.script == (
        ScriptLine("-", 7, 'Dense(5, activation="relu")'),
        ScriptLine("+", 7, 'Dense(5, activation="softmax")'),
    )
    assert found.model == (Change("Dense 'head': activation", "relu", "softmax"),)
    assert found.settings == (
        Change("batch size", "32", "64"),
        Change("learning rate", "0.1", "0.01"),
    )
    assert found.numbers == (
        Change("steps", "40", "100"),
        Change("epochs", "1", "1"),
        Change("loss at the first step", "2", "2"),
        Change("loss at the end", "1.5", "1.5"),
        Change("accuracy in the last epoch", "0.5", "0.5"),
    )


def test_nothing_was_changed() -> None:
    found = compare(report(run()), report(run()))
    assert (found.script, found.model, found.settings) == ((), (), ())
    assert found.said == "No fault is found in either."


def test_layers_are_matched_by_their_kind_whatever_their_names() -> None:
    before = run()
    between = replace(made_up.dense("drop", 16), type="Dropout", name="drop", config={"rate": 0.5})
    layers = before.fits[0].model.layers
    renamed = [replace(layer, name=f"{layer.name}_1", path=f"{layer.path}_1") for layer in layers]
    model = replace(before.fits[0].model, layers=(renamed[0], between, renamed[1]))
    now = replace(before, fits=[replace(before.fits[0], model=model)])
    assert compare(report(now), report(before)).model == (Change("Dropout 'drop'", "not there", "new"),)
    assert compare(report(before), report(now)).model == (Change("Dropout 'drop'", "there", "gone"),)
    other = replace(model, layers=(renamed[0], replace(between, config={"rate": 0.2}), renamed[1]))
    again = replace(before, fits=[replace(before.fits[0], model=other)])
    assert compare(report(again), report(now)).model == (Change("Dropout 'drop': rate", "0.5", "0.2"),)


def test_arguments_and_versions() -> None:
    info = run(info={"versions": {"keras": "3.15.0"}}).info
    before = replace(run(), info=replace(info, argv=("train.py", "--fast")))
    now = run(info={"versions": {"keras": "3.14.0"}})
    assert compare(report(now), report(before)).settings == (
        Change("arguments", "--fast", "none"),
        Change("keras", "3.15.0", "3.14.0"),
    )


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        (["NW201"], [], "NW201 is gone, no fault is found: the fix worked."),
        (["NW201"], ["NW201"], "NW201 is still there."),
        (["NW201"], ["NW501"], "NW201 is gone, NW501 is new."),
        (["NW201", "NW105"], ["NW105"], "NW201 is gone, NW105 is still there."),
        (["NW201", "NW105"], [], "NW105 and NW201 are gone, no fault is found: the fix worked."),
        ([], ["NW201"], "NW201 is new."),
        ([], [], "No fault is found in either."),
    ],
)
def test_what_it_comes_to(before: list[str], now: list[str], said: str) -> None:
    found = compare(report(run(), *map(fault, now)), report(run(), *map(fault, before)))
    assert found.said == said


def test_what_is_gone_and_yet_not_well() -> None:
    sick = report(run())
    sick = replace(sick, diagnoses=replace(sick.diagnoses, outcome="not-learning"))
    found = compare(sick, report(run(), fault("NW201")))
    assert found.said == "NW201 is gone, but: the training did not learn."


def test_notes_and_what_only_follows_are_no_faults() -> None:
    beside = fault("NW209", level="note"), fault("NW607", part="consequence")
    found = compare(report(run(), *beside), report(run(), fault("NW201"), *beside))
    assert [[each.code for each in part] for part in (found.gone, found.still, found.new)] == [
        ["NW201"],
        [],
        [],
    ]


def test_of_several_trainings_the_same_is_compared() -> None:
    bad, good = run().fits[0], run(steps=70).fits[0]
    second = [replace(fit, info=replace(fit.info, index=1)) for fit in (bad, good)]
    before = replace(run(), fits=[run(steps=10).fits[0], second[0]])
    now = replace(run(), fits=[run(steps=90).fits[0], second[1]])
    found = compare(report(now), report(before, replace(fault("NW201"), fit=1)))
    assert found.numbers[0] == Change("steps", "40", "70")


def test_in_the_terminal() -> None:
    now, before = report(run("softmax")), report(run(), fault("NW201", "relu-output"))
    text = as_terminal.render(replace(now, against=before))
    assert text == as_comparison.render(now, before)
    assert text.splitlines()[-1] == "✔ nanwatch: NW201 is gone, no fault is found: the fix worked."
    assert "  Gone      NW201 relu-output" in text
    assert '    -    7  Dense(5, activation="relu")' in text
    assert "    Dense 'head': activation: relu → softmax" in text
    last = as_comparison.render(before, now).splitlines()[-1]
    assert last == "✖ nanwatch: NW201 is new. train.py:7"
    for line in as_comparison.render(now, before, unicode=False).splitlines():
        assert line.isascii()
        assert cell_len(line) <= 80


def test_in_json_and_on_the_page() -> None:
    now = replace(report(run("softmax")), against=report(run(), fault("NW201", "relu-output")))
    told = json.loads(as_json.render(now))["against"]
    assert told["said"] == "NW201 is gone, no fault is found: the fix worked."
    assert (told["gone"], told["still"], told["new"]) == (["NW201"], [], [])
    assert told["model"] == [{"what": "Dense 'head': activation", "before": "relu", "now": "softmax"}]
    assert "against" not in json.loads(as_json.render(report(run())))
    page = as_html.render(now)
    assert "NW201 is gone, no fault is found: the fix worked." in page
    assert "Compared with" not in as_html.render(report(run()))


def test_the_curves_of_both_are_in_one_chart() -> None:
    now = replace(report(run(steps=30)), against=report(run(loss=[1.0] * 49 + [math.nan])))
    drawn = {chart["title"]: chart for chart in charts(now)}
    both = drawn["Loss, before and now"]
    assert [(curve["label"], len(curve["x"])) for curve in both["curves"]] == [("now", 30), ("before", 50)]
    assert both["curves"][1]["bad"] == [[49, "NaN"]]
    assert "Accuracy, before and now" in drawn
    assert axis_frame(now)["last"] == 49


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before, now = saved_runs.broken(tmp_path), saved_runs.healthy(tmp_path)
    result = CliRunner().invoke(main, ["explain", str(now), "--against", str(before)])
    assert result.exit_code == 0, result.output
    assert re.search(r"nanwatch: .*NW201.* gone.*: the fix worked\.$", result.output.strip())
    page = CliRunner().invoke(main, ["explain", str(now), "--against", str(before), "--format", "html"])
    assert (now / "against.html").read_text() == page.output
    assert not (now / "report.html").exists()
