"""What a script closes of ours, and opens in its place, is neither written to nor closed."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from nanwatch.record import series
from nanwatch.record.kept_file import FIRST_NUMBER, KeptFile
from nanwatch.record.series import STEP, SeriesFile, SeriesShape


def test_it_is_appended_to(tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"a")
    file = KeptFile(tmp_path / "kept")
    assert (file.write(b"bc"), file.write(b"d")) == (2, 1)
    file.close()
    assert (tmp_path / "kept").read_bytes() == b"abcd"


def test_what_a_full_disk_cuts_off_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = KeptFile(tmp_path / "kept")
    file.write(b"one\n")
    write = os.write
    monkeypatch.setattr(os, "write", lambda number, data: write(number, data[:2]))
    with pytest.raises(OSError, match="No space left on device"):
        file.write(b"two\n")
    monkeypatch.undo()
    file.write(b"three\n")
    file.close()
    assert (tmp_path / "kept").read_bytes() == b"one\nthree\n"


def test_a_series_that_there_is_no_room_for_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(file: int, size: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(series, "reserve", refuse)
    with pytest.raises(OSError, match="No space left on device"):
        SeriesFile(tmp_path / "fit-0.steps", [STEP], SeriesShape())
    assert list(tmp_path.iterdir()) == []


def test_its_number_is_out_of_the_way(tmp_path: Path) -> None:
    file = KeptFile(tmp_path / "kept")
    assert file.number is not None
    assert file.number >= FIRST_NUMBER
    assert not os.get_inheritable(file.number)
    number = file.number
    file.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(number)


def test_a_number_that_was_closed(tmp_path: Path) -> None:
    file = KeptFile(tmp_path / "kept")
    file.write(b"a")
    assert file.number is not None
    os.close(file.number)
    file.write(b"b")
    file.close()
    assert (tmp_path / "kept").read_bytes() == b"ab"


@pytest.mark.parametrize("written_again", [True, False])
def test_a_number_that_is_another_files_by_now(written_again: bool, tmp_path: Path) -> None:
    file = KeptFile(tmp_path / "kept")
    number = file.number
    assert number is not None
    with open(tmp_path / "others", "wb", buffering=0) as other:
        os.dup2(other.fileno(), number)
        if written_again:
            file.write(b"a")
        file.close()
        os.write(number, b"b")  # it is open
        os.close(number)
    assert (tmp_path / "others").read_bytes() == b"b"
    assert (tmp_path / "kept").read_bytes() == (b"a" if written_again else b"")


@pytest.mark.skipif(not os.path.exists("/dev/fd"), reason="the system does not tell")
def test_the_number_of_a_map_that_is_another_files_by_now(tmp_path: Path) -> None:
    made = SeriesFile(tmp_path / "fit-0.steps", [STEP], SeriesShape())
    number = made.number
    assert number is not None
    with open(tmp_path / "others", "wb", buffering=0) as other:
        os.dup2(other.fileno(), number)
        made.close()
        os.write(number, b"b")
        os.close(number)
    assert (tmp_path / "others").read_bytes() == b"b"


def test_a_map_is_closed_with_its_number(tmp_path: Path) -> None:
    made = SeriesFile(tmp_path / "fit-0.steps", [STEP], SeriesShape())
    made.close()
    if made.number is not None:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(made.number)
