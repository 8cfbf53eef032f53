"""NW506: an optimizer that takes more from the weights than it gives them."""

from __future__ import annotations

from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import number
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.patch import set_argument
from nanwatch.diagnose.readings import SPARSE
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.skill import lacks_skill, skill_words
from nanwatch.diagnose.symptoms import STUCK
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

# Decoupled decay multiplies each weight by 1 - rate x decay a step (Loshchilov and Hutter, "Decoupled
# Weight Decay Regularization", 2019). At a hundredth a step half of a weight is gone after 69 steps, and
# a step of Adam's must be as large as that to hold it. In use are 1e-3 x 4e-3 to 1e-3 x 0.1.
TAKES = 0.01
# Keras's own for AdamW; with it nothing is said without a trial.
USUAL = 4e-3


class WeightDecayDominates(Rule):
    """The optimizer's weight decay pulls the weights to 0 faster than the gradient moves them.

    ## What it does
    Multiplies the learning rate by the optimizer's `weight_decay`: this share is taken from every
    weight at every step. It is reported if the share is a hundredth or more and the training ends no
    better than guessing. A smaller decay is reported if the training learns when it is repeated without
    it.

    ## Why is this bad
    The weights shrink until the decay equals what the gradient gives. If that is next to 0, the model
    gives one answer to every row.

    ## Example
    ```python
    keras.optimizers.AdamW(1e-3, weight_decay=100.0)
    ```

    ## Use instead
    ```python
    keras.optimizers.AdamW(1e-3, weight_decay=0.004)
    ```
    """

    code, name = "NW506", "weight-decay-dominates"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        if taken(fit) >= TAKES and lacks_skill(fit):
            yield self.build_finding(fit, 0.85)

    def suspect(self, fit: Fit, run: Run) -> Iterator[Finding]:
        if taken(fit) > 0:
            yield self.build_finding(fit, 0.5, suspected=True)

    def build_finding(self, fit: Fit, strength: float, suspected: bool = False) -> Finding:
        optimizer = fit.model.optimizer
        assert optimizer is not None
        return self.finding(
            fit,
            f"{optimizer.type} takes {number(taken(fit))} of every weight at every step (learning rate "
            f"{number(optimizer.learning_rate or 0.0)} x weight_decay {number(decay_of(fit))}), more than "
            f"the gradient gives: {skill_words(fit)}.",
            location=optimizer.location or fit.model.compile_location,
            remedies=tuple(remedies(fit)),
            strength=strength,
            explains=STUCK | {"weights-still", "dead-activation", "vanishing-gradient"},
            suspected=suspected,
        )

    @staticmethod
    def fires() -> list[Run]:
        return [decaying_run(100.0), decaying_run(10.0)]

    @staticmethod
    def silent() -> list[Run]:
        return [
            decaying_run(9.9),
            decaying_run(100.0, ended=0.2),
            decaying_run(100.0, steps=99),
            decaying_run(0.0),
        ]


def decay_of(fit: Fit) -> float:
    optimizer = fit.model.optimizer
    return float(optimizer.config.get("weight_decay") or 0.0) if optimizer is not None else 0.0


def taken(fit: Fit) -> float:
    """The share of every weight that a step takes from it."""
    optimizer = fit.model.optimizer
    rate = optimizer.learning_rate if optimizer is not None else None
    return (rate or 0.0) * decay_of(fit)


def remedies(fit: Fit) -> Iterator[Remedy]:
    optimizer = fit.model.optimizer
    assert optimizer is not None
    at = optimizer.location or fit.model.compile_location
    values = (USUAL, 0.0) if decay_of(fit) > USUAL else (0.0,)
    for value in values:
        line = None if at is None else set_argument(at.code, optimizer.type, "weight_decay", f"{value:g}")
        yield Remedy(
            Intervention(InterventionKind.SET_WEIGHT_DECAY, "optimizer", value),
            f"Set weight_decay={value:g}." if value else "Leave the weight decay out.",
            line if value else None,
            at,
        )


def decaying_run(decay: float, ended: float = 1.1, steps: int = 300) -> Run:
    """Three classes under AdamW with this decay."""
    of = made_up.model(
        made_up.dense("hidden", 32, "relu"),
        made_up.dense(units=3, activation="softmax"),
        loss=SPARSE,
        optimizer="AdamW",
    )
    assert of.optimizer is not None
    of.optimizer.config["weight_decay"] = decay
    return made_up.run(of, loss=[1.1] + [ended] * (steps - 1), targets=[made_up.labels(0, 1, 2)])
