"""The report as one HTML file that needs nothing else: no network, no other file.

History of the format:

* 1: findings, spread, charts, layers, data, epochs, the script; later child processes, then trainings of
  several models, then what each rule made of the run, and a comparison with another run.

Text from the run is escaped by Jinja2, and cleaned of control characters on its way in; the
page's content security policy runs no script but the two that are named by their hash.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from nanwatch.explain.comparison import compare
from nanwatch.explain.epoch_rows import epoch_rows
from nanwatch.explain.figures import count, percent, short
from nanwatch.explain.headline import Tone, headline
from nanwatch.explain.html_charts import axis_frame, charts
from nanwatch.explain.html_findings import cards, whole_script
from nanwatch.explain.html_model import SPARK, class_bars, layer_rows, output_boxes, tensor_rows
from nanwatch.explain.loss_words import end_of_loss
from nanwatch.explain.moments import moment_of
from nanwatch.explain.next_command import next_commands
from nanwatch.explain.processes import process_lines
from nanwatch.explain.report import Report
from nanwatch.explain.rules_judged import rules_judged
from nanwatch.explain.sentences import limits, op_facts, op_sentence
from nanwatch.explain.trainings import training_lines
from nanwatch.explain.untrusted import clean
from nanwatch.explain.verdict import accuracy
from nanwatch.record import strict_json
from nanwatch.version import __version__

COLOURS: dict[Tone, str] = {"well": "healthy", "open": "unknown", "broken": "broken"}  # classes of the page
SCRIPTS = ("vendor/uplot/uPlot.iife.min.js", "html/charts.js")
STYLES = ("vendor/uplot/uPlot.min.css", "html/page.css")
LICENCE = "vendor/uplot/LICENSE"
SPREAD_ROWS = 200  # more places than that tell nothing more
SPREAD_SHOWN = 10  # before the reader asks for the others
# Of the layers' table, those of which at least one layer has something: (heading, class).
COLUMNS = {
    "weights": ("weights", "n"),
    "gradient": ("gradient norm, first → last step", ""),
    "output": ("output", ""),
    "zeros": ("zeros", "n"),
    "bad": ("not finite", ""),
}
# Of a document's text, what could end the element that holds it, or a line of JavaScript.
IN_SCRIPT = str.maketrans({sign: f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"})


def render(report: Report) -> str:
    """The page. The charts' numbers lie in it as strict JSON."""
    template = environment().get_template("report.html.j2")
    return template.render(**page(report)) + "\n"


@cache
def environment() -> Environment:
    return Environment(
        loader=PackageLoader("nanwatch.explain", "html"),
        autoescape=True,
        finalize=clean_value,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def clean_value(value: Any) -> Any:
    """What a template may write: text without control characters."""
    return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def asset(name: str) -> str:
    """A file of ours, or of a library, as it stands in the package."""
    return files("nanwatch.explain").joinpath(*name.split("/")).read_text(encoding="utf-8")


def page(report: Report) -> dict[str, Any]:
    info = report.run.info
    incident = info.incident
    op = None if incident is None else incident.op
    names, epochs = epoch_rows(report.fit())
    head = headline(report)
    drawn = charts(report)
    layers = layer_rows(report)
    return {
        "policy": policy(),
        "licence": Markup.escape(asset(LICENCE)),
        "scripts": [Markup(asset(name)) for name in SCRIPTS],
        "styles": [Markup(asset(name)) for name in STYLES],
        "version": __version__,
        "script": report.path(info.script),
        "started": started_words(info.started),
        "info": info,
        "state": report.state,
        "mark": COLOURS[head.tone],
        "verdict": head.said,
        "behind": head.behind,
        "tiles": tiles(report),
        "other_folder": "" if report.against is None else report.against.folder() or "",
        "compared": None if report.against is None else compare(report, report.against),
        "cards": cards(report),
        "consequences": report.of_part("consequence"),
        "incident": incident,
        "op_sentence": report.names.say("" if op is None else op_sentence(op)),
        "op_facts": [] if op is None else op_facts(op),
        "op_place": op_place(report),
        "spread": [] if incident is None else incident.spread[:SPREAD_ROWS],
        "spread_shown": SPREAD_SHOWN,
        "name_of": report.names.path,
        "charts": drawn,
        "curves": embed_json({"charts": drawn, "frame": axis_frame(report)}),
        "layers": layers,
        "columns": {name: COLUMNS[name] for name in COLUMNS if any(getattr(row, name) for row in layers)},
        "spark_size": SPARK,
        "tensors": tensor_rows(report),
        "classes": class_bars(report),
        "boxes": output_boxes(report),
        "log_names": names,
        "epochs": epochs,
        "lines": whole_script(report),
        "trainings": training_lines(report),
        "processes": process_lines(report),
        "rules": rules_judged(report),
        "limits": limits(report),
        "folder": report.folder() or "",
        "next": next_commands(report),
    }


def embed_json(value: Any) -> Markup:
    """JSON to stand in a script element: no text in it can end the element."""
    return Markup(strict_json.dumps(value).translate(IN_SCRIPT))


@cache
def policy() -> str:
    """The content security policy: these scripts and styles, by their hash, and nothing else."""
    scripts, styles = (" ".join(map(digest, names)) for names in (SCRIPTS, STYLES))
    return (
        f"default-src 'none'; script-src {scripts}; style-src {styles}; base-uri 'none'; form-action 'none'"
    )


def digest(name: str) -> str:
    found = hashlib.sha256(asset(name).encode()).digest()
    return f"'sha256-{base64.b64encode(found).decode()}'"


def started_words(started: str) -> str:
    moment = moment_of(started)
    return "" if moment is None else moment.strftime("%Y-%m-%d %H:%M UTC")


def op_place(report: Report) -> str:
    incident = report.run.info.incident
    at = None if incident is None or incident.op is None else incident.op.location
    return "" if at is None else report.place(at)


def tiles(report: Report) -> list[tuple[str, str]]:
    """(name, value) of the few numbers that come first."""
    fit = report.fit()
    if fit is None or not fit.info.steps:
        return []
    asked = f" of {fit.info.epochs_asked}" if fit.info.epochs_asked else ""
    found = [("steps", f"{fit.info.steps:,}")]
    if fit.info.epochs:
        found.append(("epochs begun", f"{fit.info.epochs}{asked}"))
    losses, ended = fit.losses(), end_of_loss(fit)
    if losses and ended is not None:
        value = f"{short(losses[0][1])} → {short(ended.value)}"
        found.append((f"loss, at the first step and {ended.where}", value))
    acc = accuracy(fit)
    if acc is not None:
        found.append((f"{clean(acc[0]).replace('_', ' ')}, last epoch", short(acc[1])))
    overhead = report.step_overhead()
    if overhead is not None:
        found.append(
            (f"of the time spent watching {count(report.num_watchpoints(), 'watchpoint')}", percent(overhead))
        )
    return found
