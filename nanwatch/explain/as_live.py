"""One frame of ``nanwatch live``: a running training on one screen, whatever its size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import itemgetter

from rich.cells import cell_len
from rich.text import Text

from nanwatch.diagnose.diagnosis import Diagnoses
from nanwatch.diagnose.script_names import names_of
from nanwatch.explain.figures import count, short
from nanwatch.explain.page import Page
from nanwatch.explain.places_to_watch import WatchedPlace, places_to_watch
from nanwatch.explain.plot import CurvePiece, plot
from nanwatch.explain.progress import Progress, duration, left_words, progress, step_words
from nanwatch.explain.report import Report
from nanwatch.explain.trainings import of_model
from nanwatch.explain.untrusted import as_ascii, clean
from nanwatch.explain.verdict import incident_sentence
from nanwatch.record.run import Fit, Run

LABEL = 9  # columns of the labels of a plot
PLOT_ROWS = (2, 10)  # fewer show no course, more no more of it
PLACES = (4, 12)  # rows of places: on a small screen, on a large one
LARGE_SCREEN = 40  # rows
IDLE = 10.0  # seconds without a step after which it is said: a validation may take as long
Styled = str | tuple[str, str]


class LiveScreen:
    """Lines that are cut at the edge, and so many as there is room for."""

    def __init__(self, width: int, height: int, color: bool, unicode: bool) -> None:
        self.width, self.height, self.unicode = width, height, unicode
        self.page = Page(width, color, unicode)

    def sign(self, unicode: str, ascii: str) -> str:
        return unicode if self.unicode else ascii

    def room(self) -> int:
        return self.height - len(self.page.lines)

    def line(self, *pieces: Styled) -> None:
        """One line; what does not fit is cut, and all of it is made fit to be shown."""
        if self.room() <= 0:
            return
        text = Text()
        for piece in pieces:
            words, style = piece if isinstance(piece, tuple) else (piece, "")
            text.append(self.fit(words), style)
        text.truncate(self.width, overflow="crop")
        text.rstrip()
        self.page.lines.append(text)

    def fit(self, words: str) -> str:
        words = clean(words)
        return words if self.unicode else as_ascii(words)

    def gap(self) -> None:
        if self.page.lines and self.page.lines[-1].plain:
            self.line("")

    def render(self) -> str:
        while self.page.lines and not self.page.lines[-1].plain:
            self.page.lines.pop()
        return self.page.render().rstrip("\n")


def render_frame(
    run: Run,
    width: int = 80,
    height: int = 24,
    color: bool = False,
    unicode: bool = True,
    idle: float = 0.0,
) -> str:
    """``run`` as it is now, in at most ``height`` lines of ``width`` columns.

    ``idle`` is for how many seconds its record has not changed.
    """
    screen = LiveScreen(width, height, color, unicode)
    fit = current_fit(run)
    draw_header(screen, run, fit, idle)
    if fit is None:
        screen.line("No training yet: the script has not started one.")
        return screen.render()
    if not len(fit.steps):
        screen.line("The training has started; no step has finished yet.")
        return screen.render()
    now = progress(fit)
    draw_course(screen, fit, now)
    draw_numbers(screen, fit)
    draw_incident(screen, run)
    places = places_to_watch(fit)
    wanted = min(len(places), PLACES[screen.height >= LARGE_SCREEN])
    draw_curves(screen, fit, wanted + 2 if wanted else 0)
    name = names_of(run.info).path
    draw_places(screen, [place._replace(path=name(place.path)) for place in places], wanted)
    return screen.render()


def current_fit(run: Run) -> Fit | None:
    """The training that is going on, else the last one."""
    found = [fit for fit in run.fits if fit.info.status == "running"] or run.fits
    return found[-1] if found else None


def draw_header(screen: LiveScreen, run: Run, fit: Fit | None, idle: float) -> None:
    dot = screen.sign(" · ", " - ")
    report = Report(run, Diagnoses("incomplete"))
    said = f"{dot}{report.path(run.info.script)}{dot}{run.info.status}"
    if fit is not None and len(run.fits) > 1:
        said += f"{dot}training {fit.info.index + 1} of {len(run.fits)}"
        model = of_model(report, fit)
        said += f", {model}" if model is not None else ""
    screen.line(("nanwatch", "bold"), (said, "dim"), idle_words(screen, idle))
    screen.gap()


def idle_words(screen: LiveScreen, idle: float) -> tuple[str, str]:
    if idle < IDLE:
        return "", ""
    return f"{screen.sign(' · ', ' - ')}no new step for {duration(idle)}", "bold yellow"


def draw_course(screen: LiveScreen, fit: Fit, now: Progress) -> None:
    """How far it is, as a bar where the end is known, and how fast."""
    said = [step_words(now, fit)]
    left = left_words(now)
    if left:
        said.append(left)
    if now.pace:
        said.append(f"{short(now.pace)} steps/s")
    screen.line((", ".join(said), "bold"))
    if now.share is not None:
        room = max(8, screen.width - 8)
        done = int(now.share * room)
        full, empty = screen.sign("█", "#"), screen.sign("─", ".")
        percent = f"{math.floor(100 * now.share):>4} %"
        screen.line((full * done, "green"), (empty * (room - done), "dim"), percent)


def draw_numbers(screen: LiveScreen, fit: Fit) -> None:
    """Loss, gradient norm and learning rate of the last step, and the logs of the last epoch."""
    shown: list[Styled] = []
    for name, value in last_numbers(fit).items():
        shown += [(f"{name} ", "dim"), (short(value), "bold" if math.isfinite(value) else "bold red"), "   "]
    screen.line(*shown)
    logs = fit.epoch_logs()
    if logs:
        pairs = [f"{name} {short(value)}" for name, value in logs[-1].items()]
        screen.line((f"epoch {len(logs)} ended with ", "dim"), ", ".join(pairs))


def last_numbers(fit: Fit) -> dict[str, float]:
    """What the last step left, by name."""
    found: dict[str, float] = {}
    for name, role in (("loss", "loss"), ("learning rate", "learning_rate")):
        values = fit.steps.recent_values(role, last=1)
        if values:
            found[name] = values[0]
    paths = fit.steps.paths("gradient", "l2_norm")
    norms = [fit.steps.recent_values("gradient", path, "l2_norm", last=1) for path in paths]
    if norms:
        found["gradient norm"] = math.hypot(*(norm[0] for norm in norms))
    return found


def draw_incident(screen: LiveScreen, run: Run) -> None:
    if run.info.incident is not None:
        report = Report(run, Diagnoses("non-finite"))
        mark = screen.sign("✖", "!!")
        screen.line((f"{mark} {incident_sentence(report, run.info.incident)}", "bold red"))


def draw_curves(screen: LiveScreen, fit: Fit, kept: int) -> None:
    """Loss and gradient norm over the whole run, in what room there is beside ``kept`` lines."""
    found = {"loss": loss_curve(fit), "gradient norm": gradient_curve(fit)}
    drawn = {name: pieces for name, pieces in found.items() if len(pieces) > 1}
    while drawn:
        rows = (screen.room() - kept) // len(drawn) - 2  # a title above, a gap
        if rows >= PLOT_ROWS[0]:
            for name, pieces in drawn.items():
                draw_curve(screen, name, pieces, min(rows, PLOT_ROWS[1]))
            return
        drawn.popitem()


def loss_curve(fit: Fit) -> list[CurvePiece]:
    return [CurvePiece(bucket.row, bucket.count, bucket.mean) for bucket in fit.steps.timeline("loss")]


def gradient_curve(fit: Fit) -> list[CurvePiece]:
    """The norm of each row's gradient, over all variables."""
    series = fit.steps
    columns = [series.index[f"gradient|{path}|l2_norm"] for path in series.paths("gradient", "l2_norm")]
    if not columns:
        return []
    pick = itemgetter(*columns, columns[0])  # one more: of a single column it would give no tuple
    return [
        CurvePiece(row, rows, math.hypot(*pick(cells)[: len(columns)]))
        for row, rows, cells, _ in series.tiling
    ]


