"""The exception that ended a script, and the line of the script's own that it came from."""

from __future__ import annotations

import contextlib
import re
import traceback
from types import TracebackType

from nanwatch.record.facts import Location, ScriptError
from nanwatch.watch.launch.user_lines import is_users, line_at

MOST_OF_A_MESSAGE = 1000  # characters: a failed graph tells the whole stack of each op before what went wrong
# What TensorFlow puts around the message of an op, its own names for it; and the bold of Keras's messages.
NOISE = re.compile(r"\x1b\[[0-9;]*m|\{\{function_node [^}]*\}\}\s*| \[Op:\w+\](?: name:)?")
ASIDE = ('File "', "Detected at node", "Graph execution error")


def script_error(error: BaseException | None) -> ScriptError | None:
    """``error`` as the record has it; None where there is none, or nothing can be told of it."""
    if error is None:
        return None
    with contextlib.suppress(Exception):  # its text is made by the script
        return ScriptError(type(error).__name__, told(error), place_of(error.__traceback__))
    return None


def told(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines()]
    kept = [line for line in lines if line and not line.startswith(ASIDE)]
    return NOISE.sub("", " ".join(kept)).strip()[:MOST_OF_A_MESSAGE]


def place_of(raised: TracebackType | None) -> Location | None:
    """The innermost line of the user's code."""
    frames = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(raised)]
    own = [place for place in frames if is_users(place[0])]
    return line_at(*own[-1]) if own else None
