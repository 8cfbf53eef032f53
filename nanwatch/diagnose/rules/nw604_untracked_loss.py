"""NW604: the printed loss is 0.0 because no one keeps it."""

from __future__ import annotations

from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import count_words, number
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.readings import epoch_losses, finite_losses, is_loss_untracked
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.statistics import median
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run


class UntrackedLoss(Rule):
    """The printed loss is exactly 0.0 while the true loss of the steps is not.

    ## What it does
    Compares the logged loss of the epochs with the loss that the steps really had, in models with
    a `train_step` of their own.

    ## Why is this bad
    The training may go well, but what is printed, plotted and watched by callbacks is the tracker
    that nobody updates: EarlyStopping on it stops at its patience, and a broken training looks
    perfect.

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
        if not is_loss_untracked(fit):
            return
        logged, true = epoch_losses(fit), median([abs(loss) for loss in finite_losses(fit)])
        text = (
            "Keep the loss where it is printed from: a keras.metrics.Mean(name='loss') that train_step "
            "updates and the model's metrics property returns. Where train_step returns the names of the "
            "metrics and no others, Keras prints what the metrics hold, not what is returned."
        )
        yield self.finding(
            fit,
            f"The printed loss is 0.0 in {count_words(len(logged), 'epoch')}, and the true loss of the steps "
            f"is {number(true)} in the middle: the model's own train_step does not update the metric "
            "that is printed.",
            location=fit.model.location or fit.info.location,
            remedies=(Remedy(Intervention(InterventionKind.TRACK_LOSS, "train_step"), text),),
            strength=0.9,
        )

    @staticmethod
    def fires() -> list[Run]:
        own = made_up.model(custom_train_step=True)
        zeros = [{"loss": 0.0}, {"loss": 0.0}]
        return [
            made_up.run(own, loss=[0.7, 0.6, 0.5], epochs=zeros),
            made_up.run(own, loss=[-0.7, -0.8], epochs=zeros),
            made_up.run(own, loss=[1.1e-4] * 3, epochs=zeros),
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
        ]
