"""Which symptoms a fit shows, read from its numbers alone."""

from __future__ import annotations

import math

from nanwatch.diagnose.data_words import bad_elements
from nanwatch.diagnose.diagnosis import Outcome
from nanwatch.diagnose.readings import (
    accuracies,
    are_weights_still,
    constant_since,
    epoch_losses,
    finite_losses,
    first_loss,
    first_output,
    gradient_norms,
    guess_loss,
    incident_of,
    last_loss,
)
from nanwatch.diagnose.symptoms import CHAIN, Symptom
from nanwatch.record.facts import DataInfo, IncidentInfo
from nanwatch.record.run import Fit, Run

# Nets as Keras initialises them start within twice ln k (seen: 0.69 to 1.9 for ln 2 to ln 5);
# heads and inputs at fault at four times and more.
LARGE_START = 3.0  # times the loss of guessing
GROWTH = 1e3  # of loss or gradient norm above their start; spikes of healthy runs stay below 100
ROLES: dict[str, Symptom] = {
    "input": "nonfinite-input",
    "label": "nonfinite-target",
    "sample_weight": "nonfinite-sample-weight",
    "weight": "nonfinite-weight",
    "activation": "nonfinite-activation",
    "output": "nonfinite-output",
    "loss": "nonfinite-loss",
    "gradient": "nonfinite-gradient",
    "update": "nonfinite-update",
}


def observed_symptoms(fit: Fit, run: Run, outcome: Outcome) -> frozenset[str]:
    """What can be seen to be wrong with ``fit``."""
    incident = incident_of(fit, run)
    found: set[str] = set(nonfinite_symptoms(incident)) if incident else set()
    if outcome == "non-finite" and incident is None:
        found |= nonfinite_losses(fit)
    if outcome in ("at-chance", "not-learning", "faulty"):
        found.add(as_symptom(outcome))
    if outcome == "diverged":
        found.add("negative-loss" if last_loss(fit) < 0 else "growth")
    if outcome == "crashed":
        found.add("crash")
    return frozenset(found | loss_symptoms(fit) | output_symptoms(fit))


def headline_symptom(fit: Fit, run: Run, outcome: Outcome) -> str | None:
    """The symptom that a cause must explain: where the bad step first went bad, or the outcome."""
    incident = incident_of(fit, run)
    if incident is not None:
        seen = nonfinite_symptoms(incident)
        return next((symptom for symptom in CHAIN if symptom in seen), None)
    if outcome == "non-finite":
        return "nonfinite-loss" if "nonfinite-loss" in nonfinite_losses(fit) else "nonfinite-validation"
    if outcome == "diverged":
        return "negative-loss" if last_loss(fit) < 0 else "growth"
    if outcome == "crashed":
        return "crash"
    return as_symptom(outcome) if outcome in ("at-chance", "not-learning", "faulty") else None


def as_symptom(outcome: Outcome) -> str:
    """The symptom of an outcome; a fault that does not show in the numbers would cost the learning."""
    return "not-learning" if outcome == "faulty" else outcome


def nonfinite_symptoms(incident: IncidentInfo) -> set[Symptom]:
    """The roles that were non-finite in the bad step."""
    roles: set[str] = {incident.role, *(entry.role for entry in incident.spread if entry.num_bad)}
    roles |= {role for role, bad in data_roles(incident.batch).items() if bad}
    if any(bad_elements(output) for output in incident.outputs):
        roles.add("output")
    return {ROLES[role] for role in roles}


def data_roles(batch: DataInfo) -> dict[str, bool]:
    return {
        "input": any(bad_elements(tensor) for tensor in batch.inputs),
        "label": any(bad_elements(tensor) for tensor in batch.labels),
        "sample_weight": any(bad_elements(tensor) for tensor in batch.sample_weights),
    }


def nonfinite_losses(fit: Fit) -> set[str]:
    """Which losses end non-finite where no incident was seen."""
    training = [*fit.steps.recent_values("loss", last=1), *epoch_losses(fit)[-1:]]
    if any(not math.isfinite(value) for value in training):
        found = {"nonfinite-loss"}
        if accuracies(fit):
            found.add("accuracy-after-nonfinite")
        return found
    return {"nonfinite-validation"}


def loss_symptoms(fit: Fit) -> set[str]:
    losses = finite_losses(fit)
    if not losses:
        return set()
    found = set()
    start, guess = first_loss(fit), guess_loss(fit, first_output(fit))
    if guess is not None and start > LARGE_START * guess:
        found.add("large-loss")
    norms = [norm for _, norm in gradient_norms(fit) if math.isfinite(norm)]
    # Of a loss of either sign the size says nothing.
    grown = min(losses) >= 0 and max(losses) > GROWTH * max(losses[0], 1e-3)
    if grown or (norms and max(norms) > GROWTH * norms[0] > 0):
        found.add("growth")
    if all(value == 0 for value in losses):
        found.add("zero-loss")
    return found


def output_symptoms(fit: Fit) -> set[str]:
    found = set()
    output = first_output(fit)
    if output is not None and constant_since(fit, output.path) is not None:
        found.add("constant-output")
    if are_weights_still(fit):
        found.add("weights-still")
    for path in fit.health.paths("activation", "num_zero"):
        zeros = fit.health.recent_values("activation", path, "num_zero", last=1)
        sizes = fit.health.recent_values("activation", path, "size", last=1)
        if zeros and zeros[0] == sizes[0] > 0:
            found.add("dead-activation")
    return found
