"""The line of ``compile`` with another loss, and what Keras says of shapes that do not fit."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nanwatch.diagnose.diagnosis import Remedy
from nanwatch.diagnose.heads import Head
from nanwatch.diagnose.patch import constant_argument, set_argument
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit

# The sentences of Keras 3, of TensorFlow's own losses and of tf_keras where a loss gets labels and
# predictions of different shapes: (pattern, whether the labels come first).
SENTENCES = (
    (re.compile(r"target\.shape=\(([^)]*)\),? output\.shape=\(([^)]*)\)"), True),
    (re.compile(r"labels\.shape=\(([^)]*)\).*?logits\.shape=\(([^)]*)\)"), True),
    (re.compile(r"logits_size=\[([^\]]*)\] labels_size=\[([^\]]*)\]"), False),
    (re.compile(r"got logits shape \[([^\]]*)\] and labels shape \[([^\]]*)\]"), False),
    (re.compile(r"must have the same shape, received \(\(([^)]*)\) vs \(([^)]*)\)\)"), False),
)
# That of tf_keras; whatever assigns a variable says so as well.
OF_FIT = (re.compile(r"Shapes \(([^)]*)\) and \(([^)]*)\) are incompatible"), True)
# A difference in a loss, as the graph was made: what Keras hands on as labels is called data there.
IN_GRAPH = re.compile(
    r"'\{\{node \S*loss\S*\}\} = \w+\[[^\]]*\]\(([^,)]*), ([^,)]*)\)' "
    r"with input shapes: \[([^\]]*)\], \[([^\]]*)\]"
)
FOR_SPARSE = ("target.ndim - 1", "logits.shape.rank - 1", "must have the same first dimension")
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


def shape_clash(error: str | None, in_fit: bool = True) -> ShapeClash | None:
    """The shapes that ``error`` tells of; not ``in_fit`` what may come from elsewhere is passed over."""
    for sentence, labels_first in (*SENTENCES, *([OF_FIT] if in_fit else [])):
        if found := sentence.search(error or ""):
            first, second = sizes(found[1]), sizes(found[2])
            return with_rows(ShapeClash(first, second) if labels_first else ShapeClash(second, first))
    if found := IN_GRAPH.search(error or ""):
        first, second = sizes(found[3]), sizes(found[4])
        if found[1].startswith("data") != found[2].startswith("data"):
            return ShapeClash(first, second) if found[1].startswith("data") else ShapeClash(second, first)
    return None


def with_rows(clash: ShapeClash) -> ShapeClash:
    """Labels that TensorFlow has laid out, such as (160,) beside (32, 5), as the rows that they are."""
    target, output = clash.target, clash.output
    if len(target) == 1 and len(output) == 2 and None not in (*target, *output):
        rows, units = output
        if rows and units and target[0] == rows * units and units > 1:
            return ShapeClash(output, output)
    return clash


def is_for_sparse(error: str | None) -> bool:
    """Whether only a loss of class numbers says so."""
    return any(words in (error or "") for words in FOR_SPARSE)


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
