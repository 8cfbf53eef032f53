"""The numbers in the terminal report: how it spread, the last steps, the epochs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rich.text import Text

from nanwatch.explain.figures import short
from nanwatch.explain.page import MEASURE, Page
from nanwatch.explain.plot import CurvePiece, plot
from nanwatch.explain.report import Report
from nanwatch.explain.untrusted import clean
from nanwatch.record.run import Fit

SPREAD_ROWS = 8
EPOCH_ROWS = (3, 5)  # the first and the last ones that are shown
PLOT_NAME = 15
PLOT_LABEL = 9
GRADIENTS = 256  # variables whose gradients are summed up: enough for a curve, bounded in time


def add_spread(page: Page, report: Report) -> None:
    """Every place that was non-finite in the bad step, in the order in which it went bad."""
    incident = report.run.info.incident
    if incident is None or not incident.spread:
        return
    page.rule("How it spread", "bold")
    shown = incident.spread[:SPREAD_ROWS]
    wide = max(len(entry.role) for entry in shown)
    count_wide = max(len(f"{entry.num_bad:,}") for entry in shown)
    paths = [clean(report.names.path(entry.path)) for entry in shown]
    path_wide = min(max(map(len, paths)), page.width - wide - 36)
    for number, entry in enumerate(shown):
        lead = page.sign("┌" if number == 0 else "└" if number == len(shown) - 1 else "├", "|")
        path = Text(paths[number])
        path.truncate(path_wide, pad=True)
        page.line(
            (f"{lead if len(shown) > 1 else ' '} ", "dim"),
            (f"{entry.role:<{wide}}  ", "bold red" if entry.first else ""),
            path,
            f"  {entry.num_bad:>{count_wide},} of {entry.size:,}",
            ("  first", "bold red") if entry.first else "",
            indent=2,
        )
    rest = len(incident.spread) - len(shown)
    if rest:
        page.line((f"and {rest} more", "dim"), indent=4)


def add_last_steps(page: Page, report: Report) -> None:
    """The true loss and the gradient norm: the last steps of a broken run, else all of it."""
    fit = report.fit()
    if fit is None or is_quiet(report):
        return
    width = min(page.width, MEASURE) - 4 - PLOT_NAME - PLOT_LABEL
    last = None if report.run.info.incident is None else 2 * width
    loss = curve_pieces(fit, "loss", "", "value", last)
    if len(loss) < 2:
        return
    whole = last is None or len(loss) == len(fit.steps)
    page.rule("The whole run" if whole else f"The last {len(loss)} steps", "bold")
    ends = steps_at_ends(fit, last)
    add_curve(page, "loss", loss, ends, width)
    norm = gradient_norm_pieces(fit, last)
    if len(norm) > 1:
        page.gap()
        add_curve(page, "gradient norm", norm, ends, width)


def is_quiet(report: Report) -> bool:
    """Nothing went wrong: the numbers would only be in the way."""
    return report.diagnoses.outcome == "healthy" and report.run.info.incident is None


def curve_pieces(fit: Fit, role: str, path: str, stat: str, last: int | None) -> list[CurvePiece]:
    """The ``last`` values, or the whole run with old rows summed up as their means."""
    if last is None:
        return [
            CurvePiece(bucket.row, bucket.count, bucket.mean)
            for bucket in fit.steps.timeline(role, path, stat)
        ]
    values = fit.steps.recent_values(role, path, stat, last=last)
    return [CurvePiece(row, 1, value) for row, value in enumerate(values, len(fit.steps) - len(values))]


def gradient_norm_pieces(fit: Fit, last: int | None) -> list[CurvePiece]:
    """The norm of each row's gradient, over all variables."""
    paths = fit.steps.paths("gradient", "l2_norm")[:GRADIENTS]
    curves = [curve_pieces(fit, "gradient", path, "l2_norm", last) for path in paths]
    return [
        pieces[0]._replace(value=math.hypot(*(piece.value for piece in pieces)))
        for pieces in zip(*curves, strict=True)
    ]


def steps_at_ends(fit: Fit, last: int | None) -> tuple[int, int]:
    steps = (
        fit.steps.recent_values("step", last=last) if last else [step for step, _ in fit.steps.values("step")]
    )
    return int(steps[0]), int(steps[-1])


def add_curve(page: Page, name: str, pieces: Sequence[CurvePiece], ends: tuple[int, int], width: int) -> None:
    found = plot(pieces, width, page.unicode)
    for number, row in enumerate(found.rows):
        label = found.labels[number]
        title = name if number == 0 else "log scale" if number == 1 and found.logarithmic else ""
        text = Text.assemble(
            (f"{title:<{PLOT_NAME}}", "bold" if number == 0 else "dim"),
            f"{label:>{PLOT_LABEL}} ",
            (page.sign("┤", "|") if label else page.sign("│", "|"), "dim"),
        )
        for place, cell in enumerate(row):
            text.append(cell, "bold red" if place in found.bad else "cyan")
        page.line(text, indent=2)
    add_axis(page, pieces, ends, len(found.rows[0]))


def add_axis(page: Page, pieces: Sequence[CurvePiece], ends: tuple[int, int], width: int) -> None:
    """The steps at both ends, and the first one that was not finite."""
    indent = 2 + PLOT_NAME + PLOT_LABEL + 2
    first, last = f"step {ends[0]}", str(ends[1])
    page.line((first + last.rjust(max(len(last) + 2, width - len(first))), "dim"), indent=indent)
    bad = next((piece for piece in pieces if not math.isfinite(piece.value)), None)
    if bad is not None:
        at = "at" if bad.rows == 1 else "near"
        step = ends[0] + bad.row - pieces[0].row
        page.line((f"{page.sign('×', 'x')} {short(bad.value)} {at} step {step}", "bold red"), indent=indent)


def add_epochs(page: Page, report: Report) -> None:
    """What Keras logged at the end of the first and the last epochs."""
    fit = report.fit()
    logs = [] if fit is None else fit.epoch_logs()
    if not logs or is_quiet(report):
        return
    names = columns_that_fit(logs, page.width)
    page.rule("Epochs", "bold")
    page.line(
        ("epoch  " + "  ".join(f"{clean(name):>{column_width(name)}}" for name in names), "dim"), indent=2
    )
    first, last = EPOCH_ROWS
    for number, entry in enumerate(logs):
        if first <= number < len(logs) - last:
            if number == first:
                page.line((f"{page.sign('⋮', ':'):>5}", "dim"), indent=2)
            continue
        page.line(epoch_line(number, entry, names), indent=2)


def epoch_line(number: int, entry: Mapping[str, float], names: Sequence[str]) -> Text:
    text = Text.assemble((f"{number + 1:>5}", "dim"))
    for name in names:
        value = entry.get(name)
        bad = value is not None and not math.isfinite(value)
        text.append("  ")
        text.append(
            "" if value is None else short(value).rjust(column_width(name)), "bold red" if bad else ""
        )
    return text


def column_width(name: str) -> int:
    return max(9, len(clean(name)))


def columns_that_fit(logs: Sequence[Mapping[str, float]], width: int) -> list[str]:
    """The names of the logs that fit on a line: the loss and the accuracies before the rest."""
    names = list(dict.fromkeys(name for entry in logs for name in entry))
    names.sort(key=lambda name: not (name.endswith("loss") or "acc" in name))
    chosen: list[str] = []
    room = width - 9
    for name in names:
        room -= column_width(name) + 2
        if room >= 0:
            chosen.append(name)
    return chosen
