"""NW608: a name or an argument that Keras no longer has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nanwatch.diagnose import made_up
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.removed_api import METRICS, Removal, key_of_history, metric, removal_of
from nanwatch.diagnose.rule import Rule
from nanwatch.record.facts import ModelInfo, ScriptError
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

MOST_OF_A_MESSAGE = 300  # characters


class RemovedApi(Rule):
    """The script stopped at a name or an argument that this Keras no longer has.

    ## What it does
    Compares the exception that ended the script with what Keras 3 and TensorFlow 2 have removed:
    `fit_generator`, `predict_classes`, `Adam(lr=)`, `np_utils`, `keras.layers.core`,
    `keras.backend.mean`, `monitor="val_acc"`, class weights as an array, metrics as the third argument
    of `compile`, `compute_class_weight` with positional arguments, and others.

    ## Why is this bad
    The script was written for an older Keras. Nothing is wrong with its training, but it never starts,
    or it ends before the results are saved.

    ## Example
    ```python
    model.compile(optimizer=Adam(lr=0.001), loss="mse")
    model.fit_generator(batches, epochs=10)
    ```

    ## Use instead
    ```python
    model.compile(optimizer=Adam(learning_rate=0.001), loss="mse")
    model.fit(batches, epochs=10)
    ```
    """

    code, name = "NW608", "removed-api"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        return iter(())

    def diagnose_script(self, run: Run) -> Iterator[Finding]:
        raised = run.info.raised
        if raised is None:
            return
        models = run.info.models
        compiled = [model.compile_location for model in models if model.compile_location is not None]
        gone = removal_of(raised, {model.type for model in models}, compiled) or old_key(raised, run)
        if gone is None:
            return
        package, newest = ("tf_keras", "2") if run.info.keras_2 else ("keras", "3")
        keras = run.info.versions.get(package, newest)
        as_it_stands = gone.is_in_keras_2 and not run.info.keras_2
        where = gone.at or raised.location
        yield self.finding(
            None,
            f"{gone.old} no longer exists in {gone.library or f'Keras {keras}'}. {gone.advice}.",
            f"Python says: {raised.type}: {in_short(raised.message)}",
            *(["With --keras 2 (tf_keras) the line can stay as it is."] if as_it_stands else []),
            location=where,
            remedies=(
                Remedy(
                    Intervention(InterventionKind.USE_PRESENT_API, gone.old),
                    f"{gone.advice}.",
                    gone.line,
                    where,
                ),
            ),
            strength=1.0,
            explains={"crash"},
        )

    @staticmethod
    def fires() -> list[Run]:
        return [
            raised_run(
                "AttributeError",
                "'Sequential' object has no attribute 'fit_generator'",
                "m.fit_generator(gen)",
            ),
            raised_run("ValueError", "Argument(s) not recognized: {'lr': 0.1}", "opt = Adam(lr=0.1)"),
            raised_run("KeyError", "'val_acc'", 'plot(history["val_acc"])', epochs=[{"val_accuracy": 0.9}]),
            raised_run(
                "ValueError", AS_DTYPE, "m.fit(x, y)", compiled_by('m.compile("sgd", "mse", ["mae"])')
            ),
        ]

    @staticmethod
    def silent() -> list[Run]:
        return [
            made_up.run(),
            raised_run("AttributeError", "'Data' object has no attribute 'frame'", "data.frame"),
            raised_run("ValueError", "Argument(s) not recognized: {'rate': 0.1}", "opt = Adam(rate=0.1)"),
            raised_run("KeyError", "'val_acc'", 'table["val_acc"]'),
            raised_run("KeyError", "'val_acc'", 'table["val_acc"]', epochs=[{"val_acc": 0.9}]),
            raised_run("AttributeError", "'Log' object has no attribute 'log'", "out.log(1)"),
            raised_run("AttributeError", "'list' object has no attribute 'get'", "options.get(1)"),
            raised_run("ValueError", AS_DTYPE, "m.fit(x, y)", compiled_by('m.compile("sgd", "mse")')),
            raised_run("ValueError", "bad", "m.fit(x, y)", compiled_by('m.compile("sgd", "mse", ["mae"])')),
        ]


def old_key(raised: ScriptError, run: Run) -> Removal | None:
    """The history was asked for the accuracy by its old name, and has it by the new one."""
    old = key_of_history(raised)
    logged = {name for fit in run.fits for logs in fit.epoch_logs() for name in logs}
    if old is None or old in logged or METRICS[old] not in logged:
        return None
    return next(metric(old, raised.location.code if raised.location else ""))


AS_DTYPE = "dtype='string' is not a valid dtype for Keras type promotion."


def compiled_by(code: str) -> ModelInfo:
    return made_up.model(compile_location=made_up.line(2, code))


def raised_run(kind: str, message: str, code: str, of: ModelInfo | None = None, **facts: Any) -> Run:
    """A script that this exception ended on line 3."""
    info: dict[str, Any] = {
        "status": "crashed",
        "exit_status": 1,
        "raised": ScriptError(kind, message, made_up.line(3, code)),
    }
    run = made_up.run(of, info=info, **facts)
    return run if facts else Run(run.info)


def in_short(message: str) -> str:
    """It may hold a whole tensor."""
    return message if len(message) <= MOST_OF_A_MESSAGE else f"{message[:MOST_OF_A_MESSAGE].rstrip()} ..."
