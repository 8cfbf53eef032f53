"""The model's layers and the data, as tables of the HTML report."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nanwatch.explain.figures import percent, short
from nanwatch.explain.html_charts import join_timelines, variables_by_layer
from nanwatch.explain.report import Report
from nanwatch.record.facts import LayerInfo, OutputInfo, Shape, TensorSummary, WeightInfo
from nanwatch.record.run import Fit
from nanwatch.record.series import Series

CLASSES = 20  # bars of a chart of classes; of more, the largest
UNITS = 20  # rows of the predictions' distribution
SPARK = (96.0, 22.0)  # the size of a layer's small curve, in CSS pixels
SPARK_POINTS = 64


@dataclass(frozen=True)
class LayerRow:
    path: str
    type: str
    made: str  # units or filters, activation, output shape
    weights: str
    place: str
    gradient: str
    spark: str  # the points of the gradient's curve
    output: str
    zeros: str
    bad: tuple[str, ...]  # what was not finite in the bad step
    first: bool
    guilty: tuple[str, ...]  # codes of the findings that name it


def layer_rows(report: Report) -> list[LayerRow]:
    """The layers in the order of the forward pass, each with what is known of its health."""
    fit = report.fit()
    if fit is None:
        return []
    owned = variables_by_layer(fit)
    return [layer_row(report, fit, layer, owned.get(layer.path, [])) for layer in fit.model.layers]


def layer_row(report: Report, fit: Fit, layer: LayerInfo, variables: Sequence[str]) -> LayerRow:
    norms = join_timelines([fit.steps.timeline("gradient", path, "l2_norm") for path in variables])
    found = report.diagnoses.diagnoses
    bad, first = bad_in_step(report, layer)
    at = layer.location
    return LayerRow(
        report.names.path(layer.path),
        layer.type,
        layer_words(layer),
        weights_of(layer, fit.model.weights),
        "" if at is None else report.place(at),
        gradient_words(norms),
        spark(norms),
        output_words(fit.health, layer.path),
        zeros_words(fit.health, layer.path),
        bad,
        first,
        tuple(
            dict.fromkeys(
                each.code for each in found if each.layer == layer.path and each.part != "consequence"
            )
        ),
    )


def bad_in_step(report: Report, layer: LayerInfo) -> tuple[tuple[str, ...], bool]:
    """The roles in which the layer was not finite in the bad step, and whether it was the first."""
    incident = report.run.info.incident
    if incident is None or report.fit() is not report.run.fit_of_incident():
        return (), False
    entries = [entry for entry in incident.spread if entry.path == layer.path or entry.path in layer.weights]
    return tuple(dict.fromkeys(entry.role for entry in entries)), any(entry.first for entry in entries)


def layer_words(layer: LayerInfo) -> str:
    parts = [f"{layer.units:,}" if layer.units is not None else "", layer.activation or ""]
    parts.append(sizes_words(layer.output_shape))
    return " · ".join(part for part in parts if part)


def sizes_words(shape: Shape | None) -> str:
    return "" if shape is None else f"({', '.join('?' if size is None else str(size) for size in shape)})"


def weights_of(layer: LayerInfo, weights: Iterable[WeightInfo]) -> str:
    own = [weight for weight in weights if weight.path in layer.weights]
    if not own:
        return ""
    size = sum(math.prod(side or 1 for side in weight.shape) for weight in own)
    return f"{size:,}" + ("" if layer.trainable else ", frozen")


def gradient_words(norms: Sequence[float]) -> str:
    """Where the norm began, and where it ended."""
    if not norms:
        return ""
    return short(norms[0]) if len(norms) == 1 else f"{short(norms[0])} → {short(norms[-1])}"


def spark(norms: Sequence[float]) -> str:
    """The curve of the norm on a log scale, as an SVG polyline; what is not finite is left out."""
    taken = norms[:: max(1, len(norms) // SPARK_POINTS)]
    points = [(at, math.log(value)) for at, value in enumerate(taken) if math.isfinite(value) and value > 0]
    if len(points) < 2:
        return ""
    width, height = SPARK
    low, high = min(y for _, y in points), max(y for _, y in points)
    across, up = width / max(1, len(taken) - 1), (height - 4) / (high - low) if high > low else 0.0
    return " ".join(f"{at * across:.1f},{height - 2 - (y - low) * up:.1f}" for at, y in points)


def output_words(health: Series, path: str) -> str:
    """The range of the layer's output when it was last looked at."""
    low, high = (health.recent_values("activation", path, stat, last=1) for stat in ("min", "max"))
    return f"{short(low[0])} to {short(high[0])}" if low and high else ""


