"""What a report says of a run that goes on, was interrupted, or was killed."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from nanwatch.diagnose import made_up
from nanwatch.explain import as_json, as_terminal
from nanwatch.explain.headline import headline
from nanwatch.explain.next_command import next_commands
from nanwatch.explain.report import Report
from nanwatch.explain.reporting import report_of
from nanwatch.record.run_state import host_name, process_start

FALLS = [0.7 - 0.002 * step for step in range(250)]


def report(folder: Path, losses: list[float] = FALLS, **info: Any) -> Report:
    """A run of this very process, in the third of 20 epochs, 10 steps a second."""
    (folder / "run.json").write_text("")
    numbers = {
        ("time", "", "value"): [step / 10 for step in range(len(losses))],
        ("epoch", "", "value"): [float(step // 100) for step in range(len(losses))],
    }
    fit = {"status": "running", "epochs": 3, "epochs_asked": 20, "steps_per_epoch": 100}
    known = {"pid": os.getpid(), "host": host_name(), "process_start": process_start(os.getpid())}
    run = made_up.run(loss=losses, steps=numbers, fit=fit, info={"status": "running", **known, **info})
    return report_of(replace(run, folder=folder))


def last_line(of: Report) -> str:
    return as_terminal.render(of, commands={"live", "run", "explain"}).splitlines()[-1]


def test_a_run_that_goes_on(tmp_path: Path) -> None:
    live = report(tmp_path)
    assert headline(live).said == (
        "Still running: step 250 of 2,000, epoch 3 of 20, about 3 min left. "
        "So far: nothing speaks against it."
    )
    assert last_line(live) == "? nanwatch: still running, nothing speaks against it so far"
    assert [line for line, _ in next_commands(live, {"live", "run"})] == [f"nanwatch live {tmp_path}"]
    assert '"state": "running"' in as_json.render(live)
    assert '"status": "running"' in as_json.render(live)


def test_what_is_known_so_far(tmp_path: Path) -> None:
    live = report(tmp_path, [0.7, 0.8, *[1e9] * 248])
    assert headline(live).said == (
        "Still running: step 250 of 2,000, epoch 3 of 20, about 3 min left. "
        "So far: the training did not learn."
    )


def test_before_the_first_step(tmp_path: Path) -> None:
    live = report(tmp_path)
    none = replace(live.run, fits=[], info=replace(live.run.info, fits=()))
    assert headline(report_of(none)).said == (
        "Still running, before the first step of a training. So far: no step was made."
    )


def test_an_interrupted_run(tmp_path: Path) -> None:
    ended = report(tmp_path, status="killed", exit_status=130)
    assert headline(ended).said == (
        "The run was interrupted by Ctrl-C in step 250 of 2,000, epoch 3 of 20. "
        "Until then nothing speaks against it."
    )
    assert last_line(ended) == "? nanwatch: interrupted by Ctrl-C"
    assert "prove" not in "".join(line for line, _ in next_commands(ended, {"prove", "rule"}))
    sick = report(tmp_path, [0.7, 0.8, *[1e9] * 248], status="killed", exit_status=130)
    assert headline(sick).said == "The training did not learn."
    behind = headline(sick).behind
    assert behind is not None
    assert behind.endswith("It was interrupted by Ctrl-C in step 250 of 2,000, epoch 3 of 20.")


def test_a_killed_run(tmp_path: Path) -> None:
    ended = report(tmp_path, process_start="another/1")
    assert headline(ended).said == "The run was killed: its record ends after 250 steps."
    assert last_line(ended) == "? nanwatch: the run was killed"
    sick = report(tmp_path, [0.7, 0.8, *[1e9] * 248], process_start="another/1")
    behind = headline(sick).behind
    assert behind is not None
    assert behind.endswith("It was killed before its end.")
