"""The other formats: CSV, histories, event files, notebooks; and every way a file can be none of them."""

from __future__ import annotations

import contextlib
import io
import json
import math
import struct
import sys
from pathlib import Path

import pytest

from nanwatch.errors import LogUnreadable
from nanwatch.foreign.log import Log
from nanwatch.foreign.reading import limits, read_log
from nanwatch.foreign.reading.csv_log import separator_of
from nanwatch.foreign.reading.event_file import fields, masked_crc32c
from nanwatch.foreign.reading.history import read_history
from nanwatch.foreign.reading.numbers_read import parse_number

RECORDED = Path(__file__).parent / "recorded" / "tensorboard" / "train" / "events.out.tfevents.1.v2"


def losses(log: Log) -> list[list[float | None]]:
    return [[epoch.loss for epoch in training.epochs] for training in log.trainings]


def read(tmp_path: Path, data: bytes | str, name: str = "a.log") -> Log:
    path = tmp_path / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return read_log.read_log(path)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", " "])
def test_a_csv_of_any_separator(tmp_path: Path, separator: str) -> None:
    rows = [["epoch", "accuracy", "loss"], ["0", "0.8", "0.5"], ["1", "0.5", "nan"]]
    log = read(tmp_path, "\n".join(separator.join(row) for row in rows))
    assert (log.kind, log.trainings[0].names()) == ("csv", ("accuracy", "loss"))
    assert [epoch.number for epoch in log.trainings[0].epochs] == [1, 2]
    assert math.isnan(log.trainings[0].epochs[1].values["loss"])


def test_a_csv_with_decimal_commas_and_gaps(tmp_path: Path) -> None:
    log = read(tmp_path, "epoch;acc;loss;val_loss\n0;0,8;0,5;NA\n1;0,9;0,4;0,3\n")
    assert [dict(epoch.values) for epoch in log.trainings[0].epochs] == [
        {"acc": 0.8, "loss": 0.5},
        {"acc": 0.9, "loss": 0.4, "val_loss": 0.3},
    ]


def test_a_csv_that_was_appended_to(tmp_path: Path) -> None:
    assert losses(read(tmp_path, "epoch,loss\n0,3\n1,2\n0,9\n1,8\n")) == [[3, 2], [9, 8]]


def test_a_table_that_pandas_wrote(tmp_path: Path) -> None:
    assert losses(read(tmp_path, ",loss,accuracy\n0,0.5,0.8\n1,0.4,0.9\n")) == [[0.5, 0.4]]


@pytest.mark.parametrize("header", ["", "loss", "a,b", "loss 1.5", "epoch,accuracy", "1,2,3"])
def test_no_header_of_a_csv(header: str) -> None:
    assert separator_of(header) is None


@pytest.mark.parametrize(
    "text",
    [
        '{"loss": [0.5, NaN], "val_loss": [0.4, 0.3]}',
        '{"loss": [0.5, null], "val_loss": [0.4, 0.3]}',
        '{"loss": {"0": 0.5, "1": null}, "val_loss": {"0": 0.4, "1": 0.3}}',
        '{"params": {"epochs": 2}, "history": {"loss": [0.5, NaN], "val_loss": [0.4, 0.3]}}',
        "{'loss': [0.5, nan], 'val_loss': [0.4, 0.3]}",
        "{'loss': [np.float32(0.5), np.float32(nan)], 'val_loss': [0.4, 0.3]}",
        "history: {'loss': array([0.5, nan], dtype=float32), 'val_loss': array([0.4, 0.3])}",
        "defaultdict(<class 'list'>, {'loss': [0.5, nan], 'val_loss': [0.4, 0.3]})",
    ],
)
def test_a_history(tmp_path: Path, text: str) -> None:
    log = read(tmp_path, text)
    assert log.kind == "history"
    (training,) = log.trainings
    assert training.names() == ("loss", "val_loss")
    assert training.epochs[0].values["loss"] == 0.5
    assert training.epochs[1].is_bad()
    assert training.epochs[1].values["val_loss"] == 0.3


def test_a_history_that_was_printed_behind_other_output(tmp_path: Path) -> None:
    log = read(tmp_path, "Using TensorFlow backend.\nready: 1\n{'loss': [0.5, 0.25]}\n")
    assert losses(log) == [[0.5, 0.25]]


@pytest.mark.parametrize(
    "text", ['{"a": [1]}', "{}", "[1, 2]", '{"loss": "none"}', '{"loss": [true]}', "[" * 9999]
)
def test_no_history(text: str) -> None:
    assert read_history(text) is None


def frame(data: bytes) -> bytes:
    head = struct.pack("<Q", len(data))
    return head + struct.pack("<I", masked_crc32c(head)) + data + struct.pack("<I", masked_crc32c(data))


def field(number: int, data: bytes) -> bytes:
    return bytes([number << 3 | 2, len(data)]) + data


def event(step: int, tag: str, value: float) -> bytes:
    """As Keras before 2.3 wrote it: a simple_value."""
    scalar = field(1, tag.encode()) + bytes([2 << 3 | 5]) + struct.pack("<f", value)
    return frame(bytes([2 << 3, step]) + field(5, field(1, scalar)))


def test_the_checksum_is_the_published_one() -> None:
    """CRC-32C of "123456789" is e3069283, as RFC 3720 has it; masked as TFRecord does."""
    crc = 0xE3069283
    assert masked_crc32c(b"123456789") == ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def test_an_old_event_file(tmp_path: Path) -> None:
    data = frame(b"") + b"".join(event(step, "loss", 1 / (step + 1)) for step in range(3))
    log = read(tmp_path, data, "events.out.tfevents.1")
    assert losses(log) == [[1.0, 0.5, pytest.approx(1 / 3)]]


def test_a_torn_event_file_is_read_up_to_there(tmp_path: Path) -> None:
    data = b"".join(event(step, "loss", 0.5) for step in range(3))
    assert losses(read(tmp_path, data[:-7])) == [[0.5, 0.5]]


def test_large_records_are_passed_over(tmp_path: Path) -> None:
    data = frame(b"x") + event(0, "loss", 0.5)
    large = struct.pack("<Q", 2**21)
    picture = large + struct.pack("<I", masked_crc32c(large)) + bytes(2**21 + 4)
    assert losses(read(tmp_path, data + picture + event(1, "loss", 0.25))) == [[0.5, 0.25]]


def test_a_damaged_event_file(tmp_path: Path) -> None:
    data = bytearray(event(0, "loss", 0.5) + event(1, "loss", 0.5))
    data[-6] ^= 1  # of the number itself
    with pytest.raises(LogUnreadable, match=r"is damaged: a record does not have its checksum\."):
        read(tmp_path, bytes(data))


@pytest.mark.parametrize("length", range(0, len(RECORDED.read_bytes()), 13))
def test_a_cut_never_ends_in_anything_but_a_sentence(tmp_path: Path, length: int) -> None:
    with contextlib.suppress(LogUnreadable):
        read(tmp_path, RECORDED.read_bytes()[:length])


@pytest.mark.parametrize(
    "data", [b"\x0a\xff", b"\x0f", b"\x80" * 11, b"\x09\x01", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"]
)
def test_a_field_that_is_none(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"cut short|no such kind|too long"):
        list(fields(data))


def test_the_output_in_a_notebook(tmp_path: Path) -> None:
    said = ["Epoch 1/1\n", "\r1/9 [>..] - ETA: 1s - loss: 0.9\b\b\r9/9 [==] - 1s 9ms/step - loss: 0.5\n"]
    cell = {
        "cell_type": "code",
        "source": [],
        "outputs": [{"output_type": "stream", "text": said}, {"data": {}}],
    }
    notebook = {"cells": [cell, {"cell_type": "markdown"}], "nbformat": 4}
    assert losses(read(tmp_path, json.dumps(notebook), "a.ipynb")) == [[0.5]]


def test_powershell_writes_utf_16(tmp_path: Path) -> None:
    assert losses(read(tmp_path, "Epoch 1/1\n9/9 - 1s - loss: 0.5\n".encode("utf-16"))) == [[0.5]]


def test_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    given = io.TextIOWrapper(io.BytesIO(b"Epoch 1/1\n9/9 - 1s - loss: 0.5\n"))
    monkeypatch.setattr(sys, "stdin", given)
    assert losses(read_log.read_log(Path("-"))) == [[0.5]]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", r"a\.log is empty\.$"),
        (b" \n\n", r"a\.log is empty\.$"),
        (b"\x7fELF\0\0\1", r"a\.log is a binary file; what is read is a console log of Keras, a CSV of "),
        (
            b"hello: world\n",
            r"a\.log has no epoch of a training in it; what is read is a console log of Keras, ",
        ),
        (b"epoch,loss\n", r"a\.log has no epoch of a training in it; "),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, data: bytes, said: str) -> None:
    with pytest.raises(LogUnreadable, match=said):
        read(tmp_path, data)


def test_what_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "big.log"
    with open(path, "wb") as file:
        file.truncate(2 * 2**30)  # of which the disk holds nothing
    with pytest.raises(LogUnreadable, match=r"has 2,048 MB, and at most 256 MB are read; cut out the part"):
        read_log.read_log(path)


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(LogUnreadable, match=r"^/dev/null is no file; write the log to a file first\.$"):
        read_log.read_log(Path("/dev/null"))
    with pytest.raises(
        LogUnreadable, match=r"has neither a run of nanwatch's nor event files of TensorBoard"
    ):
        read_log.read_log(tmp_path)
    with pytest.raises(LogUnreadable, match=r"none\.log cannot be read: No such file or directory\.$"):
        read_log.read_log(tmp_path / "none.log")


def test_no_more_epochs_than_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nanwatch.foreign.reading.console.MOST_EPOCHS", 2)
    log = read(tmp_path, "".join(f"Epoch {n}/9\n9/9 - 1s - loss: 0.5\n" for n in range(1, 6)))
    assert (len(log.trainings[0].epochs), log.left_out) == (2, 3)
    assert limits.MOST_EPOCHS == 100_000


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.5", 0.5),
        ("-3", -3),
        ("\N{MINUS SIGN}1.5e\N{MINUS SIGN}3", -0.0015),
        ("1e+04", 1e4),
        ('"2"', 2),
        ("inf", math.inf),
    ],
)
def test_numbers(text: str, value: float) -> None:
    assert parse_number(text) == value


@pytest.mark.parametrize("text", ["", "NA", "[1", "1,5", "0x1", "1.2.3", "9" * 41, "nano"])
def test_no_numbers(text: str) -> None:
    assert parse_number(text) is None
