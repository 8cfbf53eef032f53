"""One run of the records of several processes."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

from nanwatch.record.facts import FitInfo, RunInfo
from nanwatch.record.notes import NotWatched
from nanwatch.record.run import Run


def with_parts(own: Run, parts: Sequence[Run], unseen: Sequence[NotWatched], damage: Sequence[str]) -> Run:
    """``own``, the record of the script's process, with those of its children."""
    if not (parts or unseen or damage):
        return own
    parts = sorted(parts, key=lambda part: part.info.started)
    renumbered: list[Run] = []
    fits, models = numbers_of(own.info.fits), len(own.info.models)
    for part in parts:
        renumbered.append(renumber(part, fits, models))
        fits, models = fits + numbers_of(part.info.fits), models + len(part.info.models)
    everything = [own, *renumbered]
    infos = [run.info for run in everything]
    info = replace(
        own.info,
        versions=dict(chain.from_iterable(info.versions.items() for info in reversed(infos))),
        devices=tuple(dict.fromkeys(chain.from_iterable(info.devices for info in infos))),
        models=tuple(chain.from_iterable(info.models for info in infos)),
        fits=tuple(chain.from_iterable(info.fits for info in infos)),
        incident=next((info.incident for info in infos if info.incident is not None), None),
        errors=tuple(dict.fromkeys(chain.from_iterable(info.errors for info in infos))),
        not_watched=tuple(dict.fromkeys([*chain.from_iterable(i.not_watched for i in infos), *unseen])),
    )
    said = [f"{part.folder.name}: {text}" for part in renumbered if part.folder for text in part.damage]
    return replace(
        own,
        info=info,
        fits=[fit for run in everything for fit in run.fits],
        damage=[*own.damage, *said, *damage],
        parts=renumbered,
        sources=functools.reduce(operator.or_, (run.sources for run in everything)),
    )


def numbers_of(fits: Sequence[FitInfo]) -> int:
    """How many numbers the fits of a process take up: a few may have left nothing else."""
    return 1 + max((fit.index for fit in fits), default=-1)


def renumber(part: Run, fits: int, models: int) -> Run:
    """``part`` behind so many fits and models of other processes. Its own ``models`` stay as they are."""

    def moved(info: FitInfo) -> FitInfo:
        model = info.model + models if info.model >= 0 else info.model
        return replace(info, index=info.index + fits, model=model)

    info: RunInfo = replace(part.info, fits=tuple(map(moved, part.info.fits)))
    if info.incident is not None:
        info = replace(info, incident=replace(info.incident, fit=info.incident.fit + fits))
    return replace(part, info=info, fits=[replace(fit, info=moved(fit.info)) for fit in part.fits])
