"""What installing nanwatch changes, and what works without TensorFlow: in environments made for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.cli import saved_runs

ROOT = Path(__file__).parents[1]
OLDER = ("numpy==1.26.0", "click==8.1.0", "rich==13.7.0")  # than what pip would take by itself


class Environment:
    """A virtual environment in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)

    def run(self, *words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
        program, *rest = words
        command = [self.folder / "bin" / program, *rest]
        own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}  # and no stand-ins
        return subprocess.run(command, cwd=cwd, env=own, capture_output=True, text=True, timeout=300)

    def pip(self, *words: str | Path) -> str:
        done = self.run("python", "-m", "pip", "--disable-pip-version-check", *words, cwd=self.folder)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def environment() -> Iterator[Environment]:
    """One with nanwatch and what it asks for, and nothing else."""
    with TemporaryDirectory() as folder:
        made = Environment(Path(folder))
        made.pip("install", "--quiet", ROOT)
        yield made


def stand_in(name: str, version: str, folder: Path) -> Path:
    """A wheel of this name that holds an empty module ``tensorflow``."""
    wheel = folder / f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    info = wheel.stem.removesuffix("-py3-none-any") + ".dist-info"
    files = {
        "tensorflow/__init__.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(wheel, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
        archive.writestr(f"{info}/RECORD", "".join(f"{file},,\n" for file in files))
    return wheel


def would_install(environment: Environment, wanted: str | Path) -> set[str]:
    """The packages, in small letters, that pip would put in or replace."""
    said = environment.pip("install", "--quiet", "--dry-run", "--report", "-", wanted)
    return {each["metadata"]["name"].lower() for each in json.loads(said)["install"]}


@pytest.mark.parametrize("name", ["tensorflow-cpu", "tf-nightly"])
def test_what_is_installed_stays(tmp_path: Path, name: str) -> None:
    there = Environment(tmp_path / "environment")
    there.pip("install", "--quiet", stand_in(name, "2.12.0", tmp_path), *OLDER)
    before = {line.partition("==")[0].lower() for line in there.pip("freeze").splitlines()}
    assert {"numpy", "click", "rich"} < before
    added = would_install(there, ROOT)
    assert "nanwatch" in added
    assert not added & {*before, "tensorflow", "keras", "tf-keras"}


def test_the_extra_would_bring_tensorflow(environment: Environment) -> None:
    assert "tensorflow" in would_install(environment, f"{ROOT}[tensorflow]")


def test_reading_needs_no_tensorflow(environment: Environment, tmp_path: Path) -> None:
    saved_runs.broken(tmp_path)
    for words in (
        ["explain"],
        ["live", "logs/20250102T030405Z-train-7"],
        ["explain", "--format", "html"],
        ["rule"],
        ["rule", "NW201"],
        ["--help"],
    ):
        done = environment.run("nanwatch", *words, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, ""), words
        assert done.stdout


@pytest.mark.parametrize(
    "words",
    [["run", "train.py"], ["check", "train.py"], ["fix", "train.py"], ["prove"], ["replay"]],
    ids=lambda words: words[0],
)
def test_what_trains_says_what_to_install(
    environment: Environment, tmp_path: Path, words: Sequence[str]
) -> None:
    saved_runs.broken(tmp_path)
    (tmp_path / "train.py").write_text("open('was-run', 'w')\n")
    done = environment.run("nanwatch", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("nanwatch: No TensorFlow or Keras was found")
    assert "pip install 'nanwatch[tensorflow]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "was-run").exists()


def test_the_callback_says_it_too(environment: Environment, tmp_path: Path) -> None:
    done = environment.run("python", "-c", "from nanwatch import Watch", cwd=tmp_path)
    assert done.returncode == 1
    assert "TensorFlowMissing: No TensorFlow or Keras was found" in done.stderr


def test_turned_off_it_runs_the_script_as_python_does(
    environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NANWATCH_DISABLE", "1")
    (tmp_path / "train.py").write_text("print('ran')\n")
    done = environment.run("nanwatch", "run", "train.py", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "ran\n", "")
