"""NW603: a weight is NaN before the first step."""

from __future__ import annotations

from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_seen import layer_adapted_to_bad_data
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.readings import incident_of
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.symptoms import symptoms_from
from nanwatch.record.facts import LayerInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run


class NonfiniteInitialWeights(Rule):
    """A weight is NaN or infinite before the first step.

    ## What it does
    Looks for a weight that is not finite before step 0 of a training.

    ## Why is this bad
    The first prediction is NaN already. The data, the loss and the learning rate are not the cause. The
    weights were created like this by an initialiser (a bias of log(p / (1 - p)) with p = 0 is -inf), or
    were loaded from a checkpoint that an earlier training had spoiled.

    ## Example
    ```python
    share = y.mean(axis=0)  # one class does not occur: log(0)
    Dense(5, bias_initializer=keras.initializers.Constant(np.log(share)))
    ```

    ## Use instead
    ```python
    share = np.clip(y.mean(axis=0), 1e-3, 1 - 1e-3)
    ```
    """

    code, name = "NW603", "nonfinite-initial-weights"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        incident = incident_of(fit, run)
        if incident is None or incident.role != "weight" or incident.step != 0:
            return
        applied = not incident.frozen and not incident.state and incident.action != "continue"
        if applied or incident.finite_after is not None:
            return  # it was step 0 that made it so
        layer = owner_layer(fit, incident.path)
        if layer_adapted_to_bad_data(fit, run) is not None:
            return
        again = sum(earlier.info.model == fit.info.model for earlier in run.fits if earlier is not fit)
        told = f"the training is fit {fit.info.index + 1} of the run"
        made = initializer_words(layer, incident.path)
        yield self.finding(
            fit,
            f"The weight {incident.path} holds {incident.value} before step 0{f'; {made}' if made else ''}.",
            *([f"{told}; an earlier one on the same model may have caused it"] if again else []),
            location=(layer.location if layer else None) or fit.model.location or fit.info.location,
            layer=layer.path if layer else None,
            remedies=(
                Remedy(
                    Intervention(InterventionKind.MEND_INITIAL_WEIGHT, incident.path),
                    "Give the initialiser finite numbers (np.clip a share before its log), or load a "
                    "checkpoint from before the NaN: np.isfinite over model.get_weights() shows it.",
                ),
            ),
            strength=1.0,
            explains=symptoms_from("nonfinite-weight"),
        )

    @staticmethod
    def fires() -> list[Run]:
        head = made_up.dense(units=5, activation="softmax", at=6, initializer="GlorotUniform")
        bad = {"role": "weight", "path": "dense/bias", "value": "-inf", "step": 0, "frozen": True}
        return [
            made_up.run(made_up.model(head), loss=[float("nan")], incident=bad),
            made_up.run(loss=[float("nan")], incident={**bad, "path": "elsewhere/kernel", "value": "nan"}),
            made_up.run(loss=[0.7], incident={**bad, "frozen": False, "state": True}),
            normalisation_run(num_nan=0),
        ]

    @staticmethod
    def silent() -> list[Run]:
        bad = {"role": "weight", "path": "dense/bias"}
        return [
            made_up.run(loss=[0.7, float("nan")], incident={**bad, "step": 1}),
            made_up.run(loss=[float("nan")], incident={"role": "loss", "step": 0}),
            made_up.run(loss=[0.7], incident={**bad, "step": 0, "frozen": False}),
            made_up.run(loss=[0.7], incident={**bad, "step": 0, "state": True, "finite_after": -1}),
            made_up.run(loss=[0.7], incident={**bad, "step": 0, "action": "continue", "finite_after": -1}),
            normalisation_run(num_nan=3),
            made_up.run(),
        ]


def owner_layer(fit: Fit, weight: str) -> LayerInfo | None:
    return next((layer for layer in fit.model.layers if weight in layer.weights), None)


def initializer_words(layer: LayerInfo | None, weight: str) -> str:
    """Which initialiser made the weight, where the layer's configuration tells."""
    part = weight.rsplit("/", 1)[-1]
    given = layer.config.get(f"{part}_initializer") if layer else None
    name = given.get("class_name") if isinstance(given, dict) else given
    if not name and layer and part == "kernel":
        name = layer.initializer
    return f"the layer was given {part}_initializer {name}" if name else ""


def normalisation_run(num_nan: int) -> Run:
    """A `Normalization` with a mean of NaN, and inputs with so many of them."""
    layer = LayerInfo("norm", "norm", "Normalization", weights=("norm/mean",))
    bad = {"role": "weight", "path": "norm/mean", "value": "nan", "step": 0, "frozen": True}
    inputs = [made_up.tensor("input", num_nan=num_nan)]
    of = made_up.model(layer, made_up.dense())
    return made_up.run(of, loss=[float("nan")], incident=bad, inputs=inputs)
