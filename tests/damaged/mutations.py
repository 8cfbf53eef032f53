"""One damage to one file of a run folder, chosen at random: of its bytes, of its JSON, or of what it is."""

from __future__ import annotations

import json
import os
import random
import socket
import stat
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from nanwatch.record.series import HEADER

NUMBERS: tuple[Any, ...] = (
    0,
    1,
    -1,
    2,
    2**31,
    2**53 + 1,
    2**63,
    -(2**63),
    10**18,
    10**4000,
    0.5,
    -0.0,
    1e308,
    5e-324,
)
# As text, for what `json.dumps` would not write.
ODD_NUMBERS = (
    "1e400",
    "-1e400",
    "NaN",
    "Infinity",
    "1" + "0" * 10_000,
    "0." + "0" * 10_000 + "1",
    "01",
    "1.",
)
TEXTS = (
    "",
    "x" * 2**20,
    "\x1b[31m\x07\x9b2J",
    "\u202e\u2066\u2028\ufeff",
    "\ud800",
    "../../../../tmp/x",
    "/etc/passwd",
    "/dev/zero",
    "a\0b",
    "</script><img src=x onerror=alert(1)>",
    "]]>&lt;",
    "\r\n::error::x",
    "{{ 7 * 7 }} ${x} %s %n {0} {",
    "nan",
    "-1",
    "\U0001f600" * 5000,
    "relu",
    "softmax",
    "2025-13-45T99:99:99",
    "fit",
)
OTHERS: tuple[Any, ...] = (None, True, False, [], {}, [[]], [None], {"": None}, "", 0)
LINKED = ("/dev/zero", "/dev/tty", "/dev/full", ".", "..", "gone", "run.json")
SPARSE = 20 * 2**30
LARGEST = 2**27  # bytes of a file that a second damage reads whole
Mutation = Callable[[random.Random, Path], None]


def damage(rng: random.Random, folder: Path) -> str:
    """Damage one file below ``folder``; says which, and how."""
    path = rng.choice(files_in(folder))
    fitting = [*ANY]
    if path.suffix in (".json", ".jsonl"):
        fitting += JSON * 3
    if path.suffix in (".steps", ".health"):
        fitting += SERIES * 3
    mutation = rng.choice(fitting)
    mutation(rng, path)
    return f"{mutation.__name__} of {path.relative_to(folder)}"


def files_in(folder: Path) -> list[Path]:
    """No link among them: what it leads to is not to be damaged; none that was made too large to read."""
    found = (Path(place, name) for place, _, names in os.walk(folder) for name in names)
    return sorted(path for path in found if is_to_be_damaged(path.lstat()))


def is_to_be_damaged(found: os.stat_result) -> bool:
    return stat.S_ISREG(found.st_mode) and found.st_size <= LARGEST


# -- its bytes ------------------------------------------------------------------------------------


def flip_bits(rng: random.Random, path: Path) -> None:
    data = bytearray(path.read_bytes())
    for _ in range(rng.choice((1, 1, 1, 2, 8, 64)) if data else 0):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


def cut_short(rng: random.Random, path: Path) -> None:
    os.truncate(path, rng.randrange(path.stat().st_size + 1))


def overwrite(rng: random.Random, path: Path) -> None:
    data = bytearray(path.read_bytes())
    start = rng.randrange(len(data) + 1)
    piece = rng.choice((b"\0" * 64, b"\xff" * 64, rng.randbytes(64), b"[" * 500, b'{"a":' * 500))
    data[start : start + len(piece)] = piece
    path.write_bytes(data)


def repeat_a_piece(rng: random.Random, path: Path) -> None:
    data = path.read_bytes()
    one, two = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    path.write_bytes(data[:two] + data[one:two] * rng.choice((1, 2, 50)) + data[two:])


# -- what it is -----------------------------------------------------------------------------------


def remove(rng: random.Random, path: Path) -> None:
    path.unlink()


