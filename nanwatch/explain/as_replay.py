"""A bad step that was brought back, for the terminal."""

from __future__ import annotations

import os
from collections.abc import Sequence

from nanwatch.diagnose.data_words import capitalise_first
from nanwatch.diagnose.op_words import first_op_words, operand_words, values_words
from nanwatch.explain.notes import incident_note_words
from nanwatch.explain.untrusted import clean
from nanwatch.record.facts import Location, OpInfo, RanOp, StepReplay

BORN = ">"  # before the op at which it began
TEXTS = ("string",)
MOST_CODE = 80  # characters of a line of the script


def render(found: StepReplay, folder: str = "") -> str:
    """The step in plain words: whether it went bad again, its first bad op, where that spread.

    Files below ``folder`` are named as from there.
    """
    loss = "not seen" if found.loss is None else f"{found.loss:.6g}"
    lines = [f"Step {found.step} again, with the weights from before it: loss {loss}."]
    if found.reproduced:
        lines.append("It went bad again.")
    elif found.reproduced is False:
        lines.append("It stayed finite this time: not reproduced.")
    if found.op is not None:
        lines += op_lines(found.op, folder)
    lines += around_lines(found.ops, folder)
    if found.ops and found.spread:
        lines += ["", "What was not finite in the step, and how many of its elements:"]
    for entry in found.spread:
        lines.append(f"  {entry.role:<10} {clean(entry.path):<40} {entry.num_bad} of {entry.size}")
    return "\n".join([*lines, *(clean(incident_note_words(note)) for note in found.notes)]) + "\n"


def op_lines(op: OpInfo, folder: str) -> list[str]:
    where = f" at {at_words(op.location, folder)}" if op.location else ""
    layer = f" in layer {clean(op.layer)}" if op.layer else ""
    said = f"{capitalise_first(first_op_words(op))}: {clean(op.type)}, {op.direction}{layer}{where}."
    return [said, *(f"  {clean(operand_words(operand))}" for operand in op.inputs)]


def around_lines(ops: Sequence[RanOp], folder: str) -> list[str]:
    """What led to it, the op itself, and what took it on, under the lines that they are of."""
    if not ops:
        return []
    kinds = [clean(kind_words(op)) for op in ops]
    shapes = [shape_words(op) for op in ops]
    wide, wider = max(map(len, kinds)), max(map(len, shapes))
    lines = ["", "The ops around it, in the order in which they ran, and the values that each produced:"]
    place = ""
    for op, kind, shape in zip(ops, kinds, shapes, strict=True):
        if place_words(op, folder) != place:
            place = place_words(op, folder)
            lines.append(f"  {place}")
        mark = BORN if op.moment == "birth" else " "
        lines.append(f"  {mark} {kind:<{wide}}  {shape:<{wider}}  {gave_words(op)}")
    return lines


def kind_words(op: RanOp) -> str:
    """``"Sqrt"``, ``"SqrtGrad, gradient of Sqrt"``."""
    if op.type == "Placeholder":
        return "argument"
    if op.direction == "forward":
        return op.type
    return f"{op.type}, backward" if op.forward_type is None else f"{op.type}, gradient of {op.forward_type}"


def shape_words(op: RanOp) -> str:
    """``"float32 (32, 1)"``."""
    shape = ", ".join(map(str, op.shape)) + ("," if len(op.shape) == 1 else "")
    return f"{clean(op.output.dtype)} ({shape})"


def gave_words(op: RanOp) -> str:
    return values_words(op.output) if op.output.dtype not in TEXTS else f"{op.output.size} texts"


def place_words(op: RanOp, folder: str) -> str:
    """The line of the script, with the layer where that is of one; of what Keras does by itself, so."""
    layer = "" if op.layer is None else f" (layer {clean(op.layer)})"
    if op.location is None:
        return f"in Keras{layer}"
    code = clean(op.location.code)
    shown = code if len(code) <= MOST_CODE else code[: MOST_CODE - 3] + "..."
    return f"{at_words(op.location, folder)}{layer}  {shown}".rstrip()


def at_words(location: Location, folder: str) -> str:
    """``"train.py:18"``."""
    path = location.file
    if folder and path.startswith(os.path.join(folder, "")):
        path = os.path.relpath(path, folder)
    return f"{clean(path)}:{location.line}"
