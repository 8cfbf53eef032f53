"""The script run, changed and run again, until its training has skill or nothing more is known."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

from nanwatch.diagnose.diagnosis import Diagnosis, Remedy
from nanwatch.diagnose.trials import is_cure
from nanwatch.errors import NanwatchError, RunNotFound
from nanwatch.explain.as_fix import AHEAD, Round
from nanwatch.explain.report import Report
from nanwatch.explain.reporting import report_on
from nanwatch.fix.script_change import changed_source, with_line
from nanwatch.record.read import RUN_FILE, find_run
from nanwatch.record.run import Fit
from nanwatch.record.trials import Trial

MOST_RUNS = 8
Told = Callable[[Round], None]  # called after each run


class CannotFix(NanwatchError):
    """The script cannot be run or read so that it could be changed."""


class Fixer:
    """Runs one script in processes of their own, each under watch."""

    def __init__(
        self, script: Path, args: Sequence[str], log_dir: Path, prove: float, keras: str = "3"
    ) -> None:
        self.script = script
        self.args = tuple(args)
        self.log_dir = log_dir
        self.prove = prove
        self.keras = keras
        self.original = read(script)
        self.tried: set[tuple[str, object]] = set()

    def rounds(self, tell: Told) -> list[Round]:
        """Every run, in order. The source of the last kept one is the script as it is mended.

        A change that has not rid the training of its fault is taken back, and the next one is tried.
        """
        found: list[Round] = []
        current = self.run(self.original, None)
        while True:
            found.append(current)
            tell(current)
            if len(found) >= MOST_RUNS or not current.is_kept:
                return found
            following = next(self.changes(current), None)
            while following is not None and not following.is_kept and len(found) < MOST_RUNS - 1:
                found.append(following)
                tell(following)
                following = next(self.changes(current), None)
            if following is None:
                return found
            current = following

    def changes(self, after: Round) -> Iterator[Round]:
        """The next change that can be written, run; proven ones first."""
        causes = [each for each in after.report.diagnoses.diagnoses if each.level != "note"]
        for diagnosis in causes:
            for remedy in sorted(diagnosis.remedies, key=lambda remedy: not is_cure(remedy)):
                key = (diagnosis.code, remedy.intervention)
                if key in self.tried or is_in_vain(remedy.trial):
                    continue
                self.tried.add(key)
                source = self.changed(after, diagnosis, remedy)
                if source is not None:
                    yield self.run(source, after, diagnosis, remedy)

    def changed(self, after: Round, diagnosis: Diagnosis, remedy: Remedy) -> str | None:
        fit = fit_of(after.report, diagnosis)
        if fit is None:  # the script ended before a training, and its line is all that there is to change
            return with_line(after.source, str(after.file), remedy)
        try:
            return changed_source(after.source, str(after.file), diagnosis, remedy, fit)
        except ValueError as error:
            raise CannotFix(f"{self.script}: {error}.") from error

    def run(
        self,
        source: str,
        after: Round | None,
        diagnosis: Diagnosis | None = None,
        remedy: Remedy | None = None,
    ) -> Round:
        """The script with this source, under watch."""
        with self.file_of(source) as file:
            command = [sys.executable, "-m", "nanwatch", "run", "--prove", f"{self.prove:g}", "--quiet"]
            command += ["--keras", self.keras, "--log-dir", str(self.log_dir), str(file), *self.args]
            before = runs_below(self.log_dir)
            done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
            try:
                report = report_on(self.new_run(before))
            except NanwatchError as error:
                said = done.stderr.strip().splitlines()[-1:] or [str(error)]
                raise CannotFix(f"{self.script} could not be run: {said[0]}") from error
            return Round(report, source, file, after, diagnosis, remedy)

    def new_run(self, before: Collection[Path]) -> Path:
        """The run that was not there ``before``: no other says what is to be changed.

        Raises:
            RunNotFound: there is none.
        """
        new = runs_below(self.log_dir) - set(before)
        if not new:
            raise RunNotFound(f"No run was written below {self.log_dir}.")
        return find_run(max(new))

    @contextlib.contextmanager
    def file_of(self, source: str) -> Iterator[Path]:
        """A file with this source, beside the script, whose imports and paths it shares; gone afterwards."""
        if source == self.original:
            yield self.script
            return
        beside = self.script.with_name(f".{self.script.stem}.nanwatch{self.script.suffix}")
        try:
            beside.write_text(source, encoding="utf-8")
        except OSError as error:
            raise CannotFix(f"{beside} cannot be written: {error.strerror}.") from error
        try:
            yield beside
        finally:
            with contextlib.suppress(OSError):
                beside.unlink()


def runs_below(log_dir: Path) -> set[Path]:
    try:
        return {entry for entry in log_dir.iterdir() if (entry / RUN_FILE).is_file()}
    except OSError:
        return set()


def is_in_vain(trial: Trial | None) -> bool:
    """Whether the training was no better with the change; one that is better may lack another change."""
    if trial is None or trial.verdict != "not-cured":
        return False
    before, after = trial.before.skill, trial.after.skill
    return before is None or after is None or after < before + AHEAD


def fit_of(report: Report, diagnosis: Diagnosis) -> Fit | None:
    return next((fit for fit in report.run.fits if fit.info.index == diagnosis.fit), None)


def read(script: Path) -> str:
    """The script's source.

    Raises:
        CannotFix: it cannot be read.
    """
    try:
        return script.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CannotFix(f"{script} cannot be read as text: {error}.") from error
