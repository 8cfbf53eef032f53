"""NW900: the run is sick, and no cause could be named."""

from __future__ import annotations

import math
from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import bad_elements, count_words, list_words, number, when_words
from nanwatch.diagnose.diagnosis import Finding, Outcome
from nanwatch.diagnose.outcome import accuracy_is_a_share, has_improved, outcome_of_fit, share_words
from nanwatch.diagnose.readings import (
    accuracies,
    are_weights_still,
    finite_losses,
    first_loss,
    first_output,
    gradient_norms,
    incident_of,
    last_loss,
    spread_looks,
    update_ratios,
)
from nanwatch.diagnose.rule import Rule
from nanwatch.record.facts import IncidentInfo, LayerInfo, TensorSummary
from nanwatch.record.run import Fit, Run

SICK: dict[Outcome, str] = {
    "non-finite": "The training went non-finite",
    "diverged": "The loss left its start and did not come back",
    "at-chance": "The accuracy is that of a constant answer",
    "not-learning": "The loss does not improve",
}


class Unexplained(Rule):
    """Something is wrong, and no cause could be named.

    ## What it does
    Says what was seen and what can be excluded, if the outcome is bad and no other rule names a cause.
    If the accuracy is at chance but gradients and weights are alive, it is a note: some nets stay on
    such a plateau for a long time and then learn, and in some data there is nothing to learn.

    ## Why is this bad
    This is the honest answer: of the cases that people report in public, one in five ends here. A guess
    about the learning rate would look better and help less.

    ## Example
    ```python
    model.fit(x, y)  # loss: nan, from a step that none of the rules explains
    ```

    ## Use instead
    ```python
    model.fit(x[:32], y[:32], epochs=200)  # a net that cannot learn one batch has a fault in itself
    ```
    """

    code, name = "NW900", "unexplained"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        outcome = outcome_of_fit(fit, run)
        if outcome in SICK:
            yield self.build_sick_finding(fit, run, outcome)
        elif outcome == "healthy" and on_plateau(fit):
            yield self.build_plateau_finding(fit)

    def build_sick_finding(self, fit: Fit, run: Run, outcome: Outcome) -> Finding:
        incident = incident_of(fit, run)
        op = incident.op if incident else None
        layer = None if op else layer_around(fit, incident)
        line = op.location if op else layer.location if layer else None
        return self.finding(
            fit,
            f"{SICK[outcome]}{place_words(incident)}, and none of the faults known here explains it.",
            *(f"Seen: {text}" for text in seen_facts(fit, incident)),
            *(f"Excluded: {text}" for text in excluded_facts(fit, incident)),
            location=line,
            layer=layer.path if layer else None,
            level="error" if outcome in ("non-finite", "diverged") else "warning",
            strength=0.0,
        )

    def build_plateau_finding(self, fit: Fit) -> Finding:
        norm = gradient_norms(fit)[-1][1]
        return self.finding(
            fit,
            f"The accuracy ({accuracies(fit)[-1]:.4f}) {share_words(fit)} and the loss has not improved, but "
            f"gradients (norm {number(norm)}) and weights are moving: a plateau, or nothing to learn. "
            "Only more training can tell.",
            f"The loss goes from {number(first_loss(fit))} to {number(last_loss(fit))}.",
            location=fit.info.location,
            level="note",
            strength=0.0,
        )

    @staticmethod
    def fires() -> list[Run]:
        return [
            made_up.run(loss=[0.7, math.nan], incident={}, inputs=[made_up.tensor("input")]),
            made_up.run(loss=[0.7] * 10 + [701.0] * 10),
            still_classifier_run(still=True),
            still_classifier_run(still=False),
        ]

    @staticmethod
    def silent() -> list[Run]:
        return [
            made_up.run(),
            made_up.run(loss=[0.7] * 10 + [699.0] * 10),
            still_classifier_run(still=False, reached=0.9),
            still_classifier_run(still=False, end=0.5),
        ]


def on_plateau(fit: Fit) -> bool:
    alive = any(norm > 0 for _, norm in gradient_norms(fit)[-1:]) and not are_weights_still(fit)
    return alive and accuracy_is_a_share(fit) and not has_improved(fit)


