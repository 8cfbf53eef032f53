"""NW605: a metric that is NaN under a finite loss."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_seen import went_nonfinite
from nanwatch.diagnose.data_words import bad_elements, list_words
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.rule import Rule
from nanwatch.record.facts import DataInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

VALIDATION = "val_"


class NonfiniteMetric(Rule):
    """A metric is NaN or infinite, while the loss and the weights are finite.

    ## What it does
    Looks for a metric that is not finite in the logs of an epoch whose loss is finite. Validation
    metrics count if val_loss is finite.

    ## Why is this bad
    The training is fine, but callbacks that watch the metric are not. No comparison with NaN is true,
    so ModelCheckpoint, EarlyStopping and ReduceLROnPlateau do nothing with it, without a warning. Most
    often a metric divides by a count that is 0 in some batch, and one such batch spoils the whole
    epoch.

    ## Example
    ```python
    return hits / keras.ops.sum(y_true)  # a batch without a positive row: 0/0
    ```

    ## Use instead
    ```python
    metrics=[keras.metrics.Recall()]  # counts over the whole epoch, and divides once
    ```
    """

    code, name, level = "NW605", "nonfinite-metric", "warning"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        if went_nonfinite(fit, run) or not weights_are_finite(fit):
            return
        epochs = fit.epoch_logs()
        bad = {name: seen for name in metric_names(epochs) if (seen := bad_epochs(name, epochs))}
        if not bad:
            return
        first = next(iter(bad))
        words = [f"{name} in {len(seen)} of {len(epochs)} epochs" for name, seen in bad.items()]
        text = (
            "Let the metric keep sums over the epoch and divide once (a keras.metrics.Metric), or divide "
            "with keras.ops.divide_no_nan."
        )
        yield self.finding(
            fit,
            f"The metric {first} is {epochs[bad[first][0]][first]} in epoch {bad[first][0] + 1} under a "
            f"finite loss: the fault is in the metric, not in the training. {monitor_words(fit, bad)}",
            f"not finite: {list_words(words)}",
            location=fit.model.compile_location,
            remedies=(
                Remedy(
                    Intervention(InterventionKind.MEND_METRIC, first),
                    text,
                    location=fit.model.compile_location,
                ),
            ),
            strength=0.8,
            explains={"poor-accuracy"},
        )

    @staticmethod
    def fires() -> list[Run]:
        return [
            logged_run({"loss": 0.5, "recall": math.nan}),
            logged_run({"loss": 0.5, "recall": 0.7}, {"loss": 0.4, "recall": math.inf}),
            logged_run({"loss": 0.5, "val_loss": 0.6, "val_r2": math.nan}),
        ]

    @staticmethod
    def silent() -> list[Run]:
        return [
            logged_run({"loss": 0.5, "recall": 0.0}),
            logged_run({"loss": math.nan, "recall": math.nan}),
            logged_run({"loss": 0.5, "val_loss": math.nan, "val_r2": math.nan}),
            logged_run({"loss": 0.5, "val_r2": math.nan}, validation_nan=3),
            logged_run({"loss": 0.5, "left_loss": math.nan}),
            made_up.run(loss=[0.7, math.nan], epochs=[{"loss": 0.5, "recall": math.nan}], incident={}),
            made_up.run(
                epochs=[{"loss": 0.5, "recall": math.nan}],
                steps={("weight", "dense/kernel", "l2_norm"): [math.nan] * 100},
            ),
        ]


def monitor_words(fit: Fit, bad: Iterable[str]) -> str:
    """Which callbacks go by what is no number."""
    if fit.info.monitors is None:
        return "Whatever monitors it does nothing."
    dead = [f"{each.callback} on {each.monitor}" for each in fit.info.monitors if each.monitor in bad]
    if not dead:
        return "No callback monitors it."
    return f"{list_words(dead)} {'does' if len(dead) == 1 else 'do'} nothing: no comparison with NaN is true."


def metric_names(epochs: list[Mapping[str, float]]) -> list[str]:
    """The metrics of the logs: all but the losses and the rate."""
    found = dict.fromkeys(name for logs in epochs for name in logs)
    return [name for name in found if name != "learning_rate" and name.split("_")[-1] != "loss"]


def bad_epochs(name: str, epochs: list[Mapping[str, float]]) -> list[int]:
    """The epochs in which ``name`` is not finite, though the loss beside it is."""
    loss = "val_loss" if name.startswith(VALIDATION) else "loss"
    return [
        number
        for number, logs in enumerate(epochs)
        if not math.isfinite(logs.get(name, 0.0)) and math.isfinite(logs.get(loss, 0.0))
    ]


def weights_are_finite(fit: Fit) -> bool:
    """No weight is NaN at the end, nor the data that a metric was computed on."""
    last = [
        fit.steps.recent_values("weight", path, "l2_norm", last=1)
        for path in fit.steps.paths("weight", "l2_norm")
    ]
    held = fit.info.validation_data
    clean = not any(map(bad_elements, (*held.inputs, *held.labels)))
    return clean and all(math.isfinite(norm) for norms in last for norm in norms)


def logged_run(*epochs: dict[str, float], validation_nan: int = 0) -> Run:
    held = DataInfo((made_up.tensor("input", num_nan=validation_nan),))
    return made_up.run(epochs=epochs, fit={"validation_data": held})
