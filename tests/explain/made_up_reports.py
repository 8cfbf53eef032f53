"""Reports made by hand: what the renderers are tested on, where no training is needed."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from nanwatch.diagnose import made_up
from nanwatch.diagnose.diagnosis import Diagnoses, Diagnosis, Outcome, Remedy, RuleNotRun
from nanwatch.diagnose.engine import diagnose
from nanwatch.explain.report import Report
from nanwatch.record.facts import Location, OpInfo, SpreadEntry
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.notes import LayerOutOfReach
from nanwatch.record.run import Run
from nanwatch.record.sources import Source, Sources
from nanwatch.record.trials import Trial, TrialOutcome
from nanwatch.record.whole_run import with_parts
from nanwatch.record.whose import maker_here

SCRIPT = """\
import keras
from keras import layers

model = keras.Sequential(
    [
        layers.Dense(16, activation="relu"),
        layers.Dense(5, activation="relu"),  # five classes
    ]
)
model.compile("adam", loss="categorical_crossentropy")
model.fit(x, y)
"""
GUILTY = 'layers.Dense(5, activation="relu"),  # five classes'


def script(folder: Path) -> Location:
    """The script, written to ``folder``, and the location of its guilty line."""
    path = folder / "train.py"
    path.write_text(SCRIPT)
    return Location(str(path), 7, GUILTY)


def broken_run(location: Location, **info: Any) -> Run:
    """A head of ReLU under a cross-entropy: step 40 is NaN."""
    cwd = str(Path(location.file).parent)
    hidden = made_up.dense("dense", 16, "relu")
    head = made_up.dense("dense_1", 5, "relu", at=7)
    losses = [4.6 * 0.97**step for step in range(40)] + [math.nan]
    norms = [1.0 + 0.3 * math.sin(step / 4) for step in range(40)] + [math.nan]
    op = OpInfo(
        "RealDiv",
        "forward",
        "dense_1",
        location,
        inputs=made_up.operands(numerator=0),
        output="nan",
        num_bad=15,
        size=160,
        rows=(3, 11, 30),
    )
    spread = (
        SpreadEntry("output", "dense_1", 15, 160, first=True),
        SpreadEntry("loss", "", 1, 1),
        SpreadEntry("gradient", "dense/kernel", 128, 128),
        SpreadEntry("gradient", "dense_1/kernel", 80, 80),
    )
    steps = {
        ("gradient", "dense/kernel", "l2_norm"): norms,
        ("gradient", "dense_1/kernel", "l2_norm"): norms,
    }
    run = made_up.run(
        made_up.model(hidden, head, loss="categorical_crossentropy"),
        loss=losses,
        steps=steps,
        epochs=[
            {"loss": 4.1, "accuracy": 0.31, "val_loss": 4.0, "val_accuracy": 0.33},
            {"loss": 2.9, "accuracy": 0.44, "val_loss": 2.8, "val_accuracy": 0.41},
            {"loss": math.nan, "accuracy": 0.2, "val_loss": math.nan, "val_accuracy": 0.2},
        ],
        incident={
            "epoch": 2,
            "value": "nan",
            "frozen": True,
            "op": op,
            "spread": spread,
            "loss": math.nan,
            "rows": 32,
            "rows_summing_to_zero": 3,
            "reproduced": True,
        },
        fit={
            "epochs_asked": 20,
            "watched": 27,
            "seconds": 10.0,
            "watch_seconds": 0.04,
            "not_watched": (LayerOutOfReach("lambda"),),
        },
    )
    known = {
        "script": location.file,
        "argv": (location.file, "--fast"),
        "cwd": cwd,
        "status": "halted",
        "exit_status": 3,
        "versions": {"keras": "3.15.0", "tensorflow": "2.21.0"},
    }
    kept = Sources([Source(location.file, 1, tuple(SCRIPT.splitlines()), whole=True)])
    return replace(run, info=replace(run.info, **{**known, **info}), sources=kept)


def relu_output(location: Location, **facts: Any) -> Diagnosis:
    new = 'layers.Dense(5, activation="softmax"),  # five classes'
    softmax = Intervention(InterventionKind.SET_ACTIVATION, "dense_1", "softmax")
    lower_rate = Intervention(InterventionKind.SET_LEARNING_RATE, "", 1e-4)
    as_it_was = TrialOutcome(False, 0)
    known: dict[str, Any] = {
        "message": "Layer dense_1 has a ReLU as the output under a categorical cross-entropy: a row of "
        "zeros is divided by its sum, and 0/0 is NaN.",
        "evidence": (
            "3 of 32 rows of the prediction sum to 0 in the bad step",
            "all inputs, targets and weights of the step are finite",
        ),
        "location": location,
        "layer": "dense_1",
        "remedies": (
            Remedy(
                softmax,
                "Give the last layer a softmax, whose rows always sum to 1.",
                line=new,
                location=location,
                trial=Trial(softmax, "cured", as_it_was, TrialOutcome(True, 30, 0.69), 30),
            ),
            Remedy(
                lower_rate,
                "Lower the learning rate to 0.0001.",
                general_damper=True,
                trial=Trial(lower_rate, "not-cured", as_it_was, as_it_was, 1),
            ),
        ),
    }
    return Diagnosis("NW201", "relu-output", "cause", "error", **{**known, **facts})


def plateau() -> Diagnosis:
    return Diagnosis(
        "NW607",
        "accuracy-after-nonfinite",
        "consequence",
        "note",
        "The accuracy of 0.2 from epoch 3 on is the share of class 0: the largest of NaNs is the first.",
    )


def broken(folder: Path) -> Report:
    location = script(folder)
    unscaled = Diagnosis(
        "NW105",
        "unscaled-input",
        "contributing",
        "warning",
        "Column 7 of the input has a standard deviation of 50,000.",
        location=Location(location.file, 11, "model.fit(x, y)"),
        remedies=(
            Remedy(
                Intervention(InterventionKind.SCALE_INPUT, "0"), "Standardise the columns of x before fit."
            ),
        ),
    )
    found = (relu_output(location), unscaled, plateau())
    skipped = (
        RuleNotRun("NW113", "the labels were not seen in order"),
        RuleNotRun("NW118", "there was no validation data"),
    )
    run = broken_run(location)
    folder_of_run = folder / "logs" / "20250102T030405Z-train-7"
    return Report(replace(run, folder=folder_of_run), Diagnoses("non-finite", found, rules_not_run=skipped))


def changed_since(report: Report, folder: Path, text: str) -> Report:
    """``report`` as of a run of this user's, in ``folder``, the script of which holds ``text`` by now."""
    (folder / "train.py").write_text(text)
    run = replace(report.run, info=replace(report.run.info, made_by=maker_here()), folder=folder)
    return replace(report, run=run)


