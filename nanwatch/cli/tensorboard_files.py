"""The report as event files, which ``tensorboard --logdir`` shows: curves, and the verdict as text.

Below the folder asked for, a run gets a folder of its own name, and each of its trainings one in
that, so that many runs can be put side by side. Written again, they replace what was there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from nanwatch.errors import NanwatchError
from nanwatch.explain.headline import headline
from nanwatch.explain.moments import moment_of
from nanwatch.explain.report import Report
from nanwatch.explain.untrusted import clean
from nanwatch.record.run import Fit

if TYPE_CHECKING:
    from tensorboard.compat.proto.summary_pb2 import Summary

FILE = "events.out.tfevents.0.nanwatch"  # TensorBoard reads files with "tfevents" in their name
SINGLE = ("loss", "learning_rate")
NORMS = {"gradient": "gradient_norm", "activation": "activation_norm", "weight": "weight_norm"}


class Point(NamedTuple):
    """The values at one step: tag -> value; ``seconds`` since the training began."""

    step: int
    seconds: float
    values: dict[str, float]


def write_event_files(report: Report, folder: Path) -> None:
    """The event files of ``report``, below ``folder``."""
    try:
        from tensorboard.summary.writer.record_writer import RecordWriter
    except ImportError as error:
        raise NanwatchError(
            "The format tensorboard needs the package tensorboard; install it with `pip install tensorboard`."
        ) from error
    run = report.run
    place = folder / (run.folder.resolve().name if run.folder is not None else "run")  # `..` has a name too
    started = start_seconds(run.info.started)
    try:
        with open(new_event_file(place), "wb") as file:
            records = RecordWriter(file)
            records.write(first_event(started))
            records.write(text_event(started, "verdict", summary_text(report)))
        for fit in (each for each in run.fits if not each.info.brief):
            with open(new_event_file(place / f"fit-{fit.info.index}"), "wb") as file:
                records = RecordWriter(file)
                records.write(first_event(started))
                for point in [*step_points(fit), *epoch_points(fit)]:
                    records.write(scalars_event(started, point))
    except OSError as error:
        raise NanwatchError(f"Event files could not be written to {place}: {error.strerror}.") from error


def new_event_file(place: Path) -> Path:
    place.mkdir(parents=True, exist_ok=True)
    return place / FILE


def start_seconds(started: str) -> float:
    """``started`` as seconds since 1970; 0 where it is no date."""
    moment = moment_of(started)
    return 0.0 if moment is None else moment.timestamp()


def step_points(fit: Fit) -> Iterator[Point]:
    """Loss, learning rate and norms, at every step that is kept, else as means over stretches."""
    series = fit.steps
    steps, times = series.timeline("step"), series.timeline("time")
    wanted = {f"step/{role}": role for role in SINGLE if series.has_column(role)}
    tags = [*wanted]
    numbers = [series.index[f"{role}||value"] for role in wanted.values()]
    for role, group in NORMS.items():
        for path in series.paths(role, "l2_norm"):
            tags.append(f"{group}/{clean(path)}")
            numbers.append(series.index[f"{role}|{path}|l2_norm"])
    if not numbers:
        return
    pick = itemgetter(*numbers, numbers[0])  # one more: of a single number it would give no tuple
    gradients = [place for place, tag in enumerate(tags) if tag.startswith("gradient_norm/")]
    for number, (_, _, cells, _) in enumerate(series.tiling):
        found = pick(cells)
        values = dict(zip(tags, found, strict=False))
        if gradients:
            values["step/gradient_norm"] = math.hypot(*(found[place] for place in gradients))
        seconds = times[number].min if times else 0.0
        yield Point(int(steps[number].min), seconds, values)


def epoch_points(fit: Fit) -> Iterator[Point]:
    """The logs of each epoch, as Keras gave them, validation's beside the training's."""
    ends = seconds_of_epochs(fit)
    for number, logs in enumerate(fit.epoch_logs()):
        values = {f"epoch/{clean(name)}": value for name, value in logs.items()}
        yield Point(number, ends.get(number, 0.0), values)


def seconds_of_epochs(fit: Fit) -> dict[int, float]:
    """Epoch -> seconds at its last step."""
    epochs, times = fit.steps.timeline("epoch"), fit.steps.timeline("time")
    return {int(epoch.max): time.max for epoch, time in zip(epochs, times, strict=False)}


def summary_text(report: Report) -> str:
    """The verdict and the findings, as Markdown, which TensorBoard renders."""
    head = headline(report)
    lines = [f"**{escape_markdown(head.said)}**", escape_markdown(head.behind or "")]
    for found in report.diagnoses.diagnoses:
        where = ""
        if found.location is not None:
            where = f" ({escape_markdown(report.place(found.location))})"
        lines.append(f"{found.part}: **{found.code} {found.name}**{where} {escape_markdown(found.message)}")
    return "\n\n".join(line for line in lines if line)


def escape_markdown(text: str) -> str:
    """``text`` on one line, in which Markdown reads no markup."""
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]()#+!|<>~" else sign for sign in clean(text))


def scalars_event(started: float, point: Point) -> bytes:
    from tensorboard.compat.proto.summary_pb2 import Summary

    values = [Summary.Value(tag=tag, simple_value=value) for tag, value in point.values.items()]
    return pack_event(started + point.seconds, point.step, Summary(value=values))


def text_event(started: float, tag: str, text: str) -> bytes:
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.types_pb2 import DT_STRING
    from tensorboard.plugins.text.metadata import create_summary_metadata

    tensor = TensorProto(dtype=DT_STRING, string_val=[text.encode("utf-8", "replace")])
    metadata = create_summary_metadata(display_name=None, description=None)
    return pack_event(started, 0, Summary(value=[Summary.Value(tag=tag, tensor=tensor, metadata=metadata)]))


def first_event(started: float) -> bytes:
    """What every event file begins with: the version of its format."""
    from tensorboard.compat.proto.event_pb2 import Event

    return bytes(Event(wall_time=started, file_version="brain.Event:2").SerializeToString())


def pack_event(time: float, step: int, summary: Summary) -> bytes:
    from tensorboard.compat.proto.event_pb2 import Event

    whole: Any = Event(wall_time=time, step=step, summary=summary)
    return bytes(whole.SerializeToString())
