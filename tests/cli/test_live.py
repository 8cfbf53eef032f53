"""``nanwatch live``: its frames, of made-up runs, and a run that is followed to its end."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.text import Text

from nanwatch.cli.alive import QUIET, is_gone, lives
from nanwatch.cli.live import ABANDONED, await_run, is_over, newest_first, waiting_words
from nanwatch.diagnose import made_up
from nanwatch.explain.as_live import IDLE, plain_line, render_frame
from nanwatch.explain.places_to_watch import LASTING, places_to_watch
from nanwatch.explain.progress import LEAST_STEPS, duration, progress
from nanwatch.explain.untrusted import clean
from nanwatch.record.events import EpochEnd, Event, read_events
from nanwatch.record.follow import Follower
from nanwatch.record.notes import NotMet
from nanwatch.record.run import Fit, Run
from nanwatch.record.series import SeriesShape
from nanwatch.record.watchpoints import Watchpoint
from nanwatch.record.write import RunWriter
from tests.cli import saved_runs
from tests.explain.hostile_reports import CONTROL, EVIL
from tests.record.naive_series import packed

SIZES = [(80, 24), (200, 60), (60, 16), (40, 10), (20, 5), (80, 1)]
EPOCHS = [{"loss": 1.5 / n, "accuracy": 0.25 * n, "val_loss": 1.8 / n} for n in (1, 2, 3)]
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
KERNEL, BIAS = "dense/kernel", "dense/bias"
SAID = "said.txt"


def running(
    steps: int = 300,
    losses: list[float] | None = None,
    gradients: dict[str, list[float]] | None = None,
    activations: dict[str, list[float]] | None = None,
    **fit: object,
) -> Run:
    """A run of 100 steps an epoch, 30 steps a second, not over yet."""
    known = {KERNEL: [1 + math.sin(k / 9) for k in range(steps)]} if gradients is None else gradients
    columns = {("gradient", path, "l2_norm"): values for path, values in known.items()}
    columns |= {("activation", path, "l2_norm"): values for path, values in (activations or {}).items()}
    return made_up.run(
        made_up.model(made_up.dense("dense", 16, "relu")),
        loss=[2 * 0.99**k for k in range(steps)] if losses is None else losses,
        steps={
            **columns,
            ("learning_rate", "", "value"): [1e-3] * steps,
            ("time", "", "value"): [k / 30 for k in range(steps)],
            ("epoch", "", "value"): [k // 100 for k in range(steps)],
        },
        epochs=EPOCHS[: steps // 100],
        fit={"status": "running", "epochs_asked": 20, "steps_per_epoch": 100, **fit},
        info={"status": "running"},
    )


def without_a_step() -> Run:
    run = running()
    return replace(run, fits=(Fit(replace(run.fits[0].info, steps=0, epochs=0), run.fits[0].model),))


def hostile() -> Run:
    name = f"{EVIL} {CONTROL} 層層層"
    return running(gradients={name: [math.nan] * 300, "[bold]x[/]": [0.0] * 300})


RUNS = {
    "healthy": running(),
    "nan": running(losses=[1.0] * 299 + [math.nan]),
    "one step": running(1),
    "no steps": without_a_step(),
    "no training": replace(running(), fits=()),
    "hostile": hostile(),
    "many layers": running(gradients={f"block_{n}/conv/kernel": [float(n)] * 300 for n in range(200)}),
}


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("unicode", [True, False])
@pytest.mark.parametrize("name", RUNS)
def test_a_frame_fits(name: str, unicode: bool, size: tuple[int, int]) -> None:
    width, height = size
    text = render_frame(RUNS[name], width, height, color=False, unicode=unicode, idle=100)
    lines = text.split("\n")
    assert len(lines) <= height
    assert max(map(cell_len, lines)) <= width
    assert lines[0].startswith("nanwatch")
    assert all(line == clean(line) for line in lines)  # no control characters
    assert unicode or text.isascii()
    coloured = Text.from_ansi(render_frame(RUNS[name], width, height, color=True, unicode=unicode, idle=100))
    assert [line.rstrip() for line in coloured.plain.split("\n")] == [line.rstrip() for line in lines]


def test_what_a_small_terminal_shows() -> None:
    lines = render_frame(running(), 80, 24).splitlines()
    assert lines[0] == "nanwatch · train.py · running"
    assert lines[2] == "step 300 of 2,000, epoch 3 of 20, about 57 s left, 30 steps/s"
    assert lines[3].count("█") == 10  # of 72
    assert lines[3].endswith("  15 %")
    assert lines[4] == "loss 0.09907   learning rate 0.001   gradient norm 1.972"
    assert lines[5] == "epoch 3 ended with loss 0.5, accuracy 0.75, val_loss 0.6"
    assert "loss over 300 steps" in lines
    assert any(line.startswith("gradient norm over 300 steps") for line in lines)
    assert lines[-1].split() == ["gradient", KERNEL, "1.972", "the", "largest"]


def test_a_large_terminal_has_taller_curves() -> None:
    small, large = (render_frame(running(), *size).count("│") for size in SIZES[:2])
    assert large > 2 * small


def test_a_loss_that_is_nan_is_drawn_and_said() -> None:
    lines = render_frame(RUNS["nan"], 80, 24).splitlines()
    assert any(line.startswith("loss NaN") for line in lines)
    assert "loss over 300 steps, NaN at step 299" in lines
    assert any("×" in line for line in lines)
    assert not any("×" in line for line in render_frame(running(), 80, 24).splitlines())


def test_an_incident_is_told_while_the_run_goes_on() -> None:
    run = made_up.run(
        loss=[1.0] * 40 + [math.nan],
        incident={"role": "gradient", "path": KERNEL},
        info={"status": "running"},
    )
    assert f"✖ The gradient of {KERNEL} became NaN at step 40, in epoch 1." in render_frame(run, 80, 24)


def test_before_the_first_step() -> None:
    assert "The training has started; no step has finished yet." in render_frame(without_a_step(), 80, 24)
    assert plain_line(without_a_step()) == "The training has started; no step has finished yet."
    none = replace(running(), fits=())
    assert "the script has not started one" in render_frame(none, 80, 24)
    assert "the script has not started one" in plain_line(none)


def test_the_training_that_runs_is_shown() -> None:
    first, second = running(100, status="finished").fits[0], running(200).fits[0]
    run = replace(running(), fits=(first, replace(second, info=replace(second.info, index=1))))
    text = render_frame(run, 80, 24)
    assert "training 2 of 2" in text
    assert "step 200 of 2,000" in text


def test_a_pause_is_said_close_on_both_sides() -> None:
    assert "no new step for 10 s" in render_frame(running(), 80, 24, idle=IDLE)
    assert "no new step" not in render_frame(running(), 80, 24, idle=IDLE - 0.1)


def test_a_line_for_a_log() -> None:
    assert plain_line(running()) == (
        "step 300 of 2,000, epoch 3 of 20, loss 0.09907, learning rate 0.001, gradient norm 1.972, "
        "about 57 s left"
    )


def test_the_end_is_foretold_only_where_it_can_be() -> None:
    assert progress(running().fits[0]).seconds_left == pytest.approx(1700 / 30)
    assert progress(running(LEAST_STEPS).fits[0]).pace == pytest.approx(30)
    assert progress(running(LEAST_STEPS - 1).fits[0]).pace is None
    assert progress(running(epochs_asked=None).fits[0]).seconds_left is None
    seen = progress(running(250, steps_per_epoch=None).fits[0])
    assert (seen.total, seen.epoch) == (2000, 2)
    assert progress(running(99, steps_per_epoch=None).fits[0]).total is None
    assert progress(running(epochs_asked=2).fits[0]).total is None  # more steps than were asked for


def test_durations() -> None:
    said = [duration(seconds) for seconds in (0.2, 40, 89, 91, 3540, 3600 * 2 + 300, 86400 * 3 + 7200)]
    assert said == ["0 s", "40 s", "89 s", "2 min", "59 min", "2 h 05 min", "3 days 2 h"]


def test_the_places_that_look_worst_come_first() -> None:
    found = places_to_watch(
        running(
            20,
            gradients={
                KERNEL: [1.0] * 20,
                BIAS: [0.0] * 20,
                "a/kernel": [9.0] * 20,
                "b/kernel": [1.0] * 19 + [math.inf],
                "unseen/kernel": [0.0] * 20,
            },
            activations={"dense": [5.0] * 20},
            not_watched=(NotMet(Watchpoint("gradient", "unseen/kernel")),),
        ).fits[0]
    )
    assert [(place.path, place.why, place.bad) for place in found] == [
        ("b/kernel", "not finite", True),
        (BIAS, f"0 in the last {LASTING} steps", True),
        ("a/kernel", "the largest", False),
        ("dense", "the largest", False),
        (KERNEL, "", False),
    ]


def test_zero_must_last_close_on_both_sides() -> None:
    for zeros, bad in ((LASTING, True), (LASTING - 1, False)):
        norms = [1.0] * (20 - zeros) + [0.0] * zeros
        (place,) = places_to_watch(running(20, gradients={BIAS: norms}).fits[0])
        assert place.bad == bad
    (place,) = places_to_watch(running(LASTING - 1, gradients={BIAS: [0.0] * (LASTING - 1)}).fits[0])
    assert not place.bad


def test_only_what_has_changed_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def noted(path: Path, *given: Any) -> Iterator[Event]:
        read.append(path.name)
        return read_events(path, *given)

    monkeypatch.setattr("nanwatch.record.read.read_events", noted)
    run = running()
    writer = RunWriter(tmp_path)
    writer.save(run.info)
    writer.events.append(EpochEnd(0, 0, {"loss": 1.0}))
    series = writer.series(0, "steps", run.fits[0].steps.columns, SeriesShape())
    follower = Follower(tmp_path)
    assert len(follower.read().fits[0].steps) == 0
    assert follower.changed
    first = follower.read()
    assert (follower.changed, read) == (False, ["events.jsonl"])
    series.append(packed(*run.fits[0].steps.rows[0][1]))
    second = follower.read()
    assert follower.changed
    assert (len(first.fits[0].steps), len(second.fits[0].steps)) == (0, 1)
    assert read == ["events.jsonl"]
    writer.events.append(EpochEnd(0, 1, {"loss": 0.5}))
    assert len(follower.read().fits[0].epoch_logs()) == 2
    writer.save(replace(run.info, status="finished"))
    assert follower.read().info.status == "finished"
    series.close()
    writer.close()


def test_a_process_that_is_gone() -> None:
    assert lives(os.getpid())
    assert lives(0)  # not known
    ended = subprocess.Popen([sys.executable, "-c", ""])
    while lives(ended.pid):  # until it has ended: nobody has asked for its status yet
        time.sleep(0.01)
    assert ended.wait() == 0
    assert not is_gone(ended.pid, idle=QUIET - 0.1)  # its record still changes
    assert is_gone(ended.pid, idle=QUIET)
    assert not is_gone(os.getpid(), idle=1e9)


def live(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What it says is in `SAID` as it is said, for whoever waits for it."""
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8", "COLUMNS": "80"}
    with open(place / SAID, "wb") as out:
        ended = subprocess.run(
            [sys.executable, "-u", "-m", "nanwatch", "live", *arguments],
            cwd=place,
            env=environment,
            stdout=out,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            timeout=120,
        )
    said = (place / SAID).read_text(encoding="utf-8")
    return subprocess.CompletedProcess(ended.args, ended.returncode, said, ended.stderr)


