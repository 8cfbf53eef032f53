"""The file of a snapshot, without TensorFlow: its name, its format, how it is read."""

from __future__ import annotations

import math
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from nanwatch.record.untrusted_file import open_regular
from nanwatch.watch.keras_seam.keras_types import Array

SNAPSHOT_FILE = "snapshot.npz"
FORMAT = 1  # of files of an older nanwatch too: they hold less, what a loop was given above all
SAME = "same/"  # before a name: what stands there is the name of an array that is the same


TRACE = "trace"  # the number of the trace of a compiled step
TYPES = "eager/types"  # of the ops of an eager step
NEEDED = ("batch", "held", "captured", "weights", "state")  # parts without which no step is made again
MOST_ARRAYS = 100_000
LONGEST_HEADER = 10_000  # bytes of an array's header: as NumPy itself has it
KINDS = "biufcSU"  # of dtypes that a snapshot holds: no objects, whose reading would run code
MEMORY_SHARE = 0.5  # of the machine's: a larger snapshot was not written by a run that had to hold it twice


def holds_step(arrays: Mapping[str, Array]) -> bool:
    """Whether the ops that went bad can be run from what is held here; else a step of ``fit`` is repeated
    in Python."""
    return TRACE in arrays or TYPES in arrays


def load(path: Path) -> dict[str, Array]:
    """The arrays of a snapshot by name. Nothing is made room for that the file does not hold.

    Raises:
        ValueError: it is cut short or not a snapshot of nanwatch's.
    """
    try:
        with open(open_regular(path), "rb") as file, zipfile.ZipFile(file) as whole:
            check_sizes(whole, os.fstat(file.fileno()).st_size)
            arrays = {
                entry.filename.removesuffix(".npy"): read_array(whole, entry) for entry in whole.infolist()
            }
        for name in [name for name in arrays if name.startswith(SAME)]:
            arrays[name.removeprefix(SAME)] = arrays[arrays.pop(name).item().decode()]
        version = int(arrays["format"]) if "format" in arrays else None
    except MemoryError as error:
        raise ValueError(f"{path} takes more memory than there is") from error
    except Exception as error:  # of zlib, struct, ast and others beneath a damaged file
        raise ValueError(f"{path} is not a whole snapshot: {str(error) or type(error).__name__}") from error
    if version is None or version > FORMAT:
        raise ValueError(f"{path} is not a snapshot that this nanwatch reads")
    return arrays


def check_sizes(whole: zipfile.ZipFile, size: int) -> None:
    """Raises ``ValueError`` where the entries claim more than a file of ``size`` bytes can hold unpacked."""
    entries = whole.infolist()
    if len(entries) > MOST_ARRAYS:
        raise ValueError(f"it has {len(entries):,} arrays")
    if len({entry.filename for entry in entries}) < len(entries):
        raise ValueError("an array stands in it twice")
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise ValueError("it is compressed, as no snapshot is")
    claimed = sum(entry.file_size for entry in entries)
    if claimed > size:
        raise ValueError(f"its arrays would have {claimed:,} bytes, and the file has {size:,}")
    if claimed > MEMORY_SHARE * memory():
        raise ValueError(f"its arrays have {claimed:,} bytes, more than half of this machine's memory")


def memory() -> float:
    """Bytes; infinite where the system does not tell."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):
        return math.inf


def read_array(whole: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Array:
    """Raises ``ValueError`` where its header and its size do not agree."""
    with whole.open(entry) as file:
        shape, fortran, dtype = read_header(file)
        if dtype.kind not in KINDS or dtype.hasobject:
            raise ValueError(f"{entry.filename} holds {dtype}")
        if any(side < 0 for side in shape):
            raise ValueError(f"{entry.filename} has shape {shape}")
        wanted = math.prod(shape) * dtype.itemsize
        data = file.read()
        if len(data) != wanted:
            raise ValueError(f"{entry.filename} has {len(data):,} bytes, and its shape wants {wanted:,}")
        found: Array = np.ndarray(shape, dtype, bytearray(data), order="F" if fortran else "C")
        return found


def read_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = npy.read_magic(file)
    read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}.get(version)
    if read is None:
        raise ValueError(f"an array of format {version}")
    found: tuple[tuple[int, ...], bool, np.dtype] = read(file, max_header_size=LONGEST_HEADER)
    return found
