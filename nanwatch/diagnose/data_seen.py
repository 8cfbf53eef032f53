"""The data of a fit as the rules look at it: all that was seen, and the guilty batch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from nanwatch.diagnose.data_words import bad_elements
from nanwatch.diagnose.readings import incident_of
from nanwatch.record.facts import AdaptedInfo, ColumnSummary, DataInfo, LayerInfo, OutputInfo, TensorSummary
from nanwatch.record.run import Fit, Run

DataKind = Literal["inputs", "labels", "sample_weights"]
NOUNS: dict[DataKind, str] = {
    "inputs": "the input",
    "labels": "the target",
    "sample_weights": "the sample weight",
}

# A scaled feature has mean 0 and deviation 1, or fills [0, 1]. Over all rows it does so to a tenth
# (train statistics on other rows); over n rows the mean itself strays by 1/sqrt(n), twice that in
# 95 of 100 cases.
SCALED_TOLERANCE = 0.1
STRAY = 2.0
# A column of fewer values can be wholly NaN by chance: 8 values at one half missing is 1 in 256.
WHOLE_COLUMN_ROWS = 8


@dataclass(frozen=True)
class DataArray:
    """One array of the data: over all batches looked at, and in the guilty batch alone."""

    path: str
    whole: TensorSummary | None
    batch: TensorSummary | None
    called: str  # "the input", or "the input 'left'" where there are several

    @property
    def bad(self) -> TensorSummary | None:
        """The summary that shows non-finite elements, the wider one first."""
        return next((data for data in (self.whole, self.batch) if data and bad_elements(data)), None)

    @property
    def batch_is_clean(self) -> bool:
        """The guilty batch is at hand, and this array is finite in it."""
        return self.batch is not None and bad_elements(self.batch) == 0

    @property
    def widest(self) -> TensorSummary:
        """The summary over the most rows; one of the two is always there."""
        chosen = self.whole or self.batch
        assert chosen is not None
        return chosen


def data_arrays(fit: Fit, run: Run, kind: DataKind) -> Iterator[DataArray]:
    """Each array of this kind, whether the whole data or only the guilty batch shows it."""
    incident = incident_of(fit, run)
    whole = summaries_by_path(fit.info.data, kind)
    batch = summaries_by_path(incident.batch, kind) if incident else {}
    paths = [*whole, *(path for path in batch if path not in whole)]
    for path in paths:
        called = NOUNS[kind] if len(paths) == 1 else f"{NOUNS[kind]} {path!r}"
        yield DataArray(path, whole.get(path), batch.get(path), called)


def summaries_by_path(data: DataInfo, kind: DataKind) -> dict[str, TensorSummary]:
    return {tensor.path: tensor for tensor in getattr(data, kind)}


def are_rows_to_come(fit: Fit) -> bool:
    """Whether the training ended before it had come to every row of arrays that were read whole."""
    seen = [*fit.info.data.labels, *fit.info.data.inputs]
    rows = int(max((data.rows for data in seen), default=0) * (1.0 - fit.info.validation_split))
    own = fit.model.custom_train_step or fit.info.kind == "tape"  # which may do with the data what it likes
    batch = fit.info.batch_size or max(fit.steps.first_values("rows"), default=rows)
    reached = fit.info.steps * batch
    return fit.info.data.whole and not own and fit.info.steps > 0 and reached < rows


def output_of(fit: Fit, path: str) -> OutputInfo | None:
    """The output whose labels are recorded under ``path``; the only one where there is one."""
    outputs = fit.model.outputs
    if len(outputs) == 1:
        return outputs[0]
    return next((output for output in outputs if output.path == path), None)


def layer_adapted_to_bad_data(fit: Fit, run: Run) -> LayerInfo | None:
    """The `Normalization` whose statistics are not finite, where the inputs hold what made them so."""
    incident = incident_of(fit, run)
    inputs = [*fit.info.data.inputs, *(incident.batch.inputs if incident is not None else ())]
    if incident is None or not any(map(bad_elements, inputs)):
        return None
    adapted = ((layer, layer.adapted) for layer in fit.model.layers if layer.adapted is not None)
    found = next((layer for layer, learned in adapted if not is_finite(learned)), None)
    if found is not None or incident.role != "weight":
        return found
    layers = (layer for layer in fit.model.layers if incident.path in layer.weights)
    return next((layer for layer in layers if layer.type == "Normalization"), None)


def is_finite(adapted: AdaptedInfo) -> bool:
    return all(map(math.isfinite, (*adapted.means, *adapted.variances)))


def went_nonfinite(fit: Fit, run: Run) -> bool:
    """The training itself showed a NaN or an infinity, in a step or in an epoch's loss."""
    if incident_of(fit, run) is not None:
        return True
    if any(not math.isfinite(loss) for _, loss in fit.losses()):
        return True
    return any(not math.isfinite(logs.get("loss", 0.0)) for logs in fit.epoch_logs())


def values_a_column(tensor: TensorSummary) -> int:
    """How many elements stand in one column (one position on the last axis)."""
    width = tensor.shape[-1] if tensor.shape else None
    return tensor.size // width if width and tensor.size else tensor.rows


def bad_columns(tensor: TensorSummary) -> tuple[ColumnSummary, ...]:
    return tuple(column for column in tensor.columns if column.num_nan + column.num_inf)


def columns_scaled_away(tensor: TensorSummary) -> tuple[ColumnSummary, ...]:
    """The columns with no finite value left, in data whose other columns have been scaled.

    Dividing a constant column by its standard deviation (or range) of 0 does that, and nothing
    in the raw data would. Where the other columns are not scaled, an empty column is likelier.
    """
    rows = values_a_column(tensor)
    if rows < WHOLE_COLUMN_ROWS:
        return ()
    gone = tuple(column for column in bad_columns(tensor) if column.num_nan + column.num_inf >= rows)
    return gone if gone and others_look_scaled(tensor, rows) else ()


def others_look_scaled(tensor: TensorSummary, rows: int) -> bool:
    """More than half of the finite columns are standardised, or brought to [0, 1]."""
    finite = [column for column in tensor.columns if not column.num_nan + column.num_inf]
    finite = [column for column in finite if column.max > column.min]
    if finite:
        return 2 * sum(looks_scaled(column, rows) for column in finite) > len(finite)
    return tensor.max > tensor.min and looks_scaled(tensor, tensor.size)


def looks_scaled(values: ColumnSummary | TensorSummary, rows: int) -> bool:
    near = SCALED_TOLERANCE + STRAY / math.sqrt(max(rows, 1))
    standardised = abs(values.mean) <= near and abs(values.std - 1.0) <= near
    return standardised or (0.0 <= values.min <= near and 1.0 - near <= values.max <= 1.0)
