"""The file of a snapshot, which may come from anybody: no more is made room for than it holds."""

from __future__ import annotations

import io
import os
import random
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.lib import format as npy

from nanwatch.watch.incident.snapshot_file import FORMAT, SAME, load

BATCH = np.arange(12, dtype=np.float32).reshape(3, 4)
DAMAGES = 300


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    np.savez(
        tmp_path / "snapshot.npz",
        **{
            "format": np.int64(FORMAT),
            "batch/0": BATCH,
            "weights/0": np.asfortranarray(BATCH.astype(np.float16)),
            "eager/types": np.array(["MatMul", "Sqrt"], "S"),
            "held/0": np.zeros((0, 3), np.int32),
            f"{SAME}given/0": np.array("batch/0", "S"),
        },  # type: ignore[arg-type]
    )
    return tmp_path / "snapshot.npz"


def test_a_whole_one(snapshot: Path) -> None:
    found = load(snapshot)
    assert {*found} == {"format", "batch/0", "weights/0", "eager/types", "held/0", "given/0"}
    for name in ("batch/0", "weights/0", "given/0"):
        np.testing.assert_array_equal(found[name], BATCH)
    assert found["weights/0"].dtype == np.float16
    assert found["eager/types"].tolist() == [b"MatMul", b"Sqrt"]
    assert found["held/0"].shape == (0, 3)
    found["batch/0"][0] = 1.0  # it may be written to


def with_array(path: Path, data: bytes, method: int = zipfile.ZIP_STORED, name: str = "x.npy") -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a name that is there twice
        with zipfile.ZipFile(path, "a") as file:
            file.writestr(name, data, method)


def array_of(shape: str, dtype: str = "'<f4'", data: bytes = b"\0" * 16) -> bytes:
    head = f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    head += b" " * (-len(head) - 11 % 64) + b"\n"
    return npy.magic(1, 0) + len(head).to_bytes(2, "little") + head + data


def objects() -> bytes:
    file = io.BytesIO()
    np.save(file, np.array([{}, None], object), allow_pickle=True)
    return file.getvalue()


ATTACKS: dict[str, tuple[Callable[[Path], object], str]] = {
    "pipe": (lambda path: (path.unlink(), os.mkfifo(path)), "it is a pipe, and no file"),  # type: ignore[func-returns-value]
    "link": (lambda path: (path.unlink(), path.symlink_to("/dev/zero")), "it is a link, and no file"),  # type: ignore[func-returns-value]
    "sparse": (lambda path: os.truncate(path, 20 * 2**30), "File is not a zip file"),
    "no zip": (lambda path: path.write_bytes(b"PK"), "File is not a zip file"),
    "bomb": (
        lambda path: with_array(path, array_of("(4,)") + b"\0" * 2**24, zipfile.ZIP_DEFLATED),
        "it is compressed, as no snapshot is",
    ),
    "shape": (lambda path: with_array(path, array_of("(10**12, 10**6)")), "malformed"),
    "large": (
        lambda path: with_array(path, array_of("(1000000000000, 1000000)")),
        "x.npy has 16 bytes, and its shape wants 4,000,000,000,000,000,000",
    ),
    "negative": (lambda path: with_array(path, array_of("(-4,)")), "x.npy has shape (-4,)"),
    "objects": (lambda path: with_array(path, objects()), "x.npy holds object"),
    "other kind": (lambda path: with_array(path, array_of("(2,)", "'<M8[s]'")), "x.npy holds datetime64[s]"),
    "twice": (
        lambda path: with_array(path, array_of("(4,)"), name="batch/0.npy"),
        "an array stands in it twice",
    ),
    "same as none": (
        lambda path: with_array(path, array_of("()", "'|S4'", b"none"), name=f"{SAME}a.npy"),
        "'none'",
    ),
    "no array": (lambda path: with_array(path, b"x" * 100), "the magic string is not correct"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_a_sentence(snapshot: Path, attack: str) -> None:
    make, said = ATTACKS[attack]
    make(snapshot)
    with pytest.raises(ValueError, match="is not a whole snapshot") as caught:
        load(snapshot)
    assert said in str(caught.value)


def test_a_size_that_the_file_does_not_have(snapshot: Path) -> None:
    """The directory of the zip file claims more than there is."""
    data = bytearray(snapshot.read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 20 : at + 28] = (2**31).to_bytes(4, "little") * 2
    snapshot.write_bytes(data)
    with pytest.raises(ValueError, match=r"its arrays would have 2,147,48\d,\d+ bytes, and the file has"):
        load(snapshot)


def test_of_another_nanwatch(snapshot: Path) -> None:
    np.savez(snapshot, format=np.int64(FORMAT + 1))
    with pytest.raises(ValueError, match="is not a snapshot that this nanwatch reads"):
        load(snapshot)
    np.savez(snapshot, other=np.int64(FORMAT))
    with pytest.raises(ValueError, match="is not a snapshot that this nanwatch reads"):
        load(snapshot)


def test_damages_at_random(snapshot: Path) -> None:
    """Bits flipped, pieces cut out: a whole snapshot, or one sentence."""
    rng, whole = random.Random(1), snapshot.read_bytes()
    refused = 0
    for _ in range(DAMAGES):
        data = bytearray(whole)
        for _ in range(rng.choice((1, 1, 4, 30))):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        snapshot.write_bytes(data[: rng.choice((len(data), len(data), rng.randrange(len(data))))])
        try:
            load(snapshot)
        except ValueError as error:
            refused += str(error).startswith(str(snapshot))
    assert refused > DAMAGES // 2
