"""TensorBoard's event files: the frames of TFRecord and the few fields of protobuf that hold a scalar.

Read here, without TensorFlow or TensorBoard: the package ``tensorboard`` takes NumPy, protobuf, gRPC and a
second to import, and has the scalars read as whole runs into memory, for six fields. Every length is
checked against what is there, the checksum of each frame's length says that the file is what it seems,
and of what is larger than a scalar can be (images, graphs) nothing is read.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from nanwatch.foreign.log import Epoch, Log, Training
from nanwatch.foreign.reading.limits import MOST_EPOCHS, MOST_NAMES

HEAD = struct.Struct("<QI")  # a record's length, and the checksum of that
TAIL = 4  # the checksum of its data
LARGEST = 2**20  # bytes of an event with scalars in it
PER_EPOCH = "epoch_"  # what Keras's callback calls a number of an epoch
SPLITS = {"train": "", "validation": "val_"}  # its two folders


class NotAnEventFile(Exception):
    """The bytes are no TFRecord."""


@dataclass(frozen=True)
class Scalar:
    step: int
    tag: str
    value: float


def is_event_file(head: bytes) -> bool:
    """By the checksum of the first record's length."""
    if len(head) < HEAD.size:
        return False
    _, checksum = HEAD.unpack_from(head)
    return bool(checksum == masked_crc32c(head[:8]))


def read_events(streams: list[tuple[str, BinaryIO]]) -> Log:
    """The log in event files, each with the name of its folder."""
    by_step: dict[int, dict[str, float]] = {}
    left_out = 0
    for folder, stream in streams:
        for scalar in scalars_in(stream):
            name = metric_name(scalar.tag, folder)
            if name is None:
                continue
            if scalar.step not in by_step and len(by_step) >= MOST_EPOCHS:
                left_out += 1
                continue
            values = by_step.setdefault(scalar.step, {})
            if len(values) < MOST_NAMES:
                values[name] = scalar.value
    epochs = tuple(Epoch(step + 1, values) for step, values in sorted(by_step.items()))
    return Log("event-file", (Training(epochs),) if epochs else (), left_out=left_out)


def metric_name(tag: str, folder: str) -> str | None:
    """Keras's name of what an epoch came to; None for a step's number, or what is no metric."""
    if tag.startswith(PER_EPOCH):
        return SPLITS.get(folder, "") + tag.removeprefix(PER_EPOCH)
    # The callback of Keras before 2.3 wrote the logs as they are; loops of one's own do likewise.
    plain = tag.rpartition("/")[2].lower().replace(" ", "_")
    if plain in ("loss", "acc", "accuracy"):
        return SPLITS.get(folder, "") + plain
    return plain if plain in ("val_loss", "val_acc", "val_accuracy") else None


def scalars_in(stream: BinaryIO) -> Iterator[Scalar]:
    for data in records(stream):
        try:
            yield from event_scalars(data)
        except ValueError:  # an event of another kind of message, or a damaged one
            continue


def records(stream: BinaryIO) -> Iterator[bytes]:
    """The records that may hold scalars; a torn last one ends them, as a kill leaves it.

    Raises:
        NotAnEventFile: a length does not have its checksum.
    """
    size = size_of(stream)
    while len(head := stream.read(HEAD.size)) == HEAD.size:
        length, checksum = HEAD.unpack(head)
        if checksum != masked_crc32c(head[:8]):
            raise NotAnEventFile
        if length + TAIL > size - stream.tell():
            return
        if length > LARGEST:
            stream.seek(length + TAIL, os.SEEK_CUR)
            continue
        data = stream.read(length)
        checksum = int.from_bytes(stream.read(TAIL), "little")
        if b"loss" in data or b"acc" in data or b"epoch_" in data:
            if checksum != masked_crc32c(data):
                raise NotAnEventFile
            yield data


def size_of(stream: BinaryIO) -> int:
    """The length of a file; its place is the beginning."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    return size


def event_scalars(data: bytes) -> Iterator[Scalar]:
    """Event: 2 = step, 5 = summary; Summary: 1 = value; Value: 1 = tag, 2 = simple_value, 8 = tensor."""
    step, summary = 0, b""
    for number, value in fields(data):
        if number == 2 and isinstance(value, int):
            step = value if value < 2**63 else 0
        elif number == 5 and isinstance(value, bytes):
            summary = value
    for number, value in fields(summary):
        if number == 1 and isinstance(value, bytes):
            yield from value_scalars(step, value)


def value_scalars(step: int, data: bytes) -> Iterator[Scalar]:
    tag, found = "", None
    for number, value in fields(data):
        if number == 1 and isinstance(value, bytes):
            tag = value[:200].decode("utf-8", "replace")
        elif number == 2 and isinstance(value, bytes) and len(value) == 4:
            found = struct.unpack("<f", value)[0]
        elif number == 8 and isinstance(value, bytes):
            found = tensor_scalar(value)
    if tag and found is not None:
        yield Scalar(step, tag, found)


def tensor_scalar(data: bytes) -> float | None:
    """TensorProto: 1 = dtype, 4 = tensor_content, 5 = float_val, 6 = double_val; None but for one number."""
    dtype, content = 0, b""
    for number, value in fields(data):
        if number == 1 and isinstance(value, int):
            dtype = value
        elif number in (4, 5, 6) and isinstance(value, bytes):
            content = value
    form = {1: "<f", 2: "<d"}.get(dtype)
    if form is None or len(content) != struct.calcsize(form):
        return None
    found: float = struct.unpack(form, content)[0]
    return found if not math.isnan(found) else math.nan


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message: a varint as a number, all else as its bytes.

    Raises:
        ValueError: it ends within a field, or has a kind of field that there is not.
    """
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(data, at)
            yield key >> 3, value
            continue
        if kind == 2:
            length, at = varint(data, at)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise ValueError("no such kind of field")
        if length > len(data) - at:
            raise ValueError("cut short")
        yield key >> 3, data[at : at + length]
        at += length


def varint(data: bytes, at: int) -> tuple[int, int]:
    found = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise ValueError("cut short")
        found |= (data[at] & 0x7F) << shift
        at += 1
        if not data[at - 1] & 0x80:
            return found, at
    raise ValueError("too long a number")


def crc_table() -> tuple[int, ...]:
    """Of CRC-32C (Castagnoli), which is not zlib's."""
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return tuple(table)


CRC = crc_table()


def masked_crc32c(data: bytes) -> int:
    value = 0xFFFFFFFF
    for byte in data:
        value = CRC[(value ^ byte) & 0xFF] ^ (value >> 8)
    value ^= 0xFFFFFFFF
    return ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF
