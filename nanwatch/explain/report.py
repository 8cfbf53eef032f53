"""What every renderer gets: a run, its diagnoses, its trials."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from nanwatch.diagnose.diagnosis import Diagnoses, Diagnosis, Part
from nanwatch.diagnose.doubts import doubts
from nanwatch.diagnose.places import line_words, project_path
from nanwatch.diagnose.script_names import ScriptNames, names_of
from nanwatch.explain.figures import count
from nanwatch.explain.notes import held_back_words, not_watched_words, own_error_words
from nanwatch.record.facts import Location
from nanwatch.record.notes import SeamMissing
from nanwatch.record.run import Fit, Run
from nanwatch.record.run_state import RunState, run_state


@dataclass(frozen=True)
class Report:
    """A run and its diagnoses; the engine has put the trials beside the remedies they tried."""

    run: Run
    diagnoses: Diagnoses
    root: str | None = None  # the checkout's folder, where a build server says which it is
    against: Report | None = None  # of a run that was before, to be compared with

    @cached_property
    def state(self) -> RunState:
        """What has become of the run's process, when the report was made."""
        return run_state(self.run.info, self.run.folder)

    @cached_property
    def names(self) -> ScriptNames:
        """What the script calls what Keras has named."""
        return names_of(self.run.info)

    def of_part(self, part: Part) -> list[Diagnosis]:
        """The diagnoses of this part, in the engine's order."""
        return [diagnosis for diagnosis in self.diagnoses.diagnoses if diagnosis.part == part]

    def has_more_than_notes(self) -> bool:
        return any(diagnosis.level != "note" for diagnosis in self.diagnoses.diagnoses)

    def fit(self) -> Fit | None:
        """The training the report is about: the one that went worst."""
        return self.worst_fit

    @cached_property
    def worst_fit(self) -> Fit | None:
        """The incident's; else, of those with the run's outcome, the first diagnosis's.

        Where none is at fault it is one that is in doubt; where none is, the longest.
        """
        found = self.run.fit_of_incident()
        if found is not None:
            return found
        outcomes = dict(self.diagnoses.outcomes)
        worst = [fit for fit in self.run.fits if outcomes.get(fit.info.index) == self.diagnoses.outcome]
        fits = worst or list(self.run.fits)
        said = [each.fit for each in self.diagnoses.diagnoses[:1] if each.level != "note"]
        noted = [each.fit for each in self.diagnoses.diagnoses[:1] if each.level == "note"]
        doubtful = [fit for fit in fits if self.diagnoses.outcome == "healthy" and doubts(fit)]
        told = [fit for wanted in (said, noted) for fit in fits if fit.info.index in wanted]
        if not said:
            told = [*doubtful, *told]
        return next(iter(told), max(fits, key=lambda fit: fit.info.steps, default=None))

    @cached_property
    def doubts(self) -> list[str]:
        """What the numbers of the training say against it, where no fault is found in any."""
        fit = self.worst_fit
        return doubts(fit) if fit is not None and self.diagnoses.outcome == "healthy" else []

    def path(self, path: str | Path) -> str:
        """``path`` relative to the run's working directory where it lies below it."""
        cwd = self.run.info.cwd
        whole = Path(os.path.normpath(Path(cwd, path)))
        if cwd and whole.is_relative_to(cwd):
            return str(whole.relative_to(cwd))
        return str(path)

    def place(self, at: Location) -> str:
        """``train.py:12``, or ``cell 4, line 12``."""
        return line_words(at, self.path(at.file))

    def project_place(self, at: Location) -> str:
        """The same with `project_path`."""
        return line_words(at, self.project_path(at.file))

    def project_path(self, path: str | Path) -> str:
        """``path`` as other programs want it: relative to the root of the checkout, with ``/``."""
        return project_path(self.run, path, self.root)

    def folder(self) -> str | None:
        """The run's folder, as `path` gives it; it is known from where the reader stands."""
        return None if self.run.folder is None else self.path(self.run.folder.absolute())

    def steps(self) -> int:
        return sum(fit.info.steps for fit in self.run.fits)

    def epochs(self) -> int:
        return sum(fit.info.epochs for fit in self.run.fits)

    def num_watchpoints(self) -> int:
        """How many watchpoints: of each model, the most that one of its trainings had."""
        most: dict[int, int] = {}
        for fit in self.run.fits:
            most[fit.info.model] = max(most.get(fit.info.model, 0), fit.info.watched)
        return sum(most.values())

    def is_watched_throughout(self) -> bool:
        """Whether nanwatch did not fail itself, and knows this Keras where it watches a training."""
        seen = all(fit.info.unwatched_from is None for fit in self.run.fits)
        return seen and not self.run.info.errors and not self.missing_seams()

    def missing_seams(self) -> list[SeamMissing]:
        """What Keras and TensorFlow have not, by which trainings are watched."""
        missing = [note for note in self.run.info.not_watched if isinstance(note, SeamMissing)]
        return [note for note in missing if note.part in ("fits", "loops", "steps")]

    def is_blind(self) -> bool:
        """Whether no training was seen, and nanwatch itself is to blame, or does not know this Keras."""
        return not self.steps() and bool(self.run.info.errors or self.missing_seams())

    def not_watched(self) -> list[str]:
        """What was not seen, could not be read, or went wrong in nanwatch itself; each once."""
        info = self.run.info
        unseen = [*info.not_watched, *(note for fit in self.run.fits for note in fit.info.not_watched)]
        said = [self.names.say(not_watched_words(note)) for note in unseen]
        said += [*self.run.damage, *map(own_error_words, info.errors)]
        return list(dict.fromkeys(said))

    def kept_in_short(self) -> list[str]:
        """How many trainings no rule has looked at, for the run was kept within bounds."""
        short = sum(fit.info.brief for fit in self.run.fits)
        if not short:
            return []
        return [
            f"{count(short, 'early training')} of {len(self.run.fits):,} are kept in short, to make room for "
            "later ones: how they ended is known, and no fault was looked for in them"
        ]

    def held_back(self) -> list[str]:
        """What a check did not let the script do, or not where it wanted."""
        return [held_back_words(note) for note in self.run.info.held_back]

    def step_overhead(self) -> float | None:
        """The share of the training's time that nanwatch took outside the compiled step."""
        seconds = sum(fit.info.seconds for fit in self.run.fits)
        return sum(fit.info.watch_seconds for fit in self.run.fits) / seconds if seconds > 0 else None
