"""NW121: class weights that favour the class that is common already."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import list_words, number
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.loss_course import sole_labels
from nanwatch.diagnose.outcome import accuracy_is_a_share
from nanwatch.diagnose.readings import class_shares
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.skill import lacks_skill
from nanwatch.diagnose.symptoms import STUCK
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

# A class that is twice as common, and weighs twice as much: costs of one's own may lean towards the common
# class by a little, and weights that follow the shares go as far as the shares do.
UNEVEN = 2.0
HEAVIER = 2.0


class InvertedClassWeight(Rule):
    """The more common a class is, the larger its class weight.

    ## What it does
    Compares `class_weight` with how often each class occurs. It reports weights that rise with the
    shares, from the rarest class to the most common one, by a factor of two or more.

    ## Why is this bad
    Class weights should help a rare class. The other way round they hide it completely: always
    answering the common class then costs almost nothing.

    ## Example
    ```python
    counts = np.bincount(y)  # 900 and 100
    model.fit(x, y, class_weight={0: counts[0] / len(y), 1: counts[1] / len(y)})
    ```

    ## Use instead
    ```python
    model.fit(x, y, class_weight={0: len(y) / (2 * counts[0]), 1: len(y) / (2 * counts[1])})
    ```
    """

    code, name = "NW121", "inverted-class-weight"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        weights = weights_by_share(fit)
        if not is_inverted(weights):
            return
        told = [f"{name}: {number(weight)} ({share:.1%} of the rows)" for share, weight, name in weights]
        harm = lacks_skill(fit) or accuracy_is_a_share(fit)
        inverse = {name: f"{1.0 / (len(weights) * share):.3g}" for share, _, name in weights}
        balanced = ", ".join(f"{name}: {inverse[name]}" for name in sorted(inverse))
        text = f"Weigh each class by the inverse of its share: class_weight={{{balanced}}}."
        change = Intervention(InterventionKind.SET_CLASS_WEIGHT, "class_weight", "balanced")
        yield self.finding(
            fit,
            f"The more common a class is, the more its rows weigh: {list_words(told)}. The rare ones "
            "hardly count.",
            location=fit.info.location,
            remedies=(Remedy(change, text, location=fit.info.location),),
            level="error" if harm else "warning",
            strength=0.85 if harm else 0.5,
            explains={"poor-accuracy"} | STUCK,
        )

    @staticmethod
    def fires() -> list[Run]:
        return [
            weighted_run({"0": 9.0, "1": 0.11}),
            weighted_run({"0": 2.0, "1": 1.0}, {"0": 67, "1": 33}),
            weighted_run({"0": 8.0, "1": 4.0, "2": 1.0}, {"0": 80, "1": 15, "2": 5}),
        ]

    @staticmethod
    def silent() -> list[Run]:
        return [
            weighted_run({"0": 0.55, "1": 5.0}),
            weighted_run({"0": 1.0, "1": 1.0}),
            weighted_run({"0": 1.9, "1": 1.0}),
            weighted_run({"0": 2.0, "1": 1.0}, {"0": 66, "1": 34}),
            weighted_run({"0": 8.0, "1": 1.0, "2": 4.0}, {"0": 80, "1": 15, "2": 5}),
            weighted_run({"0": 9.0}),
            weighted_run({}),
        ]


def weights_by_share(fit: Fit) -> list[tuple[float, float, str]]:
    """(share, weight, class) from the rarest to the most common; nothing where a weight is not known."""
    shares, given = class_shares(sole_labels(fit)), fit.info.class_weight or {}
    try:
        known = {float(name): weight for name, weight in given.items()}
    except ValueError:  # a class by another name than a number
        return []
    occurring = {name: share for name, share in shares.items() if share > 0}
    if len(occurring) < 2 or not all(known.get(float(name), 0.0) > 0 for name in occurring):
        return []
    return sorted((share, known[float(name)], name) for name, share in occurring.items())


def is_inverted(weights: list[tuple[float, float, str]]) -> bool:
    """Whether they rise with the shares, and both by far."""
    if not weights:
        return False
    (rare, light, _), (common, heavy, _) = weights[0], weights[-1]
    rising = all(one[1] <= other[1] for one, other in pairwise(weights))
    return rising and common >= UNEVEN * rare and heavy >= HEAVIER * light


def weighted_run(weights: dict[str, float], counts: dict[str, int] | None = None) -> Run:
    counts = counts or {"0": 90, "1": 10}
    labels = made_up.labels(0, len(counts) - 1, classes=counts)
    head = made_up.dense(activation="sigmoid")
    if len(counts) > 2:
        head = made_up.dense(units=len(counts), activation="softmax")
    loss = "binary_crossentropy" if len(counts) == 2 else "sparse_categorical_crossentropy"
    of = made_up.model(head, loss=loss)
    return made_up.run(of, loss=[0.1] * 200, targets=[labels], fit={"class_weight": weights or None})