def zeros_words(health: Series, path: str) -> str:
    zero, size = (health.recent_values("activation", path, stat, last=1) for stat in ("num_zero", "size"))
    return percent(zero[0] / size[0]) if zero and size and size[0] > 0 else ""


@dataclass(frozen=True)
class TensorRow:
    name: str
    kind: str  # dtype and shape
    rows: str
    range: str
    mean: str
    std: str
    zeros: str
    bad: str


def tensor_rows(report: Report) -> list[TensorRow]:
    """The inputs, targets and predictions of the training."""
    fit = report.fit()
    if fit is None:
        return []
    data, val = fit.info.data, fit.info.validation_data
    named = [("input", data.inputs), ("target", data.labels), ("sample weight", data.sample_weights)]
    named += [
        ("prediction", data.predictions),
        ("validation input", val.inputs),
        ("validation target", val.labels),
    ]
    return [tensor_row(name, each, len(several) > 1) for name, several in named for each in several]


def tensor_row(name: str, tensor: TensorSummary, several: bool) -> TensorRow:
    bad = tensor.num_nan + tensor.num_pos_inf + tensor.num_neg_inf
    return TensorRow(
        f"{name} {tensor.path}" if several else name,
        f"{tensor.dtype} {sizes_words(tensor.shape)}".strip(),
        f"{tensor.rows:,}",
        f"{short(tensor.min)} to {short(tensor.max)}",
        short(tensor.mean),
        short(tensor.std),
        percent(tensor.num_zero / tensor.size) if tensor.size else "",
        f"{bad:,} of {tensor.size:,}" if bad else "none",
    )


@dataclass(frozen=True)
class Bar:
    label: str
    said: str
    share: float  # of the longest bar


@dataclass(frozen=True)
class Box:
    """One unit of the output: the range of its predictions, and mean ± one standard deviation."""

    label: str
    said: str
    low: float  # all in per cent of the drawn range
    high: float
    inner_low: float
    inner_high: float
    mean: float


def class_bars(report: Report) -> list[tuple[str, list[Bar]]]:
    """How often each class stands in the targets, for each output whose targets are classes."""
    fit = report.fit()
    found = []
    for target in () if fit is None else fit.info.data.labels:
        counts = sorted(target.classes.items(), key=lambda item: -item[1])[:CLASSES]
        if not target.integral or not len(target.classes) > 1:
            continue
        counts.sort(key=lambda item: float(item[0]))
        total, most = sum(target.classes.values()), max(number for _, number in counts)
        bars = [
            Bar(name, f"{number:,} ({percent(number / total)})", number / most) for name, number in counts
        ]
        found.append((target.path, bars))
    return found


def output_boxes(report: Report) -> list[tuple[str, str, str, list[Box]]]:
    """(path, smallest, largest, a box for each unit) of each output's predictions."""
    fit = report.fit()
    found = []
    for tensor in () if fit is None else fit.info.data.predictions:
        info = (
            next((output for output in fit.model.outputs if output.path == tensor.path), None)
            if fit
            else None
        )
        boxes, low, high = boxes_of(tensor, info)
        if boxes:
            found.append((tensor.path, short(low), short(high), boxes))
    return found


def boxes_of(tensor: TensorSummary, info: OutputInfo | None) -> tuple[list[Box], float, float]:
    columns = tensor.columns[:UNITS]
    units = [(f"unit {c.index}", c.min, c.max, c.mean, c.std, c.num_nan + c.num_inf) for c in columns]
    if not units and tensor.size:
        bad = tensor.num_nan + tensor.num_pos_inf + tensor.num_neg_inf
        head = "all units" if info is None or (info.units or 0) != 1 else "unit 0"
        units = [(head, tensor.min, tensor.max, tensor.mean, tensor.std, bad)]
    low, high = min((unit[1] for unit in units), default=0.0), max((unit[2] for unit in units), default=0.0)

    def percent_of_range(value: float) -> float:
        return round(100 * min(1.0, max(0.0, (value - low) / (high - low))), 2) if high > low else 50.0

    boxes = [
        Box(
            label,
            f"{short(least)} to {short(most)}, mean {short(mean)}, std {short(std)}"
            + (f", {bad:,} not finite" if bad else ""),
            percent_of_range(least),
            percent_of_range(most),
            percent_of_range(mean - std),
            percent_of_range(mean + std),
            percent_of_range(mean),
        )
        for label, least, most, mean, std, bad in units
    ]
    return boxes, low, high
