"""NW604: the printed loss is 0.0 because no one keeps it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import count_words, list_words, number
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.readings import epoch_losses, finite_losses, is_loss_untracked
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.statistics import median
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run


class UntrackedLoss(Rule):
    """The printed loss is exactly 0.0 while the true loss of the steps is not.

    ## What it does
    Compares the logged loss of the epochs with the true loss of the steps, in models with their own
    `train_step`. It also checks whether any training step updated the metrics that are printed as 0.0,
    whatever their names.

    ## Why is this bad
    The training may go well, but what is printed, plotted and watched by callbacks is a tracker that
    nobody updates. EarlyStopping on it stops as soon as its patience is over, and a broken training
    looks perfect.

    ## Example
    ```python
    def train_step(self, data):
        ...
        return {m.name: m.result() for m in self.metrics}  # the loss tracker was never updated
    ```

    ## Use instead
    ```python
    def train_step(self, data):
        ...
        self.tracker.update_state(loss)  # a keras.metrics.Mean(name="loss")
        return {m.name: m.result() for m in self.metrics}
    ```
    """

    code, name, level = "NW604", "untracked-loss", "warning"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        text = (
            "Keep the loss in the metric that is printed: a keras.metrics.Mean(name='loss') that train_step "
            "updates and the model's metrics property returns. Where train_step returns the names of the "
            "metrics and no others, Keras prints what the metrics hold, not what is returned."
        )
        if is_loss_untracked(fit):
            logged, true = epoch_losses(fit), median([abs(loss) for loss in finite_losses(fit)])
            yield self.finding(
                fit,
                f"The printed loss is 0.0 in {count_words(len(logged), 'epoch')}, and the true loss of the "
                f"steps is {number(true)} in the middle: the model's own train_step does not update the "
                "metric that is printed.",
                location=fit.model.location or fit.info.location,
                remedies=(Remedy(Intervention(InterventionKind.TRACK_LOSS, "train_step"), text),),
                strength=0.9,
            )
        elif idle := idle_in_logs(fit):
            yield self.build_idle_finding(fit, idle)

    def build_idle_finding(self, fit: Fit, idle: list[str]) -> Finding:
        """Some of several may be meant for the validation alone."""
        others = [name for name in trained_names(fit) if name not in idle]
        are, metrics = (
            ("is", "a metric of that name") if len(idle) == 1 else ("are", "metrics of those names")
        )
        validated = [f"{name} is {number(logs[name])}" for logs, name in validated_logs(fit, idle)]
        text = (
            f"Update {list_words(idle)} in train_step: self.tracker.update_state(loss), for each of the "
            "trackers that the model's metrics property returns."
        )
        return self.finding(
            fit,
            f"The printed {list_words(idle)} {are} 0.0 in {count_words(len(fit.epoch_logs()), 'epoch')}: no "
            f"training step updates {metrics}.",
            *([f"in validation, which does, {list_words(validated)} in the last epoch"] if validated else []),
            *([f"the steps update {list_words(others)}"] if others else []),
            location=fit.model.location or fit.info.location,
            remedies=(Remedy(Intervention(InterventionKind.TRACK_LOSS, "train_step"), text),),
            level="note" if others else "warning",
            strength=0.2 if others else 0.9,
        )

    @staticmethod
    def fires() -> list[Run]:
        own = made_up.model(custom_train_step=True)
        zeros = [{"loss": 0.0}, {"loss": 0.0}]
        return [
            made_up.run(own, loss=[0.7, 0.6, 0.5], epochs=zeros),
            made_up.run(own, loss=[-0.7, -0.8], epochs=zeros),
            made_up.run(own, loss=[1.1e-4] * 3, epochs=zeros),
            idle_run([{"n_loss": 0.0, "i_loss": 0.0}] * 2, "n_loss", "i_loss"),
            idle_run([{"n_loss": 0.2, "i_loss": 0.0}] * 2, "i_loss"),
        ]

    @staticmethod
    def silent() -> list[Run]:
        own = made_up.model(custom_train_step=True)
        zeros = [{"loss": 0.0}]
        return [
            made_up.run(own, loss=[1e-4] * 3, epochs=zeros),
            made_up.run(own, loss=[0.7, 0.6], epochs=[{"loss": 0.65}]),
            made_up.run(own, loss=[0.7, 0.6], epochs=[{"g_loss": 0.0}]),
            made_up.run(loss=[0.7, 0.6], epochs=zeros),
            idle_run([{"g_loss": 0.0}] * 2),
            idle_run([{"g_loss": 0.3, "val_kid": 0.1}] * 2, "kid"),
            idle_run([{"g_loss": 0.0}, {"g_loss": 0.1}], "g_loss"),
        ]


def trained_names(fit: Fit) -> list[str]:
    """What the training steps are logged by."""
    names = (name for logs in fit.epoch_logs() for name in logs if not name.startswith("val_"))
    return list(dict.fromkeys(names))


def idle_in_logs(fit: Fit) -> list[str]:
    """The metrics that are printed as 0 in every epoch, and that no step has updated."""
    logged = fit.epoch_logs()
    return [
        name
        for name in trained_names(fit)
        if name in fit.info.idle_metrics and not any(logs.get(name, 0.0) for logs in logged)
    ]


def validated_logs(fit: Fit, names: list[str]) -> Iterator[tuple[Mapping[str, float], str]]:
    """Of the last epoch, those of ``names`` that a validation has other numbers of."""
    for logs in fit.epoch_logs()[-1:]:
        yield from ((logs, f"val_{name}") for name in names if logs.get(f"val_{name}"))


def idle_run(epochs: list[dict[str, float]], *idle: str) -> Run:
    """A step of the script's own that does not update these metrics."""
    return made_up.run(made_up.model(custom_train_step=True), epochs=epochs, fit={"idle_metrics": idle})
