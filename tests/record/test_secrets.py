"""What looks like a secret is left out of the record, and what does not stays."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from nanwatch.errors import SecretLeftOut
from nanwatch.record.events import FitBegin
from nanwatch.record.facts import FitInfo, ModelInfo, RunInfo
from nanwatch.record.parts import new_part
from nanwatch.record.secrets import arguments_again, masked, without_secrets
from nanwatch.record.series import STEP, SeriesShape
from nanwatch.record.write import RunWriter, new_folder

LONG = "Ab0" * 14


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (["--api-key", "k-123", "--epochs", "5"], ["--api-key", "***", "--epochs", "5"]),
        (["--api_key=k-123"], ["--api_key=***"]),
        (["--apikey", "x", "-token", "y"], ["--apikey", "***", "-token", "***"]),
        (["password=hunter2", "db.password=1234"], ["password=***", "db.password=***"]),
        (["--wandb-key", "x", "--aws-access-key-id=y"], ["--wandb-key", "***", "--aws-access-key-id=***"]),
        (["--hub_token", "x", "--secret", "y"], ["--hub_token", "***", "--secret", "***"]),
        (["WANDB_API_KEY=x", "--PASSPHRASE", "y z"], ["WANDB_API_KEY=***", "--PASSPHRASE", "***"]),
        (["--token", "--verbose", "a"], ["--token", "--verbose", "a"]),  # a flag
        ([f"sk-proj-{LONG}", f"hf_{LONG}", f"ghp_{LONG}"], ["***"] * 3),
        (["--x=AKIAABCDEFGHIJKLMNOP", f"xoxb-{LONG}"], ["--x=***", "***"]),
        ([f"eyJhbGciOiJIUzI1.{LONG}.{LONG}"], ["***"]),
        (["s3://me:hunter2@host/data"], ["s3://me:***@host/data"]),
        (["Authorization: Bearer abcdefgh"], ["Authorization: Bearer ***"]),
    ],
)
def test_left_out(given: list[str], kept: list[str]) -> None:
    assert without_secrets(given) == tuple(kept)
    assert without_secrets(kept) == tuple(kept)


@pytest.mark.parametrize(
    "given",
    [
        ["train.py", "--epochs", "5", "--lr=0.1", "data/tokens.npz"],
        ["--tokenizer", "bert", "--max-tokens", "512", "--token-dim", "8", "--num_tokens=9"],
        ["--pad-token", "<pad>", "--mask_token=[MASK]", "--eos-token", "</s>", "--start-token", "1"],
        ["--token", "50256", "--sort-key", "name", "--key=a", "--monkey", "x", "--keys", "a"],
        ["--author", "me", "--authors=a", "--secretary", "x", "--passwords-file", "f"],
        [
            "https://host/path@2x.png",
            "a:b@c",
            "sk-learn",
            "hf_model",
            "3f786850e387550fdab836ed7e6dc881",
        ],
        ["a=b=c", "=", "", "-", "--"],
    ],
)
def test_kept(given: list[str]) -> None:
    assert without_secrets(given) == tuple(given)


def test_in_a_text() -> None:
    assert masked(f"ValueError: token hf_{LONG} is not known") == "ValueError: token *** is not known"


def test_a_script_is_not_run_again_without_its_secret() -> None:
    assert arguments_again(("t.py", "--n", "5")) == ("--n", "5")
    for argv, name in ((("t.py", "--api-key", "***"), "--api-key"), (("t.py", "password=***"), "password")):
        with pytest.raises(SecretLeftOut) as caught:
            arguments_again(argv)
        assert str(caught.value) == (
            f"The record leaves out the value of {name}, which looks like a secret: the script cannot be "
            "run again from it."
        )


@pytest.mark.skipif(os.name == "nt", reason="there are no such modes")
def test_a_record_is_its_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        folder = new_folder(tmp_path / "a" / "logs", "train.py")
        writer = RunWriter(folder)
        writer.save(RunInfo("t.py", models=(ModelInfo("m", "M"),), fits=(FitInfo(0), FitInfo(1))))
        writer.events.append(FitBegin(0))
        writer.series(0, "steps", [STEP], SeriesShape()).close()
        writer.fits.shorten(FitInfo(1))
        writer.close()
        part = new_part(folder)
    finally:
        os.umask(before)
    made = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert made.pop(part.name) == 0o700
    assert set(made.values()) == {0o600}
    assert len(made) == 6
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder.parent)] == [0o700] * 2


def test_git_passes_over_a_log_folder_that_is_made(tmp_path: Path) -> None:
    new_folder(tmp_path / "logs", "train.py")
    assert (tmp_path / "logs" / ".gitignore").read_text() == "*\n"
    (tmp_path / "logs" / ".gitignore").write_text("mine\n")
    new_folder(tmp_path / "logs", "train.py")
    assert (tmp_path / "logs" / ".gitignore").read_text() == "mine\n"
    (tmp_path / "there").mkdir(0o755)
    new_folder(tmp_path / "there", "train.py")
    assert not (tmp_path / "there" / ".gitignore").exists()
    assert stat.S_IMODE((tmp_path / "there").stat().st_mode) == 0o755


def test_a_record_holds_no_secret(tmp_path: Path) -> None:
    from nanwatch.watch.recording.run_recorder import RunRecorder

    recorder = RunRecorder(
        tmp_path / "logs", "train.py", ("train.py", "--api-key", "hunter2", "password=pa55")
    )
    recorder.end("finished", 0)
    assert json.loads((recorder.folder / "run.json").read_text())["argv"] == [
        "train.py",
        "--api-key",
        "***",
        "password=***",
    ]
    written = b"".join(path.read_bytes() for path in recorder.folder.iterdir())
    assert b"hunter2" not in written
    assert b"pa55" not in written
