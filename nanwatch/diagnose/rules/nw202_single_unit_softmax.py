"""NW202: a softmax over one unit, which is always 1."""

from __future__ import annotations

from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import number
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.heads import Head, activation_remedy, heads, prediction_range
from nanwatch.diagnose.patch import set_argument
from nanwatch.diagnose.readings import BINARY, CATEGORICAL, REGRESSIONS, accuracies, class_shares
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.symptoms import STUCK
from nanwatch.record.facts import LayerInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

# A softmax over one unit is exp(0)/exp(0): 1 to the last digit, float16 included.
ONE = (1.0, 1.0)
SHARE_SLACK = 0.005  # an epoch's accuracy against the share in the labels: both to three digits


class SingleUnitSoftmax(Rule):
    """The output layer applies softmax to one unit, so every prediction is exactly 1.

    ## What it does
    Looks for an output whose softmax normalises over an axis of size 1.

    ## Why is this bad
    exp(z) / exp(z) is 1 for every z. The model answers 1 to every row, and its accuracy is the share of
    label 1. The loss can still fall, because Keras uses the logit from before the softmax and trains
    that. So neither the loss nor the gradients show the fault.

    ## Example
    ```python
    Dense(1, activation="softmax")  # loss="binary_crossentropy"
    ```

    ## Use instead
    ```python
    Dense(1, activation="sigmoid")  # loss="binary_crossentropy", labels 0 and 1
    Dense(2, activation="softmax")  # loss="categorical_crossentropy", one-hot labels
    ```
    """

    code, name = "NW202", "single-unit-softmax"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        for head in heads(fit):
            if head.activation == "softmax" and head.output.softmax_axis_size == 1:
                seen = prediction_range(fit, run, head.output)
                yield self.finding(
                    fit,
                    f"{head.words} applies softmax over a single unit: "
                    "every prediction is 1, whatever the model learns.",
                    *self.evidence(fit, head, seen),
                    location=head.location,
                    layer=head.path,
                    remedies=remedies(fit, head),
                    strength=1.0 if seen == ONE else 0.9,
                    explains=STUCK | {"poor-accuracy", "growth"},
                )

    def evidence(self, fit: Fit, head: Head, seen: tuple[float, float] | None) -> Iterator[str]:
        yield "The axis that the softmax normalises over has size 1."
        if seen == ONE:
            yield "Seen: every prediction is exactly 1."
        reached = accuracies(fit)
        share = class_shares(head.label).get("1")
        if reached and share is not None and abs(reached[-1] - share) <= SHARE_SLACK:
            yield f"The accuracy is {reached[-1]:.4f}; the share of label 1 is {share:.4f}."
        losses = [float(logs["loss"]) for logs in fit.epoch_logs() if "loss" in logs]
        if len(losses) > 1 and losses[-1] < losses[0]:
            yield (
                f"That the loss falls ({number(losses[0])} to {number(losses[-1])}) does not show that it "
                "learns: Keras trains the logit before the softmax."
            )

    @staticmethod
    def fires() -> list[Run]:
        softmax = made_up.dense(units=1, activation="softmax", at=7)
        falls = [{"loss": 0.70, "accuracy": 0.5}, {"loss": 0.12, "accuracy": 0.5}]
        ones = made_up.tensor("output", "output", min=1.0, max=1.0, mean=1.0, std=0.0)
        of = made_up.model(softmax, loss=BINARY)
        map_head = made_up.dense(units=1, activation="softmax")
        return [
            made_up.run(of, targets=[made_up.labels(0, 1)], epochs=falls, predictions=[ones]),
            made_up.run(of, loss=[0.7]),
            made_up.run(
                made_up.model(map_head, loss=BINARY, output_facts={"shape": (None, 8, 8, 1)}),
            ),
        ]

    @staticmethod
    def silent() -> list[Run]:
        two = made_up.dense(units=2, activation="softmax")
        sigmoid = made_up.dense(units=1, activation="sigmoid")
        over_rows = {"units": 1, "shape": (None, 5, 1), "softmax_axis_size": 5}
        return [
            made_up.run(made_up.model(two, loss=CATEGORICAL)),
            made_up.run(made_up.model(sigmoid, loss=BINARY)),
            made_up.run(made_up.model(two, loss=CATEGORICAL, output_facts=over_rows)),
        ]


def remedies(fit: Fit, head: Head) -> tuple[Remedy, ...]:
    """One unit with sigmoid; or two with softmax, which wants other labels and another loss.

    Under a regression loss none: what is learned is a number.
    """
    layer = unit_layer(fit, head)
    if head.loss in REGRESSIONS:
        bare = activation_remedy(head, "linear")
        text = f"Leave the activation of {head.words} out: {head.loss} wants a number, and this is always 1."
        change = Intervention(InterventionKind.SET_ACTIVATION, bare.intervention.target, "linear")
        return (Remedy(change, text, bare.line, bare.location),)
    called = f"{layer.type} {layer.name!r}" if layer else head.words
    two = (
        f"Or give {called} two units, make the labels one-hot (keras.utils.to_categorical, "
        'or class_mode="categorical") and the loss "categorical_crossentropy".'
    )
    sigmoid = activation_remedy(head, "sigmoid")
    text = f'Give {head.words} activation="sigmoid", with loss="binary_crossentropy" and labels 0 and 1.'
    path = layer.path if layer else head.path
    at = layer.location if layer else head.location
    return (
        Remedy(
            Intervention(InterventionKind.SET_ACTIVATION, sigmoid.intervention.target, "sigmoid"),
            text,
            sigmoid.line,
            sigmoid.location,
        ),
        Remedy(Intervention(InterventionKind.SET_UNITS, path, 2), two, two_units(layer), at),
    )


def unit_layer(fit: Fit, head: Head) -> LayerInfo | None:
    """The layer with the units: the head itself, or the one in front of a softmax of its own."""
    return fit.layer(head.output.head) or head.layer


def two_units(layer: LayerInfo | None) -> str | None:
    """The layer's line with two units in it; None where that cannot be done on one line."""
    if layer is None or layer.location is None or layer.units != 1:
        return None
    keyword = "filters" if layer.type.startswith("Conv") else "units"
    return set_argument(layer.location.code, layer.type, keyword, "2", 0)