def healthy(*diagnoses: Diagnosis, outcome: Outcome = "healthy", **facts: Any) -> Report:
    """A quiet run of 100 steps, with these diagnoses."""
    known: dict[str, Any] = {
        "epochs": [{"loss": 0.5, "accuracy": 0.71}, {"loss": 0.31, "accuracy": 0.9375}],
        "fit": {"watched": 27, "epochs_asked": 2, "seconds": 8.0, "watch_seconds": 0.1},
    }
    run = made_up.run(**{**known, **facts})
    return Report(run, Diagnoses(outcome, diagnoses))


def with_children() -> Report:
    """A run of 100 steps, of which a fork made 100 more, and a worker four, the last of them NaN."""
    fork = made_up.run(loss=[0.7 - 0.004 * step for step in range(100)])
    bad = made_up.run(loss=[0.7, 0.6, 0.5, math.nan], incident={"step": 3, "value": "nan", "frozen": True})
    own = replace(fork, folder=Path("/runs/a"))
    fork = replace(fork, info=replace(fork.info, pid=71), folder=Path("/runs/a/part-71"))
    told: dict[str, Any] = {
        "script": "/project/worker.py",
        "argv": ("worker.py", "--fold", "1"),
        "pid": 72,
        "started": "2",
    }
    bad = replace(bad, info=replace(bad.info, **told), folder=Path("/runs/a/part-72"))
    run = with_parts(own, [bad, fork], (), ())
    found = Diagnosis("NW410", "nonfinite-op", "cause", "error", "A NaN.", fit=2)
    return Report(run, Diagnoses("non-finite", (found,)))


def of_two_models() -> Report:
    """A generator of 100 steps and a critic of four, the last of them NaN; Keras calls both sequential."""
    names = {"sequential": "generator", "sequential_1": "critic"}
    nets = [
        replace(made_up.model(made_up.dense(f"{name}/dense", 1)), name=name, called=called)
        for name, called in names.items()
    ]
    own = made_up.run(nets[0], loss=[0.7 - 0.004 * step for step in range(100)])
    bad = made_up.run(
        nets[1],
        loss=[0.7, 0.6, 0.5, math.nan],
        steps={("gradient", "sequential_1/dense/kernel", "l2_norm"): [1.0, 1.0, 1.0, math.nan]},
        incident={"step": 3, "role": "gradient", "path": "sequential_1/dense/kernel", "fit": 1},
    )
    spread = SpreadEntry("gradient", "sequential_1/dense/kernel", 8, 8, first=True)
    assert bad.info.incident is not None
    info = replace(
        own.info, models=tuple(nets), incident=replace(bad.info.incident, spread=(spread,)), status="halted"
    )
    second = replace(bad.fits[0], info=replace(bad.fits[0].info, index=1, model=1))
    run = replace(own, info=info, fits=(own.fits[0], second))
    return Report(run, Diagnoses("non-finite", (diagnose(run).diagnoses[:1])))
