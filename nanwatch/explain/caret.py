"""Where in the guilty line the fault stands: the characters that a caret is put under."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from itertools import takewhile
from typing import Literal

from nanwatch.diagnose.data_origin import ARGUMENTS
from nanwatch.diagnose.diagnosis import Diagnosis, Remedy
from nanwatch.diagnose.patch import argument, call_name, parse_line, span
from nanwatch.explain.source import current_line
from nanwatch.record.interventions import InterventionKind
from nanwatch.record.run import Run

Columns = tuple[int, int]  # of the stripped line, from 0; the end is not in it

K = InterventionKind
FITS = ("fit", "train_on_batch")
# The argument by name that a change is about, in whichever call it stands.
KEYWORDS: dict[InterventionKind, str] = {
    K.SET_ACTIVATION: "activation",
    K.SET_HIDDEN_ACTIVATIONS: "activation",
    K.SET_UNITS: "units",
    K.SET_INITIALIZER: "kernel_initializer",
    K.SET_REGULARIZER: "kernel_regularizer",
    K.SET_INPUT_DIM: "input_dim",
    K.SET_MASK_ZERO: "mask_zero",
    K.SET_DROPOUT: "rate",
    K.SET_MOMENTUM: "momentum",
    K.SET_TRAINABLE: "trainable",
    K.SET_LOSS: "loss",
    K.SET_FROM_LOGITS: "loss",
    K.SET_LEARNING_RATE: "learning_rate",
    K.SET_WEIGHT_DECAY: "weight_decay",
    K.SET_CLIPNORM: "clipnorm",
    K.SET_CLIPVALUE: "clipvalue",
    K.SET_EPSILON: "epsilon",
    K.SET_BATCH_SIZE: "batch_size",
    K.SET_CLASS_WEIGHT: "class_weight",
    K.MEND_SAMPLE_WEIGHT: "sample_weight",
    K.SHUFFLE_ROWS: "shuffle",
    K.MEND_VALIDATION_DATA: "validation_data",
    K.SCALE_VALIDATION: "validation_data",
}


def columns_of(diagnosis: Diagnosis) -> Columns | None:
    """The part of the guilty line that a remedy changes, or is about; None where that is not known."""
    at = diagnosis.location
    if at is None:
        return None
    code = at.code.strip()
    parts = (part_of(code, remedy) for remedy in diagnosis.remedies if remedy.location in (None, at))
    return next((part for part in parts if part is not None and part[0] < part[1] <= len(code)), None)


def file_columns(run: Run, diagnosis: Diagnosis) -> Columns | None:
    """The same in the file's line, from 1 and with its indentation; None where that has changed."""
    part, at = columns_of(diagnosis), diagnosis.location
    text = None if at is None else current_line(run, at)
    if part is None or text is None:
        return None
    begin = len(text) - len(text.lstrip()) + 1
    return begin + part[0], begin + part[1]


def part_of(code: str, remedy: Remedy) -> Columns | None:
    if remedy.line is not None:
        return changed_part(code, remedy.line.strip())
    kind = remedy.intervention.kind
    if kind in ARGUMENTS:
        return given_to_fit(code, ARGUMENTS[kind])
    return keyword_part(code, KEYWORDS[kind]) if kind in KEYWORDS else None


def changed_part(old: str, new: str) -> Columns | None:
    """The argument of ``old`` that is another in ``new``; the call's name where one is only added."""
    start = common_length(old, new)
    tail = common_length(old[start:][::-1], new[start:][::-1])
    end, put_in = len(old) - tail, new[start : len(new) - tail]
    if start == end and not put_in.startswith((",", " ")):  # 0.01 for 0.1
        start, end = whole_word(old, start)
    piece = parse_line(old)
    if piece is None:
        return (start, end) if start < end else None
    calls = [node for node in ast.walk(piece.tree) if isinstance(node, ast.Call)]
    if start == end:
        around = [call for call in calls if span(piece, call)[0] <= start <= span(piece, call)[1]]
        return smallest([span(piece, call.func) for call in around])
    parts = [span(piece, part) for call in calls for part in call.args]
    parts += [span(piece, part) for call in calls for part in call.keywords]
    return smallest([part for part in parts if part[0] <= start and end <= part[1]]) or (start, end)


def whole_word(text: str, place: int) -> Columns:
    """The word or number around ``place``."""
    before = re.search(r"[\w.]*$", text[:place])
    behind = re.match(r"[\w.]*", text[place:])
    return place - len(before.group() if before else ""), place + len(behind.group() if behind else "")


def given_to_fit(code: str, keyword: Literal["x", "y"]) -> Columns | None:
    """The argument of the only call of ``fit`` in the line."""
    piece = parse_line(code)
    calls = [node for node in ast.walk(piece.tree) if isinstance(node, ast.Call)] if piece else []
    found = [argument(call, keyword, "xy".index(keyword)) for call in calls if call_name(call) in FITS]
    if piece is None or len(found) != 1 or found[0] is None:
        return None
    return smallest([span(piece, found[0])])


def keyword_part(code: str, name: str) -> Columns | None:
    """``name=...``, where it stands once in the line."""
    piece = parse_line(code)
    nodes = [node for node in ast.walk(piece.tree) if isinstance(node, ast.keyword)] if piece else []
    found = [node for node in nodes if node.arg == name]
    return span(piece, found[0]) if piece is not None and len(found) == 1 else None


def smallest(parts: Sequence[Columns]) -> Columns | None:
    return min(parts, key=lambda part: part[1] - part[0], default=None)


def common_length(one: str, other: str) -> int:
    """How many characters both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