def wait_until_said(place: Path, words: str) -> None:
    """However long the command takes to begin."""
    deadline = time.monotonic() + 60
    while words not in (place / SAID).read_text(encoding="utf-8") if (place / SAID).exists() else True:
        assert time.monotonic() < deadline, f"{words!r} was not said"
        time.sleep(0.05)


def test_a_file_is_not_waited_on(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("")
    ended = live(tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == ("nanwatch: logs is a file; give a run folder, or the folder with the runs.\n")


def test_what_is_waited_for(tmp_path: Path) -> None:
    said = "waiting for `nanwatch run SCRIPT`.\n"
    gone = tmp_path / "gone"
    assert waiting_words(gone, any_over=False) == f"There is no folder {gone} yet; {said}"
    assert waiting_words(tmp_path, any_over=False) == f"No run in {tmp_path} yet; {said}"


def test_a_run_is_waited_for_followed_and_its_end_told(tmp_path: Path) -> None:
    """Where there is no folder yet, either."""

    def train() -> None:
        wait_until_said(tmp_path, "waiting for")
        run = running(losses=[1.0] * 300)
        folder = tmp_path / "logs" / "20250102T030405Z-train-9"
        folder.mkdir(parents=True)
        writer = RunWriter(folder)
        info = replace(run.info, pid=os.getpid())
        writer.save(info)
        series = writer.series(0, "steps", run.fits[0].steps.columns, SeriesShape())
        for number, (_, row) in enumerate(run.fits[0].steps.rows):
            series.append(packed(*row))
            if number == 150:
                wait_until_said(tmp_path, "step 151 of")
        fit = replace(run.fits[0].info, status="finished")
        writer.save(replace(info, status="crashed", fits=(replace(fit, error="OSError: disk full"),)))
        series.close()
        writer.close()

    training = threading.Thread(target=train)
    training.start()
    ended = live(tmp_path)
    training.join()
    assert (ended.returncode, ended.stderr) == (0, "")
    lines = ended.stdout.splitlines()
    assert lines[0] == "There is no folder logs yet; waiting for `nanwatch run SCRIPT`."
    assert any(line.startswith("step 151 of 2,000, epoch 2 of 20, loss 1,") for line in lines)
    assert "The script ended with an exception after 300 steps: OSError: disk full." in ended.stdout
    assert "nanwatch explain logs/20250102T030405Z-train-9" in ended.stdout


def test_a_run_that_is_over_is_not_followed_again(tmp_path: Path) -> None:
    """Started before the training: the runs of before are no news."""
    logs = tmp_path / "logs"
    saved_runs.broken(tmp_path)
    killed = saved_runs.save(
        replace(running(), info=replace(running().info, pid=pid_of_none())), logs / "20250103T030405Z-old-1"
    )
    age(killed, ABANDONED + 1)

    def train() -> None:
        wait_until_said(tmp_path, "waiting for")
        run = running(losses=[1.0] * 300)
        info = replace(run.info, status="finished", pid=os.getpid())
        folder = saved_runs.save(replace(run, info=replace(info, status="running")), logs / "later")
        wait_until_said(tmp_path, "step 300 of")
        writer = RunWriter(folder)
        writer.save(replace(info, fits=(replace(run.fits[0].info, status="finished"),)))
        writer.close()

    training = threading.Thread(target=train)
    training.start()
    ended = live(tmp_path)
    training.join()
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines()[0] == (
        "No run in logs is running (`nanwatch explain` shows the newest); waiting for `nanwatch run SCRIPT`."
    )
    assert "nanwatch explain logs/later" in ended.stdout
    assert "NW201" not in ended.stdout


def test_what_is_over_close_on_both_sides(tmp_path: Path) -> None:
    gone = replace(running(), info=replace(running().info, pid=pid_of_none()))
    there = replace(running(), info=replace(running().info, pid=os.getpid()))
    killed, going_on = saved_runs.save(gone, tmp_path / "killed"), saved_runs.save(there, tmp_path / "on")
    for folder in (killed, going_on):
        age(folder, ABANDONED - 5)
    assert not is_over(killed)  # in a container, its process would be out of sight
    for folder in (killed, going_on):
        age(folder, ABANDONED + 5)
    assert is_over(killed)
    assert not is_over(going_on)
    assert is_over(saved_runs.broken(tmp_path))
    (tmp_path / "empty").mkdir()
    assert is_over(tmp_path / "empty")


def test_of_two_runs_the_one_that_goes_on_is_followed(tmp_path: Path) -> None:
    older = replace(running(), info=replace(running().info, pid=os.getpid()))
    folder = saved_runs.save(older, tmp_path / "logs" / "20250101T030405Z-train-1")
    assert saved_runs.broken(tmp_path) == newest_first(tmp_path / "logs")[0]
    assert await_run(tmp_path / "logs") == folder
    assert await_run(folder) == folder


def pid_of_none() -> int:
    """The number of a process that has ended."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    return gone.pid


def age(folder: Path, seconds: float) -> None:
    """Let the record be as if it had been written so long ago."""
    written = time.time() - seconds
    os.utime(folder / "run.json", (written, written))


@pytest.mark.skipif(os.name == "nt", reason="there are no pseudo-terminals")
def test_on_a_terminal_the_frames_have_a_screen_of_their_own(tmp_path: Path) -> None:
    run = running()
    folder = tmp_path / "logs" / "one"
    saved_runs.save(replace(run, info=replace(run.info, pid=os.getpid())), folder)
    shown = on_a_terminal(tmp_path, lambda: finish(run, folder))
    before, _, rest = shown.partition("\x1b[?1049h")  # the other screen
    frames, _, after = rest.partition("\x1b[?1049l")
    assert before.strip() == ""
    plain = ESCAPES.sub("", frames)
    assert "step 300 of 2,000, epoch 3 of 20, about 57 s left, 30 steps/s" in plain
    assert "gradient norm over 300 steps" in plain
    assert "Nothing found." in ESCAPES.sub("", after)
    assert "step 300 of" not in after


def finish(run: Run, folder: Path) -> None:
    writer = RunWriter(folder)
    writer.save(replace(run.info, status="finished", fits=(replace(run.info.fits[0], status="finished"),)))
    writer.close()


def on_a_terminal(place: Path, then: Callable[[], None]) -> str:
    """What ``nanwatch live`` writes to a terminal of 80 x 24; ``then`` is done after its first frame."""
    import fcntl
    import pty
    import struct
    import termios

    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    kept = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "COLUMNS", "LINES")}
    command = [sys.executable, "-m", "nanwatch", "live"]
    env = {**kept, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"}
    process = subprocess.Popen(command, cwd=place, env=env, stdin=its, stdout=its, stderr=its)
    os.close(its)
    shown = b""
    try:
        while piece := read_terminal(ours):
            shown += piece
            if b"look at" in shown:
                then()
        assert process.wait(timeout=30) == 0, shown.decode()
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    return shown.decode()


def read_terminal(ours: int) -> bytes:
    """What came; nothing when the other end was closed, which Linux tells as an error."""
    try:
        return os.read(ours, 65536)
    except OSError:
        return b""


def test_a_process_that_was_killed_ends_it_too(tmp_path: Path) -> None:
    run, gone = running(), pid_of_none()
    saved_runs.save(replace(run, info=replace(run.info, pid=gone)), tmp_path / "logs" / "one")
    ended = live(tmp_path)  # it was written just now, so that it may be one that is out of sight
    assert ended.returncode == 0
    assert "The run was killed: its record ends after 300 steps." in ended.stdout
    assert f"Its process, {gone}, is gone, and left no end in the record." in ended.stdout


def test_the_verdict_is_that_of_explain_and_nothing_heavy_is_imported(tmp_path: Path) -> None:
    saved_runs.broken(tmp_path)
    program = (
        "import sys\nfrom nanwatch.cli.main import main\n"
        "try:\n    main(['live', 'logs/20250102T030405Z-train-7'])\n"
        "except SystemExit as end:\n    assert not end.code\n"
        "assert 'nanwatch.record.follow' in sys.modules\n"
        "assert not {'tensorflow', 'keras', 'numpy'} & set(sys.modules)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 0, ended.stderr
    assert "The loss became NaN at step 40, in epoch 3 of 20." in ended.stdout
    assert "The update was held back" in ended.stdout
    assert "NW201 relu-output: Dense 'dense_1' has 'relu'" in ended.stdout
