"""`explain` reads a run without TensorFlow, Keras or NumPy: seen in a fresh process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from nanwatch.explain.formats import FORMATS
from tests.cli import saved_runs

HEAVY = ("tensorflow", "keras", "tf_keras", "numpy", "pandas", "scipy", "h5py", "jax", "torch")
COMMANDS = {
    "explain": ["explain"],
    **{f"explain as {name}": ["explain", "--format", name] for name in FORMATS},
    "explain a log": ["explain", "train.log", "--script", "train.py"],
    "explain a log as json": ["explain", "train.log", "--format", "json"],
    "rule": ["rule"],
    "one rule": ["rule", "NW201"],
    "help": ["--help"],
}


def imported(project: Path, arguments: list[str], before: str = "") -> set[str]:
    """Every module that a fresh process has imported after this command."""
    program = (
        f"import sys\n{before}\n"
        "from nanwatch.cli.main import main\n"
        f"try:\n    main({arguments!r})\n"
        "except SystemExit as end:\n    assert not end.code, end.code\n"
        "print('imported:', *sys.modules, file=sys.stderr)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=project, capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout
    return set(result.stderr.rpartition("imported: ")[2].split())


def heavy(modules: set[str]) -> set[str]:
    return {name for name in modules if name.partition(".")[0] in HEAVY}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_reading_half_imports_nothing_heavy(tmp_path: Path, command: str) -> None:
    saved_runs.broken(tmp_path)
    (tmp_path / "train.log").write_text("Epoch 1/1\n9/9 - 1s - loss: nan - acc: 0.5\n")
    (tmp_path / "train.py").write_text("import keras\n")
    modules = imported(tmp_path, COMMANDS[command])
    assert "nanwatch.cli.main" in modules
    assert heavy(modules) == set()
    assert not {name for name in modules if name.startswith(("nanwatch.watch", "nanwatch.replay"))}


def test_what_is_not_needed_yet_is_not_imported(tmp_path: Path) -> None:
    saved_runs.broken(tmp_path)
    for_help = imported(tmp_path, ["--help"])
    assert not {
        name for name in for_help if name.startswith(("rich", "nanwatch.diagnose", "nanwatch.record"))
    }
    for name in set(FORMATS) - {"terminal"}:
        modules = imported(tmp_path, ["explain", "--format", name])
        assert "rich" not in modules, name
        assert ("jinja2" in modules) == (name == "html"), name


@pytest.mark.parametrize("module", ["numpy", "keras"])
def test_the_first_test_would_notice(tmp_path: Path, module: str) -> None:
    """A renderer that imports a heavy module (here a stand-in for it) is seen."""
    saved_runs.broken(tmp_path)
    (tmp_path / f"{module}.py").write_text("")
    intruder = (
        "import nanwatch.explain.as_json as renderer\n"
        "honest = renderer.render\n"
        f"def render(report):\n    import {module}\n    return honest(report)\n"
        "renderer.render = render\n"
    )
    before = f"sys.path.insert(0, '.')\n{intruder}"
    assert heavy(imported(tmp_path, ["explain", "--format", "json"], before)) == {module}
