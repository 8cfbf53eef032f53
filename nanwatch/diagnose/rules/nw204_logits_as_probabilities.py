"""NW204: the loss takes logits for probabilities."""

from __future__ import annotations

from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.heads import (
    Head,
    activation_remedy,
    heads,
    is_outside_probabilities,
    loss_harm,
    prediction_range,
    range_words,
)
from nanwatch.diagnose.learned import has_proved_itself
from nanwatch.diagnose.loss_line import compile_line
from nanwatch.diagnose.own_losses import calls_beside_outputs, layer_words
from nanwatch.diagnose.patch import set_argument
from nanwatch.diagnose.places import line_in_words
from nanwatch.diagnose.readings import BINARY, CATEGORICAL, SPARSE, incident_of, label_of
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.symptoms import NONFINITE_LOSS, STUCK
from nanwatch.record.facts import LossCall, LossInfo, TensorSummary
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

# Activations that give numbers below 0; the one-sided ones are a fault of their own.
UNBOUNDED = ("linear", "leaky_relu", "prelu", "tanh", "softsign", "log_softmax")
DIVERGENCE = "kl_divergence"  # takes shares of a row as they are
EDGE = 1e-3  # of [0, 1]: smoothed and averaged labels keep inside it but for rounding
CLASSES = {
    BINARY: "BinaryCrossentropy",
    CATEGORICAL: "CategoricalCrossentropy",
    SPARSE: "SparseCategoricalCrossentropy",
}


class LogitsAsProbabilities(Rule):
    """The model outputs logits, but the loss treats them as probabilities.

    ## What it does
    Looks for an output without an activation (or with one that can be negative) under a cross-entropy
    with `from_logits=False`, and for predictions outside 0 to 1. In your own training step it looks for
    such a loss, or a Kullback-Leibler divergence, that is called with such an output.

    ## Why is this bad
    The cross-entropy takes the logarithm of its input, which does not exist below 0. Keras clips the
    value, and no gradient flows there. The loss starts at 4 to 9, and the model learns slowly, badly or
    not at all.

    ## Example
    ```python
    Dense(5)  # loss="sparse_categorical_crossentropy"
    ```

    ## Use instead
    ```python
    Dense(5, activation="softmax")
    # or: loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    ```
    """

    code, name = "NW204", "logits-as-probabilities"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        for head in heads(fit):
            if not head.is_crossentropy or head.from_logits or head.output.loss is None:
                continue
            if head.loss == BINARY and is_quantity(label_of(fit, head.output)):
                continue  # no logits, but a quantity: the loss is wrong, not what it is given
            seen = prediction_range(fit, run, head.output)
            outside = is_outside_probabilities(seen)
            known = head.activation in UNBOUNDED
            # What the graph does not tell, the predictions do; and what they show overrules it.
            if not (outside and (known or head.activation in ("unknown", "custom"))) and not (
                known and seen is None
            ):
                continue
            harm = loss_harm(fit, head)
            yield self.finding(
                fit,
                f"{head.words} {predictions_words(head)}, and {head.loss} with from_logits=False "
                f"takes its {range_words(seen) if seen and outside else 'output'} for probabilities.",
                *harm,
                location=head.location or fit.model.compile_location,
                layer=head.path,
                remedies=remedies(fit, head),
                level="error" if outside or harm else "warning",
                strength=strength_of(outside, bool(harm), incident_of(fit, run) is not None),
                explains={"large-loss", "growth"}
                | STUCK
                | (NONFINITE_LOSS if head.loss == CATEGORICAL else frozenset()),
                certain=not has_proved_itself(fit),
            )
        yield from self.find_in_own_step(fit)

    def find_in_own_step(self, fit: Fit) -> Iterator[Finding]:
        """A loss that the script calls by itself, on what a layer gives without an activation."""
        for call in calls_beside_outputs(fit):
            if call.activation not in UNBOUNDED or call.loss.from_logits:
                continue
            if call.loss.name not in (*CLASSES, DIVERGENCE):
                continue
            what = "has no activation" if call.activation == "linear" else f"has {call.activation!r}"
            where = call.location if call.loss.name == DIVERGENCE else call.made_at or call.location
            told = "" if call.loss.name == DIVERGENCE else " with from_logits=False"
            yield self.finding(
                fit,
                f"{layer_words(call)} {what}, and {call.loss.name}{told} takes its output for probabilities, "
                "in the script's own training step.",
                *([f"it is called in {line_in_words(call.location)}"] if call.location is not None else []),
                location=where or call.layer_made_at or fit.info.location,
                layer=call.layer,
                remedies=own_remedies(call),
                level="warning",
                strength=0.8,
                explains={"large-loss", "growth"} | STUCK,
                certain=not has_proved_itself(fit),
            )

    @staticmethod
    def fires() -> list[Run]:
        return [
            logits_run(5, SPARSE, -2.2, 2.0),
            logits_run(1, BINARY, -0.01, 0.9),
            logits_run(1, BINARY, -2.0, 40.0, labels=1.0009),
            logits_run(5, CATEGORICAL, 0.1, 1.01),
            logits_run(5, CATEGORICAL, -3.0, 3.0, activation="unknown"),
            made_up.run(made_up.model(made_up.dense(units=5), loss=SPARSE), loss=[4.6, 4.4]),
            called_run(BINARY, "linear"),
            called_run(DIVERGENCE, "linear"),
        ]

    @staticmethod
    def silent() -> list[Run]:
        return [
            logits_run(5, SPARSE, -2.2, 2.0, from_logits=True),
            logits_run(5, CATEGORICAL, 0.0, 1.0, activation="softmax"),
            logits_run(5, CATEGORICAL, 0.0, 1.0000001, activation="unknown"),
            logits_run(1, BINARY, 0.0, 2.6, activation="relu"),
            logits_run(1, "mean_squared_error", -2.0, 2.0),
            logits_run(1, BINARY, -2.0, 40.0, labels=1.002),
            called_run(BINARY, "linear", from_logits=True),
            called_run(BINARY, "sigmoid"),
            called_run(DIVERGENCE, "softmax"),
            called_run("mean_squared_error", "linear"),
            called_run(BINARY, "unknown"),
        ]


