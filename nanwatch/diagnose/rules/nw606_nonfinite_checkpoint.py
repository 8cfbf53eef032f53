"""NW606: weights that are NaN, saved over good ones."""

from __future__ import annotations

from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_seen import went_nonfinite
from nanwatch.diagnose.data_words import count_words
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.readings import incident_of
from nanwatch.diagnose.rule import Rule
from nanwatch.record.events import Deleted, Saved
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run


class NonfiniteCheckpoint(Rule):
    """Weights that are not finite were saved, or a good backup was deleted after a NaN.

    ## What it does
    Looks at what the training saved, by callbacks, `save`, `save_weights`, `export` or
    `tf.train.Checkpoint`: were the weights finite at that moment, and is a good file left? It also sees
    when BackupAndRestore and CheckpointManager delete files.

    ## Why is this bad
    It is a consequence, and an expensive one: a training that resumes from that file is NaN from its
    first step on. `TerminateOnNaN` stops the training after the update. By then ModelCheckpoint has
    saved the weights. BackupAndRestore deletes its backup when a fit ends, however it ends.

    ## Example
    ```python
    ModelCheckpoint("model.keras")  # every epoch, over the one before
    ```

    ## Use instead
    ```python
    ModelCheckpoint("model-{epoch:03d}.keras", save_best_only=True, monitor="val_loss")
    ```
    """

    code, name = "NW606", "nonfinite-checkpoint"

    def missing(self, fit: Fit, run: Run) -> str | None:
        if not went_nonfinite(fit, run) or fit.info.saves_seen or saves(fit):
            return None
        return "what the training saved was not seen"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        events = saves(fit)
        spoilt = [event for event in events if isinstance(event, Saved) and not event.finite]
        if spoilt:
            yield self.build_saved_finding(fit, run, spoilt, last_good_save(events))
        elif went_nonfinite(fit, run):
            yield from self.find_deleted_backup(fit, run, events)

    def build_saved_finding(self, fit: Fit, run: Run, spoilt: list[Saved], good: Saved | None) -> Finding:
        first = spoilt[0]
        left = f"the last good one is {good.path}, of step {good.step}" if good else "no good one is left"
        return self.finding(
            fit,
            f"Weights that are not finite were saved {count_words(len(spoilt), 'time')}, first at step "
            f"{first.step} to {first.path}; {left}.",
            location=fit.info.location,
            remedies=(keep_best_remedy(),),
            part="consequence",
            strength=0.9,
            shows={"nonfinite-update"} if incident_of(fit, run) else frozenset(),
            since=first.step,
        )

    def find_deleted_backup(self, fit: Fit, run: Run, events: list[Saved | Deleted]) -> Iterator[Finding]:
        gone = [event for event in events if isinstance(event, Deleted)]
        if not gone or last_good_save(events) is not None:
            return
        yield self.finding(
            fit,
            f"The training went non-finite, and its backup {gone[-1].path} was deleted at step "
            f"{gone[-1].step}: no good file of it is left.",
            location=fit.info.location,
            remedies=(keep_best_remedy(),),
            part="consequence",
            strength=0.9,
            since=gone[-1].step,
        )

    @staticmethod
    def fires() -> list[Run]:
        return [
            saves_run((10, True), (20, False)),
            saves_run((20, False)),
            saves_run((10, True), deleted=20),
        ]

    @staticmethod
    def silent() -> list[Run]:
        return [
            saves_run((10, True), (20, True)),
            saves_run((10, True), (15, True), deleted=20, other=True),
            saves_run((10, True), deleted=20, sick=False),
            saves_run(),
        ]


def saves(fit: Fit) -> list[Saved | Deleted]:
    """What was written and deleted, in order."""
    return [event for event in fit.events if isinstance(event, Saved | Deleted)]


def last_good_save(events: list[Saved | Deleted]) -> Saved | None:
    """The last file with finite weights that nothing was written over and nobody deleted."""
    held: dict[str, Saved] = {}
    for event in events:
        held.pop(event.path, None)
        if isinstance(event, Saved) and event.finite:
            held[event.path] = event
    return list(held.values())[-1] if held else None


def keep_best_remedy() -> Remedy:
    text = (
        "Give each file its epoch in its name, and save_best_only=True with a monitor: NaN is never better. "
        "Train again from the last good file."
    )
    return Remedy(Intervention(InterventionKind.SET_CHECKPOINT, "fit", "save_best_only"), text)


def saves_run(
    *at: tuple[int, bool], deleted: int | None = None, other: bool = False, sick: bool = True
) -> Run:
    """Saves to one file (or each to its own), at these steps, with finite weights or not."""
    losses = [0.7] * 29 + [float("nan") if sick else 0.6]
    run = made_up.run(loss=losses, fit={"saves_seen": True})
    events: list[Saved | Deleted] = [
        Saved(0, step, f"m-{step}" if other else "m", finite) for step, finite in at
    ]
    if deleted is not None:
        events.append(Deleted(0, deleted, "m-10" if other else "m"))
    fit = run.fits[0]
    changed = Fit(fit.info, fit.model, fit.steps, fit.health, tuple(events))
    return Run(run.info, (changed,))
