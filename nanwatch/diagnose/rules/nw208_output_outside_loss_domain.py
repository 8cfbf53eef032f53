"""NW208: a loss that the output cannot be put into: a log of what is negative, a share of nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_seen import went_nonfinite
from nanwatch.diagnose.data_words import count_words, number
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.op_facts import DIVISIONS, facts, is_built_in_loss
from nanwatch.diagnose.op_patterns import pattern_of
from nanwatch.diagnose.readings import CATEGORICAL, first_output, incident_of
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.symptoms import NONFINITE_LOSS
from nanwatch.record.facts import LayerInfo, ModelInfo, OpInfo, OutputInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

POISSON = "poisson"
# Keras adds 1e-7 before the log: predictions down to -1e-7 still have one.
GUARD = 1e-7
MAY_BE_NEGATIVE = (
    *("linear", "tanh", "elu", "selu", "celu", "leaky_relu", "gelu", "silu", "swish", "mish"),
    *("softsign", "hard_tanh", "unknown"),
)
MAY_BE_ALL_ZERO = ("relu", "relu6")


class OutputOutsideLossDomain(Rule):
    """The loss takes the log of negative predictions, or divides a row by a sum of 0.

    ## What it does
    Looks for the Poisson loss (or another loss with a log of the prediction) on an output without a
    positive activation, with predictions below 0. Also looks for rows of zeros under categorical
    cross-entropy, which divides a row by its sum: a Dropout after the softmax produces them.

    ## Why is this bad
    The log of a negative number is NaN, so the loss is NaN in every epoch. The gradient is not, so the
    weights stay finite and the model may even improve. TerminateOnNaN, or an EarlyStopping on the loss,
    stops a training that was learning.

    ## Example
    ```python
    model.add(Dense(1))
    model.compile(loss="poisson")
    ```

    ## Use instead
    ```python
    model.add(Dense(1, activation="softplus"))  # or "exponential"
    ```
    """

    code, name = "NW208", "output-outside-loss-domain"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        if not went_nonfinite(fit, run):
            return
        yield from self.find_empty_rows(fit, run)
        for output in fit.model.outputs:
            if output.loss is None or output.activation not in MAY_BE_NEGATIVE:
                continue
            low = lowest_prediction(fit, run, output)
            if low is None or low >= -GUARD:
                continue
            log = log_of_negative(fit, run)
            if output.loss.name == POISSON or (output.loss.name == "custom" and log):
                yield self.build_finding(fit, run, output, low, log)

    def find_empty_rows(self, fit: Fit, run: Run) -> Iterator[Finding]:
        """Categorical cross-entropy divides a row of probabilities by its sum."""
        incident, output = incident_of(fit, run), first_output(fit)
        if incident is None or output is None or not incident.rows_summing_to_zero:
            return
        op = incident.op
        if output.loss is None or output.loss.name != CATEGORICAL or output.activation in MAY_BE_ALL_ZERO:
            return  # with relu on the head it is NW201's
        if op is None or op.type not in DIVISIONS or not is_built_in_loss(op, fit):
            return
        last = fit.model.layers[-1] if fit.model.layers else None
        where = last.location if last else None
        text = "Nothing after the softmax may change its probabilities: leave that layer out."
        yield self.finding(
            fit,
            f"Categorical cross-entropy divides each row of probabilities by its sum, and "
            f"{count_words(incident.rows_summing_to_zero, 'row')} of {incident.rows} of the model's output "
            f"{'is' if incident.rows_summing_to_zero == 1 else 'are'} all zeros: 0/0."
            + (f" The last layer is {last.name} ({last.type})." if last else ""),
            *facts(op, fit, incident),
            location=where or fit.model.compile_location,
            layer=last.path if last else None,
            remedies=(
                Remedy(
                    Intervention(InterventionKind.MEND_OUTPUT, output.path),
                    text,
                    location=last.location if last else None,
                ),
            ),
            strength=1.0,
            explains=NONFINITE_LOSS,
        )

    def build_finding(
        self, fit: Fit, run: Run, output: OutputInfo, low: float, log: OpInfo | None
    ) -> Finding:
        incident = incident_of(fit, run)
        head = fit.layer(output.head)
        loss = output.loss.name if output.loss else "the loss"
        named = "The Poisson loss" if loss == POISSON else "The loss"
        activation = "no activation" if output.activation == "linear" else f"activation {output.activation!r}"
        losses = [value for _, value in fit.losses()]
        bad = sum(not math.isfinite(value) for value in losses)
        evidence = [
            f"the loss is not finite in {bad} of {len(losses)} steps; predictions go down to {number(low)}"
        ]
        if incident and log:
            evidence += facts(log, fit, incident)
        where = head.location if head else fit.model.compile_location
        return self.finding(
            fit,
            f"{named} takes the log of the prediction, and "
            f"{f'the head {output.head!r} with {activation}' if head else 'the model'} "
            f"gives {number(low)}: the log of a negative number is NaN.",
            *evidence,
            location=where,
            layer=output.head,
            remedies=(positive_head(output, head) if head else POSITIVE,),
            strength=1.0 if loss == POISSON else 0.9,
            explains=NONFINITE_LOSS,
        )

    @staticmethod
    def fires() -> list[Run]:
        log = OpInfo("Log", "forward", None, made_up.line(30), made_up.operands(argument=-0.2), "nan")
        seen = [made_up.tensor("output", "output", min=-0.2)]
        return [
            counts_run("linear", -0.4),
            counts_run("linear", -2e-7),
            made_up.run(
                head_under("custom", "linear"),
                loss=[math.nan],
                incident={"op": log, "outputs": tuple(seen), "loss": math.nan},
            ),
            dropped_out_run("softmax", 3),
        ]

    @staticmethod
    def silent() -> list[Run]:
        return [
            counts_run("linear", -0.5e-7),
            counts_run("softplus", 0.01),
            counts_run("linear", -0.4, loss=[1.7, 1.1]),
            dropped_out_run("softmax", 0),
            dropped_out_run("relu", 3),
            made_up.run(
                head_under("mean_squared_error", "linear"),
                loss=[math.nan],
                predictions=[made_up.tensor("output", "output", min=-0.4)],
            ),
        ]


def lowest_prediction(fit: Fit, run: Run, output: OutputInfo) -> float | None:
    """The least prediction that was seen: in the bad batch, in the looks, or along the way."""
    incident = incident_of(fit, run)
    found = [*(incident.outputs if incident else ()), *fit.info.data.predictions]
    lows = [tensor.min for tensor in found if tensor.path == output.path or len(fit.model.outputs) == 1]
    lows += [low for _, low in fit.health.values("output", output.path, "min") if math.isfinite(low)]
    return min(lows, default=None)


def log_of_negative(fit: Fit, run: Run) -> OpInfo | None:
    incident = incident_of(fit, run)
    if incident is None or incident.op is None:
        return None
    return incident.op if pattern_of(incident.op, incident, fit) == "log-of-negative" else None


def head_under(loss: str, activation: str) -> ModelInfo:
    return made_up.model(made_up.dense("hidden", 16, "relu"), made_up.dense(activation=activation), loss=loss)


def counts_run(activation: str, low: float, loss: list[float] | None = None) -> Run:
    """Counts under the Poisson loss; NaN in every step unless said."""
    seen = [made_up.tensor("output", "output", min=low)]
    return made_up.run(head_under(POISSON, activation), loss=loss or [math.nan] * 20, predictions=seen)


def dropped_out_run(activation: str, rows: int) -> Run:
    """A head with a Dropout behind it; so many of 32 rows came out as zeros."""
    head = made_up.dense(units=3, activation=activation)
    dropout = LayerInfo("dropout", "dropout", "Dropout", location=made_up.line(22, "Dropout(0.5)(out)"))
    of = replace(made_up.model(head, loss=CATEGORICAL), layers=(head, dropout))
    words = made_up.operands(numerator=0, denominator=0)
    op = OpInfo("RealDiv", "forward", None, of.compile_location, words, "nan")
    bad = {"op": op, "loss": math.nan, "rows": 32, "rows_summing_to_zero": rows}
    return made_up.run(of, loss=[math.nan], incident=bad)


POSITIVE = Remedy(
    Intervention(InterventionKind.MEND_OUTPUT, "output"),
    "Give the loss a number above 0: tf.math.softplus of it, plus a small constant.",
)


def positive_head(output: OutputInfo, head: LayerInfo) -> Remedy:
    layer = output.activation_layer or head.path
    return Remedy(
        Intervention(InterventionKind.SET_ACTIVATION, layer, "softplus"),
        'Make the head positive: activation="softplus" (or "exponential").',
        location=head.location,
    )
