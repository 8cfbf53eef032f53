"""NW601: a last batch with fewer rows than there are replicas."""

from __future__ import annotations

from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_seen import went_nonfinite
from nanwatch.diagnose.data_words import count_words
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.readings import incident_of
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.symptoms import NONFINITE_FORWARD
from nanwatch.record.facts import LayerInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run


class EmptyReplicaBatch(Rule):
    """Under tf.distribute the last batch has fewer rows than there are replicas.

    ## What it does
    Looks for a batch that leaves a replica without a row, in a model with BatchNormalization whose
    training became non-finite.

    ## Why is this bad
    The replica without rows computes the mean and variance of nothing: NaN. They are shared with the
    other replicas, and all weights are NaN after that step. Without BatchNormalization it is harmless.

    ## Example
    ```python
    model.fit(x, y, batch_size=64)  # 65 rows on 2 replicas: the last batch has 1
    ```

    ## Use instead
    ```python
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(64, drop_remainder=True)
    ```
    """

    code, name = "NW601", "empty-replica-batch"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        replicas = fit.info.replicas
        normalised = any(layer.type == "BatchNormalization" for layer in fit.model.layers)
        rows = fewest_rows(fit, run)
        if replicas < 2 or not normalised or rows is None or not 0 < rows < replicas:
            return
        if not went_nonfinite(fit, run):
            return
        incident = incident_of(fit, run)
        text = (
            "Drop the short batch: .batch(n, drop_remainder=True), or leave the odd rows out of the arrays."
        )
        yield self.finding(
            fit,
            f"A batch has {count_words(rows, 'row')} for {replicas} replicas, so one of them gets none, and "
            "its BatchNormalization takes the mean of nothing.",
            *([f"the training broke at step {incident.step}"] if incident else []),
            location=fit.info.location,
            remedies=(
                Remedy(
                    Intervention(InterventionKind.DROP_REMAINDER, "fit", True),
                    text,
                    location=fit.info.location,
                ),
            ),
            strength=0.95,
            explains=NONFINITE_FORWARD | {"nonfinite-weight"},
        )

    @staticmethod
    def fires() -> list[Run]:
        return [distributed_run(1, 2), distributed_run(3, 4)]

    @staticmethod
    def silent() -> list[Run]:
        return [
            distributed_run(2, 2),
            distributed_run(1, 1),
            distributed_run(1, 2, layer="LayerNormalization"),
            distributed_run(1, 2, finite=True),
        ]


def fewest_rows(fit: Fit, run: Run) -> int | None:
    """The rows of the bad batch, all replicas together, or of the shortest on record."""
    incident = incident_of(fit, run)
    seen = dict(fit.steps.values("rows"))
    if incident is not None and incident.step in seen:
        return int(seen[incident.step])
    if seen:
        return int(min(seen.values()))
    inputs, size = fit.info.data.inputs, fit.info.batch_size
    return inputs[0].rows % size if inputs and fit.info.data.whole and size else None


def distributed_run(last: int, replicas: int, layer: str = "BatchNormalization", finite: bool = False) -> Run:
    """64 rows and then ``last``."""
    of = made_up.model(LayerInfo("norm", "norm", layer), made_up.dense())
    losses = [0.7, 0.6 if finite else float("nan")]
    rows = {("rows", "", "value"): [64.0, float(last)]}
    return made_up.run(of, loss=losses, steps=rows, fit={"replicas": replicas})
