"""One line of a console log: the head of an epoch, the place in it, and the numbers behind it.

Keras has drawn its line in many ways since 2.0, build servers put a time in front of it, and forums translate
it. What stays is the order: ``Epoch 3/6``, ``352/2682``, a bar or a time, and pairs of a name and a number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from nanwatch.foreign.log import LOSS, Progress
from nanwatch.foreign.reading.limits import MOST_NAMES
from nanwatch.foreign.reading.numbers_read import SPOKEN, number_of

# "Epoch" as translators, machines among them, have rendered it.
EPOCH_WORDS = "epochs?|epoche|época|epoca|époque|epoka|эпоха|时代|時代|史诗|史詩|纪元|紀元|轮次|轮|世代|周期"
EPOCH_WORDS += "|エポック|에포크|에폭|시대|युग"
EPOCH = re.compile(
    rf"(?<![\w/])(?:{EPOCH_WORDS})\s?[::#]?\s?\[?(\d{{1,7}})(?:\s?/\s?(\d{{1,7}}))?(?![\d.])", re.IGNORECASE
)
LOSS_WORDS = {
    "损失",
    "損失",
    "损耗",
    "損耗",
    "丢失",
    "失利",
    "亏损",
    "perte",
    "pérdida",
    "perda",
    "verlust",
    "perdita",
}
LOSS_WORDS |= {"strata", "потеря", "потери", "убыток", "ロス", "손실", "kayıp", "हानि"}
ACCURACY_WORDS = {
    "准确度",
    "准确率",
    "準確度",
    "準確率",
    "精度",
    "正确率",
    "précision",
    "exactitud",
    "precisión",
    "acurácia",
}
ACCURACY_WORDS |= {"genauigkeit", "точность", "精度", "정확도"}
PAIR = re.compile(
    rf"(?<!\w)([^\W\d]\w{{0,63}})[\"']?\s{{0,2}}[::=]\s{{0,2}}({SPOKEN})(?![\w:/]|\.\d)", re.IGNORECASE
)
PLACE = re.compile(r"(?<![\w./:-])(\d{1,10})\s?/\s?(\d{1,10}|unknown|none)(?![\w./:])", re.IGNORECASE)
# What may stand between the place and the first number: a bar, a time, a pace, dashes.
BAR = re.compile(
    r"\[[=>.\s]{3,}\]?|[━═─╸╺█▏▎▍▌▋▊▉░▒▓]+|\d{1,9}(?:\.\d{1,9})?\s?(?:h|m|s|ms|us|µs)\b"
    r"|\bETA\b|\d{1,9}:\d\d|[-–—]"
)
NOT_METRICS = {
    "eta",
    "epoch",
    "step",
    "steps",
    "batch",
    "time",
    "date",
    "port",
    "pid",
    "line",
    "version",
    "seed",
}
LEAD = re.compile(r"[\s\-–—,;|:.()\[\]{}'\"]*$")  # what a pair may begin a line behind
# A time before the first number: "12s 34ms/step - ".
COUNTED = re.compile(
    r"(?<!\d)(?:\d{1,9}(?:\.\d{1,9})?\s?(?:s|ms|us|µs|秒)(?:\s?/\s?\w{1,12})?|\d{1,9}:\d\d)\W{0,12}$",
    re.IGNORECASE,
)
COUNTED_LENGTH = 60  # characters in which it stands


@dataclass(frozen=True)
class Line:
    """What was read of a line; ``leads`` if its numbers are what the line is about."""

    epoch: int | None = None
    planned: int | None = None
    place: Progress | None = None
    values: Mapping[str, float] = field(default_factory=dict)
    leads: bool = False


def read_line(text: str) -> Line:
    head = EPOCH.search(text)
    rest = text[head.end() :] if head else text
    pairs = list(PAIR.finditer(rest))[:MOST_NAMES]
    pairs = [pair for pair in pairs if pair[1].lower() not in NOT_METRICS]
    lead = rest[: pairs[0].start()] if pairs else rest
    place = place_in(lead)
    leads = (
        place is not None
        or LEAD.fullmatch(lead) is not None
        or COUNTED.search(lead[-COUNTED_LENGTH:]) is not None
    )
    values = named({pair[1]: number_of(pair[2]) for pair in reversed(pairs)})
    return Line(
        int(head[1]) if head else None,
        int(head[2]) if head and head[2] else None,
        place,
        values,
        leads,
    )


def place_in(lead: str) -> Progress | None:
    """The last ``352/2682`` before a bar, a time or a dash."""
    found = None
    for match in PLACE.finditer(lead):
        behind = lead[match.end() :].lstrip()
        if BAR.match(behind):
            found = match
    if found is None:
        return None
    return Progress(int(found[1]), int(found[2]) if found[2].isdigit() else None)


def named(values: Mapping[str, float]) -> dict[str, float]:
    """``values`` by Keras's own names, in the order of the line, where the words are a translator's."""
    return {keras_name(name): values[name] for name in reversed(list(values))}


def keras_name(name: str) -> str:
    before, _, word = name.lower().rpartition("val_")
    prefix = "val_" if name.lower().startswith("val_") and not before else ""
    plain = word if prefix else name.lower()
    if plain in LOSS_WORDS or plain == LOSS:
        return prefix + LOSS
    if plain in ACCURACY_WORDS:
        return prefix + "accuracy"
    return name
