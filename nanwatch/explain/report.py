"""What every renderer gets: a run, its diagnoses, its trials."""

from __future__ import annotations

from dataclasses import dataclass

from nanwatch.diagnose.diagnosis import Diagnoses
from nanwatch.record.run import Run


@dataclass(frozen=True)
class Report:
    run: Run
    diagnoses: Diagnoses
