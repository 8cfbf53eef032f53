"""A bad step that was brought back, for the terminal."""

from __future__ import annotations

from nanwatch.diagnose.data_words import capitalise_first
from nanwatch.diagnose.op_words import first_op_words, operand_words
from nanwatch.explain.notes import incident_note_words
from nanwatch.explain.untrusted import clean
from nanwatch.record.facts import OpInfo, StepReplay


def render(found: StepReplay) -> str:
    """The step in plain words: whether it went bad again, its first bad op, where that spread."""
    loss = "not seen" if found.loss is None else f"{found.loss:.6g}"
    lines = [f"Step {found.step} again, on the weights of before: loss {loss}."]
    if found.reproduced:
        lines.append("It went bad again.")
    elif found.reproduced is False:
        lines.append("It stayed finite this time: not reproduced.")
    if found.op is not None:
        lines += op_lines(found.op)
    for entry in found.spread:
        lines.append(f"  {entry.role:<10} {clean(entry.path):<40} {entry.num_bad} of {entry.size}")
    return "\n".join([*lines, *map(incident_note_words, found.notes)]) + "\n"


def op_lines(op: OpInfo) -> list[str]:
    where = f" at {clean(op.location.file)}:{op.location.line}" if op.location else ""
    layer = f" in layer {clean(op.layer)}" if op.layer else ""
    said = f"{capitalise_first(first_op_words(op))}: {clean(op.type)}, {op.direction}{layer}{where}."
    return [said, *(f"  {clean(operand_words(operand))}" for operand in op.inputs)]
