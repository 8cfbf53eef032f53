"""A report whose every text wants to be something else: markup, a command, the end of a string."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from nanwatch.diagnose.diagnosis import Diagnoses, Diagnosis, Remedy, RuleNotRun
from nanwatch.explain.report import Report
from nanwatch.record.events import EpochEnd
from nanwatch.record.facts import Location, Operand, OpInfo, SpreadEntry
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.notes import OtherBackend, OwnError, ReplayRaised
from nanwatch.record.sources import Source, Sources
from nanwatch.record.trials import Trial, TrialOutcome
from tests.explain import made_up_reports

SCRIPT = "</script><script>document.title='taken'</script>"
EVIL = (
    f"{SCRIPT}<img src=x onerror=\"document.title='taken'\"> `a` | *b* {{{{ 7*7 }}}} ]]> &amp; \u2028"
    " 100%\r\n::error::x"
)
CONTROL = "nul \x00 bell \x07 escape \x1b[31m unpaired \ud83d nonchar \ufffe bidi \u202e"
CODE = f"x = '{SCRIPT}'  # ```"


def hostile(folder: Path) -> Report:
    """A run with a broken step in which no name and no message can be trusted."""
    path = folder / "a, b: 100% <b>.py"
    path.write_text(f"import keras\n{CODE}\n")
    location = Location(str(path), 2, CODE)
    text = f"{EVIL} {CONTROL}"
    change = Intervention(InterventionKind.SET_ACTIVATION, EVIL, EVIL)
    remedy = Remedy(
        change,
        text,
        line=f"x = '{EVIL}'",
        location=location,
        trial=Trial(change, "cured", TrialOutcome(False, 0), TrialOutcome(True, 3, math.nan), 3),
    )
    found = Diagnosis("NW201", "relu-output", "cause", "error", text, (text,), location, EVIL, (remedy,))
    other = Diagnosis("NW999", "no-such-rule", "consequence", "error", text, (text,))
    base = made_up_reports.broken_run(location)
    assert base.info.incident is not None
    op = OpInfo(
        EVIL,
        "forward",
        EVIL,
        location,
        inputs=(Operand(text, 0.0, 0.0, size=1),),
        output="nan",
        num_bad=1,
        size=2,
    )
    spread = (SpreadEntry("activation", EVIL, 1, 2, first=True), SpreadEntry("gradient", EVIL, 1, 1))
    incident = replace(base.info.incident, op=op, spread=spread, notes=(ReplayRaised(text),), path=EVIL)
    fit = base.fits[0]
    layers = (
        replace(fit.model.layers[0], path=EVIL, name=EVIL, type=EVIL, activation=EVIL),
        fit.model.layers[1],
    )
    model = replace(fit.model, layers=layers, name=EVIL)
    fit = replace(fit, model=model, events=(EpochEnd(0, 0, {EVIL: math.nan, "loss": 1.0}),))
    info = replace(
        base.info,
        incident=incident,
        models=(model,),
        argv=(EVIL,),
        errors=(OwnError(text, EVIL, text),),
        not_watched=(OtherBackend(text),),
    )
    skipped = (RuleNotRun("NW103", text), RuleNotRun("NW104", "failed with KeyError: <x>", failed=True))
    kept = Sources([Source(str(path), 1, ("import keras", CODE), whole=True)])
    run = replace(base, info=info, fits=(fit,), sources=kept)
    return Report(run, Diagnoses("non-finite", (found, other), skipped))
