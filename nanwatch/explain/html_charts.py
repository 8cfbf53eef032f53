"""The curves of a training, as the data that the HTML report's charts are drawn from."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from nanwatch.explain.comparison import fits_to_compare
from nanwatch.explain.figures import short
from nanwatch.explain.report import Report
from nanwatch.explain.untrusted import clean
from nanwatch.record.events import EpochEnd
from nanwatch.record.run import Fit
from nanwatch.record.series import Bucket, Series

LAYERS = 16  # curves in one chart: with more of them none can be followed
CHARTS_OF_LOGS = 6  # of a model with many outputs, each with its metrics
EPOCH_MARKS = 60  # vertical lines: more of them are a grey field
DIGITS = 6  # of each number: finer than any screen

Curve = dict[str, Any]


def charts(report: Report) -> list[dict[str, Any]]:
    """Every chart that has a point to show; all share one axis, the optimizer's steps."""
    fit = report.fit()
    if fit is None:
        return []
    name = report.names.path
    beside = [] if report.against is None else both_runs(*fits_to_compare(report, report.against))
    found = [
        *beside,
        loss(fit),
        gradients(fit, name),
        *logs(fit),
        learning_rate(fit),
        *outputs(fit),
        zeros(fit, name),
    ]
    return [each for each in found if each["curves"]]


def axis_frame(report: Report) -> dict[str, Any]:
    """What all charts have in common: the ends of the axis, the epochs' ends, the bad step."""
    fit = report.fit()
    steps = [] if fit is None else timeline_steps(fit.steps)
    if report.against is not None:
        both = [each for each in fits_to_compare(report, report.against) if each is not None]
        steps = sorted([*steps, *(step for each in both for step in timeline_steps(each.steps))])
    ends = [] if fit is None else [step for step in epoch_ends(fit) if step is not None]
    incident = report.run.info.incident
    shown = incident is not None and fit is report.run.fit_of_incident()
    return {
        "first": steps[0] if steps else 0,
        "last": max([steps[-1] if steps else 0, *ends]),
        "epochs": ends if len(ends) <= EPOCH_MARKS else [],
        "incident": incident.step if shown and incident is not None else None,
    }


def both_runs(now: Fit | None, before: Fit | None) -> list[dict[str, Any]]:
    """The loss, and each number that both logged, of two runs in one chart."""
    if now is None or before is None:
        return []
    pair = (("now", now), ("before", before))
    key = ("loss", "", "value")
    found = [
        chart(
            "both-loss",
            "Loss, before and now",
            "The true loss of each step's batch.",
            [series_curve(fit.steps, label, key) for label, fit in pair],
            wide=True,
        )
    ]
    for name in logged_in_both(now, before)[:CHARTS_OF_LOGS]:
        title = f"{clean(name).replace('_', ' ')}, before and now"
        curves = [logs_curve(fit, name, label) for label, fit in pair]
        found.append(
            chart(f"both-{name}", title[:1].upper() + title[1:], "At the end of each epoch.", curves)
        )
    return found


def logged_in_both(now: Fit, before: Fit) -> list[str]:
    """Accuracies and the validation's loss first."""
    logged = [dict.fromkeys(name for entry in fit.epoch_logs() for name in entry) for fit in (now, before)]
    names = [name for name in logged[0] if name in logged[1] and name not in ("loss", "learning_rate", "lr")]
    return sorted(names, key=lambda name: ("acc" not in name, name != "val_loss"))


def chart(name: str, title: str, hint: str, curves: Iterable[Curve], wide: bool = False) -> dict[str, Any]:
    """A chart of those curves that have a point."""
    drawn = [curve for curve in curves if curve["x"]]
    return {"name": name, "title": title, "hint": hint, "curves": drawn, "wide": wide}


def curve(label: str, x: Sequence[float], y: Sequence[float], **facts: Any) -> Curve:
    """Points of a curve; a value that is not finite is a gap, and stands under ``bad``."""
    bad = [[x[at], short(value)] for at, value in enumerate(y) if not math.isfinite(value)]
    return {
        "label": clean(label),
        "x": list(x),
        "y": [round_value(value) for value in y],
        "bad": bad,
        **facts,
    }


def round_value(value: float) -> float | None:
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None


def timeline_steps(series: Series) -> list[float]:
    """The step of each piece of the series' timeline; of a bucket, the one in its middle."""
    return [bucket.mean for bucket in series.timeline("step")]


def series_curve(series: Series, label: str, key: tuple[str, str, str], **facts: Any) -> Curve:
    pieces = series.timeline(*key)
    found = curve(label, timeline_steps(series) if pieces else [], [piece.mean for piece in pieces], **facts)
    if any(piece.count > 1 for piece in pieces):
        found["low"] = [round_value(piece.min) for piece in pieces]
        found["high"] = [round_value(piece.max) for piece in pieces]
    return found


def loss(fit: Fit) -> dict[str, Any]:
    curves = [series_curve(fit.steps, "each step", ("loss", "", "value"))]
    curves += [
        logs_curve(fit, name, label) for name, label in (("loss", "epoch's mean"), ("val_loss", "validation"))
    ]
    hint = "The true loss of each step's batch, and what Keras logged at the end of each epoch."
    return chart("loss", "Loss", hint, curves, wide=True)


