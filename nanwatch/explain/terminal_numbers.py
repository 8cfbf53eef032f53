"""The numbers in the terminal report: how it spread, the last steps, the epochs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rich.text import Text

from nanwatch.explain.figures import short
from nanwatch.explain.page import MEASURE, Page
from nanwatch.explain.plot import plot
from nanwatch.explain.report import Report
from nanwatch.explain.untrusted import clean
from nanwatch.record.run import Fit

SPREAD_ROWS = 8
EPOCH_ROWS = (3, 5)  # the first and the last ones that are shown
COLUMN = 14  # widest name of a column of logs
PLOT_NAME = 15
PLOT_LABEL = 9
GRADIENTS = 256  # variables whose gradients are summed up: enough for a curve, bounded in time


def spread(page: Page, report: Report) -> None:
    """Every place that was non-finite in the bad step, in the order in which it went bad."""
    incident = report.run.info.incident
    if incident is None or not incident.spread:
        return
    page.rule("How it spread", "bold")
    shown = incident.spread[:SPREAD_ROWS]
    wide = max(len(entry.role) for entry in shown)
    path_wide = min(max(len(clean(entry.path)) for entry in shown), page.width - wide - 36)
    for number, entry in enumerate(shown):
        lead = page.sign("┌" if number == 0 else "└" if number == len(shown) - 1 else "├", "|")
        path = Text(clean(entry.path))
        path.truncate(path_wide, pad=True)
        page.line(
            (f"{lead if len(shown) > 1 else ' '} ", "dim"),
            (f"{entry.role:<{wide}}  ", "bold red" if entry.first else ""),
            path,
            f"  {entry.num_bad:>9,} of {entry.size:,}",
            ("  first", "bold red") if entry.first else "",
            indent=2,
        )
    rest = len(incident.spread) - len(shown)
    if rest:
        page.line((f"and {rest} more", "dim"), indent=4)


def last_steps(page: Page, report: Report) -> None:
    """The true loss and the gradient norm: the last steps of a broken run, else all of it."""
    fit = report.fit()
    if fit is None or quiet(report):
        return
    width = min(page.width, MEASURE) - 4 - PLOT_NAME - PLOT_LABEL
    whole = report.run.info.incident is None
    losses = curve(fit, "loss", "", "value", whole, 2 * width)
    if len(losses) < 2:
        return
    page.rule("The whole run" if whole else f"The last {len(losses)} steps", "bold")
    draw(page, "loss", losses, width)
    norms = gradient_norms(fit, whole, 2 * width)
    if len(norms) > 1:
        page.gap()
        draw(page, "gradient norm", norms, width)


def quiet(report: Report) -> bool:
    """Nothing went wrong: the numbers would only be in the way."""
    return report.diagnoses.outcome == "healthy" and report.run.info.incident is None


def curve(fit: Fit, role: str, path: str, stat: str, whole: bool, last: int) -> list[tuple[int, float]]:
    """(row, value): the last rows, or the whole run with old rows summed up as their means."""
    if whole:
        return [(bucket.row, bucket.mean) for bucket in fit.steps.timeline(role, path, stat)]
    values = fit.steps.recent(role, path, stat, last=last)
    return list(enumerate(values, len(fit.steps) - len(values)))


def gradient_norms(fit: Fit, whole: bool, last: int) -> list[tuple[int, float]]:
    """The norm over all variables of each row's gradient."""
    paths = fit.steps.paths("gradient", "l2_norm")[:GRADIENTS]
    curves = [curve(fit, "gradient", path, "l2_norm", whole, last) for path in paths]
    return [(row[0][0], math.hypot(*(value for _, value in row))) for row in zip(*curves, strict=False)]


def draw(page: Page, name: str, points: Sequence[tuple[int, float]], width: int) -> None:
    values = [value for _, value in points]
    found = plot(values, width, page.unicode)
    axis = page.sign("┤", "|"), page.sign("│", "|")
    for number, row in enumerate(found.rows):
        last = number == len(found.rows) - 1
        label = found.top if number == 0 else found.bottom if last and found.top != found.bottom else ""
        title = name if number == 0 else "log scale" if number == 1 and found.logarithmic else ""
        text = Text.assemble(
            (f"{title:<{PLOT_NAME}}", "bold" if number == 0 else "dim"),
            (f"{label:>{PLOT_LABEL}} ", ""),
            (axis[0] if label else axis[1], "dim"),
        )
        for place, cell in enumerate(row):
            text.append(cell, "bold red" if place in found.bad else "cyan")
        page.block(text, 2, page.width + 2)
    below(page, points, len(found.rows[0]))


def below(page: Page, points: Sequence[tuple[int, float]], width: int) -> None:
    """The steps at both ends, and which ones were not finite."""
    first, last = f"step {points[0][0]}", str(points[-1][0])
    blank = " " * (PLOT_NAME + PLOT_LABEL + 2)
    middle = " " * max(2, width - len(first) - len(last))
    page.block(Text(f"{blank}{first}{middle}{last}", "dim"), 2, page.width + 2)
    bad = [step for step, value in points if not math.isfinite(value)]
    if bad:
        value = short(next(value for _, value in points if not math.isfinite(value)))
        mark = page.sign("×", "x")
        page.block(Text(f"{blank}{mark} {value} at step {bad[0]}", "bold red"), 2, page.width + 2)


def epochs(page: Page, report: Report) -> None:
    """What Keras logged at the end of the first and the last epochs."""
    fit = report.fit()
    logs = [] if fit is None else fit.epoch_logs()
    if not logs or quiet(report):
        return
    names = columns(logs, page.width)
    page.rule("Epochs", "bold")
    page.line(("epoch  " + "  ".join(f"{clean(name):>{wide(name)}}" for name in names), "dim"), indent=2)
    first, last = EPOCH_ROWS
    for number, entry in enumerate(logs):
        if first <= number < len(logs) - last:
            if number == first:
                page.line((f"{page.sign('⋮', ':'):>5}", "dim"), indent=2)
            continue
        page.line(epoch_line(number, entry, names), indent=2)


def epoch_line(number: int, entry: Mapping[str, object], names: Sequence[str]) -> Text:
    text = Text.assemble((f"{number + 1:>5}  ", "dim"))
    for name in names:
        value = entry.get(name)
        number_like = isinstance(value, int | float)
        shown = short(value) if isinstance(value, int | float) else ""
        bad = number_like and not math.isfinite(float(value))  # type: ignore[arg-type]
        text.append(f"{shown:>{wide(name)}}", "bold red" if bad else "")
        text.append("  ")
    return text


def wide(name: str) -> int:
    return max(9, len(clean(name)))


def columns(logs: Sequence[Mapping[str, object]], width: int) -> list[str]:
    """The names of the logs that fit on a line: the loss and the accuracies before the rest."""
    names = list(dict.fromkeys(name for entry in logs for name in entry))
    names.sort(key=lambda name: not (name.endswith("loss") or "acc" in name))
    chosen: list[str] = []
    room = width - 9
    for name in names:
        room -= wide(name) + 2
        if room >= 0:
            chosen.append(name)
    return chosen
