"""Where nanwatch's own options end."""

from __future__ import annotations

import pytest

from nanwatch.cli.python_like import PythonLike
from nanwatch.cli.run import run


@pytest.mark.parametrize(
    ("given", "divided"),
    [
        (["-m", "train", "-x", "--quiet"], ["-m", "train", "--", "-x", "--quiet"]),
        (["--log-dir", "runs", "-m", "train", "-x"], ["--log-dir", "runs", "-m", "train", "--", "-x"]),
        (["--quiet", "-m", "train"], ["--quiet", "-m", "train", "--"]),
        (["train.py", "-m", "fast"], ["train.py", "-m", "fast"]),
        (["--log-dir", "-m", "train.py"], ["--log-dir", "-m", "train.py"]),
        (["--", "-m"], ["--", "-m"]),
        (["-m"], ["-m"]),
        ([], []),
    ],
)
def test_options_end_at_the_module(given: list[str], divided: list[str]) -> None:
    assert isinstance(run, PythonLike)
    assert run.divide_args(given) == divided
