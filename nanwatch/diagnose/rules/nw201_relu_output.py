"""NW201: ReLU, or another one-sided unit, gives the probabilities."""

from __future__ import annotations

from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import count_words
from nanwatch.diagnose.diagnosis import Finding
from nanwatch.diagnose.heads import (
    Head,
    activation_remedy,
    broke_at_head,
    heads,
    loss_harm,
    prediction_range,
    range_words,
)
from nanwatch.diagnose.learned import has_proved_itself
from nanwatch.diagnose.op_words import first_op_words, operand_words
from nanwatch.diagnose.readings import BINARY, CATEGORICAL, constant_since, incident_of
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.symptoms import NONFINITE_LOSS, STUCK
from nanwatch.record.facts import IncidentInfo, LossInfo, OpInfo
from nanwatch.record.run import Fit, Run

REACHES_ZERO = ("relu", "relu6")
ONE_SIDED = (*REACHES_ZERO, "elu", "selu", "celu", "gelu", "silu", "swish", "mish", "softplus", "exponential")
# categorical_crossentropy divides each row by its sum, and so makes proper probabilities of what
# is always positive.
MADE_PROPER = ("softplus", "exponential")
DIVISIONS = ("RealDiv", "Div", "DivNoNan", "Xdivy")

LOGITS = {"loss_info": LossInfo(BINARY, from_logits=True)}


class ReluOutput(Rule):
    """The output layer has a ReLU, or another one-sided activation, but the loss needs probabilities.

    ## What it does
    Looks for an output with relu (relu6, elu, gelu, softplus, ...) under a cross-entropy. The harm
    shows as predictions of a row that sum to 0 in the step that went bad, or as a loss that starts or
    stays above that of guessing. A relu is reported even before harm shows; if the training has learned
    anyway, it is a warning instead of an error.

    ## Why is this bad
    `categorical_crossentropy` divides each row by its sum. A row in which every unit is 0 gives 0/0:
    the loss is NaN, and so is every weight after the next update. This happens when the first such row
    comes, sometimes after good epochs. `binary_crossentropy` clips predictions to [0, 1]: outside, and
    at the 0 of a dead unit, no gradient flows.

    ## Example
    ```python
    Dense(2, activation="relu")  # loss="categorical_crossentropy"
    ```

    ## Use instead
    ```python
    Dense(2, activation="softmax")  # "sigmoid" under binary_crossentropy
    ```
    """

    code, name = "NW201", "relu-output"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        for head in heads(fit):
            if head.is_crossentropy and is_one_sided(head):
                yield self.build_finding(fit, run, head)

    def build_finding(self, fit: Fit, run: Run, head: Head) -> Finding:
        incident = incident_of(fit, run)
        broke, strength = ties_to_incident(head, incident)
        harm = loss_harm(fit, head)
        if constant_since(fit, head.output.path) is not None:
            harm.append("The predictions are the same for every row.")
        if head.from_logits and head.loss == BINARY:
            harm.append("A logit of 0 is a probability of 0.5: no row can get less.")
        if not broke and harm:
            strength = max(strength, 0.75)
        at_work = head.activation in REACHES_ZERO and not has_proved_itself(fit)
        certain = at_work and incident is None
        seen = prediction_range(fit, run, head.output)
        evidence = [*broke, *harm, *([f"Seen: {range_words(seen)}."] if seen else [])]
        return self.finding(
            fit,
            f"{head.words} has {head.activation!r} as the output under {head.loss}"
            f"{' from logits' if head.from_logits else ''}: {consequence_words(head, incident)}",
            *evidence,
            location=head.location,
            layer=head.path,
            remedies=(activation_remedy(head),),
            level="error" if broke or harm or certain else "warning",
            strength=strength,
            explains={"large-loss", "dead-activation", "growth"}
            | STUCK
            | (NONFINITE_LOSS if can_break(head) else frozenset()),
            certain=True,
        )

    @staticmethod
    def fires() -> list[Run]:
        relu = made_up.dense(units=2, activation="relu", at=7)
        division = OpInfo(
            "RealDiv", "forward", inputs=made_up.operands(numerator=0, denominator=0), output="nan"
        )
        bad = {"rows_summing_to_zero": 3, "rows": 10, "op": division}
        categorical = made_up.model(relu, loss=CATEGORICAL)
        return [
            made_up.run(categorical, loss=[0.6, 0.4, float("nan")], incident=bad),
            made_up.run(categorical, loss=[0.6, 0.4, float("nan")], incident={"rows_summing_to_zero": 1}),
            made_up.run(made_up.model(made_up.dense(activation="relu"), loss=BINARY), loss=[5.96] * 40),
            made_up.run(made_up.model(made_up.dense(units=3, activation="elu"), loss=CATEGORICAL)),
            made_up.run(made_up.model(made_up.dense(activation="relu"), loss=BINARY, output_facts=LOGITS)),
        ]

    @staticmethod
    def silent() -> list[Run]:
        relu = made_up.dense(activation="relu")
        softplus = made_up.dense(units=3, activation="softplus")
        softmax = made_up.dense(units=3, activation="softmax")
        return [
            made_up.run(made_up.model(relu, loss="mean_squared_error")),
            made_up.run(made_up.model(relu, loss="poisson"), loss=[1.0, float("nan")], incident={}),
            made_up.run(made_up.model(softplus, loss=CATEGORICAL)),
            made_up.run(made_up.model(softmax, loss=CATEGORICAL), loss=[1.0, float("nan")], incident={}),
        ]


def is_one_sided(head: Head) -> bool:
    if head.activation not in ONE_SIDED:
        return False
    if head.from_logits:
        return head.activation in REACHES_ZERO  # logits may be anything, but not only positive
    return not (head.loss == CATEGORICAL and head.activation in MADE_PROPER)


def can_break(head: Head) -> bool:
    """Whether the head can make the loss itself NaN: only where the row's sum is divided by."""
    return head.loss == CATEGORICAL and not head.from_logits


def ties_to_incident(head: Head, incident: IncidentInfo | None) -> tuple[list[str], float]:
    """What ties the incident to the head, in words, and how surely."""
    if incident is None or not broke_at_head(incident) or not can_break(head):
        return [], 0.4
    rows = incident.rows_summing_to_zero
    words = []
    if incident.op is not None and incident.op.type in DIVISIONS and incident.op.direction == "forward":
        operands = f" ({'; '.join(map(operand_words, incident.op.inputs))})" if incident.op.inputs else ""
        words.append(f"The {first_op_words(incident.op)} is {incident.op.type}{operands}.")
    if rows:
        which = f"{rows} of {incident.rows} rows" if incident.rows else count_words(rows, "row")
        words.append(f"In step {incident.step} the predictions of {which} sum to 0: 0/0 = NaN.")
    if words:
        return words, 1.0 if rows else 0.9
    if rows == 0 or incident.op is not None:
        return [], 0.3  # every row had a sum, or the op that broke is another
    return [f"In step {incident.step} the {incident.role} went {incident.value} on finite data."], 0.7


def consequence_words(head: Head, incident: IncidentInfo | None) -> str:
    if head.from_logits:
        return "a logit that cannot be negative leaves half of the answers out of reach."
    if head.loss == CATEGORICAL:
        if incident is not None and incident.rows_summing_to_zero:
            return f"a row of zeros gave 0/0 in step {incident.step}."
        return "a row whose units are all 0 gives 0/0, a NaN loss."
    return "predictions below 0 or above 1 are cut off, and no gradient flows through them."
