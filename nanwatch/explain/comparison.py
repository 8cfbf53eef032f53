"""Two runs side by side: what was changed from the one to the other, and what came of it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, NamedTuple

from nanwatch.diagnose.data_words import list_words
from nanwatch.diagnose.diagnosis import Diagnosis
from nanwatch.explain.brief_verdict import brief_verdict
from nanwatch.explain.figures import short
from nanwatch.explain.headline import tone_of
from nanwatch.explain.loss_words import end_of_loss
from nanwatch.explain.report import Report
from nanwatch.explain.untrusted import clean
from nanwatch.record.facts import LayerInfo, Location, ModelInfo, OutputInfo
from nanwatch.record.run import Fit, Run

NONE = "none"  # in place of a value that one of them has not
MOST_CONFIG = 60  # characters of a value of Keras's own configuration
# Of a layer's configuration what is told by itself, or names what is compared anyway.
TOLD = frozenset({"name", "units", "filters", "activation", "trainable", "kernel_initializer", "dtype"})


class Change(NamedTuple):
    """``what`` was ``before``, and is ``now``."""

    what: str
    before: str
    now: str


class ScriptLine(NamedTuple):
    """``sign``: ``-`` of a line that is gone, ``+`` of one that is new; its number in its own script."""

    sign: str
    number: int
    text: str


@dataclass(frozen=True)
class Comparison:
    before: str  # the verdict on the run that is compared with
    now: str
    gone: tuple[Diagnosis, ...]
    new: tuple[Diagnosis, ...]
    still: tuple[Diagnosis, ...]
    script: tuple[ScriptLine, ...]
    model: tuple[Change, ...]
    settings: tuple[Change, ...]
    numbers: tuple[Change, ...]  # how far the training came, and where loss and metrics ended
    said: str  # what that comes to, in a sentence


def compare(report: Report, other: Report) -> Comparison:
    """``report`` beside ``other``, which was before it."""
    now, before = loud(report), loud(other)
    gone = tuple(each for code, each in before.items() if code not in now)
    new = tuple(each for code, each in now.items() if code not in before)
    still = tuple(each for code, each in now.items() if code in before)
    fit, other_fit = fits_to_compare(report, other)
    return Comparison(
        brief_verdict(other),
        brief_verdict(report),
        gone,
        new,
        still,
        tuple(script_changes(report.run, other.run)),
        tuple(model_changes(fit, other_fit)),
        tuple(setting_changes(report.run, other.run, fit, other_fit)),
        tuple(number_changes(fit, other_fit)),
        sentence(report, gone, new, still),
    )


def loud(report: Report) -> dict[str, Diagnosis]:
    """By code what was found, without notes and what only follows from it."""
    found = [each for each in report.diagnoses.diagnoses if each.level != "note"]
    return {each.code: each for each in reversed(found) if each.part != "consequence"}


def fits_to_compare(report: Report, other: Report) -> tuple[Fit | None, Fit | None]:
    """The training that a report is about, the one now if something is wrong with it, and its fellow."""
    if loud(report):
        now = report.fit()
        return now, fellow(now, other)
    before = other.fit()
    return fellow(before, report), before


def fellow(fit: Fit | None, report: Report) -> Fit | None:
    """The training of the same number, where there is one."""
    alike = [each for each in report.run.fits if fit is not None and each.info.index == fit.info.index]
    return alike[0] if alike else report.fit()


def sentence(
    report: Report, gone: Sequence[Diagnosis], new: Sequence[Diagnosis], still: Sequence[Diagnosis]
) -> str:
    """Whether the fix worked."""
    parts = [
        f"{list_words([each.code for each in found])} {'is' if len(found) == 1 else 'are'} {word}"
        for found, word in ((gone, "gone"), (still, "still there"), (new, "new"))
        if found
    ]
    if gone and not new and not still:
        well = tone_of(report) == "well"
        parts.append("no fault is found: the fix worked" if well else f"but: {brief_verdict(report)}")
    if not parts:
        parts.append("no fault is found in either" if tone_of(report) == "well" else brief_verdict(report))
    said = ", ".join(parts)
    return f"{said[:1].upper()}{said[1:]}."


# -- the script --------------------------------------------------------------------------------------


def script_changes(run: Run, other: Run) -> Iterator[ScriptLine]:
    """The lines that differ, of those that both records hold."""
    now, before = kept_lines(run), kept_lines(other)
    texts = [text for _, text in before], [text for _, text in now]
    for tag, a, b, c, d in difflib.SequenceMatcher(None, *texts, autojunk=False).get_opcodes():
        if tag != "equal":
            yield from (ScriptLine("-", number, text) for number, text in before[a:b])
            yield from (ScriptLine("+", number, text) for number, text in now[c:d])


def kept_lines(run: Run) -> list[tuple[int, str]]:
    """The lines of the script that stand in the record, by number: those that made what was trained."""
    found: dict[int, str] = {}
    for at in locations_in(run.info):
        if at.code and at.cell is None and is_script(run, at):
            found.setdefault(at.line, clean(at.code).strip())
    return sorted(found.items())


def is_script(run: Run, at: Location) -> bool:
    script = run.info.script
    return at.file == script or at.file.endswith("/" + script.rpartition("/")[2])


def locations_in(value: Any) -> Iterator[Location]:
    """Every place in a record."""
    if isinstance(value, Location):
        yield value
    elif is_dataclass(value):
        for entry in fields(value):
            yield from locations_in(getattr(value, entry.name))
    elif isinstance(value, tuple | list):
        for item in value:
            yield from locations_in(item)


# -- the model ---------------------------------------------------------------------------------------


def model_changes(fit: Fit | None, other: Fit | None) -> Iterator[Change]:
    """Layers that came, went or are otherwise; matched by their kind and order, whatever their names."""
    if fit is None or other is None:
        return
    before, now = other.model.layers, fit.model.layers
    kinds = [layer.type for layer in before], [layer.type for layer in now]
    for tag, a, b, c, d in difflib.SequenceMatcher(None, *kinds, autojunk=False).get_opcodes():
        if tag == "equal":
            for old, new in zip(before[a:b], now[c:d], strict=True):
                yield from changes(layer_words(new), layer_facts(old), layer_facts(new))
        else:
            yield from (Change(layer_words(layer), "there", "gone") for layer in before[a:b])
            yield from (Change(layer_words(layer), "not there", "new") for layer in now[c:d])
    yield from changes("", model_facts(other.model), model_facts(fit.model))


def layer_words(layer: LayerInfo) -> str:
    return clean(f"{layer.type} {layer.called or layer.name!r}")


def layer_facts(layer: LayerInfo) -> dict[str, str]:
    known = {
        "activation": layer.activation,
        "units": layer.units,
        "trainable": layer.trainable,
        "initializer": layer.initializer,
        "output shape": layer.output_shape,
        "dtype": layer.dtype,
    }
    known |= {key: value for key, value in layer.config.items() if key not in TOLD}
    return in_words(known)


def model_facts(model: ModelInfo) -> dict[str, str]:
    return in_words(
        {"dtype policy": model.dtype_policy, "XLA": model.jit_compile, "run eagerly": model.run_eagerly}
    )


# -- the settings ------------------------------------------------------------------------------------


def setting_changes(run: Run, other: Run, fit: Fit | None, other_fit: Fit | None) -> Iterator[Change]:
    yield from changes("", fit_facts(other_fit), fit_facts(fit))
    arguments = [" ".join(each.info.argv[1:]) for each in (other, run)]
    yield from changes("", in_words({"arguments": arguments[0]}), in_words({"arguments": arguments[1]}))
    yield from changes("", in_words(other.info.versions), in_words(run.info.versions))
    devices = [", ".join(each.info.devices) for each in (other, run)]
    yield from changes("", in_words({"devices": devices[0]}), in_words({"devices": devices[1]}))


def fit_facts(fit: Fit | None) -> dict[str, str]:
    """Optimizer, losses and what fit was given."""
    if fit is None:
        return {}
    known: dict[str, Any] = {
        "batch size": fit.info.batch_size,
        "epochs": fit.info.epochs_asked,
        "steps per epoch": fit.info.steps_per_epoch,
        "shuffle": fit.info.shuffle,
        "class weights": fit.info.class_weight,
        "validation split": fit.info.validation_split or None,
        "metrics": ", ".join(fit.model.metrics) or None,
    }
    optimizer = fit.model.optimizer
    if optimizer is not None:
        known |= {"optimizer": optimizer.type, "learning rate": optimizer.learning_rate}
        known["schedule"] = optimizer.schedule
        config = {
            key: value for key, value in optimizer.config.items() if key not in ("name", "learning_rate")
        }
        known |= {f"optimizer's {key}": value for key, value in config.items()}
    several = len(fit.model.outputs) > 1
    for output in fit.model.outputs:
        known |= loss_facts(output, f" of {output.path}" if several else "")
    return in_words(known)


def loss_facts(output: OutputInfo, of: str) -> dict[str, Any]:
    if output.loss is None:
        return {f"loss{of}": None}
    loss = output.loss
    return {
        f"loss{of}": loss.name,
        f"from_logits{of}": loss.from_logits,
        f"label smoothing{of}": loss.label_smoothing or None,
    }


# -- the numbers -------------------------------------------------------------------------------------


def number_changes(fit: Fit | None, other: Fit | None) -> list[Change]:
    """All of them, be they alike: how far each came, and where it ended."""
    before, now = numbers_of(other), numbers_of(fit)
    names = dict.fromkeys([*before, *now])
    return [Change(clean(name), before.get(name, ""), now.get(name, "")) for name in names]


def numbers_of(fit: Fit | None) -> dict[str, str]:
    if fit is None:
        return {}
    known = {"steps": f"{fit.info.steps:,}"}
    if fit.info.epochs:
        known["epochs"] = f"{fit.info.epochs}"
    losses, ended = fit.losses(), end_of_loss(fit)
    if losses:
        known["loss at the first step"] = short(losses[0][1])
    if ended is not None:
        known["loss at the end"] = short(ended.value)
    logs = fit.epoch_logs()
    last = logs[-1] if logs else {}
    named = [name for name in last if name not in ("loss", "learning_rate", "lr")]
    return known | {f"{name} in the last epoch": short(last[name]) for name in named}


# -- what they share ---------------------------------------------------------------------------------


def changes(of: str, before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Change]:
    """What differs between two descriptions of the same thing."""
    for name in dict.fromkeys([*before, *now]):
        old, new = before.get(name, NONE), now.get(name, NONE)
        if old != new:
            yield Change(f"{of}: {clean(name)}" if of else clean(name), old, new)


def in_words(known: Mapping[str, Any]) -> dict[str, str]:
    return {name: value_words(value) for name, value in known.items()}


def value_words(value: Any) -> str:
    if value is None or value == "":
        return NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return short(value)
    if isinstance(value, dict) and "class_name" in value:
        value = value["class_name"]
    text = clean(str(value))
    return text if len(text) <= MOST_CONFIG else text[:MOST_CONFIG] + "..."
