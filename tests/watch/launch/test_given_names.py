"""The variables that ``fit`` was given, and the lines that made them."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from nanwatch.record.facts import Location
from nanwatch.watch.launch.given_names import made_for

SCRIPT = """\
x, y = load()
x = (x - x.mean(axis=0)) / x.std(axis=0)
rows, *rest = load()
def train(z):
    y = None
    w = 3 * z
    model.fit(w, z)
    w = None
for part in range(3):
    y[part] = 0
model.fit(x[:9], y, epochs=3)
model.fit(
    rest,
    y=y,
)
model.fit(*rest)
model.fit(load(), rows + 1)
x = None
net.train_on_batch(x=x, y=rows)
"""


def told(folder: Path, line: int) -> list[tuple[str, str, int, str]]:
    script = folder / "train.py"
    script.write_text(SCRIPT)
    found = made_for(Location(str(script), line))
    return [(each.argument, each.name, each.location.line, each.location.code) for each in found]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (11, [("x", "x", 2, "x = (x - x.mean(axis=0)) / x.std(axis=0)"), ("y", "y", 10, "y[part] = 0")]),
        (12, [("x", "rest", 3, "rows, *rest = load()"), ("y", "y", 10, "y[part] = 0")]),
        (13, [("x", "rest", 3, "rows, *rest = load()"), ("y", "y", 10, "y[part] = 0")]),
        (7, [("x", "w", 6, "w = 3 * z")]),  # z is its caller's
        (16, []),
        (17, []),
        (19, [("x", "x", 18, "x = None"), ("y", "rows", 3, "rows, *rest = load()")]),
        (1, []),
    ],
)
def test_the_last_line_that_made_what_fit_was_given(
    line: int, expected: list[tuple[str, str, int, str]], tmp_path: Path
) -> None:
    assert told(tmp_path, line) == expected


@pytest.mark.parametrize("text", ["model.fit(x, y", "", "x = 1\n" * 100_000 + "m.fit(x)\n"])
def test_what_cannot_be_read_tells_nothing(text: str, tmp_path: Path) -> None:
    script = tmp_path / "other.py"
    script.write_text(textwrap.dedent(text))
    assert made_for(Location(str(script), text.count("\n"))) == ()
    assert made_for(Location(str(tmp_path / "gone.py"), 1)) == ()
    assert made_for(None) == ()
