"""The lines of the script: shown as the run kept them, and none that a record only names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nanwatch.explain.source import Line, current_line, excerpt, has_changed, script_lines, split_tokens
from nanwatch.record.facts import Cell, Location, RunInfo
from nanwatch.record.run import Run
from nanwatch.record.sources import Source, Sources
from nanwatch.record.whose import maker_here

LINES = ["import keras", "", "\tx = 1", "    y = 'é'", "z = 3", "", "end()"]
SCRIPT = "/p/train.py"


def run_with(*lines: str, file: str = SCRIPT, first: int = 1, folder: Path | None = None) -> Run:
    """A run that kept these lines; with a folder it is this user's own."""
    kept = Sources([Source(file, first, lines, whole=first == 1)])
    return Run(RunInfo(file, made_by=maker_here() if folder else ""), folder=folder, sources=kept)


RUN = run_with(*LINES)


def test_the_line_and_its_neighbours() -> None:
    found = excerpt(RUN, Location(SCRIPT, 4, "y = 'é'"))
    assert found.current
    assert found.lines == (
        Line(3, "    x = 1", False),
        Line(4, "    y = 'é'", True),
        Line(5, "z = 3", False),
    )  # blank lines at the ends are left out


@pytest.mark.parametrize(("number", "first", "last"), [(1, 1, 3), (5, 3, 7), (7, 5, 7)])
def test_the_ends_of_the_script(number: int, first: int, last: int) -> None:
    found = excerpt(RUN, Location(SCRIPT, number, LINES[number - 1]))
    assert [line.number for line in found.lines] == list(range(first, last + 1))
    assert [line.number for line in found.lines if line.guilty] == [number]


@pytest.mark.parametrize("number", [3, 8, 0, -3, 10**9])
def test_where_another_line_was_kept_the_recorded_one_stands_alone(number: int) -> None:
    found = excerpt(RUN, Location(SCRIPT, number, "  y = 'é'  "))
    assert found.lines == (Line(number, "y = 'é'", True),)
    assert current_line(RUN, Location(SCRIPT, number, "y = 'é'")) is None


@pytest.mark.parametrize("file", ["/etc/passwd", "/dev/zero", "<stdin>", "", "a\0b", __file__])
def test_a_file_that_the_run_did_not_keep_is_never_read(file: str) -> None:
    """Whatever line of it the record claims to know."""
    there = Path(__file__).read_text().splitlines()[0]
    for code in ("x = 1", there):
        found = excerpt(RUN, Location(file, 1, code))
        assert found.lines == (Line(1, code, True),)
        assert current_line(RUN, Location(file, 1, code)) is None
    assert script_lines(RUN, Path(file)) == []


def test_nothing_is_shown_where_no_line_was_recorded() -> None:
    assert excerpt(RUN, Location(SCRIPT, 4, "")).lines == ()


def test_the_line_in_full_and_the_whole_script() -> None:
    assert current_line(RUN, Location(SCRIPT, 4, "y = 'é'")) == "    y = 'é'"
    assert [text for _, text in script_lines(RUN, Path("/p/../p/train.py"))][:3] == [*LINES[:2], "    x = 1"]


def test_of_a_long_file_what_was_kept_is_no_whole_script() -> None:
    run = run_with(*LINES[2:5], first=3)
    assert [line.number for line in excerpt(run, Location(SCRIPT, 4, "y = 'é'")).lines] == [3, 4, 5]
    assert script_lines(run, Path(SCRIPT)) == []


def test_a_deep_indentation_is_cut() -> None:
    run = run_with(" " * 40 + "if x:", " " * 44 + "y = 2")
    found = excerpt(run, Location(SCRIPT, 2, "y = 2"))
    assert [line.text for line in found.lines] == ["    if x:", "        y = 2"]


def test_a_cell_has_its_own_lines() -> None:
    at = Location("/tmp/ipykernel_1/2.py", 2, "x = 2", Cell(3, 1, ("x = 1", "x = 2")))
    assert [line.text for line in excerpt(RUN, at).lines] == ["x = 1", "x = 2"]
    assert current_line(RUN, at) is None


class TestChanges:
    """The file is looked into for one thing, and only where it can be trusted to be the script."""

    @pytest.fixture
    def project(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        place = tmp_path / "project"
        place.mkdir()
        monkeypatch.chdir(place)
        (place / "train.py").write_text("\n".join(LINES), encoding="utf-8")
        return place

    def run_of(self, project: Path, name: str = "train.py") -> tuple[Run, Location]:
        file = str(project / name)
        return run_with(*LINES, file=file, folder=project), Location(file, 4, "y = 'é'")

    def test_a_file_that_is_as_it_was(self, project: Path) -> None:
        assert not has_changed(*self.run_of(project))

    @pytest.mark.parametrize("text", ["", "y = 'é'\n", "\n\n\ny = 'e'\n"])
    def test_a_file_that_holds_another_line(self, project: Path, text: str) -> None:
        (project / "train.py").write_text(text, encoding="utf-8")
        run, at = self.run_of(project)
        found = excerpt(run, at)
        assert not found.current
        assert [line.text for line in found.lines] == ["    x = 1", "    y = 'é'", "z = 3"]  # as it was
        assert current_line(run, at) is None

    def test_a_file_that_is_gone(self, project: Path) -> None:
        (project / "train.py").unlink()
        assert has_changed(*self.run_of(project))

    def test_nothing_is_said_of_a_file_that_is_not_below_here(
        self, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (project / "train.py").write_text("")
        (project / "sub").mkdir()
        monkeypatch.chdir(project / "sub")
        assert not has_changed(*self.run_of(project))

    def test_nothing_is_said_where_a_link_leads_out(self, project: Path) -> None:
        (project.parent / "secret.py").write_text("")
        (project / "train.py").unlink()
        (project / "train.py").symlink_to(project.parent / "secret.py")
        assert not has_changed(*self.run_of(project))
        (project / "out").symlink_to(project.parent)
        assert not has_changed(*self.run_of(project, "out/secret.py"))

    @pytest.mark.parametrize("made_by", ["", "another"])
    def test_nothing_is_said_of_a_run_of_another_machine(self, project: Path, made_by: str) -> None:
        (project / "train.py").write_text("")
        run, at = self.run_of(project)
        assert has_changed(run, at)
        assert not has_changed(Run(RunInfo("x", made_by=made_by), folder=project, sources=run.sources), at)

    def test_what_is_no_file_is_not_opened(self, project: Path) -> None:
        (project / "train.py").unlink()
        os.mkfifo(project / "train.py")
        assert not has_changed(*self.run_of(project))


def test_a_line_is_made_of_its_tokens() -> None:
    line = """x = layer(f"a # b", 'it\\'s', key="é") if True else "open # what"""
    assert "".join(text for _, text in split_tokens(line)) == line
    kinds = {text: kind for kind, text in split_tokens(line)}
    assert kinds['f"a # b"'] == "string"
    assert kinds["True"] == kinds["if"] == "keyword"
    assert kinds["layer"] == "plain"
    assert kinds["# what"] == "comment"
