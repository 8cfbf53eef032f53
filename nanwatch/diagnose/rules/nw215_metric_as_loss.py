"""NW215: what only measures is to be learned from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import list_words
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.heads import Head, heads
from nanwatch.diagnose.patch import set_argument
from nanwatch.diagnose.places import line_in_words
from nanwatch.diagnose.readings import BINARY, CATEGORICAL, NONE_AT_ALL, SPARSE, label_width
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.symptoms import STUCK
from nanwatch.record.facts import FlatPart, LossInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

# Keras's sentence where a loss is a text that names none.
UNKNOWN = re.compile(r"Could not interpret loss identifier: ([a-z_0-9]+)", re.IGNORECASE)
MEASURES = re.compile(r"(^|_)(acc|accuracy|auc|precision|recall|f1|f1_score|iou|mean_iou|top_k)(_|$)", re.I)
# Of a metric that measures the same as a loss, or the best that a loss can do for it.
LOSS_OF = {
    "MeanSquaredError": "mean_squared_error",
    "RootMeanSquaredError": "mean_squared_error",
    "MeanAbsoluteError": "mean_absolute_error",
    "MeanAbsolutePercentageError": "mean_absolute_percentage_error",
    "CategoricalAccuracy": CATEGORICAL,
    "SparseCategoricalAccuracy": SPARSE,
    "BinaryAccuracy": BINARY,
}


class MetricAsLoss(Rule):
    """The loss is a metric, or contains a metric or an argmax: it has no slope.

    ## What it does
    Looks for a metric of Keras that is given as the loss. If Keras refused a training because of
    missing gradients, or trained without them, it looks for a metric or an argmax in your own loss.

    ## Why is this bad
    A metric sums its inputs in its own variables, and returns the mean over all batches so far: no
    gradient goes through that. Accuracy itself is flat, because a small change of a weight changes no
    answer, and argmax has no slope anywhere.

    ## Example
    ```python
    accuracy = keras.metrics.BinaryAccuracy()
    model.compile(loss=lambda y, p: 1 - accuracy(y, p))
    ```

    ## Use instead
    ```python
    model.compile(loss="binary_crossentropy", metrics=["binary_accuracy"])
    ```
    """

    code, name = "NW215", "metric-as-loss"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        unknown = UNKNOWN.search(fit.info.error or "")
        refused = NONE_AT_ALL in (fit.info.error or "")
        given = next((head for head in heads(fit) if head.output.loss and head.output.loss.metric), None)
        if unknown is not None and MEASURES.search(unknown[1]):
            yield self.build_finding(
                fit,
                f'The loss is given as "{unknown[1]}", which is a metric: Keras has no loss of that name.',
            )
        elif refused and given is not None and given.output.loss is not None:
            yield self.build_finding(
                fit,
                f"The loss is {given.output.loss.given}, which is a metric: no gradient comes back to any of "
                f"{len(trainable(fit))} trainable weights.",
            )
        elif fit.info.flat_parts and (refused or is_of_metric(fit.info.flat_parts)):
            yield self.build_part(fit, refused)

    def build_finding(self, fit: Fit, message: str) -> Finding:
        return self.finding(
            fit,
            message,
            f"Keras says: {fit.info.error}",
            location=fit.model.compile_location or fit.info.location,
            remedies=(remedy(fit),),
            strength=1.0,
            explains={"crash", "weights-still"} | STUCK,
        )

    def build_part(self, fit: Fit, refused: bool) -> Finding:
        """A metric or an argmax in a loss of the script's own; beside a part that does have a slope it only
        shifts the loss that is told."""
        parts = fit.info.flat_parts
        part = next((one for one in parts if one.kind == "metric"), parts[0])
        what = "a metric" if part.kind == "metric" else "an argmax"
        lines = [line_in_words(one.location) for one in parts if one.location is not None]
        consequence = (
            f"of {len(trainable(fit))} trainable weights none gets a gradient"
            if refused
            else "that part of the loss gives no gradient, and is a mean over all batches so far"
        )
        return self.finding(
            fit,
            f"The loss holds {what}, in {list_words(lines)}: {consequence}.",
            *([f"Keras says: {fit.info.error}"] if refused else []),
            location=part.location,
            remedies=(remedy(fit),),
            level="error" if refused else "warning",
            strength=1.0 if refused else 0.3,
            explains={"crash", "weights-still"} | STUCK if refused else set(),
        )

    @staticmethod
    def fires() -> list[Run]:
        metric = FlatPart("metric", made_up.line(20, "return 1 - accuracy(y, p)"))
        argmax = FlatPart("argmax", made_up.line(21, "keras.ops.argmax(p, axis=-1)"))
        return [
            refused_run("ValueError: Could not interpret loss identifier: f1_score", "custom"),
            refused_run(f"ValueError: {NONE_AT_ALL}.", "BinaryAccuracy", metric=True),
            refused_run(f"ValueError: {NONE_AT_ALL}.", "loss", parts=(metric,)),
            refused_run(f"ValueError: {NONE_AT_ALL}.", "loss", parts=(argmax,)),
            refused_run(None, "loss", parts=(metric,)),
        ]

    @staticmethod
    def silent() -> list[Run]:
        argmax = FlatPart("argmax", made_up.line(21, "nearest = keras.ops.argmin(distances)"))
        return [
            refused_run("ValueError: Could not interpret loss identifier: crossentropy", "custom"),
            refused_run(f"ValueError: {NONE_AT_ALL}.", "loss"),
            refused_run(None, "loss", parts=(argmax,)),
            refused_run(None, "loss"),
        ]


def is_of_metric(parts: Sequence[FlatPart]) -> bool:
    return any(part.kind == "metric" for part in parts)


def trainable(fit: Fit) -> list[str]:
    return [weight.path for weight in fit.model.weights if weight.trainable]


def remedy(fit: Fit) -> Remedy:
    """The loss that goes with the metric, or with the head and the labels."""
    head = next(heads(fit), None)
    loss = better_loss(head) if head is not None else None
    at = fit.model.compile_location
    if head is None or loss is None:
        text = "Give compile a loss with a slope (a cross-entropy for classes), the metric to metrics=[...]."
        return Remedy(Intervention(InterventionKind.SET_LOSS, "0"), text, location=at)
    line = None if at is None else set_argument(at.code, "compile", "loss", f'"{loss}"', 1)
    text = f'Compile with loss="{loss}", and the metric under metrics=[...].'
    return Remedy(Intervention(InterventionKind.SET_LOSS, head.output.path, loss), text, line, at)


def better_loss(head: Head) -> str | None:
    known = LOSS_OF.get(head.output.loss.given) if head.output.loss else None
    if known is not None:
        return known
    if head.activation == "sigmoid":
        return BINARY
    if head.activation == "softmax":
        hot = head.label is not None and label_width(head.label) == head.units
        return CATEGORICAL if hot else SPARSE
    return "mean_squared_error" if head.activation == "linear" and head.units == 1 else None


def refused_run(error: str | None, given: str, metric: bool = False, parts: tuple[FlatPart, ...] = ()) -> Run:
    """A sigmoid under a loss that was given as this; with an ``error``, Keras made no step."""
    loss = LossInfo("custom", given, metric=metric)
    of = made_up.model(made_up.dense(activation="sigmoid"), output_facts={"loss_info": loss})
    facts = {"error": error, "status": "crashed", "steps": 0} if error else {}
    return made_up.run(of, loss=[] if error else None, fit={**facts, "flat_parts": parts})
