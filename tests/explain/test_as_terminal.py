"""The terminal report: all of it is there, it fits, and nothing in it can speak to the terminal."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from nanwatch.diagnose.diagnosis import Diagnosis
from nanwatch.explain import as_terminal
from nanwatch.explain.next_command import next_commands, run_again
from nanwatch.explain.report import Report
from nanwatch.record.facts import FitKind, Location
from nanwatch.record.notes import (
    LayerOutOfReach,
    LeftOutOfSnapshot,
    LoopOnReplicas,
    NotRepeatable,
    NotWatched,
    OtherBackend,
    ReplayRaised,
)
from nanwatch.record.sources import Source, Sources
from tests.explain import made_up_reports

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def lines(report: Report, width: int = 80, **facts: Any) -> list[str]:
    return as_terminal.render(report, width, **{"verbose": True, **facts}).splitlines()


def section(report: Report, title: str, **facts: Any) -> list[str]:
    """The lines below the heading that begins with ``title``."""
    found = lines(report, **facts)[:-1]  # the verdict
    start = next(n for n, line in enumerate(found) if re.match(f"[─-]{{2}} {title} ", line))
    below = found[start + 1 :]
    end = next((n for n, line in enumerate(below) if re.match("[─-]{2} ", line)), len(below))
    return [line for line in below[:end] if line]


def headings(report: Report) -> list[str]:
    return [line.strip("─ ") for line in lines(report) if line.startswith("── ")]


def test_the_order_of_a_broken_run(tmp_path: Path) -> None:
    report = made_up_reports.broken(tmp_path)
    assert headings(report) == [
        "Cause  NW201 relu-output",
        "Where it began",
        "Contributing  NW105 unscaled-input (warning)",
        "What follows from it",
        "How it spread",
        "The whole run",
        "Epochs",
        "What this rests on",
        "Next",
    ]
    assert lines(report)[:5] == [
        "nanwatch · train.py · halted · 41 steps · logs/20250102T030405Z-train-7",
        "",
        "✖ The loss became NaN at step 40, in epoch 3 of 20.",
        "  The update was held back: the weights are still the last finite ones. The",
        "  training was halted there.",
    ]


def test_the_cause(tmp_path: Path) -> None:
    assert section(made_up_reports.broken(tmp_path), "Cause") == [
        "  Layer dense_1 has a ReLU as the output under a categorical cross-entropy: a",
        "  row of zeros is divided by its sum, and 0/0 is NaN.",
        "    • 3 of 32 rows of the prediction sum to 0 in the bad step",
        "    • all inputs, targets and weights of the step are finite",
        "  train.py:7, layer dense_1",
        "    5 │     [",
        '    6 │         layers.Dense(16, activation="relu"),',
        '  ▶ 7 │         layers.Dense(5, activation="relu"),  # five classes',
        "      │                         ^^^^^^^^^^^^^^^^^",
        "    8 │     ]",
        "    9 │ )",
        "  What to change",
        "  1. Give the last layer a softmax, whose rows always sum to 1.",
        '       - layers.Dense(5, activation="relu"),  # five classes',
        '       + layers.Dense(5, activation="softmax"),  # five classes',
        "     Tried on the frozen state for 30 steps: it cured the fault.",
        "       as it was: NaN or infinite at step 1",
        "       with the change: loss 0.69, finite, 30 of 30 steps",
        "  2. Lower the learning rate to 0.0001. (This holds back many different faults,",
        "     and may only delay this one.)",
        "     Tried on the frozen state for 1 step: it did not cure the fault.",
        "       as it was: NaN or infinite at step 1",
        "       with the change: NaN or infinite at step 1",
    ]


def test_where_it_began_and_how_it_spread(tmp_path: Path) -> None:
    report = made_up_reports.broken(tmp_path)
    assert section(report, "Where it began") == [
        "  RealDiv, in the forward pass of layer dense_1, is the first op with finite",
        "  inputs and a non-finite output: 15 of 160 elements became NaN.",
        "    • numerator 0",
    ]
    assert [line.split() for line in section(report, "How it spread")] == [
        ["┌", "output", "dense_1", "15", "of", "160", "first"],
        ["├", "loss", "1", "of", "1"],
        ["├", "gradient", "dense/kernel", "128", "of", "128"],
        ["└", "gradient", "dense_1/kernel", "80", "of", "80"],
    ]


def test_an_op_elsewhere_than_the_cause_shows_its_own_line(tmp_path: Path) -> None:
    report = made_up_reports.broken(tmp_path)
    incident = report.run.info.incident
    assert incident is not None
    assert incident.op is not None
    at = Location(str(tmp_path / "train.py"), 11, "model.fit(x, y)")
    op = replace(incident.op, direction="backward", location=at, layer=None, type="SqrtGrad")
    info = replace(report.run.info, incident=replace(incident, op=op))
    found = section(replace(report, run=replace(report.run, info=info)), "Where it began")
    assert found[0] == "  SqrtGrad, in the backward pass, is the first op with finite inputs and a"
    assert "  ▶ 11 │ model.fit(x, y)" in found


def test_the_numbers(tmp_path: Path) -> None:
    report = made_up_reports.broken(tmp_path)
    plots = section(report, "The whole run")
    assert [line.split()[0] for line in plots if line[2] != " "] == ["loss", "gradient"]
    assert [line.split("┤")[0].split()[-1] for line in plots if "┤" in line] == [
        "4.6", "1.402", "1.837", "0.9902"
    ]  # fmt: skip
    assert [line.strip() for line in plots if "NaN" in line] == ["× NaN at step 40"] * 2
    assert section(report, "Epochs") == [
        "  epoch       loss   accuracy   val_loss  val_accuracy",
        "      1        4.1       0.31          4          0.33",
        "      2        2.9       0.44        2.8          0.41",
        "      3        NaN        0.2        NaN           0.2",
    ]


def test_many_epochs_show_the_first_and_the_last() -> None:
    report = made_up_reports.healthy(
        outcome="not-learning", epochs=[{"loss": 0.5 + number} for number in range(40)]
    )
    assert [line.split()[0] for line in section(report, "Epochs")[1:]] == [
        "1", "2", "3", "⋮", "36", "37", "38", "39", "40"
    ]  # fmt: skip


def test_what_it_rests_on_and_what_is_next(tmp_path: Path) -> None:
    report = made_up_reports.broken(tmp_path)
    assert section(report, "What this rests on") == [
        "  • 27 watchpoints were seen at every step.",
        "  • Not watched: lambda: called inside a loop or a function of its own.",
        "  • Not looked for: NW113 (the labels were not seen in order).",
        "  • Not looked for: NW118 (there was no validation data).",
        "  • Watching took 0.4 % of the training's time, outside the compiled step.",
    ]
    assert section(report, "Next") == [
        "  nanwatch rule NW201           what relu-output is, with an example",
        "  nanwatch run train.py --fast  again, once train.py:7 is fixed (NW201)",
    ]


@pytest.mark.parametrize(("unseen", "shown"), [(6, 6), (7, 7), (500, 7)])
def test_a_long_list_of_what_was_not_watched_is_cut(unseen: int, shown: int) -> None:
    report = made_up_reports.healthy()
    info = replace(
        report.run.info, not_watched=tuple(LayerOutOfReach(f"layer_{number}") for number in range(unseen))
    )
    found = section(replace(report, run=replace(report.run, info=info)), "What this rests on")
    said = [line for line in found if "Not watched" in line]
    assert len(said) == shown
    assert ("more, which --format json lists." in said[-1]) is (unseen > 6)


def test_only_commands_that_exist_are_named(tmp_path: Path) -> None:
    report = made_up_reports.broken(tmp_path)
    run = replace(report.run, folder=Path("logs/my run"))
    assert section(replace(report, run=run), "Next", commands={"rule", "replay"}) == [
        "  nanwatch replay 'logs/my run'  repeats the step from its snapshot",
        "  nanwatch rule NW201            what relu-output is, with an example",
    ]
    assert "Next" not in as_terminal.render(report, commands=set(), verbose=True)


def test_a_run_to_be_made_again(tmp_path: Path) -> None:
    (tmp_path / "my train.py").write_text("")
    report = made_up_reports.healthy(outcome="incomplete")
    info = replace(report.run.info, script="my train.py", cwd=str(tmp_path))
    assert section(replace(report, run=replace(report.run, info=info)), "Next") == [
        "  nanwatch run 'my train.py'  runs the script again under watch"
    ]
    gone = replace(report.run, info=replace(info, script="notebook"))
    assert section(replace(report, run=gone), "Next") == [
        "  nanwatch rule  lists the faults that were looked for"
    ]


@pytest.mark.parametrize(
    ("notes", "line", "why"),
    [
        ((), "nanwatch rule", "lists the faults that were looked for"),
        ((LoopOnReplicas(),), "nanwatch rule", "lists the faults that were looked for"),
        (
            (OtherBackend("mlx"),),
            "KERAS_BACKEND=tensorflow nanwatch run train.py",
            "runs it on the backend that is watched",
        ),
    ],
)
def test_what_saw_nothing_is_not_proposed_again(
    tmp_path: Path, notes: tuple[NotWatched, ...], line: str, why: str
) -> None:
    (tmp_path / "train.py").write_text("")
    report = made_up_reports.healthy(outcome="no-training")
    info = replace(report.run.info, script="train.py", cwd=str(tmp_path), not_watched=notes)
    assert next_commands(replace(report, run=replace(report.run, info=info))) == [(line, why)]


def test_a_run_on_keras_2_is_proposed_again_on_it(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("")
    report = made_up_reports.healthy(outcome="no-training")
    info = replace(report.run.info, script="train.py", cwd=str(tmp_path), not_watched=(), keras_2=True)
    assert run_again(replace(report, run=replace(report.run, info=info))) == "nanwatch run --keras 2 train.py"


def is_replay_offered(report: Report) -> bool:
    return any(line.startswith("nanwatch replay") for line, _ in next_commands(report, {"replay", "rule"}))


@pytest.mark.parametrize(
    ("kind", "changes", "is_offered"),
    [
        ("fit", {}, True),
        ("tape", {}, False),  # of an older nanwatch, whose snapshots hold nothing of a loop
        ("tape", {"step_held": True}, True),
        ("fit", {"step_held": True}, True),
        ("fit", {"step_held": True, "frozen": False}, False),
        ("fit", {"step_held": True, "reproduced": False}, False),
        ("fit", {"notes": (LeftOutOfSnapshot("batch", 2, 1),)}, False),
        ("fit", {"notes": (NotRepeatable(),)}, False),
        ("fit", {"notes": (ReplayRaised("UnknownError"),)}, False),
        ("fit", {"notes": (LeftOutOfSnapshot("optimizer", 2, 1),), "step_held": True}, True),
    ],
)
def test_a_replay_is_offered_where_it_works(
    tmp_path: Path, kind: FitKind, changes: dict[str, Any], is_offered: bool
) -> None:
    report = made_up_reports.broken(tmp_path)
    info, fit = report.run.info, report.run.fits[0]
    assert info.incident is not None
    info = replace(info, incident=replace(info.incident, **changes))
    fits = [replace(fit, info=replace(fit.info, kind=kind))]
    told = replace(report, run=replace(report.run, info=info, fits=fits))
    assert is_replay_offered(told) is is_offered
    (tmp_path / "train.py").unlink()
    assert not is_replay_offered(told)


def test_the_step_of_a_fork_is_not_brought_back(tmp_path: Path) -> None:
    report = made_up_reports.with_children()
    worker = report.run.parts[1]
    (tmp_path / "worker.py").write_text("")
    here = replace(worker, info=replace(worker.info, cwd=str(tmp_path), script="worker.py"))
    report = replace(report, run=replace(report.run, parts=[report.run.parts[0], here]))
    found = next_commands(report, {"replay", "rule"})
    assert [line for line, _ in found] == ["nanwatch replay /runs/a", "nanwatch rule NW410"]
    fork = replace(worker, info=replace(worker.info, script="train.py", argv=report.run.info.argv))
    of_fork = replace(report, run=replace(report.run, parts=[report.run.parts[0], fork]))
    found = next_commands(of_fork, {"replay", "rule"})
    assert [line for line, _ in found] == ["nanwatch rule NW410"]


def test_a_long_run_shows_its_last_steps(tmp_path: Path) -> None:
    report = made_up_reports.healthy(loss=[1.0] * 150 + [float("nan")], incident={"value": "nan"})
    assert headings(report)[0] == "The last 104 steps"
    assert "step 47" in section(report, "The last 104 steps")[4]


def test_a_healthy_run_is_short() -> None:
    assert lines(made_up_reports.healthy()) == [
        "nanwatch · train.py · finished · 100 steps",
        "",
        "✔ Nothing found.",
        "  100 steps, 2 epochs, loss 0.7 at the first step, 0.31 over the last epoch,",
        "  accuracy 0.9375 after the last epoch.",
        "  27 watchpoints were seen at every step.",
        "",
        f"── What this rests on {'─' * 58}",
        "  • Watching took 1.2 % of the training's time, outside the compiled step.",
        "",
        f"── Next {'─' * 72}",
        "  nanwatch rule  lists the faults that were looked for",
        "",
        "✔ nanwatch: no fault found",
    ]


def test_a_note_does_not_make_a_run_look_sick() -> None:
    note = Diagnosis("NW209", "classification-metric-on-regression", "cause", "note", "Accuracy is 0.")
    report = made_up_reports.healthy(note)
    said = "✔ No fault was found. Noted: NW209 classification-metric-on-regression."
    assert lines(report)[2] == said
    assert headings(report)[0] == "Note  NW209 classification-metric-on-regression"


def test_two_causes_are_both_shown(tmp_path: Path) -> None:
    location = made_up_reports.script(tmp_path)
    first = made_up_reports.relu_output(location)
    second = Diagnosis("NW105", "unscaled-input", "cause", "error", "Column 7 is large.")
    found = headings(made_up_reports.healthy(first, second, outcome="at-chance"))
    assert found[:2] == ["Cause  NW201 relu-output", "Also a cause  NW105 unscaled-input"]
    assert "The whole run" in found


def test_nothing_explains_it() -> None:
    assert lines(made_up_reports.healthy(outcome="not-learning"))[2:6] == [
        "✖ The training did not learn.",
        "  100 steps, 2 epochs, loss 0.7 at the first step, 0.31 over the last epoch,",
        "  accuracy 0.9375 after the last epoch.",
        "  No rule explains it.",
    ]


@pytest.mark.parametrize("unicode", [True, False])
@pytest.mark.parametrize("color", [True, False])
@pytest.mark.parametrize("width", [60, 80, 200])
def test_no_line_is_wider_than_the_page(tmp_path: Path, width: int, color: bool, unicode: bool) -> None:
    text = as_terminal.render(made_up_reports.broken(tmp_path), width, color, unicode, verbose=True)
    assert text.endswith("\n")
    for line in text.splitlines():
        plain = ESCAPE.sub("", line)
        assert cell_len(plain) <= min(width, 100), plain
        assert plain == plain.rstrip()


def test_plain_text_has_no_escape_and_ascii_has_no_other_character(tmp_path: Path) -> None:
    report = made_up_reports.broken(tmp_path)
    colored = as_terminal.render(report, color=True, verbose=True)
    assert "\x1b[" in colored
    plain = as_terminal.render(report, verbose=True)
    assert "\x1b" not in plain
    assert ESCAPE.sub("", colored) == plain
    assert as_terminal.render(report, unicode=False, verbose=True).isascii()


def test_colours_are_named_ones_without_a_background(tmp_path: Path) -> None:
    """Red, green, magenta and cyan keep their contrast on light and on dark; no background is set."""
    codes = ESCAPE.findall(as_terminal.render(made_up_reports.broken(tmp_path), color=True, verbose=True))
    numbers = {number for code in codes for number in code[2:-1].split(";")}
    assert numbers <= {"0", "1", "2", "31", "32", "35", "36"}
    assert {"31", "32"} <= numbers


def test_text_from_the_script_is_shown_literally(tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text('x = "[red]a[/red]"; y = "\x1b[31m\x07:smile:"\n')
    code = path.read_text().strip()
    layer = "[bold]l[/bold]\x1b]0;title\x07"
    odd = made_up_reports.relu_output(
        Location(str(path), 1, code),
        layer=layer,
        message=f"Layer {layer} \x1b[2J.",
        evidence=("[/] \x9b5m",),
        remedies=(),
    )
    text = as_terminal.render(made_up_reports.healthy(odd, outcome="at-chance"), verbose=True)
    assert '▶ 1 │ x = "[red]a[/red]"; y = "[31m:smile:"' in text
    assert "  Layer [bold]l[/bold]]0;title [2J." in text
    assert "• [/] 5m" in text
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)
    again = as_terminal.render(made_up_reports.healthy(odd, outcome="at-chance"), color=True, verbose=True)
    assert "\x1b[31m:smile" not in again
    assert "\x1b]" not in again


def test_a_changed_script_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = made_up_reports.broken(tmp_path)
    monkeypatch.chdir(tmp_path)
    report = made_up_reports.changed_since(report, tmp_path, "import antigravity\n")
    shown = section(report, "Cause")
    assert "  train.py:7, layer dense_1 (as it was when the run was made)" in shown
    assert '  ▶ 7 │         layers.Dense(5, activation="relu"),  # five classes' in shown
    assert not any("antigravity" in line for line in shown)


def test_a_long_line_of_the_script_is_cut_and_the_guilty_one_is_not() -> None:
    long = "x = [" + ", ".join(str(n) for n in range(60)) + "]"
    found = made_up_reports.relu_output(Location("train.py", 2, long), remedies=())
    report = made_up_reports.healthy(found, outcome="at-chance")
    kept = Sources([Source("train.py", 1, (long, long))])
    report = replace(report, run=replace(report.run, sources=kept))
    code = [line for line in lines(report) if "│ x" in line]
    assert code[0].endswith("…")
    assert "59]" in "\n".join(lines(report)).split("▶ 2 ")[1]


def test_the_wide_letters_of_other_scripts_fit() -> None:
    note = Diagnosis("NW401", "infinite-derivative", "cause", "error", "損失" * 60)
    for line in lines(made_up_reports.healthy(note, outcome="non-finite")):
        assert cell_len(line) <= 80


def test_what_is_said_of_the_first_op_is_said_once(tmp_path: Path) -> None:
    report = made_up_reports.broken(tmp_path)
    first, *others = report.diagnoses.diagnoses
    sighting = "The first op with finite inputs and a non-finite output is RealDiv (numerator 0)."
    first = replace(first, evidence=(sighting, "Another one."))
    echo = Diagnosis("NW410", "nonfinite-op", "consequence", "note", "RealDiv gave nan.")
    told = replace(report, diagnoses=replace(report.diagnoses, diagnoses=(first, *others, echo)))
    whole = "\n".join(lines(told))
    assert "NW410" not in whole
    assert whole.count("is the first op with finite") == 1
    assert sighting[:40] not in whole
    assert "• Another one." in whole
    info = replace(told.run.info, incident=None)
    without = "\n".join(lines(replace(told, run=replace(told.run, info=info))))
    assert "NW410" in without
    assert sighting[:40] in without
