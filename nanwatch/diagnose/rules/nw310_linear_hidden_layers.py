"""NW310: layers in a row that are one linear layer."""

from __future__ import annotations

from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.patch import set_activation
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.skill import skill_words
from nanwatch.diagnose.symptoms import STUCK
from nanwatch.record.facts import LayerInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

# Layers that leave a linear model linear: between two of weights they put no bend.
STRAIGHT = frozenset(
    {"Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianNoise", "Flatten", "Reshape", "Permute"}
    | {"BatchNormalization", "ZeroPadding1D", "ZeroPadding2D", "Rescaling", "Normalization", "InputLayer"}
    | {"AveragePooling1D", "AveragePooling2D", "GlobalAveragePooling1D", "GlobalAveragePooling2D"}
)
WEIGHTED = frozenset({"Dense", "Conv1D", "Conv2D", "Conv3D", "EinsumDense"})


class LinearHiddenLayers(Rule):
    """Hidden layers have no activation, so the model is linear, however many layers it has.

    ## What it does
    Looks for a training without skill in a model whose layers with weights follow one another with
    nothing non-linear in between. It is reported only if the training learns when it is repeated with
    relu in the hidden layers, because many tasks are linear.

    ## Why is this bad
    A product of matrices is a matrix. The model can draw one plane through the data and no more,
    whatever the training costs.

    ## Example
    ```python
    model.add(Dense(64))
    model.add(Dense(64))
    model.add(Dense(1, activation="sigmoid"))
    ```

    ## Use instead
    ```python
    model.add(Dense(64, activation="relu"))
    model.add(Dense(64, activation="relu"))
    model.add(Dense(1, activation="sigmoid"))
    ```
    """

    code, name = "NW310", "linear-hidden-layers"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        return iter(())

    def suspect(self, fit: Fit, run: Run) -> Iterator[Finding]:
        hidden = straight_layers(fit)
        if not hidden or learns_at_another_rate(fit, run):
            return
        first = hidden[0]
        named = f"{first.name} has" if len(hidden) == 1 else f"{len(hidden)} hidden layers have"
        yield self.finding(
            fit,
            f"{named} no activation, so the model is linear: {skill_words(fit)}.",
            location=first.location,
            layer=first.path,
            remedies=(remedy(first),),
            strength=0.5,
            explains=STUCK,
            suspected=True,
        )

    @staticmethod
    def fires() -> list[Run]:
        return [layers_run("linear"), layers_run("linear", between="BatchNormalization")]

    @staticmethod
    def silent() -> list[Run]:
        return [
            layers_run("relu"),
            layers_run("linear", between="ReLU"),
            layers_run("linear", proven=False),
            layers_run("linear", rate_too=True),
            layers_run("linear", ended=0.2),
        ]


def straight_layers(fit: Fit) -> list[LayerInfo]:
    """The hidden layers with weights, if nothing in the model but its head is other than linear."""
    heads = {path for output in fit.model.outputs for path in (output.head, output.activation_layer)}
    inner = [layer for layer in fit.model.layers if layer.path not in heads]
    if any(
        layer.type not in STRAIGHT | WEIGHTED or layer.activation not in (None, "linear") for layer in inner
    ):
        return []
    return [layer for layer in inner if layer.type in WEIGHTED]


def learns_at_another_rate(fit: Fit, run: Run) -> bool:
    """Whether a trial has shown that a linear model is enough, and its rate was at fault."""
    return any(
        trial.verdict == "cured"
        and trial.intervention.kind is InterventionKind.SET_LEARNING_RATE
        and trial.fit in (None, fit.info.index)
        for trial in run.trials
    )


def remedy(first: LayerInfo) -> Remedy:
    at = first.location
    line = None if at is None else set_activation(at.code, first.type, "relu", first.activation, first.units)
    return Remedy(
        Intervention(InterventionKind.SET_HIDDEN_ACTIVATIONS, "model", "relu"),
        'Give every hidden layer activation="relu".',
        line,
        at,
    )


def layers_run(
    activation: str,
    between: str | None = None,
    ended: float = 0.69,
    proven: bool = True,
    rate_too: bool = False,
) -> Run:
    """Two hidden layers under a sigmoid head; relu in them was tried, and cured where it is ``proven``."""
    layers = [made_up.dense("one", 16, activation), made_up.dense("two", 16, activation)]
    if between is not None:
        layers.insert(1, LayerInfo(between, between, between, "relu" if between == "ReLU" else None))
    of = made_up.model(*layers, made_up.dense(activation="sigmoid"), loss="binary_crossentropy")
    relu = Intervention(InterventionKind.SET_HIDDEN_ACTIVATIONS, "model", "relu")
    rate = Intervention(InterventionKind.SET_LEARNING_RATE, "optimizer", 1e-4)
    return made_up.run(
        of,
        loss=[0.7] + [ended] * 199,
        targets=[made_up.labels(0, 1)],
        trials=made_up.cured(*([relu] if proven else []), *([rate] if rate_too else [])),
    )
