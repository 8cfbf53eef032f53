"""What a `Normalization` at the beginning of a model does to the columns of the input."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nanwatch.diagnose.first_layers import SCALE_KEEPING
from nanwatch.record.facts import AdaptedInfo, ColumnSummary, DataInfo, LayerInfo, TensorSummary
from nanwatch.record.run import Fit

EPSILON = 1e-7  # what Keras divides by where the deviation is less
# float32 leaves a constant column a deviation of this much of its value.
ROUNDING = 1e-6


@dataclass(frozen=True)
class AdaptedScaling:
    """The layer, and the only input of the model, which it scales column by column."""

    layer: LayerInfo
    statistics: AdaptedInfo

    @property
    def deviations(self) -> list[float]:
        return [math.sqrt(max(variance, 0.0)) for variance in self.statistics.variances]

    def constant(self) -> list[int]:
        """The columns that did not vary in what the layer was adapted to."""
        pairs = zip(self.statistics.means, self.deviations, strict=True)
        return [place for place, (mean, std) in enumerate(pairs) if std <= max(EPSILON, ROUNDING * abs(mean))]

    def farthest(self, column: ColumnSummary) -> float:
        """The largest number that the layer makes of this column."""
        mean, std = self.statistics.means[column.index], self.deviations[column.index]
        return max(abs(column.min - mean), abs(column.max - mean)) / max(std, EPSILON)


def adapted_scaling(fit: Fit) -> AdaptedScaling | None:
    """None where no such layer stands before all weights, or where it is not known what it is given."""
    for layer in fit.model.layers:
        if layer.adapted is not None and layer.type == "Normalization":
            inputs = fit.info.data.inputs
            fits = len(inputs) == 1 and len(layer.adapted.means) == len(inputs[0].columns)
            return AdaptedScaling(layer, layer.adapted) if fits else None
        if layer.weights or layer.type not in SCALE_KEEPING:
            return None
    return None


def columns_of(data: DataInfo, places: Sequence[int]) -> Iterator[ColumnSummary]:
    """These columns of the only input, where they are known."""
    only: TensorSummary | None = data.inputs[0] if len(data.inputs) == 1 else None
    yield from (column for column in (only.columns if only else ()) if column.index in places)
