"""The closed vocabulary of symptoms: what faults do to the numbers."""

from __future__ import annotations

from typing import Literal, get_args

Symptom = Literal[
    "nonfinite-input",
    "nonfinite-target",
    "nonfinite-sample-weight",
    "nonfinite-weight",  # before the step
    "nonfinite-activation",  # inside the model, going forward
    "nonfinite-output",  # the predictions
    "nonfinite-loss",
    "nonfinite-gradient",
    "nonfinite-update",  # the weights after the step
    "nonfinite-validation",  # validation only; the training is finite
    "accuracy-after-nonfinite",  # an accuracy frozen where argmax(NaN) puts it
    "growth",  # loss or gradients grow by orders
    "large-loss",  # from the first steps on, orders above the loss of guessing
    "negative-loss",  # of a loss that cannot be negative on proper labels
    "zero-loss",  # exactly 0 from the first step
    "not-learning",  # the loss does not improve
    "weights-still",  # no trainable weight moves
    "dead-activation",  # a layer gives zero for every input
    "saturated",  # a layer sits at the ends of its range
    "vanishing-gradient",
    "constant-output",  # the same prediction for every row
    "at-chance",  # the accuracy is a class's share
    "poor-accuracy",  # the metric is far below what the loss suggests
    "poor-validation",  # validation far worse than training
    "crash",  # the script ended in an exception
]
SYMPTOMS: frozenset[str] = frozenset(get_args(Symptom))

# The order of looking: the first non-finite one decides the family.
CHAIN: tuple[Symptom, ...] = (
    "nonfinite-input",
    "nonfinite-target",
    "nonfinite-sample-weight",
    "nonfinite-weight",
    "nonfinite-activation",
    "nonfinite-output",
    "nonfinite-loss",
    "nonfinite-gradient",
    "nonfinite-update",
)


def symptoms_from(first: Symptom) -> frozenset[str]:
    """``first`` and all that goes non-finite after it in the same step, and the plateau after."""
    return frozenset(CHAIN[CHAIN.index(first) :]) | {"accuracy-after-nonfinite"}


NONFINITE_DATA = symptoms_from("nonfinite-input")
NONFINITE_FORWARD = symptoms_from("nonfinite-activation")
NONFINITE_LOSS = symptoms_from("nonfinite-loss")
NONFINITE_BACKWARD = symptoms_from("nonfinite-gradient")
STUCK: frozenset[str] = frozenset({"not-learning", "constant-output", "at-chance"})

# What a symptom brings about by itself: a net that is dead somewhere gives every row one answer.
BRINGS: dict[str, frozenset[str]] = {
    "dead-activation": frozenset({"constant-output", "not-learning"}),
    "constant-output": frozenset({"at-chance", "not-learning"}),
    "weights-still": frozenset({"not-learning"}),
}


def with_consequences(symptoms: frozenset[str]) -> frozenset[str]:
    """``symptoms`` and all that they bring about, in turn."""
    whole = symptoms.union(*(BRINGS.get(symptom, frozenset()) for symptom in symptoms))
    return whole if whole == symptoms else with_consequences(whole)
