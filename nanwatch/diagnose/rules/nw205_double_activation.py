"""NW205: a softmax before a loss that applies one itself."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import capitalise_first, number
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.heads import Head, activation_remedy, heads, summaries
from nanwatch.diagnose.learned import has_proved_itself
from nanwatch.diagnose.loss_line import compile_line
from nanwatch.diagnose.own_losses import calls_beside_outputs, layer_words
from nanwatch.diagnose.places import line_in_words
from nanwatch.diagnose.readings import BINARY, CATEGORICAL, SPARSE, class_shares, finite_losses, last_loss
from nanwatch.diagnose.rule import Rule
from nanwatch.record.facts import LossCall, LossInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

# What Keras says when it sees through the activation and takes the logits behind it: then nothing is
# applied twice.
SEEN_THROUGH = "thus does not represent logits"
ACTIVATIONS = {BINARY: "sigmoid", CATEGORICAL: "softmax", SPARSE: "softmax"}
PATIENCE = 100  # steps
# The mean of the largest share a row's answer can have, squared: 1/k for answers that say nothing,
# 1 for a net that is sure. One that is sure and right has a loss near 0, unless it cannot.
SURE = 0.8
ROUNDING = 1e-3  # of the least loss: what float32 and its mean over a batch may take off


class DoubleActivation(Rule):
    """The model outputs probabilities, but its loss treats them as logits.

    ## What it does
    Looks for an output after a softmax (or sigmoid) under a loss with `from_logits=True`, with another
    op between the two, so that Keras cannot find the logits before it. It also looks for a net that is
    sure of its answers, while the loss never falls below the lowest value that is possible with
    probabilities.

    ## Why is this bad
    The loss applies the softmax again. From probabilities it cannot make a sure answer: for k classes
    the loss stays above ln(1 + (k-1)/e), which is 0.905 for 5 classes, and the gradients are small. The
    model learns slowly, and the loss says little.

    ## Example
    ```python
    outputs = Reshape((5,))(Dense(5, activation="softmax")(hidden))
    model.compile(loss=SparseCategoricalCrossentropy(from_logits=True))
    ```

    ## Use instead
    ```python
    outputs = Reshape((5,))(Dense(5)(hidden))
    model.compile(loss=SparseCategoricalCrossentropy(from_logits=True))
    ```
    """

    code, name = "NW205", "double-activation"

    def missing(self, fit: Fit, run: Run) -> str | None:
        for head in heads(fit):
            if is_suspect(fit, run, head) and is_applied_twice(fit, run, head) is None:
                return f"whether Keras took the logits before the {ACTIVATIONS[head.loss]} was not seen"
        return None

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        for head in heads(fit):
            if not is_suspect(fit, run, head) or not is_applied_twice(fit, run, head):
                continue
            activation = ACTIVATIONS[head.loss]
            least = least_loss(fit, head)
            yield self.finding(
                fit,
                f"{head.words} gives probabilities, and {head.loss} with from_logits=True applies the "
                f"{activation} once more: the loss cannot fall below {least:.3g}.",
                f"the loss ends at {number(last_loss(fit))} and was never below "
                f"{number(min(finite_losses(fit), default=math.nan))}",
                location=head.location or fit.model.compile_location,
                layer=head.path,
                remedies=remedies(fit, head),
                strength=0.95 if head.output.unwrapped is False else 0.85,
                explains={"not-learning", "poor-accuracy", "vanishing-gradient"},
            )

        yield from self.find_in_own_step(fit)

    def find_in_own_step(self, fit: Fit) -> Iterator[Finding]:
        """A loss that the script calls by itself, on what a layer has made probabilities."""
        for call in calls_beside_outputs(fit):
            activation = ACTIVATIONS.get(call.loss.name)
            if not call.loss.from_logits or call.unwrapped or call.activation != activation:
                continue
            at = call.made_at or call.location
            change = Intervention(InterventionKind.SET_FROM_LOGITS, call.layer or "output", False)
            text = (
                f"Tell the loss that it gets probabilities: from_logits=False; or leave the {activation} out."
            )
            yield self.finding(
                fit,
                f"{layer_words(call)} gives probabilities, and {call.loss.name} with from_logits=True "
                f"applies the {activation} once more, in the script's own training step.",
                *([f"it is called in {line_in_words(call.location)}"] if call.location is not None else []),
                location=at or call.layer_made_at or fit.info.location,
                layer=call.layer,
                remedies=(Remedy(change, text, location=at),),
                level="warning",
                strength=0.8,
                explains={"not-learning", "poor-accuracy", "vanishing-gradient"},
                certain=not has_proved_itself(fit),
            )

    @staticmethod
    def fires() -> list[Run]:
        return [
            called_run(SPARSE, "softmax"),
            called_run(BINARY, "sigmoid"),
            sure_classifier_run(0.905, sure=0.81),
            sure_classifier_run(1.5, sure=0.21, unwrapped=False),
            sure_classifier_run(0.905, sure=0.81, activation="unknown"),
            sure_classifier_run(0.51, sure=0.9, loss=BINARY),
        ]

    @staticmethod
    def silent() -> list[Run]:
        return [
            sure_classifier_run(0.90, sure=0.81),
            sure_classifier_run(0.905, sure=0.79),
            sure_classifier_run(0.905, sure=0.81, unwrapped=True),
            sure_classifier_run(0.905, sure=0.81, from_logits=False),
            sure_classifier_run(0.905, sure=0.81, warnings=[f"... and {SEEN_THROUGH}. Was this intended?"]),
            sure_classifier_run(0.905, sure=0.81, activation="linear"),
            sure_classifier_run(0.905, sure=0.81, steps=99),
            sure_classifier_run(0.31, sure=0.9, loss=BINARY),
            called_run(SPARSE, "softmax", unwrapped=True),
            called_run(SPARSE, "softmax", from_logits=False),
            called_run(SPARSE, "linear"),
            called_run(BINARY, "softmax"),
        ]


def called_run(loss: str, activation: str, from_logits: bool = True, unwrapped: bool = False) -> Run:
    """A train_step that calls this loss on what a head gives."""
    call = LossCall(
        LossInfo(loss, from_logits=from_logits),
        (None,),
        (None, 5),
        "student/share",
        "Dense",
        activation,
        unwrapped,
        made_up.line(28, "loss = self.loss_fn(y, shares)"),
    )
    return made_up.run(made_up.model(custom_train_step=True, outputs=()), fit={"loss_calls": (call,)})


def is_suspect(fit: Fit, run: Run, head: Head) -> bool:
    """Probabilities under a cross-entropy that was told to expect logits."""
    if head.loss not in ACTIVATIONS or not head.from_logits:
        return False
    if head.loss == BINARY:
        return head.activation == "sigmoid"
    if (head.units or 0) < 2:
        return False
    return head.activation == "softmax" or (head.activation == "unknown" and sums_to_one(fit, run, head))


def sums_to_one(fit: Fit, run: Run, head: Head) -> bool:
    """All rows of the predictions seen are shares of 1, which logits are only by a rare chance."""
    seen = list(summaries(fit, run, head.output))
    return bool(seen) and all(
        part.rows > 1 and part.row_sum_max is not None and part.rows_not_summing_to_one == 0 and part.min >= 0
        for part in seen
    )


def is_applied_twice(fit: Fit, run: Run, head: Head) -> bool | None:
    """As the traced step told, as Keras's own warning tells, or as the numbers do; None: not to be told."""
    if head.output.unwrapped is not None:
        return not head.output.unwrapped
    if any(SEEN_THROUGH in message for other in run.fits for message in other.warnings()):
        return False
    losses = finite_losses(fit)
    if not losses or not head.alone:
        return None
    if min(losses) < least_of_a_batch(head) * (1 - ROUNDING):
        return False
    if last_loss(fit) < least_loss(fit, head) * (1 - ROUNDING):
        return False
    weighed = fit.info.class_weight or fit.info.data.sample_weights
    if len(losses) < PATIENCE or weighed or sureness(fit, head) < SURE:
        return None
    return True


