"""NW309: variables that a layer reads and Keras does not know of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import count_words, list_words
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.skill import lacks_skill, skill_words
from nanwatch.diagnose.symptoms import STUCK
from nanwatch.record.facts import UntrackedVariable
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run


class UntrackedVariables(Rule):
    """A layer uses variables that Keras does not know, so they are not trained.

    ## What it does
    Looks for trainable float variables that are read in a call of the model, that are in no
    `trainable_variables`, and that never change. It is an error if the training learns little.

    ## Why is this bad
    An optimizer gets `model.trainable_variables`. A Keras 3 layer registers what it creates with
    `add_weight`, and layers that are its attributes, also in lists and dicts. A `tf.Variable`, or a
    layer inside an object that is not a layer, is read in every step and keeps its random initial
    value.

    ## Example
    ```python
    def build(self, shape):
        self.w = tf.Variable(tf.random.normal((shape[-1], 64)))
    ```

    ## Use instead
    ```python
    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1], 64), initializer="random_normal")
    ```
    """

    code, name = "NW309", "untracked-variables"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        if not fit.info.untracked:
            return
        found = fit.info.untracked
        first, stuck = found[0], lacks_skill(fit)
        yield self.finding(
            fit,
            f"{subject(found)} in every step but not in model.trainable_variables: no optimizer moves what "
            "Keras does not know.",
            *evidence(fit, stuck),
            location=first.location,
            layer=first.layer or None,
            remedies=(remedy(first),),
            level="error" if stuck else "warning",
            strength=0.85 if stuck else 0.5,
            explains=STUCK,
        )

    @staticmethod
    def fires() -> list[Run]:
        return [untracked_run(0.693, 1), untracked_run(0.2, 3), untracked_run(0.693, 1, steps=20)]

    @staticmethod
    def silent() -> list[Run]:
        return [untracked_run(0.693, 0)]


def subject(found: Sequence[UntrackedVariable]) -> str:
    """``"self.w of Proj 'proj', a variable of shape (10, 1), is read"``"""
    first, count = found[0], len(found)
    held = holder(first)
    if count > 1 and {holder(each) for each in found} == {held} != {""}:
        return f"{held} holds {count_words(count, 'variable')} that are read"
    words = f"{held}, a variable {shape_words(first)}," if held else f"A variable {shape_words(first)}"
    return f"{words} is read" if count == 1 else f"{words} and {count - 1} more are read"


def holder(variable: UntrackedVariable) -> str:
    name = variable.layer.rpartition("/")[2]
    owner = f"{variable.type} {name!r}" if name else f"the model ({variable.type})"
    return f"self.{variable.attribute} of {owner}" if variable.attribute else ""


def shape_words(variable: UntrackedVariable) -> str:
    return f"of shape {tuple(variable.shape)}"


def evidence(fit: Fit, stuck: bool) -> Iterator[str]:
    found = fit.info.untracked
    count = count_words(len(found), "variable")
    yield f"{count}, after {fit.info.steps} steps with the same values as at first"
    if found[1:]:
        yield f"they are {list_words([shape_words(each) for each in found])}"
    if stuck:
        yield skill_words(fit)


def remedy(variable: UntrackedVariable) -> Remedy:
    text = (
        "Make it with self.add_weight(shape=..., initializer=...), or hold the layer that has it as an "
        "attribute of the model (self.inner = Dense(...)), in a list or a dict too. If it should not "
        "be trained, set trainable=False."
    )
    change = Intervention(InterventionKind.TRACK_VARIABLES, variable.layer or "model", True)
    return Remedy(change, text, location=variable.location)


def untracked_run(ended: float, count: int, steps: int = 200) -> Run:
    """A binary classifier with so many variables that nobody trains, and how its loss ends."""
    of = made_up.model(made_up.dense(activation="sigmoid"), loss="binary_crossentropy")
    held = UntrackedVariable("proj", "Proj", "w", (10, 1), made_up.line(6, "self.w = tf.Variable(...)"))
    return made_up.run(
        of,
        loss=[0.7] + [ended] * (steps - 1),
        targets=[made_up.labels(0, 1)],
        fit={"untracked": (held,) * count},
    )