def draw_curve(screen: LiveScreen, name: str, pieces: Sequence[CurvePiece], rows: int) -> None:
    found = plot(pieces, max(8, screen.width - LABEL - 3), screen.unicode, rows)
    bad = next((piece for piece in pieces if not math.isfinite(piece.value)), None)
    screen.gap()
    screen.line(
        (name, "bold"),
        (f" over {count(pieces[-1].row + pieces[-1].rows, 'step')}", "dim"),
        (", log scale" if found.logarithmic else "", "dim"),
        (
            "" if bad is None else f", {short(bad.value)} {'at' if bad.rows == 1 else 'near'} step {bad.row}",
            "bold red",
        ),
    )
    for label, row in zip(found.labels, found.rows, strict=True):
        edge = screen.sign("┤", "|") if label else screen.sign("│", "|")
        cells = [(cell, "bold red" if place in found.bad else "cyan") for place, cell in enumerate(row)]
        screen.line(f"{label:>{LABEL}} ", (edge, "dim"), *cells)


def draw_places(screen: LiveScreen, places: Sequence[WatchedPlace], wanted: int) -> None:
    """The gradients and activations to look at."""
    shown = places[: min(wanted, screen.room() - 2)]
    if not shown:
        return
    screen.gap()
    screen.line(("Norms to look at, in the last step", "bold"))
    whys = max(len(place.why) for place in shown)
    room = max(8, screen.width - 11 - LABEL - 2 - whys - 4)
    for place in shown:
        style = "bold red" if place.bad else ""
        path = last_columns(screen.fit(place.path), room)
        norm = (f" {short(place.norm):>{LABEL}}", style)
        screen.line((f"{place.role:<11}", "dim"), path, norm, (f"  {place.why}", style or "dim"))


def last_columns(path: str, room: int) -> str:
    """The end of ``path``, in ``room`` columns: where layers are nested, it tells them apart."""
    path = path[-room:]
    while cell_len(path) > room:
        path = path[1:]
    return path + " " * (room - cell_len(path))


def plain_line(run: Run) -> str:
    """The state of ``run`` in one line, for a log."""
    fit = current_fit(run)
    if fit is None:
        return "No training yet: the script has not started one."
    if not len(fit.steps):
        return "The training has started; no step has finished yet."
    now = progress(fit)
    said = [f"{name} {short(value)}" for name, value in last_numbers(fit).items()]
    left = left_words(now)
    return clean(", ".join([step_words(now, fit), *said, *([left] if left else [])]))
