"""Which argument of ``fit`` a fault of the data is in, and the line of the script that made it."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from nanwatch.diagnose.diagnosis import Finding
from nanwatch.diagnose.places import line_in_words
from nanwatch.record.interventions import InterventionKind
from nanwatch.record.run import Fit

K = InterventionKind
ARGUMENTS: dict[InterventionKind, Literal["x", "y"]] = {
    **dict.fromkeys((K.DROP_NONFINITE_ROWS, K.DROP_COLUMNS, K.IMPUTE_INPUT, K.GUARD_SCALING), "x"),
    **dict.fromkeys((K.SCALE_INPUT, K.STANDARDISE_INPUT, K.MAP_TOKENS, K.MEND_PREPROCESSING), "x"),
    **dict.fromkeys((K.CAST_LABELS, K.DROP_LABELS, K.MAP_LABELS, K.SHIFT_LABELS, K.RESHAPE_LABELS), "y"),
    **dict.fromkeys((K.RESCALE_TARGET, K.SCALE_TARGET, K.STANDARDISE_TARGET), "y"),
}


TARGETS = ("NW103",)  # of which the same change would drop rows of x


def argument_of(finding: Finding) -> Literal["x", "y"] | None:
    """The argument that the first remedy changes; None where it is about something else."""
    found = next((ARGUMENTS.get(remedy.intervention.kind) for remedy in finding.remedies[:1]), None)
    return "y" if found is not None and finding.code in TARGETS else found


def with_origin(finding: Finding, fit: Fit) -> Finding:
    """``finding`` with the line that made its data, where it points at the call of ``fit`` itself."""
    argument = argument_of(finding)
    found = next((made for made in fit.info.made if made.argument == argument), None)
    if found is None or finding.location is None or finding.location != fit.info.location:
        return finding
    at = found.location
    told = f"{found.name} was last made in {line_in_words(at)}: {at.code}"
    return replace(finding, evidence=(*finding.evidence, told))
