"""How rows are left out before a training: of arrays, of several by name, of a dataset, of batches."""

from __future__ import annotations

from typing import Literal

from nanwatch.record.facts import TensorSummary
from nanwatch.record.run import Fit

Letter = Literal["x", "y"]


def call_words(fit: Fit, letter: Letter, array: TensorSummary) -> str:
    """What the script may call the array: ``x``, or ``x["age"]`` where there are several by name."""
    arrays = fit.info.data.inputs if letter == "x" else fit.info.data.labels
    by_name = not array.path.isdigit() and (letter == "x" or len(arrays) > 1)
    return f'{letter}["{array.path}"]' if by_name and fit.info.kind == "fit" else letter


def drop_rows_words(fit: Fit, letter: Letter, array: TensorSummary) -> str:
    """Rows in which the array is not finite, left out."""
    called = call_words(fit, letter, array)
    if fit.info.given_as == "dataset":
        given = "x, *_" if letter == "x" else "x, y, *_"
        return (
            f"Leave the rows out of the dataset: data = data.unbatch().filter(lambda {given}: "
            f"tf.reduce_all(tf.math.is_finite({called}))).batch({batch_size(fit)})."
        )
    keep = f"keep = np.isfinite({called}){over_the_row(array, letter)}"
    when = "where the batches are made" if fit.info.given_as == "batches" else "before the training"
    kept = [f"{{name: column[keep] for name, column in {each}.items()}}" for each in "xy"]
    x = kept[0] if len(fit.info.data.inputs) > 1 and "[" in called else "x[keep]"
    y = kept[1] if letter == "y" and "[" in called else "y[keep]"
    return f"Drop the rows {when}: {keep}; x, y = {x}, {y}."


def over_the_row(array: TensorSummary, letter: Letter) -> str:
    """All axes of a batch but that of its rows, as NumPy takes them."""
    if len(array.shape) > 2:
        return f".all(axis=tuple(range(1, {letter}.ndim)))"
    return ".all(axis=1)" if len(array.shape) == 2 or (letter == "x" and not array.shape) else ""


def batch_size(fit: Fit) -> int:
    return fit.info.batch_size or int(max(fit.steps.first_values("rows"), default=32))
