"""What a terminal was sent, as lines: a bar that draws itself over again is one line for each time."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import BinaryIO

from nanwatch.foreign.reading.limits import MOST_LINE

CHUNK = 2**18
# Colours and cursor movements (CSI), titles and links (OSC), and the short ones. In a file the escape
# character itself may be spelled out, or lost: a colour is known without it.
ESCAPES = re.compile(
    r"\x1b\[[0-?]{0,32}[ -/]{0,4}[@-~]|\x1b\][^\x07\x1b\n]{0,2000}(?:\x07|\x1b\\)|\x1b[@-_]"
    r"|(?:␛|\^\[|\\x1b|\\u001b)\[[0-?]{0,32}[@-~]|\[(?:\d{1,3}(?:;\d{1,3}){0,4})?m"
)
# Keras goes back to the beginning of its line by backspaces, by a return, or by both.
BREAKS = re.compile(r"[\r\n\x08\x0b\x0c\x85\u2028\u2029]+")
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # what PowerShell writes behind ">"


def encoding_of(head: bytes) -> str:
    if head.startswith(UTF_16):
        return "utf-16"
    return "utf-8-sig"


def lines_of(stream: BinaryIO, encoding: str) -> Iterator[str]:
    """The lines of ``stream`` without escape codes; one that is too long in pieces."""
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    rest = ""
    while chunk := stream.read(CHUNK):
        *lines, rest = BREAKS.split(rest + decoder.decode(chunk))
        yield from filter(None, map(plain, lines))
        if len(rest) > MOST_LINE:
            yield plain(rest)
            rest = ""
    rest += decoder.decode(b"", final=True)
    yield from filter(None, map(plain, BREAKS.split(rest)))


def plain(line: str) -> str:
    return ESCAPES.sub("", line[:MOST_LINE])
