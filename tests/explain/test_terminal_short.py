"""The short report: it fits on a screen, whatever the run, and ends in the place to click on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from rich.cells import cell_len

from nanwatch.cli.table import NAMES
from nanwatch.diagnose.diagnosis import Diagnoses, Diagnosis, Remedy
from nanwatch.diagnose.rule import all_rules
from nanwatch.explain import as_terminal
from nanwatch.explain.report import Report
from nanwatch.explain.reporting import report_of
from nanwatch.record.facts import Location
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.notes import OtherBackend
from nanwatch.record.trials import Trial, TrialOutcome
from tests.explain import made_up_reports

SCREEN = 24  # lines, as a terminal has since there are terminals
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
PAGE_FILE = "logs/20250102T030405Z-train-7/report.html"


def lines(report: Report, width: int = 80, page_file: str | None = None, unicode: bool = True) -> list[str]:
    text = as_terminal.render(report, width, unicode=unicode, commands=NAMES, page_file=page_file)
    assert text.endswith("\n")
    return text.splitlines()


def made_up_runs() -> Iterator[tuple[str, Report]]:
    for rule in all_rules():
        for number, run in enumerate(rule.fires()):
            yield f"{rule.code}-{number}", report_of(run)


@cache
def reports() -> dict[str, Report]:
    """Of every rule the runs in which it fires."""
    return dict(made_up_runs())


def with_much_to_say(report: Report) -> Report:
    """The same with a remedy that was tried, long words everywhere, and three further causes."""
    first = next((each for each in report.diagnoses.diagnoses), None)
    if first is None:
        return report
    at = Location("/project/train.py", 1200, "layers.Dense(5, activation='relu', name='" + "head" * 40 + "')")
    change = Intervention(InterventionKind.SET_ACTIVATION, "head", "softmax")
    outcome = TrialOutcome(True, 200, 0.5, 0.9)
    trial = Trial(change, "cured", outcome, outcome, 200, made_again=True)
    new = at.code.replace("relu", "softmax")
    remedy = Remedy(change, "Change it. " * 40, new, replace(at, line=1300), trial=trial)
    much = replace(
        first,
        message=f"{first.message} " * 6,
        evidence=tuple(f"{text} " * 6 for text in (*first.evidence, "one", "two", "three")),
        location=first.location or at,
        remedies=(remedy, *first.remedies),
    )
    more = [replace(much, code=code, level="error", part="cause") for code in ("NW901", "NW902", "NW903")]
    rest = report.diagnoses.diagnoses[1:]
    info = replace(report.run.info, halt_caught=True)
    run = replace(report.run, info=info, folder=Path("logs/run"))
    diagnoses = replace(report.diagnoses, diagnoses=(much, *more, *rest))
    return replace(report, run=run, diagnoses=diagnoses)


def check_screenful(report: Report, width: int, unicode: bool) -> None:
    found = lines(report, width, PAGE_FILE, unicode)
    assert len(found) <= SCREEN - 1  # and the prompt
    first = next(iter(report.diagnoses.diagnoses), None)
    if first is not None:
        assert first.code in found[-1]
        if first.location is not None:
            assert found[-1].endswith(f" at {report.place(first.location)}")
        assert found[-2] == f"  Page   {PAGE_FILE}"
    for line in found[:-1]:
        assert cell_len(line) <= min(width, 100) or line.split()[0] in ("Next", "Or", "More", "Page"), line
        assert line == line.rstrip()
    if not unicode:
        assert "\n".join(found).isascii()


EVERY = 12  # of the made-up runs, where they are drawn once more


def test_every_made_up_run_fits_on_a_screen() -> None:
    assert len(reports()) > 100
    for report in reports().values():
        check_screenful(report, 80, unicode=True)


def test_so_does_one_with_much_to_say_in_ascii() -> None:
    for report in list(reports().values())[:: EVERY // 4]:
        check_screenful(with_much_to_say(report), 80, unicode=False)


@pytest.mark.parametrize("unicode", [True, False])
def test_and_on_a_wide_screen(unicode: bool) -> None:
    for report in list(reports().values())[::EVERY]:
        check_screenful(report, 200, unicode)
        check_screenful(with_much_to_say(report), 200, unicode)


def test_the_last_line_of_the_made_up_runs_is_no_wider_than_the_screen() -> None:
    for name, report in reports().items():
        assert cell_len(lines(report)[-1]) <= 80, name


def test_a_broken_run(tmp_path: Path) -> None:
    report = made_up_reports.broken(tmp_path)
    run = replace(report.run, folder=None)
    assert lines(replace(report, run=run), page_file=PAGE_FILE) == [
        f"── nanwatch · train.py · halted · 41 steps {'─' * 37}",
        "✖ The loss became NaN at step 40, in epoch 3 of 20.",
        "  The update was held back: the weights are still the last finite ones. The",
        "  training was halted there.",
        "",
        "  NW201 relu-output: Layer dense_1 has a ReLU as the output under a categorical",
        "  cross-entropy: a row of zeros is divided by its sum, and 0/0 is NaN.",
        '  ▶ 7 │ layers.Dense(5, activation="relu"),  # five classes',
        "      │                 ^^^^^^^^^^^^^^^^^",
        "    • 3 of 32 rows of the prediction sum to 0 in the bad step",
        "    • all inputs, targets and weights of the step are finite",
        "",
        "  Fix    Give the last layer a softmax, whose rows always sum to 1. (1 more with",
        "         -v)",
        '    - layers.Dense(5, activation="relu"),  # five classes',
        '    + layers.Dense(5, activation="softmax"),  # five classes',
        "  Tried  on the frozen state for 30 steps: it cured the fault (loss 0.69,",
        "         finite, 30 of 30 steps; unchanged: NaN or infinite at step 1).",
        "",
        "  Beside NW105 unscaled-input at train.py:11: Column 7 of the input has a…",
        "  Next   nanwatch run train.py --fast",
        "  Page   logs/20250102T030405Z-train-7/report.html",
        "✖ nanwatch: NaN at step 40: NW201 relu-output at train.py:7",
    ]


def test_where_the_whole_report_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = made_up_reports.broken(tmp_path)
    for here in (tmp_path, tmp_path.parent):
        monkeypatch.chdir(here)
        folder = (tmp_path / "logs/20250102T030405Z-train-7").relative_to(here)
        assert f"  More   nanwatch explain -v {folder}" in lines(report)
    assert lines(report)[-1] == "✖ nanwatch: NaN at step 40: NW201 relu-output at train.py:7"


def test_a_healthy_run_is_two_lines(tmp_path: Path) -> None:
    report = made_up_reports.healthy()
    told = replace(report, run=replace(report.run, folder=Path("logs/run")))
    assert lines(told) == [
        "nanwatch · 100 steps, 2 epochs, loss from 0.7 to 0.31, accuracy 0.9375.",
        "✔ Nothing found. The record is in logs/run",
    ]
    assert lines(report)[1] == "✔ Nothing found."


def test_a_note_on_a_healthy_run_has_its_line() -> None:
    note = Diagnosis("NW209", "metric", "cause", "note", "Accuracy is 0.", location=Location("a.py", 3, "x"))
    assert lines(made_up_reports.healthy(note)) == [
        "nanwatch · 100 steps, 2 epochs, loss from 0.7 to 0.31, accuracy 0.9375.",
        "  Note   NW209 metric at a.py:3: Accuracy is 0.",
        "✔ nanwatch: no fault found: NW209 metric at a.py:3",
    ]


def test_a_script_that_trained_nothing_is_one_line_without_a_mark() -> None:
    report = made_up_reports.healthy(outcome="no-training")
    said = "nanwatch: train.py trained no Keras model that nanwatch could see."
    assert lines(report) == [said]
    colored = as_terminal.render(report, color=True)
    assert "31m" not in colored
    info = replace(report.run.info, not_watched=(OtherBackend("jax"),))
    found = lines(replace(report, run=replace(report.run, info=info)))
    assert len(found) <= 3
    assert "jax" in found[0] + found[1]


def test_no_rule_explains_it() -> None:
    found = lines(made_up_reports.healthy(outcome="not-learning"))
    assert found[1] == "✖ The training did not learn."
    assert "  No rule explains it." in found
    assert found[-1] == "✖ nanwatch: the training did not learn"


def test_a_long_place_leaves_out_the_words_before_it() -> None:
    at = Location("/elsewhere/" + "deep/" * 14 + "train.py", 12, "x")
    found = Diagnosis("NW201", "relu-output", "cause", "error", "It is so.", location=at)
    last = lines(made_up_reports.healthy(found, outcome="at-chance"))[-1]
    assert last == f"✖ nanwatch: NW201 at {at.file}:12"


def test_a_long_guilty_line_is_cut_beside_the_fault_and_the_caret_stands_below_it(tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    code = 'x = [keras.layers.Dense(64, activation="tanh") for _ in range(12)] + ' + (
        '[keras.layers.Dense(5, activation="relu", name="head")] + ' + "more_of_it() + " * 8 + "end"
    )
    path.write_text(code + "\n")
    at = Location(str(path), 1, code)
    change = Intervention(InterventionKind.SET_ACTIVATION, "head", "softmax")
    remedy = Remedy(change, "Change it.", code.replace('"relu"', '"softmax"'), at)
    cause = Diagnosis("NW201", "relu-output", "cause", "error", "It is so.", location=at, remedies=(remedy,))
    found = lines(made_up_reports.healthy(cause, outcome="at-chance"))
    (number,) = [at for at, line in enumerate(found) if line.startswith("  ▶ 1 │ ")]
    begin = found[number + 1].index("^")
    assert found[number][begin : found[number + 1].rindex("^") + 1] == 'activation="relu"'
    assert "…" in found[number]
    assert any('"softmax"' in line for line in found)


def test_what_the_script_says_cannot_speak_to_the_terminal() -> None:
    odd = Diagnosis("NW201", "relu-output", "cause", "error", "Layer \x1b[2J\x07.", evidence=("\x9b5m",))
    for color in (True, False):
        text = as_terminal.render(made_up_reports.healthy(odd, outcome="at-chance"), color=color)
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", ESCAPE.sub("", text))


def test_the_whole_report_ends_alike(tmp_path: Path) -> None:
    text = as_terminal.render(made_up_reports.broken(tmp_path), verbose=True, page_file=PAGE_FILE)
    assert text.splitlines()[-2:] == [
        f"  Page   {PAGE_FILE}",
        "✖ nanwatch: NaN at step 40: NW201 relu-output at train.py:7",
    ]


def test_what_was_accepted_is_told(tmp_path: Path) -> None:
    report = made_up_reports.healthy()
    accepted = replace(report.diagnoses, accepted=("NW202 softmax at train.py:3 (ignored)", "NW203 other"))
    said = "  Note   (1 more with -v) left out: NW202 softmax at train.py:3 (ignored)"
    assert said in lines(replace(report, diagnoses=accepted))


def test_several_trainings_that_are_well_are_counted() -> None:
    report = made_up_reports.of_two_models()
    info = replace(report.run.info, incident=None, status="finished")
    well = replace(report, run=replace(report.run, info=info), diagnoses=Diagnoses("healthy"))
    assert lines(well)[0] == "nanwatch · 2 trainings, 104 steps."


def test_a_check_that_is_well_says_what_it_did_not_see() -> None:
    report = made_up_reports.healthy(fit={"cut_short": True, "watched": 1})
    assert lines(report)[-1] == "✔ Nothing found. Too few steps to say whether it learns."
