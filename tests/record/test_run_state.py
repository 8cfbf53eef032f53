"""What has become of a run's process, told from its record and from the machine."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from nanwatch.record.facts import RunInfo, Status
from nanwatch.record.run_state import ABANDONED, RunState, host_name, process_start, run_state

HERE = RunInfo("train.py", pid=os.getpid(), host=host_name(), process_start=process_start(os.getpid()))
on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="told by /proc")


@pytest.mark.parametrize(
    ("status", "exit_status", "state"),
    [
        ("finished", 0, "finished"),
        ("halted", 3, "halted"),
        ("crashed", 1, "crashed"),
        ("killed", 130, "interrupted"),
        ("killed", 143, "killed"),
        ("running", None, "running"),
    ],
)
def test_what_the_record_says(
    status: Status, exit_status: int | None, state: RunState, tmp_path: Path
) -> None:
    (tmp_path / "run.json").write_text("")
    assert run_state(replace(HERE, status=status, exit_status=exit_status), tmp_path) == state


@on_linux
def test_a_process_that_is_gone_was_killed(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("")
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    info = replace(HERE, pid=child.pid, process_start=process_start(child.pid))
    assert run_state(info, tmp_path) == "running"
    child.kill()
    while run_state(info, tmp_path) == "running":  # until it has ended; nobody has asked for its status
        time.sleep(0.01)
    assert run_state(info, tmp_path) == "killed"
    child.communicate()
    assert (run_state(info, tmp_path), process_start(child.pid)) == ("killed", "")


@on_linux
def test_another_process_of_the_same_number_is_not_the_run(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("")
    boot, ticks = HERE.process_start.split("/")
    for start in (f"{boot}/{int(ticks) - 1}", f"other-boot/{ticks}"):
        assert run_state(replace(HERE, process_start=start), tmp_path) == "killed"


@pytest.mark.parametrize(("age", "state"), [(ABANDONED - 5, "running"), (ABANDONED + 5, "killed")])
@pytest.mark.parametrize("info", [replace(HERE, host="elsewhere"), replace(HERE, process_start="")])
def test_a_process_that_cannot_be_seen_lives_as_long_as_its_record_changes(
    info: RunInfo, age: float, state: RunState, tmp_path: Path
) -> None:
    path = tmp_path / "run.json"
    path.write_text("")
    os.utime(path, (time.time() - age,) * 2)
    assert run_state(info, tmp_path) == state


def test_without_a_folder_nothing_runs(tmp_path: Path) -> None:
    assert run_state(HERE, None) == "killed"
    assert run_state(replace(HERE, host="elsewhere"), tmp_path / "gone") == "killed"