def place_words(incident: IncidentInfo | None) -> str:
    if incident is None:
        return ""
    where = f" at {incident.path}" if incident.path else ""
    op = f", first in the op {incident.op.type} ({incident.op.direction})" if incident.op else ""
    return f" {when_words(incident, 'in')}: {incident.value} in the {incident.role}{where}{op}"


def layer_around(fit: Fit, incident: IncidentInfo | None) -> LayerInfo | None:
    """The layer that holds the state, or the innermost around the place, that went bad first."""
    if incident is None:
        return None
    known = [layer for layer in fit.model.layers if layer.location is not None]
    if incident.state:
        return next((layer for layer in known if incident.path in layer.weights), None)
    if incident.role != "activation":  # a gradient is bad in each layer before the one at fault
        return None
    around = [layer for layer in known if f"{incident.path}/".startswith(f"{layer.path}/")]
    return max(around, key=lambda layer: len(layer.path)) if around else None


def seen_facts(fit: Fit, incident: IncidentInfo | None) -> Iterator[str]:
    if incident is not None and incident.state:
        yield f"no gradient moves {incident.path}: its own layer does, in the forward pass, or the script."
    losses = finite_losses(fit)
    if losses:
        ends = f"from {number(losses[0])} to {number(losses[-1])}, at most {number(max(losses))},"
        yield f"the loss {ends} over {count_words(len(losses), 'finite step')}."
    norms = [norm for _, norm in gradient_norms(fit) if math.isfinite(norm)]
    if norms:
        yield f"gradient norms from {number(min(norms))} to {number(max(norms))}."
    output = first_output(fit)
    looks = spread_looks(fit, output.path) if output else []
    if looks and math.isfinite(looks[-1][1]):
        yield f"predictions that spread by {number(looks[-1][1])} over the rows of a batch."
    ratios = update_ratios(fit)
    if ratios and math.isfinite(ratios[-1][1]):
        yield f"weights that move by {number(ratios[-1][1])} of their norm a step."
    if incident is not None and incident.bad_rows:
        rows = count_words(len(incident.bad_rows), "row")
        yield f"the fault in {rows} of {incident.rows_tried}, tried one by one."


def excluded_facts(fit: Fit, incident: IncidentInfo | None) -> Iterator[str]:
    data = fit.info.data
    groups: list[tuple[str, tuple[TensorSummary, ...]]] = [
        ("inputs", data.inputs or (incident.batch.inputs if incident else ())),
        ("targets", data.labels or (incident.batch.labels if incident else ())),
    ]
    finite = [name for name, tensors in groups if tensors and not any(map(bad_elements, tensors))]
    if finite:
        rows = max(tensor.rows for _, tensors in groups for tensor in tensors)
        yield f"non-finite data: {list_words(finite)} are finite in the {count_words(rows, 'row')} looked at."
    norms = [norm for _, norm in gradient_norms(fit)]
    if norms and all(math.isfinite(norm) and norm > 0 for norm in norms):
        yield "a missing gradient: it is finite and above 0 in every step."
    if incident is not None and incident.finite_on_first_weights is True:
        yield "the batch by itself: on the weights of step 0 it is finite."
    if incident is not None and incident.finite_on_first_weights is False:
        yield "the optimizer: the batch is non-finite on the weights of step 0 as well."
    if incident is not None and incident.reproduced is False:
        yield "a fault that can be repeated: the step was finite when run again."


def still_classifier_run(still: bool, reached: float = 0.5, end: float = 0.693) -> Run:
    """Two balanced classes, accuracy and loss as given, the weights moving or not."""
    steps = 40
    health = {
        ("update", "dense/kernel", "l2_norm"): [0.0 if still else 1e-3] * steps,
        ("weight", "dense/kernel", "l2_norm"): [1.0] * steps,
    }
    return made_up.run(
        made_up.model(made_up.dense(activation="sigmoid"), loss="binary_crossentropy"),
        loss=[0.693] * steps,
        epochs=[{"loss": loss, "accuracy": reached} for loss in (0.6931, 0.6933, 0.6930, 0.6932, end)],
        targets=[made_up.labels(0, 1)],
        steps={("gradient", "dense/kernel", "l2_norm"): [0.01] * steps},
        health=health,
    )