def least_of_a_batch(head: Head) -> float:
    """The loss of a batch whose every answer is right and sure."""
    if head.loss == BINARY:
        return math.log1p(math.exp(-1))
    return math.log1p(((head.units or 2) - 1) / math.e)


def least_loss(fit: Fit, head: Head) -> float:
    """As above, over all rows: a sure "no" is a logit of 0 to a sigmoid, and costs ln 2."""
    if head.loss != BINARY:
        return least_of_a_batch(head)
    share = class_shares(head.label).get("1", 0.0)
    return share * least_of_a_batch(head) + (1 - share) * math.log(2)


def sureness(fit: Fit, head: Head) -> float:
    """The mean over rows of the squares of all classes' shares, at the last look; 0 where none was."""
    last = {
        stat: values[0]
        for stat in ("size", "mean", "l2_norm")
        if (values := fit.health.recent_values("output", head.output.path, stat, last=1))
    }
    if len(last) < 3 or not last["size"]:
        return 0.0
    square = last["l2_norm"] ** 2 / last["size"]
    if head.loss == BINARY:
        return 1 - 2 * last["mean"] + 2 * square
    return square * (head.units or 1)


def remedies(fit: Fit, head: Head) -> tuple[Remedy, ...]:
    """No activation, where it is the layer's own that is to go; or the loss told."""
    told = from_logits_remedy(fit, head)
    bare = head.layer is not None and head.layer.activation == "linear"
    if bare:
        return (replace(told, text=capitalise_first(told.text.removeprefix("Or "))),)
    return activation_remedy(head, "linear"), told


def from_logits_remedy(fit: Fit, head: Head) -> Remedy:
    at = fit.model.compile_location
    line = compile_line(fit, head, f'"{head.loss}"')
    text = f'Or tell the loss that it gets probabilities: loss="{head.loss}".'
    return Remedy(Intervention(InterventionKind.SET_FROM_LOGITS, head.output.path, False), text, line, at)


def sure_classifier_run(
    ended: float,
    sure: float,
    *,
    loss: str = SPARSE,
    activation: str | None = None,
    from_logits: bool = True,
    unwrapped: bool | None = None,
    steps: int = 120,
    warnings: list[str] | None = None,
) -> Run:
    """A training whose loss ends at ``ended`` and whose answers are as sure as ``sure``."""
    units = 1 if loss == BINARY else 5
    shown = activation or ACTIVATIONS[loss]
    rows = 32.0
    square = sure / units if units > 1 else sure / 2  # with a mean of 0.5
    health = {
        ("output", "output", "size"): [rows * units],
        ("output", "output", "mean"): [1 / max(units, 2)],
        ("output", "output", "l2_norm"): [math.sqrt(square * rows * units)],
    }
    seen = made_up.tensor(
        "output", "output", min=0.0, max=1.0, row_sum_min=1.0, row_sum_max=1.0, rows_not_summing_to_one=0
    )
    of = made_up.model(
        made_up.dense(units=units, activation="linear" if shown == "unknown" else shown),
        loss=loss,
        output_facts={
            "activation": shown,
            "loss_info": LossInfo(loss, "", from_logits=from_logits),
            "unwrapped": unwrapped,
        },
    )
    return made_up.run(
        of,
        loss=[1.6] + [ended] * (steps - 1),
        health=health,
        predictions=[seen],
        targets=[made_up.labels(*range(max(2, units)))],
        warnings=warnings or [],
    )