def logs(fit: Fit) -> Iterator[dict[str, Any]]:
    """A chart for each metric, the training's and the validation's curve together."""
    names = list(dict.fromkeys(name for entry in fit.epoch_logs() for name in entry))
    bases = [name.removeprefix("val_") for name in names]
    wanted = [base for base in dict.fromkeys(bases) if base not in ("loss", "learning_rate", "lr")]
    wanted.sort(key=lambda base: "acc" not in base)
    for base in wanted[:CHARTS_OF_LOGS]:
        both = [logs_curve(fit, base, "training"), logs_curve(fit, f"val_{base}", "validation")]
        title = clean(base).replace("_", " ")
        yield chart(f"log-{base}", title[:1].upper() + title[1:], "At the end of each epoch.", both)


def logs_curve(fit: Fit, name: str, label: str) -> Curve:
    points = [
        (step, entry[name])
        for step, entry in zip(epoch_ends(fit), fit.epoch_logs(), strict=True)
        if step is not None and name in entry
    ]
    return curve(label, [step for step, _ in points], [value for _, value in points], points=True)


def epoch_ends(fit: Fit) -> list[float | None]:
    """The last step of each finished epoch; None where neither the record nor the fit tells."""
    ends = [event for event in fit.events if isinstance(event, EpochEnd)]
    each = fit.info.steps_per_epoch or fit.info.steps / max(len(ends), fit.info.epochs, 1)
    return [step_of(event, each * (number + 1) - 1) for number, event in enumerate(ends)]


def step_of(event: EpochEnd, reckoned: float) -> float | None:
    """Events count the steps done; the series number them from 0."""
    if event.step is not None:
        return max(0.0, float(event.step) - 1)
    return reckoned if reckoned >= 0 else None


def learning_rate(fit: Fit) -> dict[str, Any]:
    curves = [series_curve(fit.steps, "learning rate", ("learning_rate", "", "value"))]
    return chart("learning-rate", "Learning rate", "As the optimizer used it at each step.", curves)


def gradients(fit: Fit, name: Callable[[str], str]) -> dict[str, Any]:
    """The norm over each layer's variables, from the first layer to the last."""
    owned = variables_by_layer(fit)
    chosen = pick_spaced(list(owned))
    curves = [
        curve(name(layer), timeline_steps(fit.steps), norms, rank=rank(at, len(chosen)))
        for at, layer in enumerate(chosen)
        if (
            norms := join_timelines(
                [fit.steps.timeline("gradient", path, "l2_norm") for path in owned[layer]]
            )
        )
    ]
    hint = "The l2 norm over a layer's variables; layers near the input are blue, near the output orange."
    if len(chosen) < len(owned):
        hint += f" {len(chosen)} of {len(owned)} layers are drawn; the table below has all."
    return chart("gradients", "Gradient norm by layer", hint, curves, wide=True)


def variables_by_layer(fit: Fit) -> dict[str, list[str]]:
    """layer -> the paths of its variables whose gradients are recorded, in the model's order."""
    owner = {weight.path: weight.layer for weight in fit.model.weights}
    owner |= {path: layer.path for layer in fit.model.layers for path in layer.weights}
    found: dict[str, list[str]] = {}
    for path in fit.steps.paths("gradient", "l2_norm"):
        found.setdefault(owner.get(path) or path, []).append(path)
    return found


def join_timelines(timelines: Sequence[Sequence[Bucket]]) -> list[float]:
    return [math.hypot(*(piece.mean for piece in pieces)) for pieces in zip(*timelines, strict=True)]


def pick_spaced(names: list[str]) -> list[str]:
    """At most `LAYERS` of them at equal distances, the first and the last among them."""
    if len(names) <= LAYERS:
        return names
    return [names[round(at * (len(names) - 1) / (LAYERS - 1))] for at in range(LAYERS)]


def rank(at: int, of: int) -> float:
    """How deep in the model, from 0 to 1: the curve's colour."""
    return round(at / (of - 1), 3) if of > 1 else 0.0


def outputs(fit: Fit) -> Iterator[dict[str, Any]]:
    """The range of the predictions over the steps, for each output."""
    paths = fit.health.paths("output", "mean")
    for path in paths:
        means = series_curve(fit.health, "mean", ("output", path, "mean"))
        for side, stat in (("low", "min"), ("high", "max")):
            means[side] = [
                round_value(getattr(piece, stat)) for piece in fit.health.timeline("output", path, stat)
            ]
        more = f" {clean(path)}" if len(paths) > 1 else ""
        spread_of_rows = series_curve(fit.health, "spread over the rows", ("output", path, "row_std"))
        hint = "Smallest, mean and largest of a batch; a spread of 0 is the same answer for every row."
        yield chart(f"output-{path}", f"Predictions{more}", hint, [means, spread_of_rows])


def zeros(fit: Fit, name: Callable[[str], str]) -> dict[str, Any]:
    """The share of zeros in each layer's output, of the layers that give any."""
    shares = {path: share_of_zeros(fit.health, path) for path in fit.health.paths("activation", "num_zero")}
    chosen = pick_spaced([path for path, share in shares.items() if any(value > 0 for value in share)])
    curves = [
        curve(name(path), timeline_steps(fit.health), shares[path], rank=rank(at, len(chosen)))
        for at, path in enumerate(chosen)
    ]
    hint = "1 is a layer that gives nothing but zeros."
    return chart("zeros", "Share of zeros in a layer's output", hint, curves)


def share_of_zeros(health: Series, path: str) -> list[float]:
    zero = health.timeline("activation", path, "num_zero")
    size = health.timeline("activation", path, "size")
    return [a.mean / b.mean if b.mean else 0.0 for a, b in zip(zero, size, strict=True)]