def make_a_pipe(rng: random.Random, path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def make_a_folder(rng: random.Random, path: Path) -> None:
    path.unlink()
    path.mkdir()


def make_a_link(rng: random.Random, path: Path) -> None:
    path.unlink()
    path.symlink_to(rng.choice(LINKED))


def make_a_socket(rng: random.Random, path: Path) -> None:
    path.unlink()
    here = Path.cwd()
    try:
        os.chdir(path.parent)  # the path of a socket is short
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def make_it_sparse(rng: random.Random, path: Path) -> None:
    os.truncate(path, rng.choice((SPARSE, 2**26, path.stat().st_size + 2**20)))


def make_it_empty(rng: random.Random, path: Path) -> None:
    path.write_bytes(b"")


# -- its JSON -------------------------------------------------------------------------------------


def places_in(value: Any) -> Iterator[tuple[Any, Any]]:
    """(table or list, key or place) of everything in ``value``."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in [*items]:
        yield value, key
        yield from places_in(entry)


def change_json(rng: random.Random, path: Path, change: Callable[[Any, Any], object]) -> None:
    """In the whole, or in a line; what is no JSON by now is left as it is."""
    lines = [path.read_bytes()] if path.suffix == ".json" else path.read_bytes().splitlines()
    number = rng.randrange(len(lines)) if lines else 0
    try:
        table = json.loads(lines[number])
    except (ValueError, IndexError, RecursionError):
        return
    places = [*places_in(table)]
    if not places:
        return
    change(*rng.choice(places))
    lines[number] = json.dumps(table).encode()
    path.write_bytes(b"\n".join(lines) + b"\n")


def change_a_value(rng: random.Random, path: Path) -> None:
    """By one of another type, or of the same and out of all bounds."""

    def change(holder: Any, key: Any) -> None:
        old = holder[key]
        kinds: list[tuple[Any, ...]] = [OTHERS, NUMBERS, TEXTS]
        if isinstance(old, str):
            kinds += [TEXTS] * 3
        if isinstance(old, int | float):
            kinds += [NUMBERS] * 3
        holder[key] = rng.choice(rng.choice(kinds))

    change_json(rng, path, change)


def change_a_number_by_text(rng: random.Random, path: Path) -> None:
    mark = 8_888_888_888_888_881

    def change(holder: Any, key: Any) -> None:
        holder[key] = mark

    change_json(rng, path, change)
    path.write_bytes(path.read_bytes().replace(str(mark).encode(), rng.choice(ODD_NUMBERS).encode()))


def change_a_key(rng: random.Random, path: Path) -> None:
    def change(holder: Any, key: Any) -> None:
        if isinstance(holder, dict):
            holder[rng.choice((*TEXTS, *holder))] = holder.pop(key)

    change_json(rng, path, change)


def take_out(rng: random.Random, path: Path) -> None:
    def change(holder: Any, key: Any) -> None:
        del holder[key]

    change_json(rng, path, change)


def multiply(rng: random.Random, path: Path) -> None:
    """An entry of a list, so often that it should be too much."""

    def change(holder: Any, key: Any) -> None:
        if isinstance(holder, list):
            holder[key:key] = [holder[key]] * rng.choice((1, 3, 100, 10_000))

    change_json(rng, path, change)


def nest(rng: random.Random, path: Path) -> None:
    def change(holder: Any, key: Any) -> None:
        for _ in range(rng.choice((5, 40, 400))):
            holder[key] = rng.choice((lambda it: [it], lambda it: {"a": it}))(holder[key])

    change_json(rng, path, change)


def swap(rng: random.Random, path: Path) -> None:
    """A value by another one of the same file."""

    def change(holder: Any, key: Any) -> None:
        others = [*places_in(holder)]
        other, at = rng.choice(others)
        holder[key] = json.loads(json.dumps(other[at]))

    change_json(rng, path, change)


# -- its numbers ----------------------------------------------------------------------------------


def change_a_cell(rng: random.Random, path: Path) -> None:
    data = bytearray(path.read_bytes())
    value = rng.choice(
        (float("nan"), float("inf"), float("-inf"), -1.0, 1e300, -1e300, 5e-324, 2.0**60, 0.5, 3.0)
    )
    for _ in range(rng.choice((1, 10, 200))):
        at = HEADER.size + 8 * rng.randrange(max((len(data) - HEADER.size) // 8, 1))
        data[at : at + 8] = struct.pack("<d", value)
    path.write_bytes(data)


def change_the_header(rng: random.Random, path: Path) -> None:
    data = bytearray(path.read_bytes())
    at = 8 + 8 * rng.randrange(9)
    old = int.from_bytes(data[at : at + 8], "little")
    new = rng.choice((old ^ 1 << rng.randrange(63), old + 1, old - 1, 0, -1, 2**62, 3))
    data[at : at + 8] = struct.pack("<q", max(min(new, 2**63 - 1), -(2**63)))
    path.write_bytes(data)


def change_a_column(rng: random.Random, path: Path) -> None:
    """Its name, by one of the same length."""
    data = bytearray(path.read_bytes())
    length = int.from_bytes(data[8 + 64 : 8 + 72], "little")
    for _ in range(rng.choice((1, 4))):
        at = HEADER.size + rng.randrange(max(length, 1))
        data[at : at + 1] = rng.choice((b"|", b"\n", b" ", b"\xff", b"a", b"\x1b"))
    path.write_bytes(data)


ANY: list[Mutation] = [
    flip_bits,
    flip_bits,
    cut_short,
    overwrite,
    repeat_a_piece,
    remove,
    make_a_pipe,
    make_a_folder,
    make_a_link,
    make_a_socket,
    make_it_sparse,
    make_it_empty,
]
JSON: list[Mutation] = [
    change_a_value,
    change_a_value,
    change_a_value,
    change_a_number_by_text,
    change_a_key,
    take_out,
    multiply,
    nest,
    swap,
]
SERIES: list[Mutation] = [change_a_cell, change_the_header, change_the_header, change_a_column]
