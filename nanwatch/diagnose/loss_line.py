"""The line of ``compile`` with another loss, and what Keras says of shapes that do not fit."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nanwatch.diagnose.diagnosis import Remedy
from nanwatch.diagnose.heads import Head
from nanwatch.diagnose.patch import constant_argument, set_argument
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit

# Keras's own sentence where a loss gets labels and predictions of different shapes.
SHAPES = re.compile(r"target\.shape=\(([^)]*)\), output\.shape=\(([^)]*)\)")
SHORT = {
    "mean_squared_error": ("mse", "MSE"),
    "mean_absolute_error": ("mae", "MAE"),
    "binary_crossentropy": ("bce", "BCE"),
}


@dataclass(frozen=True)
class ShapeClash:
    """The shapes in the exception that ended the training."""

    target: tuple[int | None, ...]
    output: tuple[int | None, ...]

    @property
    def words(self) -> str:
        return f"labels of shape {shape_words(self.target)}, predictions of shape {shape_words(self.output)}"


def shape_words(shape: tuple[int | None, ...]) -> str:
    sizes = ", ".join("None" if size is None else str(size) for size in shape)
    return f"({sizes},)" if len(shape) == 1 else f"({sizes})"


def shape_clash(error: str | None) -> ShapeClash | None:
    found = SHAPES.search(error or "")
    return ShapeClash(sizes(found[1]), sizes(found[2])) if found else None


def sizes(text: str) -> tuple[int | None, ...]:
    words = [word.strip() for word in text.split(",") if word.strip()]
    return tuple(int(word) if word.isdigit() else None for word in words)


def loss_remedy(fit: Fit, head: Head, loss: str) -> Remedy:
    """Compile with the loss ``loss``: as data, in words, and as the user's line rewritten."""
    text = f'Compile with loss="{loss}".'
    at = fit.model.compile_location
    return Remedy(
        Intervention(InterventionKind.SET_LOSS, head.output.path, loss),
        text,
        compile_line(fit, head, f'"{loss}"'),
        at,
    )


def compile_line(fit: Fit, head: Head, source: str) -> str | None:
    """The line of ``compile`` with ``loss=source``; None where the loss is not given there as a string."""
    at = fit.model.compile_location
    if at is None or constant_argument(at.code, "compile", "loss", 1) not in loss_names(head):
        return None
    return set_argument(at.code, "compile", "loss", source, 1)


def loss_names(head: Head) -> tuple[str, ...]:
    """What a script may call this loss in a string."""
    return (head.loss, *SHORT.get(head.loss, ()))