def logits_run(
    units: int,
    loss: str,
    low: float,
    high: float,
    *,
    activation: str = "linear",
    from_logits: bool = False,
    labels: float | None = None,
) -> Run:
    """A head whose predictions lie in this range; ``labels`` is the largest of labels with fractions."""
    seen = made_up.tensor("output", "output", min=low, max=high)
    of = made_up.model(
        made_up.dense(units=units, activation=activation),
        loss=loss,
        output_facts={"loss_info": LossInfo(loss, f'"{loss}"', from_logits=from_logits)},
    )
    targets = [] if labels is None else [made_up.tensor("label", min=0.0, max=labels)]
    losses = [4.6 - 0.02 * step for step in range(100)]
    return made_up.run(of, loss=losses, predictions=[seen], targets=targets)


def called_run(loss: str, activation: str, from_logits: bool = False) -> Run:
    """A train_step that calls this loss on what the discriminator's head gives."""
    call = LossCall(
        LossInfo(loss, from_logits=from_logits),
        (None, 1),
        (None, 1),
        "discriminator/dense",
        "Dense",
        activation,
        location=made_up.line(68, "loss = self.loss_fn(labels, predictions)"),
        made_at=made_up.line(88, "gan.compile(loss_fn=keras.losses.BinaryCrossentropy())"),
        layer_made_at=made_up.line(19, "layers.Dense(1)"),
    )
    return made_up.run(
        made_up.model(custom_train_step=True, outputs=()), loss=[0.7] * 30, fit={"loss_calls": (call,)}
    )


def own_remedies(call: LossCall) -> tuple[Remedy, ...]:
    if call.loss.name == DIVERGENCE:
        text = "Make shares of both first: keras.ops.softmax(logits / temperature, axis=-1)."
        return (Remedy(Intervention(InterventionKind.MEND_OUTPUT, call.layer or "output"), text),)
    loss, at = CLASSES[call.loss.name], call.made_at
    line = set_argument(at.code, loss, "from_logits", "True") if at is not None else None
    text = f"Tell the loss: keras.losses.{loss}(from_logits=True)."
    activation = "sigmoid" if call.loss.name == BINARY else "softmax"
    other = f'Or give {layer_words(call)} activation="{activation}".'
    return (
        Remedy(Intervention(InterventionKind.SET_FROM_LOGITS, call.layer or "output", True), text, line, at),
        Remedy(
            Intervention(InterventionKind.SET_ACTIVATION, call.layer or "output", activation),
            other,
            location=call.layer_made_at,
        ),
    )


def is_quantity(label: TensorSummary | None) -> bool:
    """Labels that are no classes and no probabilities."""
    return label is not None and not label.integral and not (label.min >= -EDGE and label.max <= 1.0 + EDGE)


def predictions_words(head: Head) -> str:
    if head.activation == "linear":
        return "has no activation"
    if head.activation in UNBOUNDED:
        return f"has {head.activation!r}, which goes below 0"
    return "gives numbers outside 0 to 1"


def strength_of(outside: bool, harm: bool, incident: bool) -> float:
    """A step that went non-finite needs more than a bad head: the loss cuts its input off."""
    if incident:
        return 0.5 if outside else 0.4
    if outside:
        return 0.95 if harm else 0.8
    return 0.7 if harm else 0.5


def remedies(fit: Fit, head: Head) -> tuple[Remedy, ...]:
    new = f"keras.losses.{CLASSES[head.loss]}(from_logits=True)"
    text = f"Or tell the loss: loss={new}."
    at = fit.model.compile_location
    # Only a line that names keras itself is sure to find it under that name.
    line = compile_line(fit, head, new) if at and "keras." in at.code and "tf.keras" not in at.code else None
    return (
        activation_remedy(head),
        Remedy(Intervention(InterventionKind.SET_FROM_LOGITS, head.output.path, True), text, line, at),
    )
